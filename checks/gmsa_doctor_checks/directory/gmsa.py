"""The gMSA as an AD administrator sees it: encryption types, the age of its password, KDS root key, host name."""

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
    warned,
)
from gmsa_doctor.clients.ldap.forest import RootKey, root_keys
from gmsa_doctor.formats.ad import filetime, group_key
from gmsa_doctor.formats.ad.supported_encryption_types import AES, named, words
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.active_directory.user_entry import Administrator, utc
from gmsa_doctor_checks.commands import powershell
from gmsa_doctor_checks.kerberos.tickets import gmsa_ticket
from gmsa_doctor_checks.values import BoundDirectory, GmsaAccount, GmsaEncryption, GmsaPassword


@check(
    "gmsa.encryption-types",
    title="The gMSA may use AES",
    cause=Cause.CREDENTIALS,
    docs=links.ENCRYPTION_TYPES,
    shows=(texts.GMSA_TICKET, texts.CATCH_ALL),
)
def encryption_types(gmsa: GmsaAccount) -> Result[GmsaEncryption]:
    """Reads the gMSA's `msDS-SupportedEncryptionTypes`.

    Why: Credentials Fetcher turns the password into UTF-8, which AES keys are made of. RC4's key is made of the
    password as it is, so with RC4 alone the logon always fails; DES is gone everywhere.

    Fix: let the gMSA use AES.
    """
    types = named(gmsa.encryption_types)
    if gmsa.encryption_types is None or types is None:
        return Given(GmsaEncryption(), passed("not set: the domain controllers' default counts"))
    if types & AES:
        return Given(GmsaEncryption(), passed(words(gmsa.encryption_types)))
    failure = failed(
        f"{gmsa.name} may not use AES, only {words(types)}: Credentials Fetcher cannot log on as it",
        observed=f"msDS-SupportedEncryptionTypes {words(gmsa.encryption_types)}",
        expected="AES128 and AES256 (0x18)",
        fix=Fix("Let the gMSA use AES.", (f"{_set(gmsa)} -KerberosEncryptionType AES128,AES256",)),
        shows_as=texts.GMSA_TICKET,
    )
    return deferred_to(gmsa_ticket, failure)


@check("gmsa.rotation", title="The gMSA's password is made, and changes in time", docs=links.MANAGED_PASSWORD)
def rotation(gmsa: GmsaAccount) -> Finding:
    """Tells when the gMSA's password was set, and when it will change next.

    Why: the domain controllers change it by themselves, when they are asked for it after its interval; from then on a
    ticket is got with the new one. What has kept the old one fails: a keytab, or a password that was copied.

    Fix: nothing as a rule. A password that was never set comes of a gMSA that was not made with New-ADServiceAccount.
    """
    interval = f"it changes every {gmsa.interval_days} days" if gmsa.interval_days else "how often it changes is hidden"
    if gmsa.password_set is None:
        return passed(f"when the password of {gmsa.name} was set is not shown; {interval}")
    since = filetime.instant(gmsa.password_set)
    if since is None:
        return warned(
            f"the password of {gmsa.name} has never been set",
            observed=f"pwdLastSet {gmsa.password_set}",
            expected="a password that the domain controllers have made",
            fix=Fix(
                "See that a KDS root key is in effect; if the domain controllers then give no password, make it anew.",
                ("Get-KdsRootKey | Select-Object KeyId,EffectiveTime", f"Test-ADServiceAccount {_name(gmsa)}"),
            ),
        )
    if not gmsa.interval_days:
        return passed(f"set on {utc(since)}; {interval}")
    then = since + timedelta(days=gmsa.interval_days)
    when = "next" if then > datetime.now(UTC) else "overdue since"
    return passed(f"set on {utc(since)}; {interval}, {when} about {utc(then)}")


@check("gmsa.kds-root-key", title="The KDS root key of the gMSA's password is in effect", docs=links.KDS_ROOT_KEY)
def kds_root_key(
    gmsa: GmsaAccount, password: GmsaPassword, bound: BoundDirectory, administrator: Outcome[Administrator]
) -> Finding:
    """Reads which KDS root key the password was made with, and looks for that key.

    Why: the password of a gMSA is not stored, but made of a KDS root key. A domain controller that has forgotten a key
    which was deleted cannot make it any more. The keys are shown to administrators only: see `--as`.

    Fix: restore the KDS root key; or make a new one, wait ten hours, and make the gMSA anew.
    """
    try:
        key = group_key.parse(gmsa.password_id) if gmsa.password_id else None
    except group_key.EnvelopeError:
        key = None
    if key is None:
        return passed(f"a domain controller has made the password of {password.account}; of which key is not shown")
    asked = administrator.value.directory if administrator.value else bound.directory
    return judge_root_key(key.root_key, root_keys(asked), datetime.now(UTC))


def judge_root_key(used: str, keys: tuple[RootKey, ...], now: datetime) -> Finding:
    """The finding for the root key that was used, and the keys that are shown; without any, they are hidden."""
    if not keys:
        return passed(f"made with the root key {used}; the keys themselves are shown to administrators only")
    key = next((key for key in keys if key.id == used), None)
    if key is None:
        summary = (
            f"the KDS root key {used}, of which the password is made, is not there: a domain controller that has "
            "forgotten it cannot make the password any more"
        )
        observed, expected = "; ".join(shown.id for shown in keys), used
    elif key.effective and key.effective > now:
        summary = f"the KDS root key {used} is in effect from {utc(key.effective)} on only"
        observed, expected = utc(key.effective), "a root key that is in effect"
    else:
        since = f", in effect since {utc(key.effective)}" if key.effective else ""
        return passed(f"made with the root key {used}{since}")
    fix = Fix(
        "Restore the KDS root key; or make a new one, wait ten hours, and make the gMSA anew.",
        ("Get-KdsRootKey | Select-Object KeyId,CreationTime,EffectiveTime",),
    )
    return warned(summary, observed=observed, expected=expected, fix=fix)


@check("gmsa.dns-host-name", title="The gMSA has a DNS host name", docs=links.GMSA_ACCOUNTS)
def dns_host_name(gmsa: GmsaAccount) -> Finding:
    """Reads the gMSA's `dNSHostName`.

    Why: New-ADServiceAccount demands one, so a gMSA without it was made or changed by other means. It may not register
    SPNs of that name for itself.

    Fix: set it.
    """
    if gmsa.host:
        return passed(gmsa.host)
    return warned(
        f"{gmsa.name} has no dNSHostName; it was made or changed by other means than New-ADServiceAccount",
        expected="the DNS name of the service",
        fix=Fix("Set it.", (f"{_set(gmsa)} -DNSHostName {powershell('<host>')}",)),
    )


def _name(gmsa: GmsaAccount) -> str:
    return powershell(gmsa.name.removesuffix("$"))


def _set(gmsa: GmsaAccount) -> str:
    return f"Set-ADServiceAccount -Identity {_name(gmsa)}"
