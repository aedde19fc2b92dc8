"""Who may retrieve the gMSA's password: ``msDS-GroupMSAMembership`` held against the user and its groups."""

from __future__ import annotations

from dataclasses import dataclass

from gmsa_doctor.authoring import Cause, Finding, Fix, Row, Status, check, failed, passed, skipped, warned
from gmsa_doctor.clients.ldap.directory import Directory, LdapRefusal
from gmsa_doctor.formats.ad import security_descriptor, sid
from gmsa_doctor.formats.ad.security_descriptor import READ_PROPERTY, Ace, DescriptorError, decide
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import powershell
from gmsa_doctor_checks.directory.principals import (
    AllowedPrincipal,
    Identity,
    PrincipalKind,
    identity,
    principals,
    with_hosts,
)
from gmsa_doctor_checks.values import Account, BoundDirectory, GmsaAccount, GmsaPassword

LIST = "PrincipalsAllowedToRetrieveManagedPassword"

EVERYBODY = {"S-1-1-0", "S-1-5-2", "S-1-5-7", "S-1-5-11", "S-1-5-15", "S-1-5-32-545", "S-1-5-32-546", "S-1-5-32-554"}
"""Well-known principals that stand for each account of the domain, or for more."""
EVERYBODY_OF_THE_DOMAIN = {513: "Domain Users", 514: "Domain Guests", 515: "Domain Computers"}
POWERFUL = {498, 500, 502, 512, 516, 517, 518, 519, 520, 521, 526, 527}
"""RIDs of groups and accounts that nobody should be put into for a gMSA's sake (MS-DTYP 2.4.2.4)."""


@dataclass(frozen=True)
class Permission:
    """The list, and what it says of the user."""

    gmsa: str
    user: str
    entries: tuple[Ace, ...]
    who: dict[str, AllowedPrincipal]
    me: Identity | None

    @property
    def bare(self) -> str:
        """The gMSA's name without ``$``, as the cmdlets take it."""
        return self.gmsa.removesuffix("$")

    @property
    def allowed(self) -> tuple[AllowedPrincipal, ...]:
        """Those that an entry allows to read the password."""
        found = (self.who[one.sid] for one in self.entries if one.allow and one.mask & READ_PROPERTY)
        return tuple(dict.fromkeys(found))

    @property
    def decision(self) -> tuple[bool, Ace | None]:
        """Whether the user may, on paper, and the entry that says so."""
        return decide(self.entries, self.me.sids) if self.me else (False, None)

    def own(self, one: Ace) -> bool:
        """Whether the entry is about the user or one of its groups."""
        return self.me is not None and one.sid in self.me.sids


# Why the password was not given -----------------------------------------------------------------------


def not_permitted(directory: Directory, gmsa: GmsaAccount, account: Account) -> Finding:
    """The finding for a password that was not given: the most exact reason that the list tells."""
    if not gmsa.membership:
        return _no_list(gmsa, account)
    try:
        entries = security_descriptor.dacl(gmsa.membership)
    except DescriptorError as error:
        return _unreadable(gmsa, gmsa.membership, account, error)
    try:
        me = identity(directory, account)
        home = sid.domain_of(me.sid) if me else None
        who = principals(directory, account, (one.sid for one in entries or ()), home)
    except LdapRefusal as error:  # that the password was not given is known all the same
        return _no_list(gmsa, account, f"who may have it cannot be read: {error.text}")
    permission = Permission(gmsa.name, account.user, entries or (), who, me)
    if entries is None:
        return _no_dacl(permission, directory.host)
    if permission.decision[0]:
        return _yet_not_given(permission, directory.host)
    return explain(Permission(gmsa.name, account.user, entries, with_hosts(directory, account, who), me))


def explain(it: Permission) -> Finding:
    """Why the list does not let the user have the password. Pure."""
    _, denying = it.decision
    if denying is not None:
        return _denied(it, it.who[denying.sid])
    for reason in (_nobody, _without_right, _for_mail_only, _hosts_only, _accounts_gone):
        finding = reason(it)
        if finding is not None:
            return finding
    listed = ", ".join(map(str, it.allowed))
    overwritten = " It has one entry only; if there were others, that is how they went." if len(it.allowed) == 1 else ""
    return _refused(
        it, f"{it.user} may not retrieve the password of {it.gmsa}; allowed: {listed}", _let_in(it, overwritten)
    )


def _no_list(gmsa: GmsaAccount, account: Account, unread: str | None = None) -> Finding:
    bare = gmsa.name.removesuffix("$")
    return failed(
        f"the password of {gmsa.name} was not given, and "
        + (unread or f"the AD shows no list of who may have it: it was never set, or {account.user} may not read it"),
        observed="no msDS-ManagedPassword" if unread else "no msDS-GroupMSAMembership",
        expected=f"{account.user}, or a group that it is in, in {LIST}",
        fix=Fix(
            f"See as an administrator who is allowed. If nobody is, allow {account.user}; else keep those who are.",
            (_show(bare), *_append(bare, account.user)),
        ),
        shows_as=texts.NO_PASSWORD_ATTRIBUTE,
    )


def _unreadable(gmsa: GmsaAccount, membership: bytes, account: Account, error: DescriptorError) -> Finding:
    bare = gmsa.name.removesuffix("$")
    return failed(
        f"the list of who may retrieve the password of {gmsa.name} is spoiled: {error}",
        observed=f"msDS-GroupMSAMembership, {len(membership)} bytes",
        expected="a security descriptor",
        fix=Fix("Set the list anew, with all who need it.", (_set(bare, (account.user,)),)),
        shows_as=texts.NO_PASSWORD_ATTRIBUTE,
    )


def _no_dacl(it: Permission, host: str) -> Finding:
    return _refused(
        it,
        f"the security descriptor of who may retrieve the password of {it.gmsa} has no list at all, and by that {host} "
        f"does not give it to {it.user}",
        Fix(f"Allow {it.user}, or better a group that it is in.", (_set(it.bare, (it.user,)),)),
        "no DACL in msDS-GroupMSAMembership",
    )


def _yet_not_given(it: Permission, host: str) -> Finding:
    _, entry = it.decision
    by = it.who[entry.sid].name if entry else "its list"
    return _refused(
        it,
        f"{it.user} is allowed by {by}, yet {host} does not give the password of {it.gmsa}: the change is newer than "
        "the ticket, or has not reached each domain controller, or the password cannot be made",
        Fix(
            "A group counts in a new ticket only: let the domain controllers replicate, then run this again and start "
            "the task anew.",
            ("repadmin /syncall /AdeP", f"Test-ADServiceAccount -Identity {powershell(it.bare)}"),
        ),
        f"no msDS-ManagedPassword from {host}",
    )


def _denied(it: Permission, by: AllowedPrincipal) -> Finding:
    keep = tuple(one.dn or one.name for one in it.allowed)
    whose = "itself" if it.me and by.sid == it.me.sid else f"as a member of {by.name}"
    commands = (_show(it.bare), _set(it.bare, keep)) if keep else (_show(it.bare),)
    return _refused(
        it,
        f"an entry for {by.name} denies {it.user} the password of {it.gmsa}, before any that allows it",
        Fix(
            f"Take the deny entry out, or {it.user} out of {by.name}; the list written anew has no deny entries."
            if whose != "itself"
            else "Take the deny entry out: the list written anew has none.",
            commands,
        ),
        f"{it.user} is denied {whose}",
    )


def _nobody(it: Permission) -> Finding | None:
    if it.entries:
        return None
    return _refused(
        it,
        f"nobody may retrieve the password of {it.gmsa}: the list of who may is empty",
        Fix(f"Allow {it.user}, or better a group that it is in.", (_set(it.bare, (it.user,)),)),
    )


def _without_right(it: Permission) -> Finding | None:
    """The user is in the list, but not with the right that counts."""
    entry = next((one for one in it.entries if one.allow and it.own(one)), None)
    if entry is None:
        return None
    name = it.who[entry.sid].name
    what = (
        f"is about one property only ({entry.object_type})"
        if entry.object_type is not None
        else f"does not hold the right to read properties ({READ_PROPERTY:#x})"
    )
    keep = dict.fromkeys((*(one.dn or one.name for one in it.allowed), it.who[entry.sid].dn or name))
    return _refused(
        it,
        f"the entry that allows {name} something of {it.gmsa} {what}, so it does not give {it.user} the password",
        Fix(
            "Write the list anew: Set-ADServiceAccount gives full rights.", (_show(it.bare), _set(it.bare, tuple(keep)))
        ),
        f"rights {entry.mask:#x}",
    )


def _for_mail_only(it: Permission) -> Finding | None:
    lists = (one for one in it.allowed if one.kind is PrincipalKind.DISTRIBUTION_GROUP)
    group = next((one for one in lists if it.me and (one.dn or "").lower() in it.me.member_of), None)
    if group is None:
        return None
    return _refused(
        it,
        f"{it.user} is in {group.name}, which is allowed but is a distribution group: it gives no permission",
        Fix(
            "Make a security group of it.",
            (f"Set-ADGroup -Identity {powershell(group.name)} -GroupCategory Security",),
        ),
        f"{group.dn}: groupType without the bit for security",
    )


def _hosts_only(it: Permission) -> Finding | None:
    if not it.allowed or not all(one.hosts for one in it.allowed):
        return None
    names = ", ".join(one.name for one in it.allowed)
    return _refused(
        it,
        f"only computers may retrieve the password of {it.gmsa} ({names}), as Windows hosts need it; Credentials "
        f"Fetcher asks as the secret's user, {it.user}",
        Fix(
            f"Allow {it.user} too, and keep the computers if Windows containers use the gMSA.",
            (_show(it.bare), *_append(it.bare, it.user)),
        ),
    )


def _accounts_gone(it: Permission) -> Finding | None:
    if not it.allowed or not all(one.kind in (PrincipalKind.GONE, PrincipalKind.FOREIGN) for one in it.allowed):
        return None
    names = ", ".join(one.name for one in it.allowed)
    foreign = any(one.kind is PrincipalKind.FOREIGN for one in it.allowed)
    what = (
        f"are not of this domain ({it.user} may be in such a group, but its ticket does not say so)"
        if foreign
        else "no account has (deleted ones: an account of the same name made anew has another SID)"
    )
    return _refused(
        it,
        f"{it.user} may not retrieve the password of {it.gmsa}; allowed are only SIDs that {what}: {names}",
        _allow(it, "" if foreign else " What is left of the deleted accounts can go."),
    )


def _let_in(it: Permission, more: str = "") -> Fix:
    """Into a group that is allowed, if there is one that a user may well be put into; else into the list."""
    group = next((one for one in it.allowed if _takes_users(one)), None)
    if group is None:
        return _allow(it, more)
    return Fix(
        f"Put {it.user} into {group.name}; a new logon sees it. To allow it by itself, keep the list that is there: "
        f"Set-ADServiceAccount replaces it.{more if len(it.allowed) == 1 else ''}",
        (_show(it.bare), f"Add-ADGroupMember -Identity {powershell(group.name)} -Members {powershell(it.user)}"),
    )


def _allow(it: Permission, more: str = "") -> Fix:
    return Fix(
        f"Allow {it.user} beside those who are in the list; Set-ADServiceAccount replaces it, so read it first.{more}",
        (_show(it.bare), *_append(it.bare, it.user)),
    )


def _takes_users(one: AllowedPrincipal) -> bool:
    domain_group = one.kind is PrincipalKind.GROUP and sid.domain_of(one.sid) is not None
    return domain_group and not one.hosts and sid.rid_of(one.sid) not in POWERFUL


def _refused(it: Permission, summary: str, fix: Fix, observed: str | None = None) -> Finding:
    listed = ", ".join(map(str, it.allowed)) or "nobody"
    return failed(
        summary,
        observed=observed or f"{it.user} is none of: {listed}",
        expected=f"{it.user}, or a group that it is in, in {LIST}",
        fix=fix,
        shows_as=texts.NO_PASSWORD_ATTRIBUTE,
        rows=rows(it),
    )


def _show(bare: str) -> str:
    return f"Get-ADServiceAccount {powershell(bare)} -Properties {LIST}"


def _set(bare: str, names: tuple[str, ...]) -> str:
    return f"Set-ADServiceAccount -Identity {powershell(bare)} -{LIST} {','.join(map(powershell, names))}"


def _append(bare: str, user: str) -> tuple[str, ...]:
    return (
        f"$list = @((Get-ADServiceAccount {powershell(bare)} -Properties {LIST}).{LIST})",
        f"Set-ADServiceAccount -Identity {powershell(bare)} -{LIST} "
        f"($list + (Get-ADUser {powershell(user)}).DistinguishedName)",
    )


# Who may, where all is well ----------------------------------------------------------------------------


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
        entries = security_descriptor.dacl(gmsa.membership)
        me = identity(bound.directory, account)
        home = sid.domain_of(me.sid) if me else None
        who = principals(bound.directory, account, (one.sid for one in entries or ()), home)
    except (DescriptorError, LdapRefusal) as error:
        return skipped(f"who may retrieve the password of {gmsa.name} cannot be read: {error}")
    if entries is None:
        return _unrestricted(gmsa, account)
    return judge(Permission(gmsa.name, account.user, entries, who, me))


def judge(it: Permission) -> Finding:
    """Whether the list is a good one, for a user who may. Pure."""
    _, entry = it.decision
    if entry is None:
        by = f"{it.user} may retrieve the password of {it.gmsa}"
    elif it.me and entry.sid == it.me.sid:
        by = f"{it.user} itself is allowed to retrieve the password of {it.gmsa}"
    else:
        by = f"{it.user} is allowed to retrieve the password of {it.gmsa} by {it.who[entry.sid].name}"
    wide = [one for one in it.allowed if is_wide(one)]
    gone = [one for one in it.allowed if one.kind is PrincipalKind.GONE]
    if wide:
        return _too_wide(it, wide, by)
    if gone:
        names = ", ".join(one.name for one in gone)
        return warned(
            f"{by}; the list also has SIDs that no account has, as far as {it.user} sees: {names}",
            observed=names,
            expected="accounts that exist",
            fix=Fix(
                "See as an administrator that they are gone, and write the list anew, without them.",
                (_show(it.bare), _set(it.bare, _kept(it))),
            ),
            rows=rows(it),
        )
    return passed(by, rows=rows(it))


def is_wide(one: AllowedPrincipal) -> bool:
    """Whether nearly everybody in the domain is meant."""
    if one.kind is PrincipalKind.WELL_KNOWN:
        return one.sid in EVERYBODY
    return sid.domain_of(one.sid) is not None and sid.rid_of(one.sid) in EVERYBODY_OF_THE_DOMAIN


def _kept(it: Permission) -> tuple[str, ...]:
    good = [one for one in it.allowed if one.kind is not PrincipalKind.GONE and not is_wide(one)]
    return tuple(one.dn or one.name for one in good) or (it.user,)


def _too_wide(it: Permission, wide: list[AllowedPrincipal], by: str) -> Finding:
    names = ", ".join(one.name for one in wide)
    return warned(
        f"{by}; nearly everybody in the domain may: {names}",
        observed=f"allowed: {', '.join(map(str, it.allowed))}",
        expected="a group of those who need it",
        fix=Fix(f"Allow {it.user}, or a group with it, instead.", (_show(it.bare), _set(it.bare, _kept(it)))),
        rows=rows(it),
    )


def _unrestricted(gmsa: GmsaAccount, account: Account) -> Finding:
    bare = gmsa.name.removesuffix("$")
    return warned(
        f"everybody may retrieve the password of {gmsa.name}: its security descriptor has no list",
        observed="no DACL in msDS-GroupMSAMembership",
        expected="a group of those who need it",
        fix=Fix(f"Allow {account.user} only, or a group with it.", (_set(bare, (account.user,)),)),
    )


def rows(it: Permission) -> tuple[Row, ...]:
    """Each entry of the list, in its order, as a row."""
    return tuple(_row(it, one) for one in it.entries)


def _row(it: Permission, entry: Ace) -> Row:
    who = it.who[entry.sid]
    word = "allowed" if entry.allow else "denied"
    if not entry.mask & READ_PROPERTY or entry.object_type is not None:
        word += f" something else ({entry.mask:#x})"
    words = [str(who.kind), word]
    if who.hosts and who.kind is PrincipalKind.GROUP:
        words.append("of computers only")
    if entry.inherited:
        words.append("inherited")
    if it.own(entry):
        words.append(f"holds for {it.user}")
    doubtful = who.kind is PrincipalKind.GONE or (entry.allow and is_wide(who))
    return Row(who.name, Status.WARN if doubtful else Status.PASS, ", ".join(words))
