"""What of the network differs from one domain controller to the next: UDP, further ports, names of addresses."""

from __future__ import annotations

from gmsa_doctor.authoring import Finding, Fix, Row, Status, check, passed, warned
from gmsa_doctor.clients.dns.resolver import Dns
from gmsa_doctor.clients.kerberos.kdc_questions import FirstAnswer, KdcQuestions
from gmsa_doctor.clients.network.tcp import Tcp
from gmsa_doctor.core.errors import ClientError, NotFound, Refused
from gmsa_doctor.core.limits import each
from gmsa_doctor.formats.fetcher import Fetcher
from gmsa_doctor.given.subject import Launch, Platform
from gmsa_doctor.given.vantage import Vantage
from gmsa_doctor_checks import links
from gmsa_doctor_checks.commands import posix, powershell
from gmsa_doctor_checks.domain_controllers.root_dse import MOST, names, place, row
from gmsa_doctor_checks.silence import judge_silence, split
from gmsa_doctor_checks.values import Account, DomainControllers, Endpoint, ReachableKdcs, ReachableLdap

OTHER_PORTS = {53: "DNS", 464: "password changes", 636: "LDAPS"}
"""Those of a domain controller that an application may want, and Credentials Fetcher does not."""

OTHER_SECONDS = 1.0

_PORTS_OF = 8
"""Domain controllers whose further ports are tried: enough to be informed."""

_AWS_NAMES = (".internal", ".amazonaws.com", ".amazonaws.com.cn")
"""Under which the VPC's resolver names each private or public address (`ip-10-0-0-5.ec2.internal`)."""


@check("domain-controllers.kerberos-udp", title="The KDCs answer over UDP", docs=links.FARGATE_NETWORK)
def kerberos_udp(account: Account, kdcs: ReachableKdcs, questions: KdcQuestions, vantage: Vantage) -> Finding:
    """Sends the first request of a logon to each KDC over UDP (88); no password goes with it, and none is counted.

    Why: Kerberos asks over UDP first, and turns to TCP when nothing comes back: with UDP 88 blocked each ticket waits
    for seconds. It works nevertheless, so this is a warning.

    Fix: allow UDP 88 beside TCP 88 from the task's security group to every domain controller.
    """
    answers = each(
        kdcs.endpoints[:MOST],
        lambda kdc: questions.first_answer(account.user, kdcs.domain.realm, kdc.address, kdc.port, "UDP"),
    )
    _, errors = split(answers)
    # a port that refuses is known at once, and TCP is asked without a wait
    silent = {kdc: error for kdc, error in errors.items() if not isinstance(error, Refused)}
    rows = tuple(_udp_row(kdc, answer) for kdc, answer in answers)
    if not silent:
        return passed("each KDC answers over UDP, or refuses at once", rows=rows)
    hosts, addresses = names(kdc.host for kdc in silent), ", ".join(kdc.address for kdc in silent)
    failure = warned(
        f"no answer over UDP from {hosts}; Kerberos asks there first, and waits seconds before it turns to TCP",
        observed="; ".join(error.text for error in silent.values()),
        expected="UDP 88 open to each domain controller, and the answers let back in",
        fix=Fix(
            f"Allow UDP 88 from the task's security group to {addresses}: security groups on both sides, network ACLs "
            "(return ports 1024-65535 too), routes and firewalls."
        ),
        rows=rows,
    )
    return judge_silence(failure, vantage)


def _udp_row(kdc: Endpoint, answer: FirstAnswer | ClientError) -> Row:
    if isinstance(answer, Refused):
        return row(kdc, "UDP refused; TCP is asked at once")
    if isinstance(answer, ClientError):
        return row(kdc, answer.text, bad=True)
    return row(kdc, "answers over UDP")


@check("domain-controllers.other-ports", title="Further ports of the domain controllers", docs=links.FARGATE_NETWORK)
def other_ports(reachable: ReachableLdap, tcp: Tcp) -> Finding:
    """Tries the TCP ports 53, 464 and 636 of each domain controller. For information: it only passes.

    Why: Credentials Fetcher needs none of these; but where the domain controllers are the DNS servers too, long answers
    come over TCP 53, and an application may change passwords (464) or speak LDAPS (636).

    Fix: none is needed, unless the application uses one of them.
    """
    endpoints = reachable.endpoints[:_PORTS_OF]
    questions = [(endpoint, port) for endpoint in endpoints for port in OTHER_PORTS]
    answers = each(questions, lambda question: tcp.connect(question[0].address, question[1], OTHER_SECONDS))
    accepting, _ = split(answers)
    rows = tuple(
        row(
            endpoint,
            ", ".join(
                f"{port} ({use}) {'open' if (endpoint, port) in accepting else 'closed'}"
                for port, use in OTHER_PORTS.items()
            ),
        )
        for endpoint in endpoints
    )
    return passed(f"{len(accepting)} of {len(questions)} open; Credentials Fetcher needs none of them", rows=rows)


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
