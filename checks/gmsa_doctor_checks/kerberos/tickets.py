"""The tickets of the secret's user and of the gMSA: the first KDC that answers decides."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from gmsa_doctor.authoring import Cause, Finding, Fix, Given, Outcome, Result, Stop, check, failed, passed, warned
from gmsa_doctor.clients.kerberos.client import Kdc, Kerberos, Ticket
from gmsa_doctor.clients.kerberos.kdc_errors import KdcRefusal
from gmsa_doctor.core.errors import ClientError, Refused, TimedOut, Unreachable
from gmsa_doctor.given.vantage import Vantage
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.active_directory.user_entry import Administrator
from gmsa_doctor_checks.commands import powershell
from gmsa_doctor_checks.kerberos.refusals import explain_gmsa_refusal, explain_user_refusal
from gmsa_doctor_checks.silence import judge_silence
from gmsa_doctor_checks.values import (
    Account,
    Endpoint,
    GmsaEncryption,
    GmsaNames,
    GmsaPassword,
    GmsaTicket,
    ReachableKdcs,
    UserTicket,
)

T = TypeVar("T")

KDCS_TRIED = 2
"""KDCs that are asked for one ticket, at most: each may cost the whole limit of a call."""

SHORT_SECONDS = 3600
"""Credentials Fetcher gets a new ticket every 10 minutes; one that is good for less than this leaves no time to mend
what keeps it from that."""


def log_on(
    principal: str, kdcs: ReachableKdcs, vantage: Vantage, ask: Callable[[Kdc], Ticket]
) -> tuple[Ticket, Endpoint, Finding]:
    """The ticket, the KDC that gave it, and the finding.

    Raises KdcRefusal, and Stop where no KDC answers.
    """
    try:
        ticket, kdc, silent = from_first(kdcs, ask)
    except (TimedOut, Refused, Unreachable) as error:
        raise Stop(judge_silence(_no_kdc(error), vantage)) from error
    summary = f"{principal} got a ticket from {kdc.host}, good for {hours(ticket.lifetime)}"
    if not silent:
        return ticket, kdc, passed(summary)
    finding = warned(
        f"{summary}; before it, {silent[0].text}",
        expected="an answer from each KDC",
        fix=Fix("Mend the domain controller that does not answer, or take its SRV records out of DNS."),
    )
    return ticket, kdc, finding


def from_first(kdcs: ReachableKdcs, ask: Callable[[Kdc], T]) -> tuple[T, Endpoint, tuple[ClientError, ...]]:
    """The ticket of the first KDC that answers, and the errors of those before it.

    A KDC that gave no answer to the first request has seen no password, so the next may be asked; the ledger of
    the Kerberos client refuses where that is not so.
    """
    silent: list[ClientError] = []
    for endpoint in kdcs.endpoints[:KDCS_TRIED]:
        try:
            return ask(Kdc(endpoint.address, endpoint.port)), endpoint, tuple(silent)
        except (TimedOut, Refused, Unreachable) as error:
            silent.append(error)
    raise silent[0]


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


def hours(seconds: int) -> str:
    """How long a ticket is good for."""
    return f"{seconds / 3600:.0f} h" if seconds >= 7200 else f"{seconds / 60:.0f} min"


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
    try:
        ticket, kdc, finding = log_on(
            account.principal,
            kdcs,
            vantage,
            lambda kdc: kerberos.user_ticket(account.user, account.domain.realm, account.password, kdc),
        )
    except KdcRefusal as refusal:
        gmsa = names.value.gmsa if names.value else None
        return explain_user_refusal(refusal, account, gmsa, administrator.value)
    return Given(UserTicket(account.principal, ticket, kdc), finding)


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
    """Looks how long the gMSA's ticket is good for.

    How long it could be renewed is not asked: Credentials Fetcher gets a new one every 10 minutes, with the password
    that it reads anew. `gmsa-doctor ticket` shows both times of the ticket that a container has.

    Why: the ticket's life is the time in which a wrong secret, or a domain controller that is away, can be mended
    before running containers lose their logon.

    Fix: let the AD give tickets for hours (its default is 10); see the policy "Maximum lifetime for user ticket".
    """
    minutes = gmsa.ticket.lifetime // 60
    if gmsa.ticket.lifetime >= SHORT_SECONDS:
        return passed(f"{minutes // 60} h {minutes % 60} min")
    account = powershell(gmsa.principal.rpartition("@")[0].removesuffix("$"))
    return warned(
        f"the ticket of {gmsa.principal} is good for {minutes} minutes only; running tasks lose their logon that soon "
        "when a renewal fails",
        observed=f"{minutes} min",
        expected=f"at least {SHORT_SECONDS // 3600} h",
        fix=Fix(
            "See the Kerberos policy of the domain, and whether an authentication policy is on the gMSA. A gMSA whose "
            "password is about to change may get a short one, too: then look again later.",
            (
                f"Get-ADServiceAccount {account} -Properties msDS-AssignedAuthNPolicy,PasswordLastSet",
                "Get-GPOReport -Name 'Default Domain Policy' -ReportType Xml",
            ),
        ),
    )
