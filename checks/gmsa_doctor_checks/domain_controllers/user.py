"""What each KDC says of the secret's user."""

from __future__ import annotations

from gmsa_doctor.authoring import Finding, Fix, check, passed, warned
from gmsa_doctor.clients.kerberos.kdc_questions import FirstAnswer, KdcQuestions
from gmsa_doctor.clients.kerberos.logon import KdcReason
from gmsa_doctor.core.errors import ClientError
from gmsa_doctor.core.limits import each
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import powershell
from gmsa_doctor_checks.domain_controllers.words import MOST, how_often, names, row
from gmsa_doctor_checks.values import DomainControllers, ReachableKdcs, UserTicket

_REFUSALS = {
    KdcReason.UNKNOWN_CLIENT: "it does not know {user}",
    KdcReason.WRONG_REALM: "it serves another realm than that of {user}",
    KdcReason.DISABLED: "{user} is disabled there",
    KdcReason.LOCKED: "{user} is locked there",
    KdcReason.ACCOUNT_EXPIRED: "the account {user} has expired there",
    KdcReason.PASSWORD_EXPIRED: "the password of {user} has expired there",
    KdcReason.REVOKED: "{user} is disabled, locked or expired there",
}


@check(
    "domain-controllers.user",
    title="Each KDC knows the user, and lets it log on",
    docs=links.KERBEROS_ERRORS,
    shows=(texts.USER_TICKET,),
)
def user(ticket: UserTicket, controllers: DomainControllers, kdcs: ReachableKdcs, questions: KdcQuestions) -> Finding:
    """Sends the first request of a logon, without any password, to the KDCs that were not asked for the ticket.

    A KDC that knows the user demands a proof; one that does not, or has it disabled or locked, says so. That counts as
    no failed logon.

    Why: a user that was just made, enabled or unlocked is so on one domain controller first. A task whose Kerberos
    library asks another one fails.

    Fix: wait for the replication or force it, and mend it where it is broken.
    """
    name, _, realm = ticket.principal.rpartition("@")
    others = kdcs.endpoints[kdcs.endpoints.index(ticket.kdc) + 1 :] if ticket.kdc in kdcs.endpoints else kdcs.endpoints
    answers = each(others[:MOST], lambda kdc: questions.first_answer(name, realm, kdc.address, kdc.port))
    refusals = {kdc: refusal for kdc, answer in answers if (refusal := _refusal(answer, name))}
    rows = (
        row(ticket.kdc, "gave a ticket"),
        *(row(kdc, refusals.get(kdc, f"knows {name}"), bad=kdc in refusals) for kdc, _ in answers),
    )
    if not refusals:
        return passed(f"{name} can log on at each of {len(rows)}", rows=rows)
    hosts = [kdc.host for kdc in refusals]
    refusal = next(iter(refusals.values()))
    often = how_often(hosts, (kdc.host for kdc in controllers.kdcs))
    return warned(
        f"{hosts[0]}: {refusal}, unlike {ticket.kdc.host}; {often}",
        expected=f"each KDC lets {name} log on",
        fix=Fix(
            f"Let the domain controllers replicate, and see why {names(hosts)} lags behind or does not answer.",
            (
                "repadmin /showrepl",
                "repadmin /syncall /AdeP",
                f"Get-ADUser {powershell(name)} -Server {powershell(hosts[0])} -Properties Enabled,LockedOut",
            ),
        ),
        rows=rows,
    )


def _refusal(answer: FirstAnswer | ClientError, user: str) -> str | None:
    """Why the user cannot log on there, as far as the first answer tells."""
    if isinstance(answer, ClientError):
        return answer.text
    return _REFUSALS[answer.reason].format(user=user) if answer.reason in _REFUSALS else None
