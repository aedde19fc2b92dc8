"""The gMSA's object in the AD."""

from __future__ import annotations

from gmsa_doctor.clients.ldap.client import Directory

GMSA_CLASS = "msDS-GroupManagedServiceAccount"


def read_password(directory: Directory, dn: str) -> bytes | None:
    """``msDS-ManagedPassword``; None where the AD acts as if there were none. Raises LdapRefusal."""
    (entry,) = directory.search(dn, f"(objectClass={GMSA_CLASS})", ("msDS-ManagedPassword",), "base")
    return entry.first("msDS-ManagedPassword")
