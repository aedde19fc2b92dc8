"""What a KDC's refusal of a logon means, and what mends it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from gmsa_doctor.authoring import Finding, Fix, ShowsAs, failed, unknown
from gmsa_doctor.clients.kerberos.logon import KdcReason, KdcRefusal
from gmsa_doctor.clients.ldap.directory import escape_filter
from gmsa_doctor_checks import texts
from gmsa_doctor_checks.commands import posix, powershell
from gmsa_doctor_checks.directory.user.entry import Administrator
from gmsa_doctor_checks.values import Account, GmsaName


@dataclass(frozen=True)
class _Meaning:
    """Words for a refusal, in which ``{principal}`` and ``{domain}`` are filled in.

    In ``commands`` it is ``{user}``, ``{filter}``, ``{domain}``, ``{catalog}`` and ``{secret}``, quoted; of a gMSA
    ``{user}``, its name, and ``{account}``, which has ``$`` at its end.
    """

    summary: str
    expected: str
    fix: str
    commands: tuple[str, ...] = ()


_PUT = "aws secretsmanager put-secret-value --secret-id {secret} --secret-string file://secret.json"
_EXPIRY = "Get-ADUser {user} -Properties PasswordLastSet,PasswordExpired,msDS-UserPasswordExpiryTimeComputed"
_RESET = "Set-ADAccountPassword -Identity {user} -Reset"
_NEVER = "Set-ADUser -Identity {user} -PasswordNeverExpires $true"
_ENABLED = "a user that is enabled, not locked and not expired"

_USER = {
    KdcReason.WRONG_PASSWORD: _Meaning(
        "the secret's password for {principal} is wrong",
        "the user's current password",
        "Most likely the user's password was changed in the AD and not in the secret: see when it was set, and put the "
        "current one into the secret (or set the user's password to the secret's). Else it was mistyped, or domainName "
        "names a domain with another user of this name. This run made one failed logon, and makes no other for this "
        "user.",
        ("Get-ADUser {user} -Properties PasswordLastSet,LastBadPasswordAttempt -Server {domain}", _PUT),
    ),
    KdcReason.UNKNOWN_CLIENT: _Meaning(
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
    KdcReason.DISABLED: _Meaning(
        "the user {principal} is disabled", _ENABLED, "Enable the user.", ("Enable-ADAccount -Identity {user}",)
    ),
    KdcReason.LOCKED: _Meaning(
        "the user {principal} is locked after too many wrong passwords",
        _ENABLED,
        "Find what logs on with an old password (mostly a stale secret; event 4740 of the PDC emulator names the "
        "machine), then unlock the user.",
        (
            "Get-ADUser {user} -Properties LockedOut,AccountLockoutTime,BadLogonCount",
            "Unlock-ADAccount -Identity {user}",
        ),
    ),
    KdcReason.ACCOUNT_EXPIRED: _Meaning(
        "the account {principal} has expired",
        _ENABLED,
        "Set the account's expiry date later, or remove it.",
        ("Clear-ADAccountExpiration -Identity {user}",),
    ),
    KdcReason.REVOKED: _Meaning(
        "the user {principal} is disabled, locked or expired; the KDC does not say which",
        _ENABLED,
        "See which it is, and mend that.",
        ("Get-ADUser {user} -Properties Enabled,LockedOut,AccountExpirationDate",),
    ),
    KdcReason.PASSWORD_EXPIRED: _Meaning(
        "the password of {principal} has expired, or must be changed at the next logon",
        "a password that does not expire",
        "Set a new password, let it never expire, and put it into the secret.",
        (_EXPIRY, _RESET, _NEVER, _PUT),
    ),
    KdcReason.PASSWORD_TOO_OLD: _Meaning(
        "the password of {principal} has expired",
        "a password that does not expire",
        "Set a new password, let it never expire, and put it into the secret.",
        (_EXPIRY, _RESET, _NEVER, _PUT),
    ),
    KdcReason.MUST_CHANGE: _Meaning(
        "{principal} must change its password at the next logon, which nobody does for a task",
        "a user without that demand",
        "Most likely the user is new, or an administrator has just set its password: take the demand off (or set a new "
        "password without it), and see that the secret holds the same password.",
        ("Set-ADUser -Identity {user} -ChangePasswordAtLogon $false -PasswordNeverExpires $true", _PUT),
    ),
    KdcReason.SMART_CARD: _Meaning(
        "{principal} may log on with a smart card only",
        "a user that logs on with a password",
        "Take the demand for a smart card off the user; then set a new password, for AD has put a random one in its "
        "place, and put it into the secret.",
        ("Set-ADUser -Identity {user} -SmartcardLogonRequired $false", _RESET, _PUT),
    ),
    KdcReason.LOGON_HOURS: _Meaning(
        "the user {principal} may not log on at this hour",
        "a user without restricted logon hours",
        "Take the logon hours off the user.",
        ("Set-ADUser -Identity {user} -Clear logonHours",),
    ),
    KdcReason.POLICY: _Meaning(
        "a policy of the AD does not let {principal} log on from here",
        "a user without logon restrictions",
        "Most likely the user may log on from certain workstations only, which no Linux client is; else an "
        "authentication policy or silo holds it. Take that off the user.",
        (
            "Get-ADUser {user} -Properties LogonWorkstations,msDS-AssignedAuthNPolicy,msDS-AssignedAuthNPolicySilo",
            "Set-ADUser -Identity {user} -Clear userWorkstations",
        ),
    ),
    KdcReason.NO_ENCTYPE: _Meaning(
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
    KdcReason.PREAUTH_UNSUPPORTED: _Meaning(
        "the KDC wants another proof than a password from {principal} (a smart card, most likely)",
        "a user that logs on with a password",
        "Take the demand for a smart card off the user.",
        ("Set-ADUser -Identity {user} -SmartcardLogonRequired $false",),
    ),
    KdcReason.WRONG_REALM: _Meaning(
        "the domain controllers that DNS names do not serve the realm of {principal}",
        "domainName: the DNS name of the AD domain",
        "Set domainName in the secret to the AD domain's full DNS name.",
        (_PUT,),
    ),
    KdcReason.CLOCK_SKEW: _Meaning(
        "the clocks of the KDC and of this machine are too far apart for {principal}",
        "clocks at most five minutes apart",
        "Mend the time source of the one that is wrong; kerberos.clock compares them.",
    ),
}
_NOT_THIS_USER = (KdcReason.UNKNOWN_CLIENT, KdcReason.WRONG_PASSWORD)
_IS_THE_GMSA = _Meaning(
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
        _Meaning(
            "the gMSA {principal} is disabled",
            "an enabled gMSA",
            "Enable it.",
            ("Set-ADServiceAccount -Identity {user} -Enabled $true",),
        ),
    ),
    KdcReason.LOCKED: _Meaning(
        "the gMSA {principal} is locked after too many wrong passwords",
        "a gMSA that is not locked",
        "Find what logs on as it with an old password (event 4740 of the PDC emulator names the machine), then unlock "
        "it.",
        ("Unlock-ADAccount -Identity {account}",),
    ),
    KdcReason.ACCOUNT_EXPIRED: _Meaning(
        "the account of the gMSA {principal} has expired",
        "a gMSA without an expiry date",
        "Take the expiry date off.",
        ("Clear-ADAccountExpiration -Identity {account}",),
    ),
    KdcReason.WRONG_PASSWORD: _Meaning(
        "the KDC does not accept the password that the AD just gave for {principal}",
        "domain controllers that agree on the gMSA's password",
        "Most likely the password has just changed, or the domain controllers have not replicated; check replication, "
        "then try again.",
        ("repadmin /replsummary", "Test-ADServiceAccount {user}"),
    ),
    KdcReason.UNKNOWN_CLIENT: _Meaning(
        "the AD knows no account {principal}",
        "a gMSA whose sAMAccountName is its CN with $",
        "Give the gMSA a sAMAccountName that is its CN with $, or name the sAMAccountName in the CredSpec.",
        ("Get-ADServiceAccount {user} -Properties sAMAccountName",),
    ),
    KdcReason.NO_ENCTYPE: _Meaning(
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
    words = {"principal": account.principal, "domain": account.domain.text}
    name = escape_filter(account.user)
    names = {
        "user": powershell(account.user),
        "catalog": powershell(f"{account.domain.text}:3268"),
        "filter": powershell(f"(|(sAMAccountName={name})(userPrincipalName={name}@*)(displayName={name}))"),
        "domain": powershell(account.domain.text),
        "secret": posix(account.arn),
    }
    meaning = _USER.get(refusal.reason)
    if gmsa and gmsa.names(account.user) and refusal.reason in _NOT_THIS_USER:
        words, meaning = {**words, "gmsa": gmsa.text}, _IS_THE_GMSA
    finding = _explain(refusal, meaning, words, names, texts.USER_TICKET)
    return _as_seen(finding, administrator) if administrator else finding


def _as_seen(finding: Finding, administrator: Administrator) -> Finding:
    """With the attributes of the user's entry, and those among them that forbid a logon."""
    user, now = administrator.entry, datetime.now(UTC)
    if user is None:
        seen = "; ".join(administrator.near) or "nor a user of which anything else has that name"
        return replace(finding, observed=f"{finding.observed}; {administrator.principal} sees no such user: {seen}")
    reasons = "; ".join(user.forbids(now)) or "nothing that forbids a logon"
    return replace(
        finding,
        observed=f"{finding.observed}; {administrator.principal} sees: {reasons}",
        rows=user.rows(now),
    )


def explain_gmsa_refusal(refusal: KdcRefusal, principal: str) -> Finding:
    """The finding for a logon of the gMSA that the KDC refused."""
    account = principal.rpartition("@")[0]
    names = {"user": powershell(account.removesuffix("$")), "account": powershell(account)}
    return _explain(refusal, _GMSA.get(refusal.reason), {"principal": principal}, names, texts.GMSA_TICKET)


def _explain(
    refusal: KdcRefusal, meaning: _Meaning | None, words: dict[str, str], names: dict[str, str], shows: ShowsAs
) -> Finding:
    if meaning is None:
        return unknown(
            f"the KDC gave no ticket for {words['principal']}: {refusal.text}",
            observed=f"{refusal.reason} ({refusal.code})",
            fix=Fix("See the domain controller's own event log (Security, 4768 and 4771) for this logon."),
        )
    commands = tuple(one.format(**names) for one in meaning.commands)
    return failed(
        meaning.summary.format(**words),
        observed=refusal.text,
        expected=meaning.expected.format(**words),
        fix=Fix(meaning.fix.format(**words), commands),
        shows_as=shows,
    )
