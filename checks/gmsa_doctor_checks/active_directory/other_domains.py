"""The other domains that the AD lists: those of the forest, and those that trust the domain."""

from __future__ import annotations

from gmsa_doctor.clients.ldap.client import Directory, LdapRefusal
from gmsa_doctor.clients.ldap.forest import partitions
from gmsa_doctor.core.errors import ClientError
from gmsa_doctor.formats.ad import trust

_TRUST = ("trustPartner", "trustDirection", "trustType", "trustAttributes")


def trusts_of(directory: Directory, base: str) -> tuple[trust.DomainTrust, ...]:
    """The trusts of the domain. Raises LdapRefusal. Source: MS-ADTS 6.1.6.7."""
    entries = directory.search(f"CN=System,{base}", "(objectClass=trustedDomain)", _TRUST, "one")
    found = (trust.read({name: entry.text(name) for name in _TRUST}) for entry in entries)
    return tuple(filter(None, found))


def other_domains(directory: Directory, base: str) -> tuple[str, ...]:
    """The DNS names of the domains whose services the domain's accounts may use; none if these cannot be read."""
    try:
        trusting = [found.partner for found in trusts_of(directory, base) if found.lets_our_users_in]
        forest = [found.dns_name.lower() for found in partitions(directory) if found.dn.lower() != base.lower()]
    except (LdapRefusal, ClientError):
        return ()
    return tuple(dict.fromkeys([*trusting, *forest]))
