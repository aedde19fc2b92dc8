"""Who stands in the list of those that may retrieve a gMSA's password, and who the secret's user is to the AD."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from gmsa_doctor.clients.ldap.directory import Directory, Entry, LdapRefusal, escape_filter
from gmsa_doctor.formats.ad import sid
from gmsa_doctor_checks.active_directory.gmsa import GMSA_CLASS
from gmsa_doctor_checks.active_directory.user_entry import locate, sid_of
from gmsa_doctor_checks.values import Account

SECURITY_ENABLED = 0x80000000
"""GROUP_TYPE_SECURITY_ENABLED of groupType (MS-ADTS 2.2.12). Without it a group is for mail only."""

COMPUTER_GROUPS = {515: "Domain Computers", 516: "Domain Controllers", 521: "Read-only Domain Controllers"}
"""Their members are computers, by primaryGroupID and so not in ``member``."""

_ATTRIBUTES = ("objectSid", "sAMAccountName", "objectClass", "groupType")


class PrincipalKind(StrEnum):
    """What a principal is, in words of the reports."""

    USER = "user"
    COMPUTER = "computer"
    GMSA = "gMSA"
    GROUP = "group"
    DISTRIBUTION_GROUP = "distribution group"
    WELL_KNOWN = "well-known"
    FOREIGN = "account of another domain"
    GONE = "no account"
    """A SID of the user's own domain that none of its accounts has."""


@dataclass(frozen=True)
class ListedPrincipal:
    """Who a SID in the list is. ``name``: the sAMAccountName, or what stands for it."""

    sid: str
    kind: PrincipalKind
    name: str
    dn: str | None = None
    hosts: bool = False
    """A computer, or a group that has only computers as members."""

    @property
    def reference(self) -> str:
        """How the cmdlets can name it."""
        return self.dn or self.name

    def __str__(self) -> str:
        return f"{self.name} ({self.kind})" if self.kind in (PrincipalKind.FOREIGN, PrincipalKind.GONE) else self.name


@dataclass(frozen=True)
class Identity:
    """The secret's user as the domain controller sees it, on paper: the ticket may say less."""

    sid: str
    sids: frozenset[str]
    """Its own and those of all its security groups: nested, primary and domain local ones too (``tokenGroups``,
    MS-ADTS 3.1.1.4.5.19), and what each logon has."""
    member_of: frozenset[str]
    """The DNs in ``memberOf``, in lower case: direct groups, those for mail too."""


def identity(directory: Directory, account: Account) -> Identity | None:
    """Who the secret's user is; None where it cannot be read."""
    dn = locate(directory, account)
    if dn is None:
        return None
    # A constructed attribute: given only where the search is for the one object.
    (entry,) = directory.search(dn, "(objectClass=*)", ("objectSid", "tokenGroups", "memberOf"), "base")
    own = sid_of(entry.first("objectSid"))
    if own is None:
        return None
    groups = filter(None, map(sid_of, entry.attributes.get("tokenGroups", ())))
    members = frozenset(group.lower() for group in entry.texts("memberOf"))
    return Identity(own, frozenset((own, *groups)) | sid.OF_EVERY_LOGON, members)


def principals(
    directory: Directory, account: Account, sids: Iterable[str], home: str | None
) -> dict[str, ListedPrincipal]:
    """Who each of the SIDs is. ``home``: the SID of the user's own domain, as far as known."""
    wanted = tuple(dict.fromkeys(sids))
    if not wanted:
        return {}
    query = "".join(f"(objectSid={text})" for text in wanted)  # Active Directory takes the text form in a filter
    found = directory.search(account.domain.base_dn, f"(|{query})", _ATTRIBUTES)
    entries = {sid_of(entry.first("objectSid")): entry for entry in found}
    return {text: principal(text, entries.get(text), home) for text in wanted}


def principal(text: str, entry: Entry | None, home: str | None) -> ListedPrincipal:
    """Who a SID is, by the entry that the directory has for it."""
    if text in sid.WELL_KNOWN:
        return ListedPrincipal(text, PrincipalKind.WELL_KNOWN, sid.WELL_KNOWN[text], entry.dn if entry else None)
    classes = _classes(entry) if entry else set()
    if entry is None or "foreignsecurityprincipal" in classes:
        domain = sid.domain_of(text)
        foreign = bool(classes) or (domain is not None and domain != home)
        return ListedPrincipal(
            text, PrincipalKind.FOREIGN if foreign else PrincipalKind.GONE, text, entry.dn if entry else None
        )
    kind = _kind(entry)
    hosts = kind is PrincipalKind.COMPUTER or (kind is PrincipalKind.GROUP and sid.rid_of(text) in COMPUTER_GROUPS)
    return ListedPrincipal(text, kind, entry.text("sAMAccountName") or text, entry.dn, hosts)


def with_hosts(directory: Directory, account: Account, found: dict[str, ListedPrincipal]) -> dict[str, ListedPrincipal]:
    """The same, with the groups marked that have only computers as members."""
    groups = {
        text: listed.dn
        for text, listed in found.items()
        if listed.kind is PrincipalKind.GROUP and listed.dn and not listed.hosts
    }
    if not groups:
        return found
    query = "".join(f"(memberOf={escape_filter(dn)})" for dn in groups.values())
    try:
        members = directory.search(account.domain.base_dn, f"(|{query})", ("objectClass", "memberOf"))
    except LdapRefusal:  # more members than the server gives in one answer
        return found
    marked = {text: replace(found[text], hosts=True) for text, dn in groups.items() if _only_hosts(dn, members)}
    return found | marked


def _only_hosts(group: str, entries: Iterable[Entry]) -> bool:
    members = [entry for entry in entries if group.lower() in map(str.lower, entry.texts("memberOf"))]
    return bool(members) and all(_kind(entry) is PrincipalKind.COMPUTER for entry in members)


def _classes(entry: Entry) -> set[str]:
    return {name.lower() for name in entry.texts("objectClass")}


def _kind(entry: Entry) -> PrincipalKind:
    classes = _classes(entry)
    if "group" in classes:
        enabled = int(entry.text("groupType") or SECURITY_ENABLED) & SECURITY_ENABLED
        return PrincipalKind.GROUP if enabled else PrincipalKind.DISTRIBUTION_GROUP
    if GMSA_CLASS.lower() in classes:
        return PrincipalKind.GMSA  # which is a computer, too
    return PrincipalKind.COMPUTER if "computer" in classes else PrincipalKind.USER
