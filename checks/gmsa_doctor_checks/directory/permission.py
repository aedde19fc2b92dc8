"""``msDS-GroupMSAMembership``: who may retrieve the gMSA's password, and whether the secret's user may."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from gmsa_doctor.authoring import Cause, Finding, Fix, Row, Status, check, passed, skipped, warned
from gmsa_doctor.clients.ldap.client import Directory, Entry, LdapRefusal, escape_filter
from gmsa_doctor.clients.ldap.domain import GMSA_CLASS
from gmsa_doctor.formats.ad import security_descriptor, sid
from gmsa_doctor.formats.ad.cmdlets import set_list, show_list
from gmsa_doctor.formats.ad.security_descriptor import READ_PROPERTY, Ace, DescriptorError, decide
from gmsa_doctor_checks import links
from gmsa_doctor_checks.active_directory.user_entry import locate, sid_of
from gmsa_doctor_checks.values import Account, BoundDirectory, GmsaAccount, GmsaPassword

EVERYONE = {"S-1-1-0", "S-1-5-2", "S-1-5-7", "S-1-5-11", "S-1-5-15", "S-1-5-32-545", "S-1-5-32-546", "S-1-5-32-554"}
"""Well-known principals that include every account of the domain, or more."""

EVERYONE_IN_THE_DOMAIN = {513, 514, 515}
"""RIDs of Domain Users, Domain Guests and Domain Computers."""

COMPUTER_GROUPS = {515, 516, 521}
"""RIDs of Domain Computers, Domain Controllers and Read-only Domain Controllers, whose members are in no ``member``."""

SECURITY_ENABLED = 0x80000000
"""GROUP_TYPE_SECURITY_ENABLED of groupType (MS-ADTS 2.2.12). A group without it grants no permission."""

_ATTRIBUTES = ("objectSid", "sAMAccountName", "objectClass", "groupType")


class PrincipalKind(StrEnum):
    """The kind of a principal, as reports name it."""

    USER = "user"
    COMPUTER = "computer"
    GMSA = "gMSA"
    GROUP = "group"
    DISTRIBUTION_GROUP = "distribution group"
    WELL_KNOWN = "well-known"
    FOREIGN = "account of another domain"
    GONE = "no account"
    """A SID of the user's own domain that belongs to none of its accounts."""


@dataclass(frozen=True)
class ListedPrincipal:
    """A SID in the list. ``name``: its sAMAccountName or well-known name, otherwise the SID."""

    sid: str
    kind: PrincipalKind
    name: str
    dn: str | None = None
    hosts: bool = False
    """A computer, or a group that has only computers as members."""

    @property
    def reference(self) -> str:
        """A name that the cmdlets accept."""
        return self.dn or self.name

    def __str__(self) -> str:
        return f"{self.name} ({self.kind})" if self.kind in (PrincipalKind.FOREIGN, PrincipalKind.GONE) else self.name


@dataclass(frozen=True)
class Identity:
    """The secret's user as its entry in the AD shows it; an older ticket may hold fewer groups."""

    sid: str
    sids: frozenset[str]
    """Its own SID, those of all its security groups, also nested, primary and domain local ones (``tokenGroups``,
    MS-ADTS 3.1.1.4.5.19), and those that every logon adds."""
    member_of: frozenset[str]
    """The DNs in ``memberOf``, in lower case: direct groups, also distribution groups."""


@dataclass(frozen=True)
class Membership:
    """The list of allowed and denied principals. ``unrestricted``: the security descriptor has no DACL."""

    gmsa: str
    user: str
    entries: tuple[Ace, ...]
    principals: dict[str, ListedPrincipal]
    identity: Identity | None
    unrestricted: bool = False

    @classmethod
    def read(cls, directory: Directory, gmsa: GmsaAccount, account: Account) -> Membership:
        """Read the list and its principals from the AD. Raises DescriptorError and LdapRefusal."""
        entries = security_descriptor.dacl(gmsa.membership or b"")
        user = read_identity(directory, account)
        home = sid.domain_of(user.sid) if user else None
        sids = tuple(dict.fromkeys(entry.sid for entry in entries or ()))
        query = "".join(f"(objectSid={text})" for text in sids)  # Active Directory accepts the text form in a filter
        hits = directory.search(account.domain.base_dn, f"(|{query})", _ATTRIBUTES) if sids else ()
        by_sid = {sid_of(entry.first("objectSid")): entry for entry in hits}
        found = {text: principal(text, by_sid.get(text), home) for text in sids}
        return cls(gmsa.name, account.user, entries or (), found, user, entries is None)

    @property
    def allowed(self) -> tuple[ListedPrincipal, ...]:
        """The principals that an entry allows to read the password."""
        found = (self.principals[entry.sid] for entry in self.entries if entry.allow and entry.mask & READ_PROPERTY)
        return tuple(dict.fromkeys(found))

    @property
    def decision(self) -> tuple[bool, Ace | None]:
        """Whether the list allows the user, and the entry that decides."""
        return decide(self.entries, self.identity.sids) if self.identity else (False, None)

    def applies_to_user(self, entry: Ace) -> bool:
        """Whether the entry is for the user or one of its groups."""
        return self.identity is not None and entry.sid in self.identity.sids

    def is_direct(self, entry: Ace) -> bool:
        """Whether the entry is for the user itself."""
        return self.identity is not None and entry.sid == self.identity.sid

    @property
    def rows(self) -> tuple[Row, ...]:
        """The entries of the list, in its order."""
        return tuple(map(self._row, self.entries))

    def _row(self, entry: Ace) -> Row:
        principal = self.principals[entry.sid]
        other_right = not entry.mask & READ_PROPERTY or entry.object_type is not None
        words = (
            str(principal.kind),
            ("allowed" if entry.allow else "denied") + (f" another right ({entry.mask:#x})" if other_right else ""),
            "computers only" if principal.hosts and principal.kind is PrincipalKind.GROUP else "",
            "inherited" if entry.inherited else "",
            f"applies to {self.user}" if self.applies_to_user(entry) else "",
        )
        doubtful = principal.kind is PrincipalKind.GONE or (entry.allow and is_broad(principal))
        return Row(principal.name, Status.WARN if doubtful else Status.PASS, ", ".join(filter(None, words)))


def read_identity(directory: Directory, account: Account) -> Identity | None:
    """The SIDs and groups of the secret's user; None if they cannot be read."""
    dn = locate(directory, account)
    if dn is None:
        return None
    # tokenGroups is a constructed attribute: returned by searches with base scope only
    (entry,) = directory.search(dn, "(objectClass=*)", ("objectSid", "tokenGroups", "memberOf"), "base")
    user = sid_of(entry.first("objectSid"))
    if user is None:
        return None
    groups = filter(None, map(sid_of, entry.attributes.get("tokenGroups", ())))
    direct = frozenset(group.lower() for group in entry.texts("memberOf"))
    return Identity(user, frozenset((user, *groups)) | sid.OF_EVERY_LOGON, direct)


def principal(text: str, entry: Entry | None, home: str | None) -> ListedPrincipal:
    """The principal with this SID, from its entry if there is one. ``home``: the SID of the user's domain, if known."""
    if text in sid.WELL_KNOWN:
        return ListedPrincipal(text, PrincipalKind.WELL_KNOWN, sid.WELL_KNOWN[text], entry.dn if entry else None)
    if entry is None:
        kind = PrincipalKind.GONE if sid.domain_of(text) in (None, home) else PrincipalKind.FOREIGN
        return ListedPrincipal(text, kind, text)
    kind = _kind(entry)
    if kind is PrincipalKind.FOREIGN:
        return ListedPrincipal(text, kind, text, entry.dn)
    hosts = kind is PrincipalKind.COMPUTER or (kind is PrincipalKind.GROUP and sid.rid_of(text) in COMPUTER_GROUPS)
    return ListedPrincipal(text, kind, entry.text("sAMAccountName") or text, entry.dn, hosts)


def with_hosts(directory: Directory, account: Account, found: dict[str, ListedPrincipal]) -> dict[str, ListedPrincipal]:
    """The same principals; groups whose members are all computers have ``hosts`` set."""
    groups = {
        group.dn: group
        for group in found.values()
        if group.kind is PrincipalKind.GROUP and group.dn and not group.hosts
    }
    if not groups:
        return found
    query = "".join(f"(memberOf={escape_filter(dn)})" for dn in groups)
    try:
        entries = directory.search(account.domain.base_dn, f"(|{query})", ("objectClass", "memberOf"))
    except LdapRefusal:  # more members than the server returns in one answer
        return found
    kinds: dict[str, set[PrincipalKind]] = {}
    for entry in entries:
        for dn in entry.texts("memberOf"):
            kinds.setdefault(dn.lower(), set()).add(_kind(entry))
    of_computers = (group for dn, group in groups.items() if kinds.get(dn.lower()) == {PrincipalKind.COMPUTER})
    return found | {group.sid: replace(group, hosts=True) for group in of_computers}


def _kind(entry: Entry) -> PrincipalKind:
    classes = {name.lower() for name in entry.texts("objectClass")}
    if "foreignsecurityprincipal" in classes:
        return PrincipalKind.FOREIGN
    if "group" in classes:
        enabled = int(entry.text("groupType") or SECURITY_ENABLED) & SECURITY_ENABLED
        return PrincipalKind.GROUP if enabled else PrincipalKind.DISTRIBUTION_GROUP
    if GMSA_CLASS.lower() in classes:
        return PrincipalKind.GMSA  # also of the class computer
    return PrincipalKind.COMPUTER if "computer" in classes else PrincipalKind.USER


def is_broad(principal: ListedPrincipal) -> bool:
    """Whether the principal includes nearly everyone in the domain."""
    if principal.kind is PrincipalKind.WELL_KNOWN:
        return principal.sid in EVERYONE
    return sid.domain_of(principal.sid) is not None and sid.rid_of(principal.sid) in EVERYONE_IN_THE_DOMAIN


def names(principals: Iterable[ListedPrincipal]) -> str:
    """The principals' names, separated by commas."""
    return ", ".join(principal.name for principal in principals)


@check(
    "permission.principals",
    title="No broad group may retrieve the gMSA's password",
    cause=Cause.CREDENTIALS,
    docs=links.GMSA_ACCOUNTS,
)
def allowed_principals(gmsa: GmsaAccount, password: GmsaPassword, bound: BoundDirectory, account: Account) -> Finding:
    """Reads who may retrieve the gMSA's password (`msDS-GroupMSAMembership`), and which entry allows the secret's user.

    Warns about principals that include nearly everyone (Everyone, Authenticated Users, Domain Users, Domain Computers)
    and about SIDs without an account.

    Why: anyone with the gMSA's password can act as the gMSA, for example on SQL Server.

    Fix: Allow one group that contains the secret's user, and nobody else.
    """
    if not gmsa.membership:
        return skipped(f"the AD does not show {account.user} who may retrieve the password of {gmsa.name}")
    try:
        membership = Membership.read(bound.directory, gmsa, account)
    except (DescriptorError, LdapRefusal) as error:
        return skipped(f"msDS-GroupMSAMembership of {gmsa.name} cannot be read: {error}")
    return judge(membership)


def judge(membership: Membership) -> Finding:
    """The finding for the list of a gMSA whose password the user can read."""
    gmsa, user = membership.gmsa, membership.user
    if membership.unrestricted:
        return warned(
            f"everyone may retrieve the password of {gmsa}: msDS-GroupMSAMembership has no DACL",
            observed="no DACL in msDS-GroupMSAMembership",
            expected="a group of the accounts that need the password",
            fix=Fix(f"Allow only {user}, or a group that it is in.", (set_list(gmsa, user),)),
        )
    _, entry = membership.decision
    permission = f"{user} may retrieve the password of {gmsa}"
    if entry:
        through = f" through {membership.principals[entry.sid].name}"
        permission += " (listed directly)" if membership.is_direct(entry) else through
    broad = [principal for principal in membership.allowed if is_broad(principal)]
    gone = [principal for principal in membership.allowed if principal.kind is PrincipalKind.GONE]
    if not broad and not gone:
        return passed(permission, rows=membership.rows)
    keep = [principal.reference for principal in membership.allowed if principal not in (*broad, *gone)]
    commands = (show_list(gmsa), set_list(gmsa, *(keep or (user,))))
    if broad:
        return warned(
            f"{permission}; the list allows nearly everyone in the domain: {names(broad)}",
            observed=f"allowed: {', '.join(map(str, membership.allowed))}",
            expected="a group of the accounts that need the password",
            fix=Fix(f"Replace {names(broad)} in the list with {user}, or with a group that it is in.", commands),
            rows=membership.rows,
        )
    return warned(
        f"{permission}; the list also contains SIDs that {user} cannot resolve to an account: {names(gone)}",
        observed=names(gone),
        expected="accounts that exist",
        fix=Fix(
            "As an administrator, verify that these accounts are deleted. Then set the list without them.", commands
        ),
        rows=membership.rows,
    )
