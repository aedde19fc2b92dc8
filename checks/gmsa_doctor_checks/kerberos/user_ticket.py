"""The ticket of the secret's user."""

from __future__ import annotations

from gmsa_doctor.authoring import Cause, Given, Outcome, Result, check
from gmsa_doctor.clients.kerberos.logon import KdcRefusal, Kerberos
from gmsa_doctor.given.vantage import Vantage
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.active_directory.user_entry import Administrator
from gmsa_doctor_checks.kerberos.logon import log_on
from gmsa_doctor_checks.kerberos.refusals import explain_user_refusal
from gmsa_doctor_checks.values import Account, GmsaNames, ReachableKdcs, UserTicket


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
