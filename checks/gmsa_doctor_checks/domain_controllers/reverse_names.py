"""The names that the addresses of the domain controllers lead back to (PTR records)."""

from __future__ import annotations

from gmsa_doctor.authoring import Finding, Fix, Row, Status, check, passed, warned
from gmsa_doctor.clients.dns.resolver import Dns
from gmsa_doctor.core.errors import ClientError, NotFound
from gmsa_doctor.core.limits import each
from gmsa_doctor.formats.fetcher import Fetcher
from gmsa_doctor.given.subject import Launch, Platform
from gmsa_doctor_checks import links
from gmsa_doctor_checks.commands import posix, powershell
from gmsa_doctor_checks.domain_controllers.words import MOST, place, row
from gmsa_doctor_checks.silence import split
from gmsa_doctor_checks.values import DomainControllers, Endpoint

_AWS_NAMES = (".internal", ".amazonaws.com", ".amazonaws.com.cn")
"""Under which the VPC's resolver names each private or public address (`ip-10-0-0-5.ec2.internal`)."""


@check(
    "domain-controllers.reverse-names",
    title="The domain controllers' addresses lead back to their names",
    docs=links.DC_LOCATOR,
)
def reverse_names(controllers: DomainControllers, dns: Dns, platform: Platform) -> Finding:
    """Asks for the PTR record of each domain controller's address.

    Why: where the OpenLDAP client's SASL_NOCANON is off, Credentials Fetcher 1.3 asks for the ticket of the name that
    the address leads back to: a missing or wrong record ends in "Server not found in Kerberos database".

    Fix: make a reverse zone, and let the domain controllers register in it.
    """
    endpoints = {endpoint.address: endpoint for endpoint in controllers.ldap[:MOST]}
    answers = [(endpoints[address], answer) for address, answer in each(endpoints, dns.names_of)]
    names, errors = split(answers)
    wrong = {endpoint: found for endpoint, found in names.items() if _misleads(endpoint, found, platform)}
    missing = [endpoint for endpoint, error in errors.items() if isinstance(error, NotFound)]
    needed = platform.fetchers == {Fetcher.V1_3}
    bad = [*wrong, *(missing if needed else ())]
    rows = tuple(_row(endpoint, answer, endpoint in bad) for endpoint, answer in answers)
    if wrong:
        endpoint, found = next(iter(wrong.items()))
        return warned(
            f"{endpoint.address} leads back to {', '.join(found)}, not to {endpoint.host}; an LDAP client that takes "
            "the name from there, as Credentials Fetcher 1.3 may, asks for a ticket of the wrong one",
            expected=f"a PTR record of {endpoint.address} that says {endpoint.host}",
            fix=_fix(endpoint),
            rows=rows,
        )
    if missing and needed:
        return warned(
            f"{', '.join(endpoint.address for endpoint in missing)} has no PTR record; Credentials Fetcher 1.3 needs "
            "one unless SASL_NOCANON is on",
            expected="a PTR record for each domain controller",
            fix=_fix(missing[0]),
            rows=rows,
        )
    if errors:
        return passed(f"no PTR record for {len(errors)} of {len(answers)}; nothing needs it here", rows=rows)
    return passed("each leads back", rows=rows)


def _misleads(endpoint: Endpoint, found: tuple[str, ...], platform: Platform) -> bool:
    """Whether the names are others. On Fargate, AWS's own for the address harm nobody."""
    if endpoint.host in found:
        return False
    return not (platform.launch is Launch.FARGATE and all(name.endswith(_AWS_NAMES) for name in found))


def _row(endpoint: Endpoint, answer: tuple[str, ...] | ClientError, bad: bool) -> Row:
    if isinstance(answer, NotFound):
        return row(endpoint, "no PTR record", bad=bad)
    if isinstance(answer, ClientError):
        return Row(place(endpoint), Status.UNKNOWN, answer.text)
    return row(endpoint, ", ".join(answer), bad=bad)


def _fix(endpoint: Endpoint) -> Fix:
    return Fix(
        f"Let {endpoint.host} register its PTR record (it needs a reverse zone), or use Credentials Fetcher 2.x.",
        (
            f"dig +short -x {posix(endpoint.address)}",
            f"Resolve-DnsName -Type PTR {powershell(endpoint.address)}",
            "ipconfig /registerdns",
        ),
    )
