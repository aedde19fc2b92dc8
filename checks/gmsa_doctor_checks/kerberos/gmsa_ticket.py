"""The ticket of the gMSA."""

from __future__ import annotations

from gmsa_doctor.authoring import Given, Result, check
from gmsa_doctor.clients.kerberos.logon import KdcRefusal, Kerberos
from gmsa_doctor.given.vantage import Vantage
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.kerberos.logon import log_on
from gmsa_doctor_checks.kerberos.refusals import explain_gmsa_refusal
from gmsa_doctor_checks.values import GmsaEncryption, GmsaPassword, GmsaTicket, ReachableKdcs


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
