"""Why a KDC refuses a logon, and how to fix that."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from gmsa_doctor.authoring import Finding, Fix, Owner, ShowsAs, failed, unknown
from gmsa_doctor.clients.kerberos.kdc_errors import KdcReason, KdcRefusal
from gmsa_doctor.clients.ldap.client import escape_filter
from gmsa_doctor_checks import texts
from gmsa_doctor_checks.active_directory.administrator import Administrator
from gmsa_doctor_checks.commands import START_SERVICE, STOP_SERVICE, edit_secret, powershell, secret_changed
from gmsa_doctor_checks.values import Account, GmsaName


@dataclass(frozen=True)
class _Explanation:
    """Texts with placeholders for names (``{principal}``, ``{user}`` …), which are quoted in ``commands``."""

    summary: str
    expected: str
    fix: str
    commands: tuple[str, ...] = ()
    owner: Owner | None = None
    in_secret: bool = False
    """Whether the secret must be changed, after ``commands``."""
    compares_dates: bool = False
    """Whether the date of the secret's last change is compared first."""
    last: tuple[str, ...] = ()
    """Commands after those that change the secret."""


_RESET = "Set-ADAccountPassword -Identity {user} -Reset"
_ALLOW_AES = "-Identity {user} -KerberosEncryptionType AES128,AES256"
_ENABLED = "a user that is enabled, not locked and not expired"


def _expired(summary: str) -> _Explanation:
    return _Explanation(
        summary,
        "a password that does not expire",
        "Set a new password that never expires, and store it in the secret.",
        (
            "Get-ADUser {user} -Properties PasswordLastSet,PasswordExpired,msDS-UserPasswordExpiryTimeComputed",
            _RESET,
            "Set-ADUser -Identity {user} -PasswordNeverExpires $true",
        ),
        in_secret=True,
    )


def _smart_card(summary: str) -> _Explanation:
    return _Explanation(
        summary,
        "a user that logs on with a password",
        "Clear SmartcardLogonRequired. AD replaced the password with a random one when it was set, so reset the "
        "password and store it in the secret.",
        ("Set-ADUser -Identity {user} -SmartcardLogonRequired $false", _RESET),
        in_secret=True,
    )


_ARMOR = _Explanation(
    "the domain controllers require Kerberos armoring (FAST), which Credentials Fetcher's kinit does not use for "
    "{principal}",
    "domain controllers that also accept unarmored requests",
    '1. Find the policies of the domain controllers (command 1). 2. In the one that sets it, set "KDC support for '
    'claims, compound authentication and Kerberos armoring" to "Supported" instead of "Fail unarmored authentication '
    'requests".',
    ("Get-GPInheritance -Target 'OU=Domain Controllers,<DN of the domain>'",),
)
_USER = {
    KdcReason.ARMOR_REQUIRED: _ARMOR,
    KdcReason.WRONG_PASSWORD: _Explanation(
        "the secret's password for {principal} is wrong",
        "the user's current password",
        "1. Developer: note the desired count of the services that use this secret, then set it to 0 (command 1). "
        "ECS keeps starting their tasks; each start is a failed logon, and enough of them lock the user. "
        "(gmsa-doctor makes no other logon for this user in this run.) 2. AD administrator: find out when the "
        "password was set (command 2). 3. AWS administrator: find out when the secret was changed (command 3). If "
        "PasswordLastSet is later than LastChangedDate, the secret has an old password; otherwise it probably has a "
        "typing error. 4. AWS administrator: get the current password from the person who set it (if nobody knows "
        "it, the AD administrator sets a new one with Set-ADAccountPassword -Reset), and store it in the secret "
        "(commands 4 to 7). 5. Developer: set the desired count that you noted (command 8).",
        (STOP_SERVICE, "Get-ADUser {user} -Properties PasswordLastSet,LastBadPasswordAttempt -Server {domain}"),
        Owner.AWS,
        in_secret=True,
        compares_dates=True,
        last=(START_SERVICE,),
    ),
    KdcReason.UNKNOWN_CLIENT: _Explanation(
        "the AD has no user with the secret's username: {principal} (not shown, since it may be a password)",
        "the sAMAccountName of a user of {domain}",
        "Check that username and password are not swapped. Otherwise the username is probably not the user's "
        "sAMAccountName, but its display name or the first part of its UPN: "
        "search for it under these names, and store the sAMAccountName in the secret. Otherwise the user is in another "
        "domain of the forest (port 3268 finds it there), which domainName must then name, or it was deleted.",
        (
            "Get-ADUser -LDAPFilter {filter} -Properties DisplayName,CanonicalName -Server {domain}",
            "Get-ADUser -LDAPFilter {filter} -Properties CanonicalName -Server {catalog}",
        ),
        Owner.AWS,
        in_secret=True,
    ),
    KdcReason.DISABLED: _Explanation(
        "the user {principal} is disabled", _ENABLED, "Enable the user.", ("Enable-ADAccount -Identity {user}",)
    ),
    KdcReason.LOCKED: _Explanation(
        "the user {principal} is locked after too many wrong passwords",
        _ENABLED,
        "1. Developer: note the desired count of the services that use this secret, then set it to 0 (command 1). If "
        "the secret is stale, ECS's retries lock the user again. 2. AD administrator: find the client that logs on "
        "with an old password (event 4740 on the PDC emulator names the machine), and when the password was set "
        "(command 2). 3. AWS administrator: find out when the secret was changed (command 3). If the password is "
        "newer, store it in the secret (commands 4 to 7). 4. AD administrator: unlock the user (command 8). 5. "
        "Developer: set the desired count that you noted (command 9).",
        (STOP_SERVICE, "Get-ADUser {user} -Properties PasswordLastSet,LockedOut,AccountLockoutTime,BadLogonCount"),
        in_secret=True,
        compares_dates=True,
        last=("Unlock-ADAccount -Identity {user}", START_SERVICE),
    ),
    KdcReason.ACCOUNT_EXPIRED: _Explanation(
        "the account {principal} has expired",
        _ENABLED,
        "Set a later expiry date for the account, or remove the expiry date.",
        ("Clear-ADAccountExpiration -Identity {user}",),
    ),
    KdcReason.REVOKED: _Explanation(
        "the user {principal} is disabled, locked or expired; the KDC does not report which",
        _ENABLED,
        "Find out which of the three applies (command). Then enable or unlock the user, or remove its expiry date.",
        ("Get-ADUser {user} -Properties Enabled,LockedOut,AccountExpirationDate",),
    ),
    KdcReason.PASSWORD_EXPIRED: _expired("the password of {principal} has expired, or must be changed at next logon"),
    KdcReason.PASSWORD_TOO_OLD: _expired("the password of {principal} has expired"),
    KdcReason.MUST_CHANGE: _Explanation(
        '{principal} has "User must change password at next logon" set; a task cannot change a password',
        'a user without "User must change password at next logon"',
        'The user is probably new, or its password was just reset. Clear "User must change password at next logon", '
        "and make sure that the secret holds the current password.",
        ("Set-ADUser -Identity {user} -ChangePasswordAtLogon $false -PasswordNeverExpires $true",),
        in_secret=True,
    ),
    KdcReason.SMART_CARD: _smart_card("{principal} may log on only with a smart card"),
    KdcReason.LOGON_HOURS: _Explanation(
        "the user {principal} may not log on at this hour",
        "a user without restricted logon hours",
        "Remove the logon hours from the user.",
        ("Set-ADUser -Identity {user} -Clear logonHours",),
    ),
    KdcReason.POLICY: _Explanation(
        "an AD policy does not allow {principal} to log on from this host",
        "a user without logon restrictions",
        "The user is probably limited to certain workstations (userWorkstations), which never include a Linux client. "
        "Otherwise an authentication policy or silo applies. Remove these restrictions from the user.",
        (
            "Get-ADUser {user} -Properties LogonWorkstations,msDS-AssignedAuthNPolicy,msDS-AssignedAuthNPolicySilo",
            "Set-ADUser -Identity {user} -Clear userWorkstations",
        ),
    ),
    KdcReason.NO_ENCTYPE: _Explanation(
        "{principal}, the KDC and this client have no encryption type in common",
        "AES for the user",
        "The user is probably limited to DES or RC4, or its password is older than the domain's AES support. Allow AES "
        "for the user, then change its password, which creates the AES keys, and store it in the secret.",
        (
            "Get-ADUser {user} -Properties UseDESKeyOnly,msDS-SupportedEncryptionTypes,PasswordLastSet",
            "Set-ADAccountControl -Identity {user} -UseDESKeyOnly $false",
            f"Set-ADUser {_ALLOW_AES}",
            _RESET,
        ),
        in_secret=True,
    ),
    KdcReason.PREAUTH_UNSUPPORTED: _smart_card(
        "the KDC does not accept a password for {principal} (it probably requires a smart card)"
    ),
    KdcReason.WRONG_REALM: _Explanation(
        "the domain controllers that DNS lists do not serve the realm of {principal}",
        "domainName: the DNS name of the AD domain",
        "Set domainName in the secret to the AD domain's full DNS name.",
        owner=Owner.AWS,
        in_secret=True,
    ),
    KdcReason.CLOCK_SKEW: _Explanation(
        "the clocks of the KDC and of this machine differ too much for {principal}",
        "clocks at most five minutes apart",
        "Fix the time source of the machine whose clock is wrong. kerberos.clock compares the clocks.",
    ),
}
_NOT_THIS_USER = (KdcReason.UNKNOWN_CLIENT, KdcReason.WRONG_PASSWORD)
_IS_THE_GMSA = _Explanation(
    "username in the secret is the gMSA's own name, {gmsa}, and its password is not the secret's",
    "a user that may retrieve the gMSA's password",
    "Put a user that may retrieve the gMSA's password into the secret. Only domain controllers know the password of "
    "the gMSA itself.",
    ("Get-ADServiceAccount {user} -Properties PrincipalsAllowedToRetrieveManagedPassword",),
    Owner.AWS,
    in_secret=True,
)
_USER[KdcReason.EMPTY_PASSWORD] = _USER[KdcReason.WRONG_PASSWORD]
_USER[KdcReason.NO_KEY] = _USER[KdcReason.NO_ENCTYPE]
_USER[KdcReason.UNKNOWN_REALM] = _USER[KdcReason.WRONG_REALM]

_GMSA = {
    KdcReason.ARMOR_REQUIRED: _ARMOR,
    KdcReason.POLICY: _Explanation(
        "an authentication policy or silo does not allow the gMSA {principal} to log on from this host",
        "a gMSA without an authentication policy that limits where it logs on",
        "Remove the gMSA from the authentication policy or silo, or allow it to log on from any host "
        "(ServiceAllowedToAuthenticateFrom).",
        ("Get-ADServiceAccount {user} -Properties msDS-AssignedAuthNPolicy,msDS-AssignedAuthNPolicySilo",),
    ),
    KdcReason.DISABLED: _Explanation(
        "the gMSA {principal} is disabled",
        "an enabled gMSA",
        "Enable it.",
        ("Set-ADServiceAccount -Identity {user} -Enabled $true",),
    ),
    KdcReason.LOCKED: _Explanation(
        "the gMSA {principal} is locked after too many wrong passwords",
        "a gMSA that is not locked",
        "Find the client that logs on as it with an old password (event 4740 on the PDC emulator names the machine). "
        "Then unlock it.",
        ("Unlock-ADAccount -Identity {account}",),
    ),
    KdcReason.ACCOUNT_EXPIRED: _Explanation(
        "the account of the gMSA {principal} has expired",
        "a gMSA without an expiry date",
        "Remove the expiry date.",
        ("Clear-ADAccountExpiration -Identity {account}",),
    ),
    KdcReason.WRONG_PASSWORD: _Explanation(
        "the KDC does not accept the password that the AD just returned for {principal}",
        "domain controllers that agree on the gMSA's password",
        "The password has probably just changed, or the domain controllers have not replicated it yet. Check "
        "replication, then try again.",
        ("repadmin /replsummary", "Get-ADServiceAccount -Properties PasswordLastSet -Identity {user}"),
    ),
    KdcReason.UNKNOWN_CLIENT: _Explanation(
        "the AD has no account {principal}",
        "a gMSA whose sAMAccountName is its CN with $",
        "Change the gMSA's sAMAccountName to its CN with $, or write its sAMAccountName into the CredSpec.",
        ("Get-ADServiceAccount -LDAPFilter {filter} | Select-Object Name,SamAccountName",),
    ),
    KdcReason.NO_ENCTYPE: _Explanation(
        "{principal} does not support AES; Credentials Fetcher cannot use RC4",
        "AES for the gMSA",
        "Allow AES for the gMSA.",
        (f"Set-ADServiceAccount {_ALLOW_AES}",),
    ),
}
_GMSA[KdcReason.REVOKED] = _GMSA[KdcReason.DISABLED]
_GMSA[KdcReason.NO_KEY] = _GMSA[KdcReason.NO_ENCTYPE]


_NO_SUCH_USER = frozenset(
    {
        KdcReason.UNKNOWN_CLIENT,
        KdcReason.UNKNOWN_REALM,
        KdcReason.WRONG_REALM,
        KdcReason.CLOCK_SKEW,
        KdcReason.EMPTY_PASSWORD,
        KdcReason.KDC_ERROR,
        KdcReason.OTHER,
    }
)
"""Reasons with which the KDC does not confirm that it knows the user."""
_NOT_SHOWN = "<username>"


def explain_user_refusal(
    refusal: KdcRefusal, account: Account, gmsa: GmsaName | None = None, administrator: Administrator | None = None
) -> Finding:
    """The finding for a logon of the secret's user that the KDC refused, with the user's entry if it can be read.

    A user name that no AD has confirmed is not shown: fields may be swapped, and then it is the password.
    """
    known = refusal.reason not in _NO_SUCH_USER or bool(administrator and administrator.entry)
    shown = account.user if known else _NOT_SHOWN
    user, domain = escape_filter(shown), account.domain.text
    names = {
        "principal": f"{shown}@{account.domain.realm}",
        "user": shown,
        "domain": domain,
        "catalog": f"{domain}:3268",
        "filter": f"(|(sAMAccountName={user})(userPrincipalName={user}@*)(displayName={user}))",
    }
    explanation = _USER.get(refusal.reason)
    if gmsa and gmsa.names(account.user) and refusal.reason in _NOT_THIS_USER:
        names["gmsa"], explanation = gmsa.text, _IS_THE_GMSA
    if not known:
        refusal = refusal.without_names()
    finding = _explain(refusal, explanation, names, texts.USER_TICKET, account.arn)
    return _with_entry(finding, administrator) if administrator else finding


def _with_entry(finding: Finding, administrator: Administrator) -> Finding:
    """Add the user's entry as the administrator sees it: its attributes, and those that prevent a logon."""
    user, now = administrator.entry, datetime.now(UTC)
    if user is None:
        similar = "; ".join(administrator.similar)
        others = f", only {similar}" if similar else ", and no user whose UPN or display name is similar"
        return replace(finding, observed=f"{finding.observed}; {administrator.principal} finds no such user{others}")
    reasons = "; ".join(user.forbids(now)) or "nothing that prevents a logon"
    return replace(
        finding, observed=f"{finding.observed}; {administrator.principal} sees: {reasons}", rows=user.rows(now)
    )


def explain_gmsa_refusal(refusal: KdcRefusal, principal: str) -> Finding:
    """The finding for a logon of the gMSA that the KDC refused."""
    account = principal.rpartition("@")[0]
    user = account.removesuffix("$")
    names = {"principal": principal, "user": user, "account": account, "filter": f"(cn={escape_filter(user)})"}
    return _explain(refusal, _GMSA.get(refusal.reason), names, texts.GMSA_TICKET)


def _explain(
    refusal: KdcRefusal, explanation: _Explanation | None, names: dict[str, str], shows: ShowsAs, secret: str = ""
) -> Finding:
    if explanation is None:
        return unknown(
            f"the KDC issued no ticket for {names['principal']}: {refusal.text}",
            observed=f"{refusal.reason} ({refusal.code})",
            fix=Fix("Check the domain controller's event log (Security, 4768 and 4771) for this logon."),
        )
    quoted = {key: powershell(name) for key, name in names.items()}
    first, last = (
        tuple(command.format(**quoted) for command in commands) for commands in (explanation.commands, explanation.last)
    )
    dates = (secret_changed(secret),) if explanation.compares_dates else ()
    commands = (*first, *dates, *(edit_secret(secret) if explanation.in_secret else ()), *last)
    return failed(
        explanation.summary.format(**names),
        observed=refusal.text,
        expected=explanation.expected.format(**names),
        fix=Fix(explanation.fix.format(**names), commands, explanation.owner),
        shows_as=shows,
    )
