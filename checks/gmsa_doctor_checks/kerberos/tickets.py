"""The tickets of the secret's user and of the gMSA, from the first KDC that answers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from gmsa_doctor.authoring import (
    Cause,
    Finding,
    Fix,
    Given,
    Outcome,
    Result,
    Stop,
    check,
    failed,
    passed,
    unknown,
    warned,
)
from gmsa_doctor.clients.kerberos.client import Kdc, Kerberos, Ticket
from gmsa_doctor.clients.kerberos.kdc_errors import KdcReason, KdcRefusal
from gmsa_doctor.core.errors import ClientError, Refused, TimedOut, Unreachable
from gmsa_doctor.given.vantage import Vantage
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.active_directory.administrator import Administrator
from gmsa_doctor_checks.active_directory.lockout import last_attempt
from gmsa_doctor_checks.active_directory.user_entry import duration
from gmsa_doctor_checks.commands import powershell
from gmsa_doctor_checks.kerberos.refusals import explain_gmsa_refusal, explain_user_refusal
from gmsa_doctor_checks.silence import judge_silence
from gmsa_doctor_checks.values import (
    Account,
    Endpoint,
    GmsaNames,
    GmsaPassword,
    GmsaTicket,
    ReachableKdcs,
    UserTicket,
)

T = TypeVar("T")

SILENT_TRIED = 2
"""The maximum number of silent KDCs that are waited for: each takes the whole time limit of a call."""

SHORT_SECONDS = 3600
"""A shorter lifetime leaves too little time to fix a failing renewal.

Credentials Fetcher's own loop renews a ticket that is valid for an hour or less (RENEW_TICKET_HOURS of
common/constants.h, KrbTicketRenewalThreshold of constants/constants.go).
"""


class SeveralSilent(TimedOut):
    """Several KDCs are silent, and others were not asked: Kerberos libraries ask all of them."""

    def __init__(self, errors: list[ClientError], untried: int) -> None:
        silent = next(error for error in errors if isinstance(error, TimedOut))
        super().__init__(silent.what, silent.seconds)
        self.untried = untried


def log_on(
    principal: str, kdcs: ReachableKdcs, vantage: Vantage, ask: Callable[[Kdc], Ticket]
) -> tuple[Ticket, Endpoint, Finding]:
    """The ticket, the KDC that issued it, and the finding. Raises KdcRefusal, and Stop if no KDC answers."""
    try:
        ticket, kdc, errors = from_first(kdcs, ask)
    except (TimedOut, Refused, Unreachable) as error:
        failure = failed(
            f"the port is open, but no KDC answers: {error.text}",
            observed=error.text,
            expected="an answer to a Kerberos request",
            fix=Fix(
                "Check that a KDC answers on this port, not a proxy or a firewall that accepts connections on its "
                "behalf, and that the Kerberos service of the domain controller is running."
            ),
            shows_as=texts.USER_TICKET,
        )
        if isinstance(error, SeveralSilent):
            failure = unknown(
                f"{failure.summary}; {error.untried} of {len(kdcs.endpoints)} KDCs were not tried, since several are "
                "silent",
                observed=failure.observed,
                expected=failure.expected,
                fix=failure.fix,
            )
        raise Stop(judge_silence(failure, vantage)) from error
    summary = f"{principal} got a ticket from {kdc.host}, valid for {duration(timedelta(seconds=ticket.lifetime))}"
    if not errors:
        return ticket, kdc, passed(summary)
    finding = warned(
        f"{summary}; before that, {errors[0].text}",
        expected="an answer from each KDC",
        fix=Fix("Fix the domain controller that does not answer, or remove its SRV records from DNS."),
    )
    return ticket, kdc, finding


def from_first(kdcs: ReachableKdcs, ask: Callable[[Kdc], T]) -> tuple[T, Endpoint, tuple[ClientError, ...]]:
    """The ticket of the first KDC that answers, and the errors of the KDCs before it.

    A KDC that did not answer the first request has received no password, so the next KDC may be asked. Otherwise the
    ledger of the Kerberos client refuses.
    """
    errors: list[ClientError] = []
    for endpoint in kdcs.endpoints:
        try:
            return ask(Kdc(endpoint.address, endpoint.port)), endpoint, tuple(errors)
        except (TimedOut, Refused, Unreachable) as error:
            errors.append(error)
        untried = len(kdcs.endpoints) - len(errors)
        if untried and sum(isinstance(error, TimedOut) for error in errors) >= SILENT_TRIED:
            raise SeveralSilent(errors, untried)
    raise errors[0]


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

    Why: Credentials Fetcher reads the gMSA's password with this ticket. The logon fails if the password was changed in
    the AD but not in the secret, or if the user is disabled, locked or expired; Credentials Fetcher shows the same
    error for all of these. A wrong password counts as a failed logon, of which a few lock the account. Each run makes
    one at most for an account, under all its names, and with `--as` none if the AD shows that it would be the last one.

    Fix: Depending on the KDC's answer, store the user's current password in the secret, or enable or unlock the user.
    """
    if (admin := administrator.value) and admin.entry:
        finding = last_attempt(admin.entry, admin.lockout, admin.principal, datetime.now(UTC))
        if finding:
            return finding
    try:
        ticket, kdc, finding = log_on(
            account.principal,
            kdcs,
            vantage,
            lambda kdc: kerberos.user_ticket(account.user, account.domain.realm, account.password, kdc),
        )
    except KdcRefusal as refusal:
        gmsa = names.value.gmsa if names.value else None
        failure = explain_user_refusal(refusal, account, gmsa, administrator.value)
        if refusal.reason is KdcReason.CLOCK_SKEW and not vantage.inside:
            summary = f"{failure.summary}; the task's clock may be right"
            return unknown(summary, observed=failure.observed, expected=failure.expected, fix=failure.fix)
        return failure
    return Given(UserTicket(account.principal, ticket, kdc), finding)


@check(
    "kerberos.gmsa-ticket",
    title="The gMSA gets a Kerberos ticket",
    docs=links.GMSA_TROUBLE,
    shows=(texts.GMSA_TICKET, texts.CATCH_ALL),
)
def gmsa_ticket(
    password: GmsaPassword, kdcs: ReachableKdcs, kerberos: Kerberos, vantage: Vantage
) -> Result[GmsaTicket]:
    """Logs on as the gMSA with the password that was read, as Credentials Fetcher does.

    Why: this is the ticket that the container finds in its ticket cache.

    Fix: Depending on the KDC's answer, enable the gMSA or allow AES for it.
    """
    account, realm = password.account, kdcs.domain.realm
    principal = f"{account}@{realm}"
    try:
        ticket, kdc, finding = log_on(
            principal, kdcs, vantage, lambda kdc: kerberos.account_ticket(account, realm, password.password, kdc)
        )
    except KdcRefusal as refusal:
        return explain_gmsa_refusal(refusal, principal)
    return Given(GmsaTicket(principal, ticket, kdc), finding)


@check("kerberos.ticket-life", title="The gMSA's ticket lasts for hours", docs=links.TICKET_LIFETIME)
def ticket_life(gmsa: GmsaTicket) -> Finding:
    """Reads how long the gMSA's ticket is valid.

    The renewable lifetime does not matter: a renewal gets a new ticket, with the password that is read again. Who
    renews it depends on where the task runs:

    - EC2, domainless: the ECS agent, when ECS sends new credentials for the task's roles
      (HandleDomainlessKerberosTicketRenewal of aws/amazon-ecs-agent). Credentials Fetcher's loop skips these tickets.
    - EC2, domain-joined: Credentials Fetcher looks every 10 minutes, and renews what is valid for an hour or less.
    - Fargate: the platform's agent (RenewKerberosArnLease), at times that AWS does not document.

    `gmsa-doctor ticket` shows both times of the ticket that a container has.

    Why: if a renewal fails, for example because of a wrong secret or an unavailable domain controller, running
    containers lose their logon when the ticket expires.

    Fix: Set the policy "Maximum lifetime for user ticket" to several hours (the default is 10).
    """
    minutes = gmsa.ticket.lifetime // 60
    if gmsa.ticket.lifetime >= SHORT_SECONDS:
        return passed(f"{minutes // 60} h {minutes % 60} min")
    account = powershell(gmsa.principal.rpartition("@")[0].removesuffix("$"))
    return warned(
        f"the ticket of {gmsa.principal} is valid for only {minutes} minutes; if a renewal fails, running tasks lose "
        "their logon that soon",
        observed=f"{minutes} min",
        expected=f"at least {SHORT_SECONDS // 3600} h",
        fix=Fix(
            "Check the domain's Kerberos policy, and whether an authentication policy applies to the gMSA. If the "
            "gMSA's password is about to change, its ticket may also have a short lifetime: then check again later.",
            (
                f"Get-ADServiceAccount {account} -Properties msDS-AssignedAuthNPolicy,PasswordLastSet",
                "Get-GPOReport -Name 'Default Domain Policy' -ReportType Xml",
            ),
        ),
    )
