"""Logons at the KDCs: the first one that answers decides."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from gmsa_doctor.authoring import Finding, Fix, Stop, failed, passed, warned
from gmsa_doctor.clients.kerberos.logon import Kdc, Ticket
from gmsa_doctor.core.errors import ClientError, Refused, TimedOut, Unreachable
from gmsa_doctor.given.vantage import Vantage
from gmsa_doctor_checks import texts
from gmsa_doctor_checks.silence import judge_silence
from gmsa_doctor_checks.values import Endpoint, ReachableKdcs

T = TypeVar("T")

KDCS_TRIED = 2
"""KDCs that are asked for one ticket, at most: each may cost the whole limit of a call."""


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
