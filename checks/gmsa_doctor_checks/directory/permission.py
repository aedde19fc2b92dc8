"""``msDS-GroupMSAMembership``: who may retrieve the gMSA's password, and what that says of the secret's user."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from gmsa_doctor.authoring import Cause, Finding, Fix, Row, Status, check, passed, skipped, warned
from gmsa_doctor.clients.ldap.client import Directory, Entry, LdapRefusal, escape_filter
from gmsa_doctor.formats.ad import security_descriptor, sid
from gmsa_doctor.formats.ad.security_descriptor import READ_PROPERTY, Ace, DescriptorError, decide
from gmsa_doctor_checks import links
from gmsa_doctor_checks.active_directory.gmsa import GMSA_CLASS
from gmsa_doctor_checks.active_directory.user_entry import locate, sid_of
from gmsa_doctor_checks.commands import powershell
from gmsa_doctor_checks.values import Account, BoundDirectory, GmsaAccount, GmsaPassword

LIST = "PrincipalsAllowedToRetrieveManagedPassword"

EVERYBODY = {"S-1-1-0", "S-1-5-2", "S-1-5-7", "S-1-5-11", "S-1-5-15", "S-1-5-32-545", "S-1-5-32-546", "S-1-5-32-554"}
"""Well-known principals that stand for each account of the domain, or for more."""
EVERYBODY_OF_THE_DOMAIN = {513: "Domain Users", 514: "Domain Guests", 515: "Domain Computers"}

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


@dataclass(frozen=True)
class Membership:
    """The list, and what it says of the user. ``unrestricted``: the security descriptor has no list."""

    gmsa: str
    user: str
    entries: tuple[Ace, ...]
    who: dict[str, ListedPrincipal]
    me: Identity | None
    unrestricted: bool = False

    @classmethod
    def read(cls, directory: Directory, gmsa: GmsaAccount, account: Account) -> Membership:
        """What the AD shows. Raises DescriptorError and LdapRefusal."""
        entries = security_descriptor.dacl(gmsa.membership or b"")
        me = identity(directory, account)
        home = sid.domain_of(me.sid) if me else None
        who = principals(directory, account, (entry.sid for entry in entries or ()), home)
        return cls(gmsa.name, account.user, entries or (), who, me, entries is None)

    @property
    def allowed(self) -> tuple[ListedPrincipal, ...]:
        """Those that an entry allows to read the password."""
        found = (self.who[entry.sid] for entry in self.entries if entry.allow and entry.mask & READ_PROPERTY)
        return tuple(dict.fromkeys(found))

    @property
    def decision(self) -> tuple[bool, Ace | None]:
        """Whether the user may, on paper, and the entry that says so."""
        return decide(self.entries, self.me.sids) if self.me else (False, None)

    def is_about_user(self, entry: Ace) -> bool:
        """Whether the entry is about the user or one of its groups."""
        return self.me is not None and entry.sid in self.me.sids

    @property
    def rows(self) -> tuple[Row, ...]:
        """Each entry of the list, in its order."""
        return tuple(map(self._row, self.entries))

    def _row(self, entry: Ace) -> Row:
        principal = self.who[entry.sid]
        right = "allowed" if entry.allow else "denied"
        if not entry.mask & READ_PROPERTY or entry.object_type is not None:
            right += f" something else ({entry.mask:#x})"
        words = [str(principal.kind), right]
        if principal.hosts and principal.kind is PrincipalKind.GROUP:
            words.append("of computers only")
        if entry.inherited:
            words.append("inherited")
        if self.is_about_user(entry):
            words.append(f"holds for {self.user}")
        doubtful = principal.kind is PrincipalKind.GONE or (entry.allow and is_wide(principal))
        return Row(principal.name, Status.WARN if doubtful else Status.PASS, ", ".join(words))


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


def is_wide(principal: ListedPrincipal) -> bool:
    """Whether nearly everybody in the domain is meant."""
    if principal.kind is PrincipalKind.WELL_KNOWN:
        return principal.sid in EVERYBODY
    return sid.domain_of(principal.sid) is not None and sid.rid_of(principal.sid) in EVERYBODY_OF_THE_DOMAIN


def names(principals: Iterable[ListedPrincipal]) -> str:
    """The names of all."""
    return ", ".join(principal.name for principal in principals)


def show_list(gmsa: str) -> str:
    """The command that shows the list of a gMSA."""
    return f"Get-ADServiceAccount {_bare(gmsa)} -Properties {LIST}"


def set_list(gmsa: str, *names: str) -> str:
    """The command that overwrites the list."""
    return f"Set-ADServiceAccount -Identity {_bare(gmsa)} -{LIST} {','.join(map(powershell, names))}"


def append_user(gmsa: str, user: str) -> tuple[str, ...]:
    """The commands that show the list, and add a user to it."""
    return (
        show_list(gmsa),
        f"$list = @((Get-ADServiceAccount {_bare(gmsa)} -Properties {LIST}).{LIST})",
        f"Set-ADServiceAccount -Identity {_bare(gmsa)} -{LIST} "
        f"($list + (Get-ADUser {powershell(user)}).DistinguishedName)",
    )


def _bare(gmsa: str) -> str:
    """The gMSA's name without ``$``, as the cmdlets take it."""
    return powershell(gmsa.removesuffix("$"))


@check(
    "permission.principals",
    title="Only those who need it may retrieve the gMSA's password",
    cause=Cause.CREDENTIALS,
    docs=links.GMSA_ACCOUNTS,
)
def allowed_principals(gmsa: GmsaAccount, password: GmsaPassword, bound: BoundDirectory, account: Account) -> Finding:
    """Reads who may retrieve the gMSA's password (`msDS-GroupMSAMembership`), and by which entry the user may.

    Warns of entries that stand for nearly everybody (Everyone, Authenticated Users, Domain Users, Domain Computers),
    and of SIDs that no account has any more.

    Why: who has the gMSA's password is the gMSA, for SQL Server and for all that trusts it.

    Fix: allow one group with the secret's user in it, and nobody else.
    """
    if not gmsa.membership:
        return skipped(f"the AD does not show {account.user} who may retrieve the password of {gmsa.name}")
    try:
        membership = Membership.read(bound.directory, gmsa, account)
    except (DescriptorError, LdapRefusal) as error:
        return skipped(f"who may retrieve the password of {gmsa.name} cannot be read: {error}")
    return judge(membership)


def judge(membership: Membership) -> Finding:
    """Whether the list is a good one, for a user who may. Pure."""
    gmsa, user = membership.gmsa, membership.user
    if membership.unrestricted:
        return warned(
            f"everybody may retrieve the password of {gmsa}: its security descriptor has no list",
            observed="no DACL in msDS-GroupMSAMembership",
            expected="a group of those who need it",
            fix=Fix(f"Allow {user} only, or a group with it.", (set_list(gmsa, user),)),
        )
    _, entry = membership.decision
    if entry is None:
        permission = f"{user} may retrieve the password of {gmsa}"
    elif membership.me and entry.sid == membership.me.sid:
        permission = f"{user} itself is allowed to retrieve the password of {gmsa}"
    else:
        permission = f"{user} is allowed to retrieve the password of {gmsa} by {membership.who[entry.sid].name}"
    wide = [principal for principal in membership.allowed if is_wide(principal)]
    gone = [principal for principal in membership.allowed if principal.kind is PrincipalKind.GONE]
    if wide:
        return warned(
            f"{permission}; nearly everybody in the domain may: {names(wide)}",
            observed=f"allowed: {', '.join(map(str, membership.allowed))}",
            expected="a group of those who need it",
            fix=Fix(f"Allow {user}, or a group with it, instead.", _narrowed(membership)),
            rows=membership.rows,
        )
    if gone:
        return warned(
            f"{permission}; the list also has SIDs that no account has, as far as {user} sees: {names(gone)}",
            observed=names(gone),
            expected="accounts that exist",
            fix=Fix(
                "See as an administrator that they are gone, and write the list anew, without them.",
                _narrowed(membership),
            ),
            rows=membership.rows,
        )
    return passed(permission, rows=membership.rows)


def _narrowed(membership: Membership) -> tuple[str, ...]:
    """The commands that leave those in the list who exist and are not everybody."""
    good = [principal.reference for principal in membership.allowed if _stays(principal)]
    return show_list(membership.gmsa), set_list(membership.gmsa, *(good or (membership.user,)))


def _stays(principal: ListedPrincipal) -> bool:
    return principal.kind is not PrincipalKind.GONE and not is_wide(principal)
