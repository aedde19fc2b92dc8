"""The live flow's tickets: for the secret's user, for the gMSA, and for the services it will talk to."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from gmsa_doctor.authoring import (
    Cause,
    Finding,
    Fix,
    Given,
    Outcome,
    Result,
    Row,
    Status,
    Stop,
    check,
    failed,
    passed,
    skipped,
    stands_behind,
    unknown,
    warned,
)
from gmsa_doctor.clients.kerberos.logon import Kdc, KdcReason, KdcRefusal, Kerberos, ServiceTicket, Ticket
from gmsa_doctor.core.errors import ClientError, Refused, TimedOut, Unreachable
from gmsa_doctor.core.limits import each
from gmsa_doctor.given.vantage import ServiceNames, Vantage
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import posix, powershell
from gmsa_doctor_checks.directory.gmsa import GmsaEncryption
from gmsa_doctor_checks.directory.user.entry import Administrator
from gmsa_doctor_checks.domain_controllers.root_dse import RootDses
from gmsa_doctor_checks.kerberos.logon import explain_gmsa_refusal, explain_user_refusal
from gmsa_doctor_checks.silence import judge_silence
from gmsa_doctor_checks.sql_server.refusal import with_holders
from gmsa_doctor_checks.sql_server.values import ServiceTickets, SqlServers
from gmsa_doctor_checks.values import (
    Account,
    BoundDirectory,
    Endpoint,
    GmsaNames,
    GmsaPassword,
    GmsaTicket,
    ReachableKdcs,
    UserTicket,
)

T = TypeVar("T")

KDCS_TRIED = 2
"""KDCs that are asked for one ticket, at most: each may cost the whole limit of a call."""

SKEW_SECONDS = 300
"""What AD allows by default. Source: MS-KILE 3.1.1.2 and the policy "Maximum tolerance for clock sync"."""


@check(
    "kerberos.user-ticket",
    title="The secret's user gets a Kerberos ticket",
    cause=Cause.CREDENTIALS,
    docs=links.GMSA_TROUBLE,
    shows=(texts.USER_TICKET, texts.CATCH_ALL, *texts.KERBEROS_LOGON),
)
def user_ticket(
    account: Account,
    kdcs: ReachableKdcs,
    kerberos: Kerberos,
    vantage: Vantage,
    names: Outcome[GmsaNames],
    administrator: Outcome[Administrator],
) -> Result[UserTicket]:
    """Logs on to the AD as the secret's user, once, as Credentials Fetcher does.

    Why: with this ticket the gMSA's password is read. A password that was changed in the AD and not in the
    secret, a disabled, locked or expired user all end here, and Credentials Fetcher tells none from another.

    Fix: as the KDC's answer says: put the user's current password into the secret, or enable or unlock the user.
    """

    def logon(kdc: Kdc) -> Ticket:
        return kerberos.user_ticket(account.user, account.domain.realm, account.password, kdc)

    try:
        ticket, kdc, mute = from_first(kdcs, logon)
    except KdcRefusal as refusal:
        gmsa = names.value.gmsa if names.value else None
        return explain_user_refusal(refusal, account, gmsa, administrator.value)
    except (TimedOut, Refused, Unreachable) as error:
        return judge_silence(_no_kdc(error), vantage)
    summary = f"{account.principal} got a ticket from {kdc.host}, good for {_hours(ticket.lifetime)}"
    return Given(UserTicket(account.principal, ticket, kdc), _with_mute(summary, mute))


@check(
    "kerberos.clock",
    title="The domain controllers' clocks agree with ours",
    docs=links.CLOCK,
    shows=(texts.CLOCK_SKEW,),
)
def clock(dses: RootDses) -> Finding:
    """Compares the time of each domain controller (`currentTime` of its rootDSE) with ours and with each other's.

    Why: Kerberos allows five minutes. Credentials Fetcher's library adjusts to the clock of the KDC that it asked, so
    a difference from ours stops no task, though the application's own Kerberos client may refuse. Nothing adjusts
    domain controllers to each other: a ticket of one is refused by the other ("Ticket not yet valid", "Clock skew
    too great"), and which one gives the ticket and which one takes it is chance.

    Fix: let the domain controllers take their time from a reliable source; on AWS, 169.254.169.123.
    """
    seconds = [(endpoint, dse, dse.seconds_ahead) for endpoint, dse in dses.answers]
    rows = tuple(
        Row(str(endpoint), Status.WARN if abs(ahead) > SKEW_SECONDS else Status.PASS, f"{ahead:+.0f} s")
        for endpoint, _, ahead in seconds
    )
    endpoint, dse, ahead = max(seconds, key=lambda one: abs(one[2]))
    clocks = sorted((dse.seconds_ahead, one.host) for one, dse in dses.of_domain)
    apart = clocks[-1][0] - clocks[0][0] if clocks else 0.0
    if max(abs(ahead), apart) <= SKEW_SECONDS:
        return passed("the domain controllers' clocks agree with ours", rows=rows)
    off = f"the clock of {endpoint.host} is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} ours"
    meaning = "Credentials Fetcher adjusts, other Kerberos clients may refuse"
    if apart > SKEW_SECONDS:
        meaning = (
            f"those of {clocks[-1][1]} and {clocks[0][1]} are {apart:.0f} s apart, to which nobody adjusts: the "
            "tickets of one are refused by the other, and which is asked is chance"
        )
    return warned(
        f"{off}; {meaning}",
        observed=f"{endpoint.host}: {dse.current_time:%Y-%m-%d %H:%M:%S} UTC; here: {dse.asked_at:%H:%M:%S} UTC",
        expected=f"at most {SKEW_SECONDS} s apart",
        fix=Fix("Mend the time source of the one that is wrong.", ("w32tm /query /status",)),
        rows=rows,
    )


@check(
    "kerberos.gmsa-ticket",
    title="The gMSA gets a Kerberos ticket",
    docs=links.GMSA_TROUBLE,
    shows=(texts.GMSA_TICKET, texts.CATCH_ALL),
)
def gmsa_ticket(
    password: GmsaPassword, kdcs: ReachableKdcs, kerberos: Kerberos, vantage: Vantage, encryption: GmsaEncryption
) -> Result[GmsaTicket]:
    """Logs on as the gMSA with the password that was read, as Credentials Fetcher does at last.

    Why: this ticket is what the container finds in its cache.

    Fix: as the KDC's answer says; mostly enable the gMSA, or let it use AES.
    """
    principal = f"{password.account}@{kdcs.domain.realm}"

    def logon(kdc: Kdc) -> Ticket:
        return kerberos.account_ticket(password.account, kdcs.domain.realm, password.password, kdc)

    try:
        ticket, kdc, mute = from_first(kdcs, logon)
    except KdcRefusal as refusal:
        return explain_gmsa_refusal(refusal, principal)
    except (TimedOut, Refused, Unreachable) as error:
        return judge_silence(_no_kdc(error), vantage)
    summary = f"{principal} got a ticket from {kdc.host}, good for {_hours(ticket.lifetime)}"
    return Given(GmsaTicket(principal, ticket, kdc), _with_mute(summary, mute))


@check(
    "kerberos.service-ticket",
    title="The gMSA gets a ticket for the service",
    docs=links.SPN,
    shows=(texts.SSPI, texts.SQL_SPN, *texts.KERBEROS_SERVICE),
)
def service_ticket(
    ticket: GmsaTicket,
    names: ServiceNames,
    kerberos: Kerberos,
    servers: Outcome[SqlServers],
    bound: Outcome[BoundDirectory],
) -> Result[ServiceTickets]:
    """Asks for a ticket for each SPN given with `--spn`, and for those of the connection strings, as the gMSA.

    One that is refused decides; what comes after goes on with those that there is a ticket for.

    Why: with a ticket for itself the container can do nothing; the SQL Server's SPN must be registered, on
    one account only, in exactly the form that the client asks for.

    Fix: register the SPN on the account that the SQL Server runs as, and let the application name the server
    by the same full name.
    """
    of_servers = tuple(one.spns for one in servers.value.servers) if servers.value else ()
    if not names.spns and not of_servers:
        return stands_behind([servers.finding]) if in_the_way(servers.finding) else no_service_named("check …")
    kdc = Kdc(ticket.kdc.address, ticket.kdc.port)
    wanted = tuple(dict.fromkeys([*names.spns, *(spn for spns in of_servers for spn in spns)]))
    answers = dict(each(wanted, lambda spn: kerberos.service_ticket(ticket.ticket, spn, kdc)))
    chosen = dict.fromkeys([*names.spns, *(_best(spns, answers) for spns in of_servers)])
    got = tuple(spn for spn in chosen if isinstance(answers[spn], ServiceTicket))
    try:
        finding = judge_services(ticket.principal, [(spn, answers[spn]) for spn in chosen], bound.value)
    except Stop as stop:
        finding = stop.finding
    return Given(ServiceTickets(got), finding) if got else finding


def in_the_way(finding: Finding) -> bool:
    """Whether it is a fault that keeps the SQL Servers from being known, and not that none was named."""
    return finding.status in (Status.FAIL, Status.UNKNOWN) or (
        finding.status is Status.SKIPPED and bool(finding.because)
    )


def _best(spns: tuple[str, ...], answers: dict[str, ServiceTicket | ClientError]) -> str:
    """Of the SPNs that a driver may ask for, one that there is a ticket for; else the first."""
    return next((one for one in spns if isinstance(answers[one], ServiceTicket)), spns[0])


def no_service_named(command: str) -> Finding:
    """The finding where no SPN was given to ask a ticket for."""
    option = f"--spn {posix('MSSQLSvc/<host>.<domain>:1433')}"
    return skipped("no service was named", fix=Fix("Name the SQL Server's SPN.", (f"gmsa-doctor {command} {option}",)))


def judge_services(
    principal: str, answers: list[tuple[str, ServiceTicket | ClientError]], bound: BoundDirectory | None = None
) -> Finding:
    """The finding for what the KDC answered to the principal, by SPN; with the directory, also who has the SPN."""
    rows = tuple(_service_row(spn, answer) for spn, answer in answers)
    refused = [(spn, one) for spn, one in answers if isinstance(one, KdcRefusal)]
    if refused:
        return with_holders(_explain_service_refusals(refused, rows), *refused[0], principal, bound)
    broken = [one for _, one in answers if isinstance(one, ClientError)]
    if broken:
        raise Stop(unknown(broken[0].text, rows=rows))
    return passed(f"{principal} got a ticket for {', '.join(spn for spn, _ in answers)}", rows=rows)


def from_first(kdcs: ReachableKdcs, ask: Callable[[Kdc], T]) -> tuple[T, Endpoint, tuple[ClientError, ...]]:
    """The ticket of the first KDC that answers, and the errors of those before it.

    A KDC that gave no answer to the first request has seen no password, so the next may be asked; the ledger of
    the Kerberos client refuses where that is not so.
    """
    mute: list[ClientError] = []
    for endpoint in kdcs.endpoints[:KDCS_TRIED]:
        try:
            return ask(Kdc(endpoint.address, endpoint.port)), endpoint, tuple(mute)
        except (TimedOut, Refused, Unreachable) as error:
            mute.append(error)
    raise mute[0]


def _with_mute(summary: str, mute: tuple[ClientError, ...]) -> Finding:
    if not mute:
        return passed(summary)
    return warned(
        f"{summary}; before it, {mute[0].text}",
        expected="an answer from each KDC",
        fix=Fix("Mend the domain controller that does not answer, or take its SRV records out of DNS."),
    )


def _no_kdc(error: ClientError) -> Finding:
    return failed(
        f"the port is open, but no KDC gives an answer: {error.text}",
        observed=error.text,
        expected="an answer to a Kerberos request",
        fix=Fix(
            "Check that a KDC, and not something else (a proxy, a firewall that accepts for others), stands behind the "
            "port, and that the Kerberos service of the domain controller runs."
        ),
        shows_as=texts.USER_TICKET,
    )


def _service_row(spn: str, answer: ServiceTicket | ClientError) -> Row:
    if isinstance(answer, ClientError):
        return Row(spn, Status.FAIL if isinstance(answer, KdcRefusal) else Status.UNKNOWN, answer.text)
    return Row(spn, Status.PASS, f"good for {_hours(answer.lifetime)}")


def _explain_service_refusals(refused: list[tuple[str, KdcRefusal]], rows: tuple[Row, ...]) -> Finding:
    spn, refusal = refused[0]
    fixes = {
        KdcReason.UNKNOWN_SERVICE: (
            f"no account in the AD has the SPN {spn}",
            Fix(
                "Register it on the account that the service runs as (the machine's own for a virtual account), in the "
                "form that the client asks for.",
                (
                    f"setspn -Q {powershell(spn)}",
                    f'setspn -S {powershell(spn)} "<DOMAIN\\service account>"',
                ),
            ),
        ),
        KdcReason.NOT_UNIQUE: (
            f"more than one account has the SPN {spn}",
            Fix(
                "Take it off all accounts but the one that the service runs as.",
                (f"setspn -Q {powershell(spn)}", "setspn -X"),
            ),
        ),
        KdcReason.NO_ENCTYPE: (
            f"the account with the SPN {spn} and the KDC have no encryption type in common with the gMSA",
            Fix("Let the service's account use AES (msDS-SupportedEncryptionTypes 0x18), then change its password."),
        ),
        KdcReason.SERVICE_REVOKED: (
            f"the account with the SPN {spn} is disabled or locked",
            Fix("Enable the account that the service runs as."),
        ),
    }
    summary, fix = fixes.get(
        refusal.reason, (f"the KDC gives no ticket for {spn}", Fix("See what the KDC's own log says of it."))
    )
    return failed(
        summary,
        observed=refusal.text,
        expected=f"a ticket for {spn}",
        fix=fix,
        rows=rows if len(rows) > 1 else (),
    )


def _hours(seconds: int) -> str:
    return f"{seconds / 3600:.0f} h" if seconds >= 7200 else f"{seconds / 60:.0f} min"
