"""The gMSA as an AD administrator sees it: encryption types, the age of its password, KDS root key, host name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from gmsa_doctor.authoring import (
    Cause,
    Finding,
    Fix,
    Outcome,
    Status,
    check,
    deferred_to,
    passed,
    warned,
)
from gmsa_doctor.clients.ldap.forest import RootKey, root_keys
from gmsa_doctor.formats.ad import filetime, group_key
from gmsa_doctor.formats.ad.cmdlets import ADD_ROOT_KEY, SHOW_ROOT_KEYS
from gmsa_doctor.formats.ad.supported_encryption_types import AES, named, words
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.active_directory.administrator import Administrator
from gmsa_doctor_checks.active_directory.user_entry import utc
from gmsa_doctor_checks.commands import powershell
from gmsa_doctor_checks.values import BoundDirectory, GmsaAccount, GmsaPassword, GmsaTicket


@check(
    "gmsa.encryption-types",
    title="The gMSA's encryption types do not prevent its logon",
    cause=Cause.CREDENTIALS,
    docs=links.ENCRYPTION_TYPES,
    shows=(texts.GMSA_TICKET, texts.CATCH_ALL),
)
def encryption_types(gmsa: GmsaAccount, ticket: Outcome[GmsaTicket]) -> Finding:
    """Reads the gMSA's `msDS-SupportedEncryptionTypes`. The logon itself decides: `kerberos.gmsa-ticket`.

    Why: the attribute limits the tickets that others get *for* the gMSA, not its own logon (MS-ADA2 2.481, MS-KILE
    3.3.5.6). If the gMSA has no AES key, its logon fails: Credentials Fetcher converts the password to UTF-8, from
    which AES keys are derived; the RC4 key is derived from the password without that conversion.

    Fix: If the logon fails, allow AES for the gMSA.
    """
    return judge_types(gmsa.encryption_types, ticket)


def judge_types(value: int | None, ticket: Outcome[Any]) -> Finding:
    """The finding for an account's encryption types, given its own logon."""
    types = named(value)
    if value is None or types is None:
        return passed("not set; the domain controllers' default applies")
    if types & AES:
        return passed(words(value))
    if ticket.finding.status is Status.FAIL:
        return deferred_to(ticket.finding)
    return passed(f"{words(value)}: limits tickets for services of the account, not its own logon")


@check("gmsa.rotation", title="The gMSA's password was set", docs=links.MANAGED_PASSWORD)
def rotation(gmsa: GmsaAccount) -> Finding:
    """Reports when the gMSA's password was set, and when its next rotation is due.

    Why: the domain controllers rotate the password when it is read after its interval has passed. From then on, only
    the new password gets a ticket, and anything that kept the old one fails: a keytab, or a copied password.

    Fix: Usually none is needed. If the password was never set, re-create the gMSA with New-ADServiceAccount.
    """
    interval = f"rotates every {gmsa.interval_days} days" if gmsa.interval_days else "rotation interval not shown"
    if gmsa.password_set is None:
        return passed(f"pwdLastSet of {gmsa.name} is not shown; {interval}")
    since = filetime.instant(gmsa.password_set)
    if since is None:
        return warned(
            f"the password of {gmsa.name} has never been set",
            observed=f"pwdLastSet {gmsa.password_set}",
            expected="a password that the domain controllers have generated",
            fix=Fix(
                "Make sure that a KDS root key is effective. If the password still cannot be read, re-create the gMSA.",
                (SHOW_ROOT_KEYS,),
            ),
        )
    if not gmsa.interval_days:
        return passed(f"set on {utc(since)}; {interval}")
    then = since + timedelta(days=gmsa.interval_days)
    due = "next rotation" if then > datetime.now(UTC) else "rotation overdue since"
    return passed(f"set on {utc(since)}; {interval}, {due} about {utc(then)}")


@check("gmsa.kds-root-key", title="The gMSA's KDS root key exists and is effective", docs=links.KDS_ROOT_KEY)
def kds_root_key(
    gmsa: GmsaAccount, password: GmsaPassword, bound: BoundDirectory, administrator: Outcome[Administrator]
) -> Finding:
    """Reads which KDS root key generated the current password, and looks up that key.

    Why: the password of a gMSA is not stored, but computed from a KDS root key. If that key is deleted, a domain
    controller that does not have it cached cannot compute the password. Only administrators can read the keys: see
    `--as`.

    Fix: Restore the KDS root key. Or create a new one, wait ten hours, and re-create the gMSA.
    """
    try:
        key = group_key.parse(gmsa.password_id) if gmsa.password_id else None
    except group_key.EnvelopeError:
        key = None
    if key is None:
        return passed(
            f"the password of {password.account} exists; the AD does not show which KDS root key it was made with"
        )
    directory = administrator.value.directory if administrator.value else bound.directory
    return judge_root_key(key.root_key, root_keys(directory), datetime.now(UTC))


def judge_root_key(used: str, keys: tuple[RootKey, ...], now: datetime) -> Finding:
    """The finding for the root key that was used, and the keys that the AD shows; none if they are hidden."""
    if not keys:
        return passed(f"computed from KDS root key {used}; only administrators can read the keys")
    key = next((key for key in keys if key.id == used), None)
    if key is None:
        summary = (
            f"KDS root key {used}, which generated the current password, no longer exists. A domain controller that "
            "does not have it cached cannot compute the password"
        )
        observed, expected = "; ".join(shown.id for shown in keys), used
    elif key.effective and key.effective > now:
        summary = f"KDS root key {used}, which generated the current password, is not effective before "
        summary += utc(key.effective)
        observed, expected = utc(key.effective), "a root key that is effective"
    else:
        since = f", effective since {utc(key.effective)}" if key.effective else ""
        return passed(f"computed from KDS root key {used}{since}")
    fix = Fix(
        "Restore the KDS root key. Or create a new one, wait ten hours, and re-create the gMSA.",
        (SHOW_ROOT_KEYS, ADD_ROOT_KEY),
    )
    return warned(summary, observed=observed, expected=expected, fix=fix)


@check("gmsa.dns-host-name", title="The gMSA has a DNS host name", docs=links.GMSA_ACCOUNTS)
def dns_host_name(gmsa: GmsaAccount) -> Finding:
    """Reads the gMSA's `dNSHostName`.

    Why: New-ADServiceAccount requires one, so a gMSA without it was created or changed with another tool. Such a gMSA
    cannot register SPNs with that name for itself.

    Fix: Set dNSHostName.
    """
    if gmsa.host:
        return passed(gmsa.host)
    return warned(
        f"{gmsa.name} has no dNSHostName; it was created or changed with a tool other than New-ADServiceAccount",
        expected="the DNS name of the service",
        fix=Fix("Set dNSHostName.", (f"{_set(gmsa)} -DNSHostName {powershell('<host>')}",)),
    )


def _set(gmsa: GmsaAccount) -> str:
    return f"Set-ADServiceAccount -Identity {powershell(gmsa.name.removesuffix('$'))}"
