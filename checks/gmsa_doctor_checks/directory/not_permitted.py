"""Why the AD did not give the gMSA's password to the secret's user."""

from __future__ import annotations

from dataclasses import replace

from gmsa_doctor.authoring import Finding, Fix, failed
from gmsa_doctor.clients.ldap.client import Directory, LdapRefusal
from gmsa_doctor.formats.ad import sid
from gmsa_doctor.formats.ad.security_descriptor import READ_PROPERTY, DescriptorError
from gmsa_doctor_checks import texts
from gmsa_doctor_checks.commands import powershell
from gmsa_doctor_checks.directory.membership import (
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


def not_permitted(directory: Directory, gmsa: GmsaAccount, account: Account) -> Finding:
    """The finding for a password that was not given: the most exact reason that the list tells."""
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
        return _no_dacl(membership, directory.host)
    if membership.decision[0]:
        return _yet_not_given(membership, directory.host)
    return explain(replace(membership, who=with_hosts(directory, account, membership.who)))


def explain(membership: Membership) -> Finding:
    """Why the list does not let the user have the password. Pure."""
    _, denying = membership.decision
    if denying is not None:
        return _denied(membership, membership.who[denying.sid])
    for reason in (_nobody, _without_right, _for_mail_only, _hosts_only, _accounts_gone):
        finding = reason(membership)
        if finding is not None:
            return finding
    allowed = membership.allowed
    overwritten = " It has one entry only; if there were others, that is how they went." if len(allowed) == 1 else ""
    return _refused(
        membership,
        f"{membership.user} may not retrieve the password of {membership.gmsa}; allowed: "
        f"{', '.join(map(str, allowed))}",
        _let_in(membership, overwritten),
    )


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


def _no_dacl(membership: Membership, host: str) -> Finding:
    return _refused(
        membership,
        f"the security descriptor of who may retrieve the password of {membership.gmsa} has no list at all, and by "
        f"that {host} does not give it to {membership.user}",
        _allow_only(membership),
        "no DACL in msDS-GroupMSAMembership",
    )


def _yet_not_given(membership: Membership, host: str) -> Finding:
    _, entry = membership.decision
    by = membership.who[entry.sid].name if entry else "its list"
    bare = membership.gmsa.removesuffix("$")
    return _refused(
        membership,
        f"{membership.user} is allowed by {by}, yet {host} does not give the password of {membership.gmsa}: the change "
        "is newer than the ticket, or has not reached each domain controller, or the password cannot be made",
        Fix(
            "A group counts in a new ticket only: let the domain controllers replicate, then run this again and start "
            "the task anew.",
            ("repadmin /syncall /AdeP", f"Test-ADServiceAccount -Identity {powershell(bare)}"),
        ),
        f"no msDS-ManagedPassword from {host}",
    )


def _denied(membership: Membership, by: ListedPrincipal) -> Finding:
    gmsa, user, keep = membership.gmsa, membership.user, [principal.reference for principal in membership.allowed]
    itself = membership.me is not None and by.sid == membership.me.sid
    return _refused(
        membership,
        f"an entry for {by.name} denies {user} the password of {gmsa}, before any that allows it",
        Fix(
            "Take the deny entry out: the list written anew has none."
            if itself
            else f"Take the deny entry out, or {user} out of {by.name}; the list written anew has no deny entries.",
            (show_list(gmsa), set_list(gmsa, *keep)) if keep else (show_list(gmsa),),
        ),
        f"{user} is denied {'itself' if itself else f'as a member of {by.name}'}",
    )


def _nobody(membership: Membership) -> Finding | None:
    if membership.entries:
        return None
    return _refused(
        membership,
        f"nobody may retrieve the password of {membership.gmsa}: the list of who may is empty",
        _allow_only(membership),
    )


def _without_right(membership: Membership) -> Finding | None:
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
    return _refused(
        membership,
        f"the entry that allows {principal.name} something of {gmsa} {lack}, so it does not give {membership.user} the "
        "password",
        Fix("Write the list anew: Set-ADServiceAccount gives full rights.", (show_list(gmsa), set_list(gmsa, *keep))),
        f"rights {entry.mask:#x}",
    )


def _for_mail_only(membership: Membership) -> Finding | None:
    direct = membership.me.member_of if membership.me else frozenset()
    group = next(
        (
            principal
            for principal in membership.allowed
            if principal.kind is PrincipalKind.DISTRIBUTION_GROUP and (principal.dn or "").lower() in direct
        ),
        None,
    )
    if group is None:
        return None
    return _refused(
        membership,
        f"{membership.user} is in {group.name}, which is allowed but is a distribution group: it gives no permission",
        Fix(
            "Make a security group of it.",
            (f"Set-ADGroup -Identity {powershell(group.name)} -GroupCategory Security",),
        ),
        f"{group.dn}: groupType without the bit for security",
    )


def _hosts_only(membership: Membership) -> Finding | None:
    if not membership.allowed or not all(principal.hosts for principal in membership.allowed):
        return None
    user = membership.user
    return _refused(
        membership,
        f"only computers may retrieve the password of {membership.gmsa} ({names(membership.allowed)}), as Windows "
        f"hosts need it; Credentials Fetcher asks as the secret's user, {user}",
        Fix(
            f"Allow {user} too, and keep the computers if Windows containers use the gMSA.",
            append_user(membership.gmsa, user),
        ),
    )


def _accounts_gone(membership: Membership) -> Finding | None:
    kinds = {principal.kind for principal in membership.allowed}
    if not kinds or not kinds <= {PrincipalKind.GONE, PrincipalKind.FOREIGN}:
        return None
    user, foreign = membership.user, PrincipalKind.FOREIGN in kinds
    whose = (
        f"are not of this domain ({user} may be in such a group, but its ticket does not say so)"
        if foreign
        else "no account has (deleted ones: an account of the same name made anew has another SID)"
    )
    return _refused(
        membership,
        f"{user} may not retrieve the password of {membership.gmsa}; allowed are only SIDs that {whose}: "
        f"{names(membership.allowed)}",
        _allow_too(membership, "" if foreign else " What is left of the deleted accounts can go."),
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
