"""Why the AD did not give the gMSA's password to the secret's user."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeAlias

from gmsa_doctor.authoring import Finding, Fix, failed
from gmsa_doctor.clients.ldap.client import Directory, LdapRefusal
from gmsa_doctor.formats.ad import sid
from gmsa_doctor.formats.ad.security_descriptor import READ_PROPERTY, DescriptorError
from gmsa_doctor_checks import texts
from gmsa_doctor_checks.commands import powershell
from gmsa_doctor_checks.directory.permission import (
    LIST,
    ListedPrincipal,
    Membership,
    PrincipalKind,
    append_user,
    names,
    set_list,
    show_list,
    with_hosts,
)
from gmsa_doctor_checks.values import Account, GmsaAccount

POWERFUL = {498, 500, 502, 512, 516, 517, 518, 519, 520, 521, 526, 527}
"""RIDs of groups and accounts that nobody should be put into for a gMSA's sake (MS-DTYP 2.4.2.4)."""

_Reason: TypeAlias = tuple[str, Fix, str | None]
"""The summary, the fix, and what was observed where the list alone does not show it."""


def not_permitted(directory: Directory, gmsa: GmsaAccount, account: Account) -> Finding:
    """The finding for a password that AD did not return, with the most exact reason that the list shows."""
    if not gmsa.membership:
        return _no_list(gmsa, account)
    try:
        membership = Membership.read(directory, gmsa, account)
    except DescriptorError as error:
        return failed(
            f"the list of who may retrieve the password of {gmsa.name} is spoiled: {error}",
            observed=f"msDS-GroupMSAMembership, {len(gmsa.membership)} bytes",
            expected="a security descriptor",
            fix=Fix("Set the list anew, with all who need it.", (set_list(gmsa.name, account.user),)),
            shows_as=texts.NO_PASSWORD_ATTRIBUTE,
        )
    except LdapRefusal as error:  # that the password was not given is known all the same
        return _no_list(gmsa, account, f"who may have it cannot be read: {error.text}")
    if membership.unrestricted:
        return _refused(membership, *_no_dacl(membership, directory.host))
    if membership.decision[0]:
        return _refused(membership, *_yet_not_given(membership, directory.host))
    return explain(replace(membership, who=with_hosts(directory, account, membership.who)))


def explain(membership: Membership) -> Finding:
    """Why the list does not let the user have the password. Pure."""
    for explanation in (_denied, _nobody, _without_right, _for_mail_only, _hosts_only, _accounts_gone):
        if reason := explanation(membership):
            return _refused(membership, *reason)
    allowed = membership.allowed
    overwritten = " It has one entry only; if there were others, that is how they went." if len(allowed) == 1 else ""
    summary = (
        f"{membership.user} may not retrieve the password of {membership.gmsa}; allowed: {', '.join(map(str, allowed))}"
    )
    return _refused(membership, summary, _let_in(membership, overwritten))


def _no_list(gmsa: GmsaAccount, account: Account, unread: str | None = None) -> Finding:
    return failed(
        f"the password of {gmsa.name} was not given, and "
        + (unread or f"the AD shows no list of who may have it: it was never set, or {account.user} may not read it"),
        observed="no msDS-ManagedPassword" if unread else "no msDS-GroupMSAMembership",
        expected=f"{account.user}, or a group that it is in, in {LIST}",
        fix=Fix(
            f"See as an administrator who is allowed. If nobody is, allow {account.user}; else keep those who are.",
            append_user(gmsa.name, account.user),
        ),
        shows_as=texts.NO_PASSWORD_ATTRIBUTE,
    )


def _no_dacl(membership: Membership, host: str) -> _Reason:
    return (
        f"the security descriptor of who may retrieve the password of {membership.gmsa} has no list at all, and by "
        f"that {host} does not give it to {membership.user}",
        _allow_only(membership),
        "no DACL in msDS-GroupMSAMembership",
    )


def _yet_not_given(membership: Membership, host: str) -> _Reason:
    _, entry = membership.decision
    by = membership.who[entry.sid].name if entry else "its list"
    bare = membership.gmsa.removesuffix("$")
    return (
        f"{membership.user} is allowed by {by}, yet {host} does not give the password of {membership.gmsa}: the change "
        "is newer than the ticket, or has not reached each domain controller, or the password cannot be made",
        Fix(
            "A group counts in a new ticket only: let the domain controllers replicate, then run this again and start "
            "the task anew.",
            ("repadmin /syncall /AdeP", f"Test-ADServiceAccount -Identity {powershell(bare)}"),
        ),
        f"no msDS-ManagedPassword from {host}",
    )


def _denied(membership: Membership) -> _Reason | None:
    _, entry = membership.decision
    if entry is None:
        return None
    gmsa, user, principal = membership.gmsa, membership.user, membership.who[entry.sid]
    keep = [listed.reference for listed in membership.allowed]
    fix, member = "Take the deny entry out: the list written anew has none.", "itself"
    if membership.me is None or entry.sid != membership.me.sid:
        fix = f"Take the deny entry out, or {user} out of {principal.name}; the list written anew has no deny entries."
        member = f"as a member of {principal.name}"
    return (
        f"an entry for {principal.name} denies {user} the password of {gmsa}, before any that allows it",
        Fix(fix, (show_list(gmsa), set_list(gmsa, *keep)) if keep else (show_list(gmsa),)),
        f"{user} is denied {member}",
    )


def _nobody(membership: Membership) -> _Reason | None:
    if membership.entries:
        return None
    summary = f"nobody may retrieve the password of {membership.gmsa}: the list of who may is empty"
    return summary, _allow_only(membership), None


def _without_right(membership: Membership) -> _Reason | None:
    """The user is in the list, but not with the right that counts."""
    entry = next((entry for entry in membership.entries if entry.allow and membership.is_about_user(entry)), None)
    if entry is None:
        return None
    gmsa, principal = membership.gmsa, membership.who[entry.sid]
    lack = (
        f"is about one property only ({entry.object_type})"
        if entry.object_type is not None
        else f"does not hold the right to read properties ({READ_PROPERTY:#x})"
    )
    keep = dict.fromkeys(listed.reference for listed in (*membership.allowed, principal))
    return (
        f"the entry that allows {principal.name} something of {gmsa} {lack}, so it does not give {membership.user} the "
        "password",
        Fix("Write the list anew: Set-ADServiceAccount gives full rights.", (show_list(gmsa), set_list(gmsa, *keep))),
        f"rights {entry.mask:#x}",
    )


def _for_mail_only(membership: Membership) -> _Reason | None:
    direct = membership.me.member_of if membership.me else frozenset()
    for principal in membership.allowed:
        if principal.kind is PrincipalKind.DISTRIBUTION_GROUP and (principal.dn or "").lower() in direct:
            name = principal.name
            command = f"Set-ADGroup -Identity {powershell(name)} -GroupCategory Security"
            return (
                f"{membership.user} is in {name}, which is allowed but is a distribution group: it gives no permission",
                Fix("Make a security group of it.", (command,)),
                f"{principal.dn}: groupType without the bit for security",
            )
    return None


def _hosts_only(membership: Membership) -> _Reason | None:
    allowed, user = membership.allowed, membership.user
    if not allowed or not all(principal.hosts for principal in allowed):
        return None
    return (
        f"only computers may retrieve the password of {membership.gmsa} ({names(allowed)}), as Windows hosts need it; "
        f"Credentials Fetcher asks as the secret's user, {user}",
        Fix(
            f"Allow {user} too, and keep the computers if Windows containers use the gMSA.",
            append_user(membership.gmsa, user),
        ),
        None,
    )


def _accounts_gone(membership: Membership) -> _Reason | None:
    kinds = {principal.kind for principal in membership.allowed}
    if not kinds or not kinds <= {PrincipalKind.GONE, PrincipalKind.FOREIGN}:
        return None
    user, more = membership.user, " What is left of the deleted accounts can go."
    whose = "no account has (deleted ones: an account of the same name made anew has another SID)"
    if PrincipalKind.FOREIGN in kinds:
        whose, more = f"are not of this domain ({user} may be in such a group, but its ticket does not say so)", ""
    return (
        f"{user} may not retrieve the password of {membership.gmsa}; allowed are only SIDs that {whose}: "
        f"{names(membership.allowed)}",
        _allow_too(membership, more),
        None,
    )


def _let_in(membership: Membership, more: str) -> Fix:
    """Into a group that is allowed, if there is one that a user may well be put into; otherwise into the list."""
    group = next(filter(_takes_users, membership.allowed), None)
    if group is None:
        return _allow_too(membership, more)
    return Fix(
        f"Put {membership.user} into {group.name}; a new logon sees it. To allow it by itself, keep the list that is "
        f"there: Set-ADServiceAccount replaces it.{more}",
        (
            show_list(membership.gmsa),
            f"Add-ADGroupMember -Identity {powershell(group.name)} -Members {powershell(membership.user)}",
        ),
    )


def _takes_users(principal: ListedPrincipal) -> bool:
    domain_group = principal.kind is PrincipalKind.GROUP and sid.domain_of(principal.sid) is not None
    return domain_group and not principal.hosts and sid.rid_of(principal.sid) not in POWERFUL


def _allow_too(membership: Membership, more: str) -> Fix:
    return Fix(
        f"Allow {membership.user} beside those who are in the list; Set-ADServiceAccount replaces it, so read it "
        f"first.{more}",
        append_user(membership.gmsa, membership.user),
    )


def _allow_only(membership: Membership) -> Fix:
    return Fix(
        f"Allow {membership.user}, or better a group that it is in.", (set_list(membership.gmsa, membership.user),)
    )


def _refused(membership: Membership, summary: str, fix: Fix, observed: str | None = None) -> Finding:
    allowed = ", ".join(map(str, membership.allowed)) or "nobody"
    return failed(
        summary,
        observed=observed or f"{membership.user} is none of: {allowed}",
        expected=f"{membership.user}, or a group that it is in, in {LIST}",
        fix=fix,
        shows_as=texts.NO_PASSWORD_ATTRIBUTE,
        rows=membership.rows,
    )
