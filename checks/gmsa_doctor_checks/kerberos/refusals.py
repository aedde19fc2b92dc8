"""Why a KDC refuses a logon, and how to fix that."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from gmsa_doctor.authoring import Finding, Fix, ShowsAs, failed, unknown
from gmsa_doctor.clients.kerberos.kdc_errors import KdcReason, KdcRefusal
from gmsa_doctor.clients.ldap.client import escape_filter
from gmsa_doctor_checks import texts
from gmsa_doctor_checks.active_directory.user_entry import Administrator
from gmsa_doctor_checks.commands import posix, powershell
from gmsa_doctor_checks.values import Account, GmsaName


@dataclass(frozen=True)
class _Explanation:
    """Texts in which ``{principal}``, ``{user}`` and the other names are filled in; quoted in ``commands``."""

    summary: str
    expected: str
    fix: str
    commands: tuple[str, ...] = ()


_PUT = "aws secretsmanager put-secret-value --secret-id {secret} --secret-string file://secret.json"
_RESET = "Set-ADAccountPassword -Identity {user} -Reset"
_ENABLED = "a user that is enabled, not locked and not expired"


def _expired(summary: str) -> _Explanation:
    return _Explanation(
        summary,
        "a password that does not expire",
        "Set a new password, let it never expire, and put it into the secret.",
        (
            "Get-ADUser {user} -Properties PasswordLastSet,PasswordExpired,msDS-UserPasswordExpiryTimeComputed",
            _RESET,
            "Set-ADUser -Identity {user} -PasswordNeverExpires $true",
            _PUT,
        ),
    )


_USER = {
    KdcReason.WRONG_PASSWORD: _Explanation(
        "the secret's password for {principal} is wrong",
        "the user's current password",
        "Most likely the user's password was changed in the AD and not in the secret: see when it was set, and put the "
        "current one into the secret (or set the user's password to the secret's). Else it was mistyped, or domainName "
        "names a domain with another user of this name. This run made one failed logon, and makes no other for this "
        "user.",
        ("Get-ADUser {user} -Properties PasswordLastSet,LastBadPasswordAttempt -Server {domain}", _PUT),
    ),
    KdcReason.UNKNOWN_CLIENT: _Explanation(
        "the AD knows no user {principal}",
        "the sAMAccountName of a user of {domain}",
        "Most likely username is not the user's sAMAccountName but its display name or the first part of its UPN: look "
        "for it under these names. Else the user is in another domain of the forest (port 3268 finds it there), which "
        "domainName must then name, or it was deleted.",
        (
            "Get-ADUser -LDAPFilter {filter} -Properties DisplayName,CanonicalName -Server {domain}",
            "Get-ADUser -LDAPFilter {filter} -Properties CanonicalName -Server {catalog}",
            _PUT,
        ),
    ),
    KdcReason.DISABLED: _Explanation(
        "the user {principal} is disabled", _ENABLED, "Enable the user.", ("Enable-ADAccount -Identity {user}",)
    ),
    KdcReason.LOCKED: _Explanation(
        "the user {principal} is locked after too many wrong passwords",
        _ENABLED,
        "Find what logs on with an old password (mostly a stale secret; event 4740 of the PDC emulator names the "
        "machine), then unlock the user.",
        (
            "Get-ADUser {user} -Properties LockedOut,AccountLockoutTime,BadLogonCount",
            "Unlock-ADAccount -Identity {user}",
        ),
    ),
    KdcReason.ACCOUNT_EXPIRED: _Explanation(
        "the account {principal} has expired",
        _ENABLED,
        "Set the account's expiry date later, or remove it.",
        ("Clear-ADAccountExpiration -Identity {user}",),
    ),
    KdcReason.REVOKED: _Explanation(
        "the user {principal} is disabled, locked or expired; the KDC does not say which",
        _ENABLED,
        "See which it is, and mend that.",
        ("Get-ADUser {user} -Properties Enabled,LockedOut,AccountExpirationDate",),
    ),
    KdcReason.PASSWORD_EXPIRED: _expired(
        "the password of {principal} has expired, or must be changed at the next logon"
    ),
    KdcReason.PASSWORD_TOO_OLD: _expired("the password of {principal} has expired"),
    KdcReason.MUST_CHANGE: _Explanation(
        "{principal} must change its password at the next logon, which nobody does for a task",
        "a user without that demand",
        "Most likely the user is new, or an administrator has just set its password: take the demand off (or set a new "
        "password without it), and see that the secret holds the same password.",
        ("Set-ADUser -Identity {user} -ChangePasswordAtLogon $false -PasswordNeverExpires $true", _PUT),
    ),
    KdcReason.SMART_CARD: _Explanation(
        "{principal} may log on with a smart card only",
        "a user that logs on with a password",
        "Take the demand for a smart card off the user; then set a new password, for AD has put a random one in its "
        "place, and put it into the secret.",
        ("Set-ADUser -Identity {user} -SmartcardLogonRequired $false", _RESET, _PUT),
    ),
    KdcReason.LOGON_HOURS: _Explanation(
        "the user {principal} may not log on at this hour",
        "a user without restricted logon hours",
        "Take the logon hours off the user.",
        ("Set-ADUser -Identity {user} -Clear logonHours",),
    ),
    KdcReason.POLICY: _Explanation(
        "a policy of the AD does not let {principal} log on from here",
        "a user without logon restrictions",
        "Most likely the user may log on from certain workstations only, which no Linux client is; else an "
        "authentication policy or silo holds it. Take that off the user.",
        (
            "Get-ADUser {user} -Properties LogonWorkstations,msDS-AssignedAuthNPolicy,msDS-AssignedAuthNPolicySilo",
            "Set-ADUser -Identity {user} -Clear userWorkstations",
        ),
    ),
    KdcReason.NO_ENCTYPE: _Explanation(
        "{principal}, the KDC and we have no encryption type in common",
        "AES for the user",
        "Most likely the user is set to DES or to RC4 only, or its password is older than the domain's AES: let it use "
        "AES, then change its password once, so that AES keys are made.",
        (
            "Get-ADUser {user} -Properties UseDESKeyOnly,msDS-SupportedEncryptionTypes,PasswordLastSet",
            "Set-ADAccountControl -Identity {user} -UseDESKeyOnly $false",
            "Set-ADUser -Identity {user} -KerberosEncryptionType AES128,AES256",
        ),
    ),
    KdcReason.PREAUTH_UNSUPPORTED: _Explanation(
        "the KDC wants another proof than a password from {principal} (a smart card, most likely)",
        "a user that logs on with a password",
        "Take the demand for a smart card off the user.",
        ("Set-ADUser -Identity {user} -SmartcardLogonRequired $false",),
    ),
    KdcReason.WRONG_REALM: _Explanation(
        "the domain controllers that DNS names do not serve the realm of {principal}",
        "domainName: the DNS name of the AD domain",
        "Set domainName in the secret to the AD domain's full DNS name.",
        (_PUT,),
    ),
    KdcReason.CLOCK_SKEW: _Explanation(
        "the clocks of the KDC and of this machine are too far apart for {principal}",
        "clocks at most five minutes apart",
        "Mend the time source of the one that is wrong; kerberos.clock compares them.",
    ),
}
_NOT_THIS_USER = (KdcReason.UNKNOWN_CLIENT, KdcReason.WRONG_PASSWORD)
_IS_THE_GMSA = _Explanation(
    "username in the secret is the gMSA's own name, {gmsa}, and its password is not the secret's",
    "a user that may retrieve the gMSA's password",
    "Put a plain user into the secret, one that may retrieve the gMSA's password: the gMSA itself has a password that "
    "only domain controllers know.",
    ("Get-ADServiceAccount {user} -Properties PrincipalsAllowedToRetrieveManagedPassword", _PUT),
)
_USER[KdcReason.EMPTY_PASSWORD] = _USER[KdcReason.WRONG_PASSWORD]
_USER[KdcReason.NO_KEY] = _USER[KdcReason.NO_ENCTYPE]
_USER[KdcReason.UNKNOWN_REALM] = _USER[KdcReason.WRONG_REALM]

_GMSA = {
    **dict.fromkeys(
        (KdcReason.REVOKED, KdcReason.DISABLED),
        _Explanation(
            "the gMSA {principal} is disabled",
            "an enabled gMSA",
            "Enable it.",
            ("Set-ADServiceAccount -Identity {user} -Enabled $true",),
        ),
    ),
    KdcReason.LOCKED: _Explanation(
        "the gMSA {principal} is locked after too many wrong passwords",
        "a gMSA that is not locked",
        "Find what logs on as it with an old password (event 4740 of the PDC emulator names the machine), then unlock "
        "it.",
        ("Unlock-ADAccount -Identity {account}",),
    ),
    KdcReason.ACCOUNT_EXPIRED: _Explanation(
        "the account of the gMSA {principal} has expired",
        "a gMSA without an expiry date",
        "Take the expiry date off.",
        ("Clear-ADAccountExpiration -Identity {account}",),
    ),
    KdcReason.WRONG_PASSWORD: _Explanation(
        "the KDC does not accept the password that the AD just gave for {principal}",
        "domain controllers that agree on the gMSA's password",
        "Most likely the password has just changed, or the domain controllers have not replicated; check replication, "
        "then try again.",
        ("repadmin /replsummary", "Test-ADServiceAccount {user}"),
    ),
    KdcReason.UNKNOWN_CLIENT: _Explanation(
        "the AD knows no account {principal}",
        "a gMSA whose sAMAccountName is its CN with $",
        "Give the gMSA a sAMAccountName that is its CN with $, or name the sAMAccountName in the CredSpec.",
        ("Get-ADServiceAccount {user} -Properties sAMAccountName",),
    ),
    KdcReason.NO_ENCTYPE: _Explanation(
        "{principal} may not use AES; Credentials Fetcher cannot use RC4",
        "AES for the gMSA",
        "Let the gMSA use AES.",
        ("Set-ADServiceAccount -Identity {user} -KerberosEncryptionType AES128,AES256",),
    ),
}
_GMSA[KdcReason.NO_KEY] = _GMSA[KdcReason.NO_ENCTYPE]


def explain_user_refusal(
    refusal: KdcRefusal, account: Account, gmsa: GmsaName | None = None, administrator: Administrator | None = None
) -> Finding:
    """The finding for a logon of the secret's user that the KDC refused, with what an administrator sees of it."""
    user, domain = escape_filter(account.user), account.domain.text
    names = {
        "principal": account.principal,
        "user": account.user,
        "domain": domain,
        "catalog": f"{domain}:3268",
        "filter": f"(|(sAMAccountName={user})(userPrincipalName={user}@*)(displayName={user}))",
    }
    explanation = _USER.get(refusal.reason)
    if gmsa and gmsa.names(account.user) and refusal.reason in _NOT_THIS_USER:
        names["gmsa"], explanation = gmsa.text, _IS_THE_GMSA
    finding = _explain(refusal, explanation, names, texts.USER_TICKET, posix(account.arn))
    return _as_seen(finding, administrator) if administrator else finding


def _as_seen(finding: Finding, administrator: Administrator) -> Finding:
    """With the attributes of the user's entry, and those among them that forbid a logon."""
    user, now = administrator.entry, datetime.now(UTC)
    if user is None:
        seen = "; ".join(administrator.near) or "nor a user of which anything else has that name"
        return replace(finding, observed=f"{finding.observed}; {administrator.principal} sees no such user: {seen}")
    reasons = "; ".join(user.forbids(now)) or "nothing that forbids a logon"
    return replace(
        finding, observed=f"{finding.observed}; {administrator.principal} sees: {reasons}", rows=user.rows(now)
    )


def explain_gmsa_refusal(refusal: KdcRefusal, principal: str) -> Finding:
    """The finding for a logon of the gMSA that the KDC refused."""
    account = principal.rpartition("@")[0]
    names = {"principal": principal, "user": account.removesuffix("$"), "account": account}
    return _explain(refusal, _GMSA.get(refusal.reason), names, texts.GMSA_TICKET)


def _explain(
    refusal: KdcRefusal, explanation: _Explanation | None, names: dict[str, str], shows: ShowsAs, secret: str = ""
) -> Finding:
    if explanation is None:
        return unknown(
            f"the KDC gave no ticket for {names['principal']}: {refusal.text}",
            observed=f"{refusal.reason} ({refusal.code})",
            fix=Fix("See the domain controller's own event log (Security, 4768 and 4771) for this logon."),
        )
    quoted = {key: powershell(name) for key, name in names.items()}
    return failed(
        explanation.summary.format(**names),
        observed=refusal.text,
        expected=explanation.expected.format(**names),
        fix=Fix(
            explanation.fix.format(**names),
            tuple(command.format(**quoted, secret=secret) for command in explanation.commands),
        ),
        shows_as=shows,
    )
