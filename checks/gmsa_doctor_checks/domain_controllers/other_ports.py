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
from gmsa_doctor_checks.domain_controllers.root_dse import MOST, names, place
from gmsa_doctor_checks.silence import judge_silence
from gmsa_doctor_checks.values import Account, DomainControllers, Endpoint, ReachableKdcs, ReachableLdap

OTHER_PORTS = {53: "DNS", 464: "password changes", 636: "LDAPS"}
"""Those of a domain controller that an application may want, and Credentials Fetcher does not."""

OTHER_SECONDS = 1.0

_PORTS_OF = 8
"""Domain controllers whose further ports are tried: enough to be informed."""

_AWS_NAMES = (".internal", ".amazonaws.com", ".amazonaws.com.cn")
"""Under which the VPC's resolver names each private or public address (`ip-10-0-0-5.ec2.internal`)."""


@check(
    "domain-controllers.kerberos-udp",
    title="The KDCs answer over UDP",
    docs=links.FARGATE_NETWORK,
)
def kerberos_udp(account: Account, kdcs: ReachableKdcs, questions: KdcQuestions, vantage: Vantage) -> Finding:
    """Sends the first request of a logon to each KDC over UDP (88); no password goes with it, and none is counted.

    Why: Kerberos asks over UDP first, and turns to TCP when nothing comes back: with UDP 88 blocked each ticket waits
    for seconds. It works nevertheless, so this is a warning.

    Fix: allow UDP 88 beside TCP 88 from the task's security group to every domain controller.
    """
    answers = each(
        kdcs.endpoints[:MOST],
        lambda one: questions.first_answer(account.user, kdcs.domain.realm, one.address, one.port, "UDP"),
    )
    # a port that refuses is known at once, and TCP is asked without a wait
    silent = [
        (one, error) for one, error in answers if isinstance(error, ClientError) and not isinstance(error, Refused)
    ]
    rows = tuple(_udp_row(one, answer) for one, answer in answers)
    if not silent:
        return passed("each KDC answers over UDP, or refuses at once", rows=rows)
    bad = tuple(one.host for one, _ in silent)
    addresses = ", ".join(one.address for one, _ in silent)
    failure = warned(
        f"no answer over UDP from {names(bad)}; Kerberos asks there first, and waits seconds before it turns to TCP",
        observed="; ".join(error.text for _, error in silent),
        expected="UDP 88 open to each domain controller, and the answers let back in",
        fix=Fix(
            f"Allow UDP 88 from the task's security group to {addresses}: security groups on both sides, network ACLs "
            "(return ports 1024-65535 too), routes and firewalls."
        ),
        rows=rows,
    )
    return judge_silence(failure, vantage)


def _udp_row(endpoint: Endpoint, answer: FirstAnswer | ClientError) -> Row:
    if isinstance(answer, Refused):
        return Row(place(endpoint), Status.PASS, "UDP refused; TCP is asked at once")
    if isinstance(answer, ClientError):
        return Row(place(endpoint), Status.WARN, answer.text)
    return Row(place(endpoint), Status.PASS, "answers over UDP")


@check(
    "domain-controllers.other-ports",
    title="Further ports of the domain controllers",
    docs=links.FARGATE_NETWORK,
)
def other_ports(reachable: ReachableLdap, tcp: Tcp) -> Finding:
    """Tries the TCP ports 53, 464 and 636 of each domain controller. For information: it only passes.

    Why: Credentials Fetcher needs none of these; but where the domain controllers are the DNS servers too, long answers
    come over TCP 53, and an application may change passwords (464) or speak LDAPS (636).

    Fix: none is needed, unless the application uses one of them.
    """
    questions = [(one, port) for one in reachable.endpoints[:_PORTS_OF] for port in OTHER_PORTS]
    answers = each(questions, lambda one: tcp.connect(one[0].address, one[1], OTHER_SECONDS))
    open_ = {question for question, answer in answers if not isinstance(answer, ClientError)}
    rows = tuple(
        Row(
            place(one),
            Status.PASS,
            ", ".join(
                f"{port} ({use}) {'open' if (one, port) in open_ else 'closed'}" for port, use in OTHER_PORTS.items()
            ),
        )
        for one in reachable.endpoints[:_PORTS_OF]
    )
    return passed(f"{len(open_)} of {len(questions)} open; Credentials Fetcher needs none of them", rows=rows)


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
    hosts = {one.address: one for one in controllers.ldap[:MOST]}
    answers = each(hosts, dns.names_of)
    told = [(hosts[address], answer) for address, answer in answers]
    wrong = [
        (one, found) for one, found in told if not isinstance(found, ClientError) and _misleads(one, found, platform)
    ]
    missing = [one for one, found in told if isinstance(found, NotFound)]
    rows = tuple(_reverse_row(one, found, bool(wrong) and (one, found) in wrong, platform) for one, found in told)
    if wrong:
        first, found = wrong[0]
        return warned(
            f"{first.address} leads back to {', '.join(found)}, not to {first.host}; an LDAP client that takes the "
            "name from there, as Credentials Fetcher 1.3 may, asks for a ticket of the wrong one",
            expected=f"a PTR record of {first.address} that says {first.host}",
            fix=_reverse_fix(first),
            rows=rows,
        )
    if missing and platform.fetchers == {Fetcher.V1_3}:
        return warned(
            f"{', '.join(one.address for one in missing)} has no PTR record; Credentials Fetcher 1.3 needs one unless "
            "SASL_NOCANON is on",
            expected="a PTR record for each domain controller",
            fix=_reverse_fix(missing[0]),
            rows=rows,
        )
    without = len([one for one, found in told if isinstance(found, ClientError)])
    summary = f"no PTR record for {without} of {len(told)}; nothing needs it here" if without else "each leads back"
    return passed(summary, rows=rows)


def _misleads(endpoint: Endpoint, found: tuple[str, ...], platform: Platform) -> bool:
    """Whether the names are others. On Fargate, AWS's own for the address harm nobody."""
    if endpoint.host in found:
        return False
    return not (platform.launch is Launch.FARGATE and all(name.endswith(_AWS_NAMES) for name in found))


def _reverse_row(endpoint: Endpoint, found: tuple[str, ...] | ClientError, wrong: bool, platform: Platform) -> Row:
    if isinstance(found, NotFound):
        needed = platform.fetchers == {Fetcher.V1_3}
        return Row(place(endpoint), Status.WARN if needed else Status.PASS, "no PTR record")
    if isinstance(found, ClientError):
        return Row(place(endpoint), Status.UNKNOWN, found.text)
    return Row(place(endpoint), Status.WARN if wrong else Status.PASS, ", ".join(found))


def _reverse_fix(endpoint: Endpoint) -> Fix:
    return Fix(
        f"Let {endpoint.host} register its PTR record (it needs a reverse zone), or use Credentials Fetcher 2.x.",
        (
            f"dig +short -x {posix(endpoint.address)}",
            f"Resolve-DnsName -Type PTR {powershell(endpoint.address)}",
            "ipconfig /registerdns",
        ),
    )
