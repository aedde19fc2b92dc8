"""The sealed LDAP bind, as Credentials Fetcher makes it."""

from __future__ import annotations

from gmsa_doctor.authoring import Cause, Given, Result, check, failed, passed
from gmsa_doctor.clients.kerberos.client import Kdc
from gmsa_doctor.clients.kerberos.kdc_errors import KdcRefusal
from gmsa_doctor.clients.ldap.client import Ldap, LdapRefusal
from gmsa_doctor.core.errors import ClientError, Refused, TimedOut, Unreachable
from gmsa_doctor.given.vantage import Vantage
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.active_directory.ldap_bind import CONTROLLERS_TRIED, explain_bind
from gmsa_doctor_checks.silence import judge_silence
from gmsa_doctor_checks.values import BoundDirectory, Endpoint, ReachableLdap, UserTicket


@check(
    "directory.bind",
    title="A domain controller accepts the sealed LDAP logon",
    cause=Cause.CREDENTIALS,
    docs=links.LDAP_SIGNING,
    shows=(texts.BIND, texts.NO_DC_ANSWERS, texts.CATCH_ALL, *texts.KERBEROS_SERVICE),
)
def bind(ticket: UserTicket, controllers: ReachableLdap, ldap: Ldap, vantage: Vantage) -> Result[BoundDirectory]:
    """Logs on to LDAP (port 389) with the user's ticket, signed and sealed, by the name that the SRV record gives.

    Why: the ticket for LDAP is asked for under that name. A domain controller without the SPN `ldap/<name>`, or a
    record that names an alias, ends here: "Server not found in Kerberos database".

    Fix: let the SRV records name the domain controllers' own names, and register their `ldap/` SPNs.
    """
    errors: dict[Endpoint, ClientError] = {}
    kdc = Kdc(ticket.kdc.address, ticket.kdc.port)
    for endpoint in controllers.endpoints[:CONTROLLERS_TRIED]:
        try:
            directory = ldap.bind(endpoint.host, endpoint.address, ticket.ticket, kdc, endpoint.port)
        except (KdcRefusal, LdapRefusal, Refused, TimedOut, Unreachable) as error:
            errors[endpoint] = error
            continue
        # domain-controllers.bind tells of each that does not let us in
        also = f"; not to {', '.join(refusing.host for refusing in errors)}" if errors else ""
        summary = f"bound to {endpoint.host} as {ticket.principal}, signed and sealed{also}"
        return Given(BoundDirectory(endpoint.host, directory, endpoint.address), passed(summary))
    first, trouble = next(iter(errors.items()))
    summary, fix = explain_bind(first, trouble)
    finding = failed(
        summary,
        observed=trouble.text,
        expected=f"a sealed LDAP bind to {first.host}",
        fix=fix,
        shows_as=texts.BIND,
    )
    return finding if isinstance(trouble, KdcRefusal | LdapRefusal) else judge_silence(finding, vantage)
