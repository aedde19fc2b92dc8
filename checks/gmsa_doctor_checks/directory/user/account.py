"""The secret's user as an AD administrator sees it: what lets its logon succeed today and fail later."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from gmsa_doctor.authoring import (
    Cause,
    Finding,
    Fix,
    Given,
    Outcome,
    Result,
    check,
    deferred_to,
    failed,
    passed,
    skipped,
    unknown,
    warned,
)
from gmsa_doctor.formats.ad import logon_hours
from gmsa_doctor.formats.ad.cmdlets import append_user, new_user
from gmsa_doctor.formats.ad.user_account_control import Control
from gmsa_doctor.formats.fetcher import Fetcher
from gmsa_doctor.given.subject import Platform
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.active_directory import user_entry
from gmsa_doctor_checks.active_directory.administrator import Administrator
from gmsa_doctor_checks.active_directory.user_entry import UserEntry, duration, utc
from gmsa_doctor_checks.commands import edit_secret, powershell
from gmsa_doctor_checks.directory.gmsa import judge_types
from gmsa_doctor_checks.kerberos.tickets import user_ticket
from gmsa_doctor_checks.values import Account, BoundDirectory, UserTicket
from gmsa_doctor_checks.versions import judge_by_version

WARNING_DAYS = 7
"""libkrb5 warns about a password that expires within a week. Source: warn_pw_expiry in krb5's get_in_tkt."""

SOON_DAYS = 30
"""An account that expires sooner is reported."""

_ROTATING = (
    "computer",
    "msds-managedserviceaccount",
    "msds-groupmanagedserviceaccount",
    "msds-delegatedmanagedserviceaccount",
)
"""Object classes whose password rotates automatically."""


@check(
    "user.entry",
    title="The user's entry in the AD can be read",
    cause=Cause.CREDENTIALS,
    docs=links.USER_ATTRIBUTES,
)
def entry(bound: Outcome[BoundDirectory], account: Account, administrator: Outcome[Administrator]) -> Result[UserEntry]:
    """Reads the attributes that the user's logon depends on, as the user itself or as the account of `--as`.

    Why: Credentials Fetcher logs on as this user whenever a task starts, and again to renew its ticket.

    Fix: Allow the user to read its own entry.
    """
    if administrator.value and administrator.value.entry:
        found = administrator.value.entry
        return Given(found, passed(f"{found.dn}, read as {administrator.value.principal}"))
    if bound.value is None:
        return deferred_to(bound.finding)
    own = user_entry.read(bound.value.directory, account)
    if own is None:
        return unknown(
            f"{bound.value.host} does not show {account.user} its own entry",
            observed=f"nothing for (sAMAccountName={account.user}) below {account.domain.base_dn}",
            expected="the entry of the user that has just logged on",
            fix=Fix("Allow the user to read its own entry (SELF: Read all properties, the AD's default)."),
        )
    return Given(own, passed(own.dn, changed=own.password_set.isoformat() if own.password_set else ""))


@check("user.kind", title="The secret's user is a user account", cause=Cause.CREDENTIALS, docs=links.FARGATE_GMSA)
def kind(user: UserEntry, account: Account) -> Finding:
    """Reads the object class of the account that the secret names.

    Why: the password of a computer or a gMSA rotates automatically, so the secret becomes stale. The domainless mode
    requires a user account.

    Fix: Create a user for this, allow it to retrieve the gMSA's password, and put it into the secret.
    """
    if user.kind.lower() not in _ROTATING:  # a schema may have classes of its own below user
        return passed(f"{user.name} is a {user.kind}")
    return warned(
        f"{user.name} is of the class {user.kind}. Its password rotates automatically, so the secret will become stale",
        observed=user.dn,
        expected="a user",
        fix=Fix(
            "Create a user for this, allow it to retrieve the gMSA's password, and put it into the secret.",
            (
                new_user("<user>"),
                *append_user("<gMSA>", "<user>"),
                *edit_secret(account.arn),
            ),
        ),
    )


@check(
    "user.password-expiry",
    title="The user's password does not expire",
    cause=Cause.CREDENTIALS,
    docs=links.PASSWORD_NEVER_EXPIRES,
    shows=(texts.USER_TICKET, texts.CATCH_ALL),
)
def password_expiry(user: UserEntry, platform: Platform, account: Account) -> Finding:
    """Reads when the password expires: by the user's own flag, a fine-grained policy, or the domain's policy.

    Why: once it has expired, no task starts, and running tasks lose their ticket at the next renewal. Credentials
    Fetcher 1.3 fails earlier: it crashes on libkrb5's expiry warning, from seven days before.

    Fix: Set the password to never expire, or rotate it in the AD and in the secret together.
    """
    now = datetime.now(UTC)
    if user.hidden:
        return skipped(f"the AD does not show when the password of {user.name} expires")
    if user.must_change or user.flags & Control.PASSWORD_EXPIRED:
        return deferred_to(user_ticket, "it has already expired: see kerberos.user-ticket")
    if user.password_expires is None:
        flag = " (DONT_EXPIRE_PASSWD)" if user.flags & Control.DONT_EXPIRE_PASSWD else ""
        return passed(f"the password of {user.name} never expires{flag}")
    left = user.password_expires - now
    when = f"expires on {utc(user.password_expires)}, in {duration(left)}" if left > timedelta() else "has just expired"
    crashes = left <= timedelta(days=WARNING_DAYS) and Fetcher.V1_3 in platform.fetchers
    effect = "; then no task starts, and running tasks lose their tickets"
    if crashes:
        effect = ", so Credentials Fetcher 1.3 now crashes on libkrb5's expiry warning"
    policy = "the domain's policy, or a fine-grained policy that is not shown"
    if user.password_policy:
        policy = f"the policy {user.password_policy}"
    name = powershell(user.name)
    failure = failed(
        f"the password of {user.name} {when}{effect}",
        observed=f"set on {utc(user.password_set)}; {policy} makes it expire",
        expected="a password that does not expire, or that is rotated in the AD and in the secret together",
        fix=Fix(
            "1. Find out when the password expires, and by which policy (commands 1 and 2). 2. Set it to never expire "
            f"(command 3). If a policy forbids that, change it in the AD {'now' if crashes else 'before it expires'} "
            "instead. 3. AWS administrator: store a changed password in the secret (commands 4 to 7); running tasks "
            "read the secret at their next renewal.",
            (
                f"Get-ADUser {name} -Properties PasswordLastSet,msDS-UserPasswordExpiryTimeComputed",
                f"Get-ADUserResultantPasswordPolicy {name}",
                f"Set-ADUser -Identity {name} -PasswordNeverExpires $true",
                *edit_secret(account.arn),
            ),
        ),
        shows_as=texts.USER_TICKET if crashes else None,
    )
    return judge_by_version(failure, frozenset({Fetcher.V1_3}), platform) if crashes else failure.to_warning()


@check("user.account", title="The user's logon is not restricted", cause=Cause.CREDENTIALS, docs=links.USER_ATTRIBUTES)
def restrictions(user: UserEntry) -> Finding:
    """Looks for restrictions that let the user log on now, but not at any time or from any host.

    These are an expiry date of the account, logon hours, workstations, the group Protected Users, and a logon without
    pre-authentication.

    Why: tasks start at any hour and from any address. Members of Protected Users get tickets for four hours only, which
    cannot be renewed and never use RC4. Without pre-authentication, anyone can request data from which the password can
    be guessed offline.

    Fix: Remove the restrictions from the user.
    """
    now, name, hours = datetime.now(UTC), powershell(user.name), logon_hours.allowed(user.hours)
    expires = user.account_expires
    left = duration(expires - now) if expires else ""
    restrictions = {
        f"the account expires on {utc(expires)}, in {left}": (
            expires and now < expires <= now + timedelta(days=SOON_DAYS),
            f"Clear-ADAccountExpiration -Identity {name}",
        ),
        f"it may log on only in {hours} of {logon_hours.HOURS} hours a week (logonHours)": (
            hours < logon_hours.HOURS and logon_hours.allows(user.hours, now),
            f"Set-ADUser -Identity {name} -Clear logonHours",
        ),
        f"it may log on only from {', '.join(user.workstations)} (userWorkstations)": (
            user.workstations,
            f"Set-ADUser -Identity {name} -Clear userWorkstations",
        ),
        "it is in Protected Users: tickets last four hours, cannot be renewed and never use RC4": (
            user.protected,
            f"Remove-ADGroupMember -Identity {powershell('Protected Users')} -Members {name}",
        ),
        "DONT_REQUIRE_PREAUTH is set: without pre-authentication, its password can be guessed offline": (
            user.flags & Control.DONT_REQUIRE_PREAUTH,
            f"Set-ADAccountControl -Identity {name} -DoesNotRequirePreAuth $false",
        ),
    }
    found = {text: command for text, (holds, command) in restrictions.items() if holds}
    if not found:
        return passed(f"{user.name}: no expiry date soon, no logon hours, no workstations, not in Protected Users")
    return warned(
        f"the logon of {user.name} is restricted: {'; '.join(found)}",
        observed="; ".join(found),
        expected="a user that may log on at any hour and from anywhere",
        fix=Fix("Remove these restrictions from the user.", tuple(found.values())),
    )


@check(
    "user.encryption-types",
    title="The user's encryption types do not prevent its logon",
    cause=Cause.CREDENTIALS,
    docs=links.ENCRYPTION_TYPES,
)
def encryption_types(user: UserEntry, ticket: Outcome[UserTicket]) -> Finding:
    """Reads `msDS-SupportedEncryptionTypes`. The logon itself decides: `kerberos.user-ticket`.

    Why: the attribute limits the tickets that others get *for* the account, not its own logon (MS-ADA2 2.481, MS-KILE
    3.3.5.6). The logon fails if the account has no AES key, or if it is limited to DES (USE_DES_KEY_ONLY).

    Fix: If the logon fails, allow AES for the user. An account whose password was last set before the domain supported
    AES also needs a new password.
    """
    return judge_types(user.encryption_types, ticket)
