"""The forest's domains and KDS root keys, from its configuration partition."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gmsa_doctor.clients.ldap.client import Directory, LdapRefusal
from gmsa_doctor.formats.ad import filetime

_ROOT_KEYS = "CN=Master Root Keys,CN=Group Key Distribution Service,CN=Services"


@dataclass(frozen=True)
class Partition:
    """A domain of the forest."""

    dn: str
    dns_name: str
    net_bios_name: str


@dataclass(frozen=True)
class RootKey:
    """A KDS root key. ``effective``: the time from which it is used; None if not visible to this user."""

    id: str
    effective: datetime | None


def naming_contexts(directory: Directory) -> tuple[str, str]:
    """The DNs of the forest's configuration and of its root domain (rootDSE, MS-ADTS 3.1.1.3.2)."""
    names = ("configurationNamingContext", "rootDomainNamingContext")
    roots = directory.search("", "(objectClass=*)", names, "base")
    return (roots[0].text(names[0]) or "", roots[0].text(names[1]) or "") if roots else ("", "")


def partitions(directory: Directory) -> tuple[Partition, ...]:
    """The domains of the forest: the partitions that have a NetBIOS name."""
    configuration, _ = naming_contexts(directory)
    attributes = ("nCName", "dnsRoot", "nETBIOSName")
    hits = directory.search(f"CN=Partitions,{configuration}", "(nETBIOSName=*)", attributes, "one")
    found = (Partition(*(entry.text(name) or "" for name in attributes)) for entry in hits)
    return tuple(partition for partition in found if partition.dn)


def may_create_root_keys(directory: Directory) -> bool:
    """Whether the user may create KDS root keys, as administrators of the forest may.

    Source of allowedChildClassesEffective: MS-ADTS 3.1.1.4.5.5.
    """
    configuration, _ = naming_contexts(directory)
    name = "allowedChildClassesEffective"
    try:
        hits = directory.search(f"{_ROOT_KEYS},{configuration}", "(objectClass=*)", (name,), "base")
    except LdapRefusal:
        return False
    return any("mskds-provrootkey" in map(str.lower, entry.texts(name)) for entry in hits)


def root_keys(directory: Directory) -> tuple[RootKey, ...]:
    """The KDS root keys that the user can see; in AD only administrators can."""
    configuration, _ = naming_contexts(directory)
    attributes = ("cn", "msKds-UseStartTime")
    try:
        hits = directory.search(f"{_ROOT_KEYS},{configuration}", "(objectClass=msKds-ProvRootKey)", attributes, "one")
    except LdapRefusal:
        return ()
    return tuple(
        RootKey(
            (entry.text("cn") or entry.dn.partition(",")[0].partition("=")[2]).lower(),
            filetime.instant(filetime.number(entry.text("msKds-UseStartTime")) or 0),
        )
        for entry in hits
    )
