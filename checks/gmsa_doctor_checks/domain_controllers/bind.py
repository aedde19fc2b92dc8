"""The sealed LDAP bind to each domain controller.

With the ticket that the user has already: a service ticket for each domain controller, and no further logon.
"""

from __future__ import annotations

from gmsa_doctor.authoring import Given, Result, check, passed, warned
from gmsa_doctor.clients.kerberos.logon import Kdc
from gmsa_doctor.clients.ldap.directory import Directory, Ldap
from gmsa_doctor.core.errors import ClientError
from gmsa_doctor.core.limits import each
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.active_directory.ldap_bind import explain_bind
from gmsa_doctor_checks.domain_controllers.values import LdapSession, LdapSessions, RootDses
from gmsa_doctor_checks.domain_controllers.words import how_often, row
from gmsa_doctor_checks.silence import split
from gmsa_doctor_checks.values import BoundDirectory, Endpoint, UserTicket


@check(
    "domain-controllers.bind",
    title="Each domain controller lets the user in",
    docs=links.LDAP_SIGNING,
    shows=(texts.BIND,),
)
def bind(ticket: UserTicket, dses: RootDses, bound: BoundDirectory, ldap: Ldap) -> Result[LdapSessions]:
    """Logs on to LDAP at each domain controller that serves the domain, signed and sealed, with the same ticket.

    Why: Credentials Fetcher asks them in the order of DNS's answer. One whose SPN is missing, or whose keys or clock do
    not fit, costs time where it comes first. A sealed bind satisfies LDAP signing; channel binding concerns LDAPS only.

    Fix: as the reason says: register the SPN, mend the clock, or let the domain controllers replicate.
    """
    endpoints = tuple(endpoint for endpoint, _ in dses.of_domain or dses.answers)
    kdc = Kdc(ticket.kdc.address, ticket.kdc.port)

    def session(endpoint: Endpoint) -> Directory:
        if (endpoint.host, endpoint.address) == (bound.host, bound.address):
            return bound.directory
        return ldap.bind(endpoint.host, endpoint.address, ticket.ticket, kdc, endpoint.port)

    answers = each(endpoints, session)
    directories, errors = split(answers)
    value = LdapSessions(dses.asked, tuple(LdapSession(*session) for session in directories.items()))
    if not errors:
        return Given(value, passed(f"each of {len(answers)} lets {ticket.principal} in, signed and sealed"))
    summary, fix = explain_bind(*next(iter(errors.items())))
    finding = warned(
        f"{summary}; {how_often((endpoint.host for endpoint in errors), dses.asked)}",
        expected="a sealed bind to each domain controller",
        fix=fix,
        rows=tuple(
            row(endpoint, answer.text, bad=True) if isinstance(answer, ClientError) else row(endpoint, "bound")
            for endpoint, answer in answers
        ),
    )
    return Given(value, finding)
