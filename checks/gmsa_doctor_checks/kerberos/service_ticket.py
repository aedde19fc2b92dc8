"""Tickets for the services that the gMSA will talk to."""

from __future__ import annotations

from gmsa_doctor.authoring import (
    Finding,
    Fix,
    Given,
    Outcome,
    Result,
    Row,
    Status,
    Stop,
    check,
    deferred_to,
    failed,
    if_several,
    passed,
    skipped,
    unknown,
)
from gmsa_doctor.clients.kerberos.client import Kdc, Kerberos, ServiceTicket
from gmsa_doctor.clients.kerberos.kdc_errors import KdcReason, KdcRefusal
from gmsa_doctor.core.errors import ClientError
from gmsa_doctor.core.limits import each
from gmsa_doctor.given.vantage import ServiceNames
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import posix, powershell
from gmsa_doctor_checks.kerberos.tickets import hours
from gmsa_doctor_checks.sql_server.refusal import with_holders
from gmsa_doctor_checks.sql_server.values import ServiceTickets, SqlServers
from gmsa_doctor_checks.values import BoundDirectory, GmsaTicket


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
    of_servers = tuple(server.spns for server in servers.value.servers) if servers.value else ()
    if not names.spns and not of_servers:
        faulty = servers.finding.status in (Status.FAIL, Status.UNKNOWN) or servers.finding.because
        return deferred_to(servers.finding) if faulty else no_service_named("check …")
    kdc = Kdc(ticket.kdc.address, ticket.kdc.port)
    wanted = dict.fromkeys([*names.spns, *(spn for spns in of_servers for spn in spns)])
    answers = dict(each(wanted, lambda spn: kerberos.service_ticket(ticket.ticket, spn, kdc)))
    chosen = dict.fromkeys([*names.spns, *(_best(spns, answers) for spns in of_servers)])
    tickets = tuple(spn for spn in chosen if isinstance(answers[spn], ServiceTicket))
    try:
        finding = judge_services(ticket.principal, [(spn, answers[spn]) for spn in chosen], bound.value)
    except Stop as stop:
        finding = stop.finding
    return Given(ServiceTickets(tickets), finding) if tickets else finding


def _best(spns: tuple[str, ...], answers: dict[str, ServiceTicket | ClientError]) -> str:
    """Of the SPNs that a driver may ask for, the first that there is a ticket for; otherwise the first."""
    return next((spn for spn in spns if isinstance(answers[spn], ServiceTicket)), spns[0])


def no_service_named(command: str) -> Finding:
    """The finding where no SPN was given to ask a ticket for."""
    option = f"--spn {posix('MSSQLSvc/<host>.<domain>:1433')}"
    return skipped("no service was named", fix=Fix("Name the SQL Server's SPN.", (f"gmsa-doctor {command} {option}",)))


def judge_services(
    principal: str, answers: list[tuple[str, ServiceTicket | ClientError]], bound: BoundDirectory | None = None
) -> Finding:
    """The finding for what the KDC answered to the principal, by SPN; with the directory, also who has the SPN.

    Raises Stop where a KDC gave no answer.
    """
    rows = tuple(_row(spn, answer) for spn, answer in answers)
    refused = [(spn, answer) for spn, answer in answers if isinstance(answer, KdcRefusal)]
    if refused:
        spn, refusal = refused[0]
        return with_holders(_explain(spn, refusal, rows), spn, refusal, principal, bound)
    errors = [answer for _, answer in answers if isinstance(answer, ClientError)]
    if errors:
        raise Stop(unknown(errors[0].text, rows=rows))
    return passed(f"{principal} got a ticket for {', '.join(spn for spn, _ in answers)}", rows=rows)


def _row(spn: str, answer: ServiceTicket | ClientError) -> Row:
    if isinstance(answer, ClientError):
        return Row(spn, Status.FAIL if isinstance(answer, KdcRefusal) else Status.UNKNOWN, answer.text)
    return Row(spn, Status.PASS, f"good for {hours(answer.lifetime)}")


def _explain(spn: str, refusal: KdcRefusal, rows: tuple[Row, ...]) -> Finding:
    query = f"setspn -Q {powershell(spn)}"
    explanations = {
        KdcReason.UNKNOWN_SERVICE: (
            f"no account in the AD has the SPN {spn}",
            Fix(
                "Register it on the account that the service runs as (the machine's own for a virtual account), in the "
                "form that the client asks for.",
                (query, f'setspn -S {powershell(spn)} "<DOMAIN\\service account>"'),
            ),
        ),
        KdcReason.NOT_UNIQUE: (
            f"more than one account has the SPN {spn}",
            Fix("Take it off all accounts but the one that the service runs as.", (query, "setspn -X")),
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
    summary, fix = explanations.get(
        refusal.reason, (f"the KDC gives no ticket for {spn}", Fix("See what the KDC's own log says of it."))
    )
    return failed(summary, observed=refusal.text, expected=f"a ticket for {spn}", fix=fix, rows=if_several(rows))
