"""Whether the gMSA's password is given to those only who need it."""

from __future__ import annotations

from gmsa_doctor.authoring import Cause, Finding, Fix, check, passed, skipped, warned
from gmsa_doctor.clients.ldap.client import LdapRefusal
from gmsa_doctor.formats.ad.security_descriptor import DescriptorError
from gmsa_doctor_checks import links
from gmsa_doctor_checks.directory.membership import (
    ListedPrincipal,
    Membership,
    PrincipalKind,
    is_wide,
    names,
    set_list,
    show_list,
)
from gmsa_doctor_checks.values import Account, BoundDirectory, GmsaAccount, GmsaPassword


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
