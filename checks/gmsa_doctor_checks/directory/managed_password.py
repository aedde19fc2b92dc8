"""What Credentials Fetcher asks the directory: a sealed bind, the gMSA, its password."""

from __future__ import annotations

from datetime import UTC, datetime

from gmsa_doctor.authoring import Cause, Finding, Fix, Given, Outcome, Result, check, failed, passed, unknown, warned
from gmsa_doctor.clients.kerberos.logon import Kdc, KdcReason, KdcRefusal, Kerberos
from gmsa_doctor.clients.ldap import forest
from gmsa_doctor.clients.ldap.directory import Ldap, LdapRefusal
from gmsa_doctor.clients.ldap.forest import RootKey
from gmsa_doctor.core.errors import ClientError, Refused, TimedOut, Unreachable
from gmsa_doctor.formats.ad import managed_password
from gmsa_doctor.formats.fetcher import Fetcher
from gmsa_doctor.given.subject import Platform
from gmsa_doctor.given.vantage import Vantage
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import powershell
from gmsa_doctor_checks.directory.gmsa_account import GMSA_CLASS
from gmsa_doctor_checks.directory.permission import not_permitted
from gmsa_doctor_checks.directory.user.entry import Administrator, utc
from gmsa_doctor_checks.silence import judge_silence
from gmsa_doctor_checks.values import (
    Account,
    BoundDirectory,
    Endpoint,
    GmsaAccount,
    GmsaPassword,
    ReachableLdap,
    UserTicket,
)

CONTROLLERS_TRIED = 2
STRONGER_AUTH_REQUIRED = 8
INSUFFICIENT_RIGHTS = 50
NOT_NOW = (3, 11, 51, 52)
"""timeLimitExceeded, adminLimitExceeded, busy, unavailable (RFC 4511 4.1.9): another time it may answer."""


@check(
    "directory.bind",
    title="A domain controller accepts the sealed LDAP logon",
    cause=Cause.CREDENTIALS,
    docs=links.LDAP_SIGNING,
    shows=(texts.BIND, texts.NO_DC_ANSWERS, texts.CATCH_ALL, *texts.KERBEROS_SERVICE),
)
def bind(
    ticket: UserTicket, controllers: ReachableLdap, ldap: Ldap, kerberos: Kerberos, vantage: Vantage
) -> Result[BoundDirectory]:
    """Logs on to LDAP (port 389) with the user's ticket, signed and sealed, by the name that the SRV record gives.

    Why: the ticket for LDAP is asked for under that name. A domain controller without the SPN `ldap/<name>`, or a
    record that names an alias, ends here: "Server not found in Kerberos database".

    Fix: let the SRV records name the domain controllers' own names, and register their `ldap/` SPNs.
    """
    troubles: list[tuple[Endpoint, ClientError]] = []
    kdc = Kdc(ticket.kdc.address, ticket.kdc.port)
    for endpoint in controllers.endpoints[:CONTROLLERS_TRIED]:
        try:
            directory = ldap.bind(endpoint.host, endpoint.address, ticket.ticket, kdc, endpoint.port)
        except (KdcRefusal, LdapRefusal, Refused, TimedOut, Unreachable) as error:
            troubles.append((endpoint, error))
            continue
        value = BoundDirectory(endpoint.host, directory, endpoint.address)
        # domain-controllers.bind tells of each that does not let us in
        besides = f"; not to {', '.join(one.host for one, _ in troubles)}" if troubles else ""
        return Given(value, passed(f"bound to {endpoint.host} as {ticket.principal}, signed and sealed{besides}"))
    first, trouble = troubles[0]
    finding = _no_bind(first, trouble)
    answered = isinstance(trouble, KdcRefusal | LdapRefusal)
    return finding if answered else judge_silence(finding, vantage)


def _no_bind(endpoint: Endpoint, error: ClientError) -> Finding:
    return failed(
        bind_trouble(endpoint, error),
        observed=error.text,
        expected=f"a sealed LDAP bind to {endpoint.host}",
        fix=bind_fix(endpoint, error),
        shows_as=texts.BIND,
    )


def bind_trouble(endpoint: Endpoint, error: ClientError) -> str:
    """Why a domain controller does not let the user in, in words."""
    if isinstance(error, KdcRefusal) and error.reason is KdcReason.UNKNOWN_SERVICE:
        return f"the AD has no SPN ldap/{endpoint.host}: the SRV record names an alias, or the SPN is missing"
    if isinstance(error, KdcRefusal) and error.reason is KdcReason.NOT_UNIQUE:
        return f"more than one account has the SPN ldap/{endpoint.host}"
    if isinstance(error, KdcRefusal) and error.reason is KdcReason.CLOCK_SKEW:
        return f"the clock of {endpoint.host} is too far from that of the KDC that gave the ticket"
    if isinstance(error, KdcRefusal) and error.reason is KdcReason.TICKET_REJECTED:
        return f"{endpoint.host} does not take the ticket for ldap/{endpoint.host}: it has another key, or another time"
    if isinstance(error, LdapRefusal) and error.code == STRONGER_AUTH_REQUIRED:
        return f"{endpoint.host} demands more than a signed and sealed bind: {error.server_text}"
    if isinstance(error, LdapRefusal):
        return f"{endpoint.host} refuses the LDAP logon: {error.text}"
    return f"no LDAP session with {endpoint.host}: {error.text}"


def bind_fix(endpoint: Endpoint, error: ClientError) -> Fix:
    """What mends that."""
    if isinstance(error, KdcRefusal) and error.reason is KdcReason.CLOCK_SKEW:
        return Fix(
            f"Let {endpoint.host} and the KDC take their time from the same source; kerberos.clock compares them.",
            ("w32tm /query /status", "w32tm /resync /rediscover"),
        )
    if isinstance(error, KdcRefusal) and error.reason is KdcReason.TICKET_REJECTED:
        return Fix(
            f"See that {endpoint.host} itself has the SPN, that it replicates, and that its clock is right.",
            (f"setspn -Q {powershell(f'ldap/{endpoint.host}')}", "repadmin /showrepl", "w32tm /query /status"),
        )
    if isinstance(error, KdcRefusal):
        spn = powershell(f"ldap/{endpoint.host}")
        return Fix(
            f"Let the SRV record name the domain controller's own name, or register ldap/{endpoint.host} for it.",
            (f"setspn -Q {spn}", f'setspn -S {spn} "<domain controller>"'),
        )
    if isinstance(error, LdapRefusal):
        return Fix(
            "See in its log what the domain controller demands of LDAP clients (LDAP signing, channel binding).",
            ("Get-ItemProperty HKLM:\\SYSTEM\\CurrentControlSet\\Services\\NTDS\\Parameters",),
        )
    return Fix(
        f"Check that the directory service of {endpoint.host} runs, and what stands between on port {endpoint.port}."
    )


# Its password ---------------------------------------------------------------------------------------


@check(
    "directory.managed-password",
    title="The user may retrieve the gMSA's password",
    cause=Cause.CREDENTIALS,
    docs=links.GMSA_ACCOUNTS,
    shows=(texts.NO_PASSWORD_ATTRIBUTE, texts.BLOB, texts.BLOB_BASE64, texts.CATCH_ALL),
)
def retrieve_password(
    bound: BoundDirectory,
    gmsa: GmsaAccount,
    account: Account,
    platform: Platform,
    administrator: Outcome[Administrator],
) -> Result[GmsaPassword]:
    """Reads `msDS-ManagedPassword`, as Credentials Fetcher does; if it is not given, says who may have it.

    Why: the AD gives it to the principals in PrincipalsAllowedToRetrieveManagedPassword only, and to others acts as if
    the attribute were not there. A user that was just put into a group needs a new ticket.

    Fix: put the secret's user into a group that is allowed. `Set-ADServiceAccount` would replace the whole list.
    """
    try:
        (entry,) = bound.directory.search(gmsa.dn, f"(objectClass={GMSA_CLASS})", ("msDS-ManagedPassword",), "base")
    except LdapRefusal as error:
        if error.code in NOT_NOW:
            raise
        if (
            not gmsa.membership or error.code == INSUFFICIENT_RIGHTS
        ):  # Samba refuses where Active Directory gives nothing
            return not_permitted(bound.directory, gmsa, account)
        asked = administrator.value.directory if administrator.value else bound.directory
        return _refused(error, gmsa, forest.root_keys(asked), datetime.now(UTC))
    blob = entry.first("msDS-ManagedPassword")
    if blob is None:
        return not_permitted(bound.directory, gmsa, account)
    try:
        password = managed_password.parse(blob)
    except managed_password.BlobError as error:
        return unknown(
            f"the domain controller gave a password that cannot be decoded: {error}",
            fix=Fix("Try another domain controller; see whether this one is healthy.", ("dcdiag",)),
        )
    value = GmsaPassword(gmsa.name, password.utf8())
    if password.has_newline and Fetcher.V1_3 in platform.fetchers:
        return Given(value, _newline(gmsa))
    return Given(value, passed(f"{account.user} may retrieve the password of {gmsa.name}"))


def _newline(gmsa: GmsaAccount) -> Finding:
    return warned(
        f"the current password of {gmsa.name} holds a newline, which breaks Credentials Fetcher 1.3 until it changes",
        expected="Credentials Fetcher 2.x, or the gMSA's next password",
        fix=Fix("Update Credentials Fetcher on the instances to 2.x."),
    )


def _refused(error: LdapRefusal, gmsa: GmsaAccount, keys: tuple[RootKey, ...], now: datetime) -> Finding:
    late = [one.effective for one in keys if one.effective and one.effective > now]
    if "Master Root Keys" in error.server_text:
        reason, fix = "the KDS root key that it was made with is gone", "Restore the KDS root key, or make a new one, "
    elif late and len(late) == len(keys):
        reason, fix = f"no KDS root key is in effect before {utc(min(late))}", "Wait until then, or make another key, "
    else:
        reason = error.server_text or error.text
        fix = "Most likely the KDS root key is gone or not yet in effect (see the domain controller's log): make one, "
    return failed(
        f"the domain controller cannot make the password of {gmsa.name}: {reason}",
        observed=error.text,
        expected="msDS-ManagedPassword",
        fix=Fix(
            f"{fix}wait ten hours until each domain controller has it, and make the gMSA anew if it has no password.",
            ("Get-KdsRootKey | Select-Object KeyId,CreationTime,EffectiveTime", "Add-KdsRootKey -EffectiveImmediately"),
        ),
        shows_as=texts.NO_PASSWORD_ATTRIBUTE,
    )
