"""Why the AD did not return the gMSA's password to the secret's user."""

from __future__ import annotations

from dataclasses import replace

from gmsa_doctor.authoring import Finding, Fix, failed
from gmsa_doctor.clients.ldap.client import Directory, LdapRefusal
from gmsa_doctor.formats.ad import sid
from gmsa_doctor.formats.ad.cmdlets import LIST, add_member, append_user, set_list, show_list
from gmsa_doctor.formats.ad.security_descriptor import READ_PROPERTY, DescriptorError
from gmsa_doctor_checks import texts
from gmsa_doctor_checks.commands import powershell
from gmsa_doctor_checks.directory.permission import (
    ListedPrincipal,
    Membership,
    PrincipalKind,
    names,
    with_hosts,
)
from gmsa_doctor_checks.values import Account, GmsaAccount

POWERFUL = {498, 500, 502, 512, 516, 517, 518, 519, 520, 521, 526, 527}
"""RIDs of privileged groups and accounts, to which no user is added for a gMSA (MS-DTYP 2.4.2.4)."""


def not_permitted(directory: Directory, gmsa: GmsaAccount, account: Account) -> Finding:
    """The finding for a password that AD did not return, with the most specific reason that the list shows."""
    if not gmsa.membership:
        reason = f"shows no msDS-GroupMSAMembership: it was never set, or {account.user} may not read it"
        return _no_list(gmsa, account, reason, "no msDS-GroupMSAMembership")
    try:
        membership = Membership.read(directory, gmsa, account)
    except DescriptorError as error:
        return _refusal(
            account.user,
            f"msDS-GroupMSAMembership of {gmsa.name} cannot be parsed: {error}",
            Fix("Set the list again, with all accounts that need the password.", (set_list(gmsa.name, account.user),)),
            f"msDS-GroupMSAMembership, {len(gmsa.membership)} bytes",
        )
    except LdapRefusal as error:
        reason = f"its list of allowed principals cannot be read: {error.text}"
        return _no_list(gmsa, account, reason, "no msDS-ManagedPassword")
    if membership.unrestricted:
        return _of_list(
            membership,
            f"msDS-GroupMSAMembership of {gmsa.name} has no DACL, so {directory.host} does not release the password to "
            f"{account.user}",
            _allow_only(membership),
            "no DACL in msDS-GroupMSAMembership",
        )
    if membership.decision[0]:
        return _not_released(membership, directory.host)
    return explain(replace(membership, principals=with_hosts(directory, account, membership.principals)))


def explain(membership: Membership) -> Finding:
    """The finding for a list that does not allow the user."""
    for explanation in (_denied, _empty, _without_right, _distribution_group, _hosts_only, _accounts_gone):
        if finding := explanation(membership):
            return finding
    allowed = membership.allowed
    only = "only " if len(allowed) == 1 else ""
    return _of_list(
        membership,
        f"the secret's user {membership.user} has no right to read the password of {membership.gmsa}; allowed: {only}"
        + ", ".join(map(str, allowed)),
        _add_user(membership),
    )


def _no_list(gmsa: GmsaAccount, account: Account, reason: str, observed: str) -> Finding:
    fix = Fix(
        f"As an administrator, list who is allowed now. Then append {account.user}; do not drop the existing entries.",
        append_user(gmsa.name, account.user),
    )
    return _refusal(account.user, f"the AD did not return the password of {gmsa.name}, and {reason}", fix, observed)


def _not_released(membership: Membership, host: str) -> Finding:
    user, gmsa, (_, entry) = membership.user, membership.gmsa, membership.decision
    through = f" through {membership.principals[entry.sid].name}" if entry and not membership.is_direct(entry) else ""
    return _of_list(
        membership,
        f"{user} is allowed{through}, but {host} did not release the password of {gmsa}: the ticket of {user} predates "
        f"the change, replication is not finished, or {host} cannot compute the password",
        Fix(
            "Group memberships take effect at the next logon: let the domain controllers replicate, run this check "
            "again, then start a new task.",
            ("repadmin /syncall /AdeP",),
        ),
        f"no msDS-ManagedPassword from {host}",
    )


def _denied(membership: Membership) -> Finding | None:
    _, entry = membership.decision
    if entry is None:
        return None
    gmsa, user, principal = membership.gmsa, membership.user, membership.principals[entry.sid]
    text, denied = "Set the list again: Set-ADServiceAccount writes no deny entries.", "directly"
    if not membership.is_direct(entry):
        text, denied = f"{text} Or remove {user} from {principal.name}.", f"as a member of {principal.name}"
    keep = [listed.reference for listed in membership.allowed] or [user]
    return _of_list(
        membership,
        f"an entry for {principal.name} denies {user} the password of {gmsa}, before any that allows it",
        Fix(text, (show_list(gmsa), set_list(gmsa, *keep))),
        f"{user} is denied {denied}",
    )


def _empty(membership: Membership) -> Finding | None:
    if membership.entries:
        return None
    summary = f"nobody may retrieve the password of {membership.gmsa}: msDS-GroupMSAMembership has no entries"
    return _of_list(membership, summary, _allow_only(membership))


def _without_right(membership: Membership) -> Finding | None:
    """The list has an entry for the user, but without the right to read the password."""
    entry = next((entry for entry in membership.entries if entry.allow and membership.applies_to_user(entry)), None)
    if entry is None:
        return None
    gmsa, principal = membership.gmsa, membership.principals[entry.sid]
    lack = f"lacks the ReadProperty right ({READ_PROPERTY:#x})"
    if entry.object_type is not None:
        lack = f"covers one property only ({entry.object_type})"
    keep = dict.fromkeys(listed.reference for listed in (*membership.allowed, principal))
    return _of_list(
        membership,
        f"the entry for {principal.name} {lack}, so {membership.user} cannot read the password of {gmsa}",
        Fix("Set the list again: Set-ADServiceAccount grants full rights.", (show_list(gmsa), set_list(gmsa, *keep))),
        f"rights {entry.mask:#x}",
    )


def _distribution_group(membership: Membership) -> Finding | None:
    direct = membership.identity.member_of if membership.identity else frozenset()
    for group in membership.allowed:
        if group.kind is PrincipalKind.DISTRIBUTION_GROUP and (group.dn or "").lower() in direct:
            command = f"Set-ADGroup -Identity {powershell(group.name)} -GroupCategory Security"
            return _of_list(
                membership,
                f"{membership.user} is in {group.name}, which is allowed but is a distribution group: it grants no "
                "permissions",
                Fix(f"Convert {group.name} to a security group.", (command,)),
                f"{group.dn}: groupType without GROUP_TYPE_SECURITY_ENABLED",
            )
    return None


def _hosts_only(membership: Membership) -> Finding | None:
    allowed, user = membership.allowed, membership.user
    if not allowed or not all(principal.hosts for principal in allowed):
        return None
    return _of_list(
        membership,
        f"only computers may retrieve the password of {membership.gmsa} ({names(allowed)}), as Windows hosts require; "
        f"Credentials Fetcher reads it as the secret's user, {user}",
        Fix(
            f"Append {user} to the list. Keep the computers if Windows containers use the gMSA.",
            append_user(membership.gmsa, user),
        ),
    )


def _accounts_gone(membership: Membership) -> Finding | None:
    kinds = {principal.kind for principal in membership.allowed}
    if not kinds or not kinds <= {PrincipalKind.GONE, PrincipalKind.FOREIGN}:
        return None
    user, owners = membership.user, "deleted accounts"
    more = " Remove the SIDs of deleted accounts. Re-creating an account under the same name gives it a new SID."
    if PrincipalKind.FOREIGN in kinds:
        owners, more = f"other domains ({user} may be in such a group, but its ticket does not show it)", ""
    return _of_list(
        membership,
        f"the secret's user {user} has no right to read the password of {membership.gmsa}; allowed: only SIDs of "
        f"{owners}: " + names(membership.allowed),
        _append(membership, more),
    )


def _add_user(membership: Membership) -> Fix:
    """Add the user to an allowed group if one is suitable, otherwise to the list."""
    group = next(filter(_takes_users, membership.allowed), None)
    if group is None:
        return _append(membership)
    return Fix(
        f"1. List who may retrieve the password (command 1). 2. Add {membership.user} to the group {group.name} "
        "(command 2). 3. Developer: start new tasks, since group memberships take effect at the next logon.",
        (
            show_list(membership.gmsa),
            add_member(group.name, membership.user),
        ),
    )


def _takes_users(principal: ListedPrincipal) -> bool:
    domain_group = principal.kind is PrincipalKind.GROUP and sid.domain_of(principal.sid) is not None
    return domain_group and not principal.hosts and sid.rid_of(principal.sid) not in POWERFUL


def _append(membership: Membership, more: str = "") -> Fix:
    return Fix(
        f"Append {membership.user} to the list, and keep the existing entries: Set-ADServiceAccount overwrites the "
        f"list.{more}",
        append_user(membership.gmsa, membership.user),
    )


def _allow_only(membership: Membership) -> Fix:
    command = set_list(membership.gmsa, membership.user)
    return Fix(f"Allow {membership.user}, or better a group that it is in.", (command,))


def _of_list(membership: Membership, summary: str, fix: Fix, observed: str | None = None) -> Finding:
    allowed = ", ".join(map(str, membership.allowed)) or "nobody"
    observed = observed or f"{membership.user} is not among the allowed principals: {allowed}"
    return replace(_refusal(membership.user, summary, fix, observed), rows=membership.rows)


def _refusal(user: str, summary: str, fix: Fix, observed: str) -> Finding:
    return failed(
        summary,
        observed=observed,
        expected=f"{user}, or a group that it is in, in {LIST}",
        fix=fix,
        shows_as=texts.NO_PASSWORD_ATTRIBUTE,
    )
