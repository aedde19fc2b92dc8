"""The gMSA's object in the AD."""

from __future__ import annotations

from gmsa_doctor.clients.ldap.client import Directory
from gmsa_doctor.clients.ldap.domain import GMSA_CLASS

ROOT_KEY_COMMANDS = (
    "Get-KdsRootKey | Select-Object KeyId,CreationTime,EffectiveTime",
    "Add-KdsRootKey -EffectiveImmediately",
)
"""Show the KDS root keys and add one, which is effective ten hours later."""


def read_password(directory: Directory, dn: str) -> bytes | None:
    """``msDS-ManagedPassword``; None if the AD does not return it. Raises LdapRefusal."""
    (entry,) = directory.search(dn, f"(objectClass={GMSA_CLASS})", ("msDS-ManagedPassword",), "base")
    return entry.first("msDS-ManagedPassword")
