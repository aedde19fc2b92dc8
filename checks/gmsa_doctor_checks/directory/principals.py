"""Who stands in the list of those that may retrieve a gMSA's password, and who the secret's user is to the AD."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from gmsa_doctor.clients.ldap.directory import Directory, Entry, LdapRefusal, escape_filter
from gmsa_doctor.formats.ad import sid
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
class AllowedPrincipal:
    """Who a SID in the list is. ``name``: the sAMAccountName, or what stands for it."""

    sid: str
    kind: PrincipalKind
    name: str
    dn: str | None = None
    hosts: bool = False
    """A computer, or a group that has only computers as members."""

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
    name = escape_filter(account.user)
    for one in (f"(sAMAccountName={name})", f"(userPrincipalName={name}@{account.domain.text})"):  # as the KDC does
        hits = directory.search(account.domain.base_dn, f"(&(objectClass=user){one})", ("objectSid",))
        if hits:
            break
    else:
        return None
    # A constructed attribute: given only where the search is for the one object.
    (entry,) = directory.search(hits[0].dn, "(objectClass=*)", ("objectSid", "tokenGroups", "memberOf"), "base")
    own = _sid(entry)
    if own is None:
        return None
    groups = (sid.parse(value) for value in entry.attributes.get("tokenGroups", ()))
    members = frozenset(dn.lower() for dn in entry.texts("memberOf"))
    return Identity(own, frozenset((own, *groups)) | sid.OF_EVERY_LOGON, members)


def principals(
    directory: Directory, account: Account, sids: Iterable[str], home: str | None
) -> dict[str, AllowedPrincipal]:
    """Who each of the SIDs is. ``home``: the SID of the user's own domain, as far as known."""
    wanted = tuple(dict.fromkeys(sids))
    if not wanted:
        return {}
    query = "".join(f"(objectSid={one})" for one in wanted)  # Active Directory takes the text form in a filter
    found = directory.search(account.domain.base_dn, f"(|{query})", _ATTRIBUTES)
    entries = {text: one for one in found if (text := _sid(one)) is not None}
    return {one: principal(one, entries.get(one), home) for one in wanted}


def principal(text: str, entry: Entry | None, home: str | None) -> AllowedPrincipal:
    """Who a SID is, by the entry that the directory has for it."""
    if text in sid.WELL_KNOWN:
        return AllowedPrincipal(text, PrincipalKind.WELL_KNOWN, sid.WELL_KNOWN[text], entry.dn if entry else None)
    classes = {one.lower() for one in entry.texts("objectClass")} if entry else set()
    if entry is None or "foreignsecurityprincipal" in classes:
        domain = sid.domain_of(text)
        foreign = bool(classes) or (domain is not None and domain != home)
        return AllowedPrincipal(
            text, PrincipalKind.FOREIGN if foreign else PrincipalKind.GONE, text, entry.dn if entry else None
        )
    kind = _kind(entry, classes)
    hosts = kind is PrincipalKind.COMPUTER or (kind is PrincipalKind.GROUP and sid.rid_of(text) in COMPUTER_GROUPS)
    return AllowedPrincipal(text, kind, entry.text("sAMAccountName") or text, entry.dn, hosts)


def with_hosts(
    directory: Directory, account: Account, found: dict[str, AllowedPrincipal]
) -> dict[str, AllowedPrincipal]:
    """The same, with the groups marked that have only computers as members."""
    groups = [one for one in found.values() if one.kind is PrincipalKind.GROUP and one.dn and not one.hosts]
    if not groups:
        return found
    query = "".join(f"(memberOf={escape_filter(one.dn or '')})" for one in groups)
    try:
        members = directory.search(account.domain.base_dn, f"(|{query})", ("objectClass", "memberOf"))
    except LdapRefusal:  # more members than the server gives in one answer
        return found
    of_hosts = {one.sid for one in groups if _only_hosts(one, members)}
    return {
        text: AllowedPrincipal(one.sid, one.kind, one.name, one.dn, one.hosts or text in of_hosts)
        for text, one in found.items()
    }


def _only_hosts(group: AllowedPrincipal, members: Iterable[Entry]) -> bool:
    dn = (group.dn or "").lower()
    inside = [one for one in members if dn in {parent.lower() for parent in one.texts("memberOf")}]
    return bool(inside) and all(_is_host(one) for one in inside)


def _is_host(entry: Entry) -> bool:
    classes = {one.lower() for one in entry.texts("objectClass")}
    return _kind(entry, classes) is PrincipalKind.COMPUTER


def _kind(entry: Entry, classes: set[str]) -> PrincipalKind:
    if "group" in classes:
        enabled = int(entry.text("groupType") or SECURITY_ENABLED) & SECURITY_ENABLED
        return PrincipalKind.GROUP if enabled else PrincipalKind.DISTRIBUTION_GROUP
    if "msds-groupmanagedserviceaccount" in classes:
        return PrincipalKind.GMSA  # which is a computer, too
    return PrincipalKind.COMPUTER if "computer" in classes else PrincipalKind.USER


def _sid(entry: Entry) -> str | None:
    value = entry.first("objectSid")
    try:
        return None if value is None else sid.parse(value)
    except sid.SidError:
        return None
