"""Tickets for the services that the application uses."""

from __future__ import annotations

from datetime import timedelta
from typing import TypeAlias

from gmsa_doctor.authoring import (
    Finding,
    Fix,
    Given,
    Outcome,
    Owner,
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
    warned,
)
from gmsa_doctor.clients.dns.resolver import Dns
from gmsa_doctor.clients.kerberos.client import Kdc, Kerberos, ServiceTicket
from gmsa_doctor.clients.kerberos.kdc_errors import KdcReason, KdcRefusal
from gmsa_doctor.core.errors import ClientError
from gmsa_doctor.core.limits import each
from gmsa_doctor.formats.ad.cmdlets import NEW_PASSWORD
from gmsa_doctor.formats.ad.krb5_conf import host_of, is_outside
from gmsa_doctor.given.vantage import ServiceNames
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.active_directory.other_domains import other_domains
from gmsa_doctor_checks.active_directory.user_entry import duration
from gmsa_doctor_checks.commands import posix, powershell
from gmsa_doctor_checks.kerberos.encryption_types import AES, name
from gmsa_doctor_checks.kerberos.referrals import Referral, request
from gmsa_doctor_checks.sql_server.refusal import account_with, with_holders
from gmsa_doctor_checks.sql_server.spns import removal, setspn
from gmsa_doctor_checks.sql_server.values import ServiceTickets, SqlServers
from gmsa_doctor_checks.values import BoundDirectory, DomainName, GmsaTicket

Answer: TypeAlias = ServiceTicket | Referral | ClientError


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
    dns: Dns,
) -> Result[ServiceTickets]:
    """Requests a ticket as the gMSA for each SPN given with `--spn`, and for those of the connection strings.

    One refused ticket fails the check. Later checks continue with the SPNs that have a ticket. If the service is in
    another domain or forest, the KDC refers to the KDC of that realm, which is then asked. If that KDC cannot be found
    or reached from here, the check warns.

    Why: the gMSA's own ticket gives access to no service. The SQL Server's SPN must be registered, on one account only,
    in exactly the form that the client requests.

    A ticket that is encrypted with RC4 warns: domain controllers stop issuing these (CVE-2026-20833).

    Fix: Register the SPN on the account that SQL Server runs as, and use the same full server name in the application.
    """
    of_servers = tuple(server.spns for server in servers.value.servers) if servers.value else ()
    if not names.spns and not of_servers:
        faulty = servers.finding.status in (Status.FAIL, Status.UNKNOWN) or servers.finding.because
        return deferred_to(servers.finding) if faulty else no_service_named("check …")
    kdc = Kdc(ticket.kdc.address, ticket.kdc.port)
    wanted = dict.fromkeys([*names.spns, *(spn for spns in of_servers for spn in spns)])
    domain = ticket.principal.rpartition("@")[2].lower()
    outside = any(is_outside(host_of(spn), domain) for spn in wanted)
    domains = other_domains(bound.value.directory, DomainName(domain).base_dn) if bound.value and outside else ()
    answers = dict(each(wanted, lambda spn: request(kerberos, ticket.ticket, spn, kdc, dns, domains)))
    chosen = dict.fromkeys([*names.spns, *(_best(spns, answers) for spns in of_servers)])
    tickets = {spn: answer.enctype for spn in chosen if isinstance(answer := answers[spn], ServiceTicket)}
    try:
        finding = judge_services(ticket.principal, [(spn, answers[spn]) for spn in chosen], bound.value)
    except Stop as stop:
        finding = stop.finding
    return Given(ServiceTickets(tuple(tickets), tuple(tickets.values())), finding) if tickets else finding


def _best(spns: tuple[str, ...], answers: dict[str, Answer]) -> str:
    """Of the SPNs that a driver may request, the first that has a ticket, or a referral; otherwise the first."""
    granted = (spn for kind in (ServiceTicket, Referral) for spn in spns if isinstance(answers[spn], kind))
    return next(granted, spns[0])


def no_service_named(command: str) -> Finding:
    """The finding if no SPN was given."""
    commands = (f"gmsa-doctor {command} --spn {posix('MSSQLSvc/<host>.<domain>:1433')}",)
    return skipped("no service was named", fix=Fix("Name the SQL Server's SPN with --spn.", commands))


def judge_services(principal: str, answers: list[tuple[str, Answer]], bound: BoundDirectory | None = None) -> Finding:
    """The finding for the KDC's answers to the principal, by SPN; with the directory, also which account has the SPN.

    Raises Stop if a KDC gave no answer.
    """
    rows = tuple(_row(spn, answer) for spn, answer in answers)
    refused = [(spn, answer) for spn, answer in answers if isinstance(answer, KdcRefusal)]
    if refused:
        spn, refusal = refused[0]
        domain = principal.rpartition("@")[2].lower()
        finding = _explain(spn, refusal, rows, domain)
        return finding if is_outside(host_of(spn), domain) else with_holders(finding, spn, refusal, domain, bound)
    errors = [answer for _, answer in answers if isinstance(answer, ClientError)]
    if errors:
        raise Stop(unknown(errors[0].text, rows=rows))
    referrals = [(spn, answer) for spn, answer in answers if isinstance(answer, Referral)]
    if referrals:
        return _not_followed(referrals[0][0], referrals[0][1], principal, rows)
    weak = [spn for spn, answer in answers if isinstance(answer, ServiceTicket) and not is_strong(answer.enctype)]
    if weak:
        return _weak(weak[0], account_with(weak[0], principal.rpartition("@")[2].lower(), bound), rows)
    return passed(f"{principal} got a ticket for {', '.join(spn for spn, _ in answers)}", rows=rows)


def _not_followed(spn: str, referral: Referral, principal: str, rows: tuple[Row, ...]) -> Finding:
    return warned(
        f"for {spn}, the KDC of {principal.rpartition('@')[2]} {referral.text}",
        expected=f"a KDC of {referral.realm} that the task finds in DNS and reaches on port 88",
        fix=Fix(
            "The application's own Kerberos library contacts that KDC. Run this in the task's network. If it is not "
            f"found there either, forward {referral.realm.lower()} from the task's DNS servers (command), and "
            "allow port 88 to its domain controllers.",
            (f"dig +short SRV {posix(f'_kerberos._tcp.{referral.realm.lower()}')}",),
            owner=Owner.AWS,
        ),
        rows=if_several(rows),
    )


def _row(spn: str, answer: Answer) -> Row:
    if isinstance(answer, Referral):
        return Row(spn, Status.WARN, answer.text)
    if isinstance(answer, ClientError):
        return Row(spn, Status.FAIL if isinstance(answer, KdcRefusal) else Status.UNKNOWN, answer.text)
    text = f"valid for {duration(timedelta(seconds=answer.lifetime))}"
    if answer.enctype is not None:
        text += f", encrypted with {name(answer.enctype)}"
    return Row(spn, Status.PASS if is_strong(answer.enctype) else Status.WARN, text)


def is_strong(enctype: int | None) -> bool:
    """Whether a ticket of this encryption type is still issued after the domain controllers' hardening."""
    return enctype is None or enctype in AES


def _weak(spn: str, account: str, rows: tuple[Row, ...]) -> Finding:
    """Source: https://support.microsoft.com/help/5073381 (CVE-2026-20833)."""
    identity = powershell(account or "<account>")
    on = f" (on {account})" if account else ""
    return warned(
        f"the ticket for {spn}{on} is encrypted with RC4 or DES: domain controllers stop issuing such tickets "
        "(KB5073381, CVE-2026-20833; enforced by default since the updates of April 2026)",
        expected="a ticket encrypted with AES",
        fix=Fix(
            "1. Find the account that has the SPN (command 1). 2. Allow AES for it (command 2). 3. Reset its password, "
            "which creates the AES keys, and set the new password for the service that runs as it (command 3).",
            (
                setspn("-Q", spn),
                f"Set-ADUser -Identity {identity} -KerberosEncryptionType AES128,AES256",
                f"Set-ADAccountPassword -Identity {identity} -Reset -NewPassword {NEW_PASSWORD}",
            ),
        ),
        rows=if_several(rows),
    )


def _explain(spn: str, refusal: KdcRefusal, rows: tuple[Row, ...], domain: str) -> Finding:
    host = host_of(spn)
    if refusal.reason is KdcReason.UNKNOWN_SERVICE and is_outside(host, domain):
        return failed(
            f"no account has the SPN {spn}, as far as the KDC of {domain.upper()} knows: {host} is outside that domain",
            observed=refusal.text,
            expected=f"a ticket for {spn}",
            fix=Fix(
                "1. Developer: use the server's own name in its AD domain, not an alias (command 1). 2. If the server "
                f"is in another domain or forest, AD administrator: check that {domain} has a trust that covers the "
                f"name {host} (command 2), and ask its administrators for the server's registered SPNs.",
                (f"dig +short {posix(host)}", "Get-ADTrust -Filter * | Select-Object Name,Direction,ForestTransitive"),
                owner=Owner.DEVELOPER,
            ),
            rows=if_several(rows),
        )
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
        KdcReason.POLICY: (
            f"a policy does not allow the gMSA to use the service with the SPN {spn}: selective authentication of a "
            "trust, or an authentication policy or silo of the service's account",
            Fix(
                "1. Find the account that has the SPN (command 1). 2. If it is in another forest with selective "
                'authentication, grant the gMSA "Allowed to Authenticate" on the server\'s computer account. 3. Check '
                "the account's authentication policy and silo (command 2).",
                (
                    setspn("-Q", spn),
                    f"Get-ADObject -LDAPFilter {powershell(f'(servicePrincipalName={spn})')} -Properties "
                    "msDS-AssignedAuthNPolicy,msDS-AssignedAuthNPolicySilo",
                ),
            ),
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
