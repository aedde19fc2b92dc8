"""The sealed LDAP bind, as Credentials Fetcher does it."""

from __future__ import annotations

from gmsa_doctor.authoring import Cause, Given, Result, check, failed, passed, unknown
from gmsa_doctor.clients.kerberos.kdc_errors import KdcRefusal
from gmsa_doctor.clients.ldap.client import Ldap, LdapRefusal
from gmsa_doctor.core.errors import Refused, TimedOut, Unreachable
from gmsa_doctor.given.vantage import Vantage
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.active_directory.ldap_bind import NoneBinds, bind_first, explain_bind
from gmsa_doctor_checks.silence import judge_silence
from gmsa_doctor_checks.values import BoundDirectory, ReachableLdap, UserTicket


@check(
    "directory.bind",
    title="A domain controller accepts the sealed LDAP bind",
    cause=Cause.CREDENTIALS,
    docs=links.LDAP_SIGNING,
    shows=(texts.BIND, texts.NO_DC_ANSWERS, texts.CATCH_ALL, *texts.KERBEROS_SERVICE),
)
def bind(ticket: UserTicket, controllers: ReachableLdap, ldap: Ldap, vantage: Vantage) -> Result[BoundDirectory]:
    """Binds to LDAP (port 389) with the user's ticket, signed and sealed, under the host name from the SRV record.

    Why: the Kerberos ticket for LDAP is requested for that host name. If the domain controller lacks the SPN
    `ldap/<name>`, or the SRV record points to an alias, the bind fails: "Server not found in Kerberos database".

    Fix: Make the SRV records point to the domain controllers' own names, and register their `ldap/` SPNs.
    """
    try:
        endpoint, directory, refusing = bind_first(ldap, controllers, ticket.ticket, ticket.kdc)
    except NoneBinds as none:
        first, error = none.first
        if not isinstance(error, KdcRefusal | LdapRefusal | Refused | TimedOut | Unreachable):
            raise error from none
        summary, fix = explain_bind(first, error, controllers.domain)
        expected = f"a signed and encrypted LDAP bind to {first.host}"
        if none.untried:
            return unknown(
                f"{summary}; {none.untried} of {len(controllers.endpoints)} domain controllers were not tried, since "
                "several do not answer",
                observed=error.text,
                expected=expected,
                fix=fix,
            )
        finding = failed(
            summary,
            observed=error.text,
            expected=expected,
            fix=fix,
            shows_as=texts.BIND,
        )
        return finding if isinstance(error, KdcRefusal | LdapRefusal) else judge_silence(finding, vantage)
    # domain-controllers.bind reports each domain controller that refuses the bind
    refused = f"; refused by {', '.join(controller.host for controller in refusing)}" if refusing else ""
    summary = f"bound to {endpoint.host} as {ticket.principal}, signed and sealed{refused}"
    return Given(BoundDirectory(endpoint.host, directory, endpoint.address), passed(summary))
