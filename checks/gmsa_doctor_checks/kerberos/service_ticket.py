"""Tickets for the services that the application uses."""

from __future__ import annotations

from datetime import timedelta

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
from gmsa_doctor_checks.active_directory.user_entry import duration
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.sql_server.refusal import with_holders
from gmsa_doctor_checks.sql_server.spns import removal, setspn
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
    """Requests a ticket as the gMSA for each SPN given with `--spn`, and for those of the connection strings.

    One refused ticket fails the check. Later checks continue with the SPNs that have a ticket.

    Why: the gMSA's own ticket gives access to no service. The SQL Server's SPN must be registered, on one account only,
    in exactly the form that the client requests.

    Fix: Register the SPN on the account that SQL Server runs as, and use the same full server name in the application.
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
    """Of the SPNs that a driver may request, the first that has a ticket; otherwise the first."""
    return next((spn for spn in spns if isinstance(answers[spn], ServiceTicket)), spns[0])


def no_service_named(command: str) -> Finding:
    """The finding if no SPN was given."""
    commands = (f"gmsa-doctor {command} --spn {posix('MSSQLSvc/<host>.<domain>:1433')}",)
    return skipped("no service was named", fix=Fix("Name the SQL Server's SPN with --spn.", commands))


def judge_services(
    principal: str, answers: list[tuple[str, ServiceTicket | ClientError]], bound: BoundDirectory | None = None
) -> Finding:
    """The finding for the KDC's answers to the principal, by SPN; with the directory, also which account has the SPN.

    Raises Stop if a KDC gave no answer.
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
    return Row(spn, Status.PASS, f"valid for {duration(timedelta(seconds=answer.lifetime))}")


def _explain(spn: str, refusal: KdcRefusal, rows: tuple[Row, ...]) -> Finding:
    explanations = {
        KdcReason.UNKNOWN_SERVICE: (
            f"no account in the AD has the SPN {spn}",
            Fix(
                f"1. Check that no account has the SPN {spn} (command 1). 2. Register it on the account that the "
                "service runs as (command 2). If that account is virtual (NT SERVICE\\…), register it on the server's "
                "computer account, <server>$.",
                (setspn("-Q", spn), setspn("-S", spn, "<DOMAIN\\service account>")),
            ),
        ),
        KdcReason.NOT_UNIQUE: (
            f"more than one account has the SPN {spn}",
            Fix(f"Remove {spn} from all accounts except the one that the service runs as.", removal(spn)),
        ),
        KdcReason.NO_ENCTYPE: (
            f"the account with the SPN {spn} and the KDC have no encryption type in common with the gMSA",
            Fix("Allow AES for the service's account (msDS-SupportedEncryptionTypes 0x18), then change its password."),
        ),
        KdcReason.SERVICE_REVOKED: (
            f"the account with the SPN {spn} is disabled or locked",
            Fix("Enable or unlock the account that the service runs as."),
        ),
    }
    summary, fix = explanations.get(
        refusal.reason, (f"the KDC issues no ticket for {spn}", Fix("Check the KDC's event log for this request."))
    )
    return failed(summary, observed=refusal.text, expected=f"a ticket for {spn}", fix=fix, rows=if_several(rows))
