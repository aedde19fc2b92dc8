"""What identifies the domain of a domain controller, and the names of its gMSAs."""

from __future__ import annotations

from gmsa_doctor.clients.ldap.client import Directory, escape_filter
from gmsa_doctor.clients.ldap.forest import naming_contexts, partitions
from gmsa_doctor.core.errors import NotFound
from gmsa_doctor.formats.ad import guid, sid
from gmsa_doctor.formats.documents.credspec_text import DomainIdentity

GMSA_CLASS = "msDS-GroupManagedServiceAccount"


def identity(directory: Directory, base: str) -> DomainIdentity:
    """The domain whose DN is ``base``.

    Raises NotFound if the user cannot read it, and the errors of :meth:`Directory.search`. Source: MS-ADTS 6.1.1.2.1.1
    (crossRef objects: nCName, dnsRoot, nETBIOSName), 6.1.1.4 (the domain object: objectSid, objectGUID).
    """
    names = ("objectSid", "objectGUID")
    (domain,) = directory.search(base, "(objectClass=*)", names, "base")
    _, root = naming_contexts(directory)
    by_dn = {partition.dn.lower(): partition for partition in partitions(directory)}
    own, forest = by_dn.get(base.lower()), by_dn.get(root.lower())
    raw_sid, text_of_guid = domain.first("objectSid"), guid.parse(domain.first("objectGUID"))
    if own is None or forest is None or raw_sid is None or text_of_guid is None:
        raise NotFound(f"{directory.host} does not show the SID, the GUID and the names of {base} to this user")
    return DomainIdentity(own.dns_name, forest.dns_name, own.net_bios_name, sid.parse(raw_sid), text_of_guid)


def gmsa_names(directory: Directory, base: str, name: str = "*") -> tuple[str, ...]:
    """The CNs of the domain's gMSAs that the user can see; with ``name``, of that gMSA only (case-insensitive)."""
    of_class = f"(objectClass={GMSA_CLASS})"
    query = of_class if name == "*" else f"(&{of_class}(cn={escape_filter(name)}))"
    found = directory.search(base, query, ("cn",))
    return tuple(sorted(entry.text("cn") or entry.dn for entry in found))
