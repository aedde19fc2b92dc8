"""The gMSA's object in the AD."""

from __future__ import annotations

from gmsa_doctor.clients.ldap.client import Directory
from gmsa_doctor.clients.ldap.domain import GMSA_CLASS


def read_password(directory: Directory, dn: str) -> bytes | None:
    """``msDS-ManagedPassword``; None if the AD does not return it. Raises LdapRefusal."""
    (entry,) = directory.search(dn, f"(objectClass={GMSA_CLASS})", ("msDS-ManagedPassword",), "base")
    return entry.first("msDS-ManagedPassword")
