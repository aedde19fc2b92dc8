"""Network properties that differ between domain controllers: UDP, further ports, PTR records."""

from __future__ import annotations

from gmsa_doctor.authoring import Finding, Fix, Outcome, Owner, Row, Status, check, passed, warned
from gmsa_doctor.clients.dns.resolver import Dns
from gmsa_doctor.clients.kerberos.kdc_questions import KdcQuestions
from gmsa_doctor.clients.network.tcp import Tcp
from gmsa_doctor.core.errors import ClientError, NotFound, Refused
from gmsa_doctor.core.limits import each
from gmsa_doctor.formats.aws.ecs_config import EcsConfig
from gmsa_doctor.formats.aws.partitions import is_aws_name
from gmsa_doctor.formats.fetcher import Fetcher
from gmsa_doctor.given.subject import Launch, Platform
from gmsa_doctor.given.vantage import Vantage
from gmsa_doctor_checks import links
from gmsa_doctor_checks.commands import posix, powershell
from gmsa_doctor_checks.domain_controllers.root_dse import MOST, names, place, row
from gmsa_doctor_checks.fetcher_settings import overrides
from gmsa_doctor_checks.silence import judge_silence, split
from gmsa_doctor_checks.values import Account, DomainControllers, Endpoint, ReachableKdcs, ReachableLdap

OTHER_PORTS = {53: "DNS", 464: "password changes", 636: "LDAPS"}
"""Ports that an application may need, but Credentials Fetcher does not."""

OTHER_SECONDS = 1.0

_PORTS_OF = 8
"""The maximum number of domain controllers whose further ports are tried."""


@check("domain-controllers.kerberos-udp", title="The KDCs answer over UDP", docs=links.FARGATE_NETWORK)
def kerberos_udp(account: Account, kdcs: ReachableKdcs, questions: KdcQuestions, vantage: Vantage) -> Finding:
    """Sends the first request of a logon to each KDC over UDP (88), without a password, so no failed logon is counted.

    Why: Kerberos tries UDP first and falls back to TCP if nothing comes back: with UDP 88 blocked, each ticket takes
    seconds longer. Logons still work, so this is a warning.

    Fix: Allow UDP 88 in addition to TCP 88 from the task's security group to every domain controller.
    """
    answers = each(
        kdcs.endpoints[:MOST],
        lambda kdc: questions.first_answer(account.user, kdcs.domain.realm, kdc.address, kdc.port, "UDP"),
    )
    _, errors = split(answers)
    # a port that refuses costs no time: TCP follows at once
    silent = {kdc: error for kdc, error in errors.items() if not isinstance(error, Refused)}
    rows = tuple(
        row(kdc, errors[kdc].text if kdc in errors else "answers over UDP", bad=kdc in silent) for kdc, _ in answers
    )
    if not silent:
        return passed("each KDC answers over UDP, or refuses at once", rows=rows)
    hosts, addresses = names(kdc.host for kdc in silent), ", ".join(kdc.address for kdc in silent)
    failure = warned(
        f"no answer over UDP from {hosts}; Kerberos tries UDP first, and waits seconds before it falls back to TCP",
        observed="; ".join(error.text for error in silent.values()),
        expected="UDP 88 open to each domain controller, and its answers allowed",
        fix=Fix(
            f"Allow UDP 88 from the task's security group to {addresses} in the security groups of the task and of the "
            "domain controllers, network ACLs (also return ports 1024-65535), routes and firewalls.",
            owner=Owner.AWS,
        ),
        rows=rows,
    )
    return judge_silence(failure, vantage)


@check(
    "domain-controllers.other-ports",
    title="Other open ports of the domain controllers",
    docs=links.FARGATE_NETWORK,
)
def other_ports(reachable: ReachableLdap, tcp: Tcp) -> Finding:
    """Tries the TCP ports 53, 464 and 636 of each domain controller. For information only: it always passes.

    Why: Credentials Fetcher needs none of these. But if the domain controllers are also the DNS servers, long answers
    use TCP 53, and an application may change passwords (464) or use LDAPS (636).

    Fix: None is needed, unless the application uses one of them.
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
    title="Reverse DNS returns the domain controllers' names",
    docs=links.DC_LOCATOR,
)
def reverse_names(
    controllers: DomainControllers, dns: Dns, platform: Platform, account: Outcome[Account], config: EcsConfig
) -> Finding:
    """Resolves the PTR record of each domain controller's address.

    Why: without the option -N, ldapsearch requests the ticket for the name in the PTR record, unless SASL_NOCANON is on
    in OpenLDAP's ldap.conf. It is on in Fedora's package, and off in Debian's and Ubuntu's; AWS does not document it
    for Fargate. A missing or wrong record then causes "Server not found in Kerberos database". It depends on the
    version:

    - 1.3 until February 2024 also takes the domain controller's name from the PTR record, if no
      `DOMAIN_CONTROLLER_GMSA` in `ecs.config` names it.
    - 1.3 passes -N since December 2024 (aws/credentials-fetcher, pull request 149), in both of its searches.
    - 2.x passes -N in the search for the password, but not in the search for the gMSA's DN. If the secret has a
      `distinguishedName`, there is only the former.

    Fix: Create a reverse lookup zone, and let the domain controllers register in it. With 2.x, a `distinguishedName` in
    the secret suffices.
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
            f"reverse DNS of {endpoint.address} returns {', '.join(found)}, not {endpoint.host}. A client that builds "
            f"the SPN from reverse DNS ({_who_may(platform)}) asks for a ticket for the wrong host",
            expected=f"a PTR record of {endpoint.address} that returns {endpoint.host}",
            fix=_fix(endpoint),
            rows=rows,
        )
    if missing and needed:
        return warned(
            f"{', '.join(endpoint.address for endpoint in missing)} has no PTR record; Credentials Fetcher 1.3 "
            "from before December 2024 requires one unless SASL_NOCANON is on",
            expected="a PTR record for each domain controller",
            fix=_fix(missing[0]),
            rows=rows,
        )
    if errors:
        reason = _not_needed(platform, account.value, config)
        absent = "no PTR record" if len(missing) == len(errors) else "no PTR record, or no answer,"
        return passed(f"{absent} for {len(errors)} of {len(answers)}; {reason}", rows=rows)
    return passed("each PTR record returns the domain controller's name", rows=rows)


def _not_needed(platform: Platform, account: Account | None, config: EcsConfig) -> str:
    """Which versions require PTR records for this task, and when. AWS does not document Fargate's ldap.conf."""
    dn = overrides(config, platform).distinguished_name or (account.distinguished_name if account else None)
    needs = []
    if Fetcher.V1_3 in platform.fetchers:
        needs.append("Credentials Fetcher 1.3 from before December 2024 requires one")
    if Fetcher.V2 in platform.fetchers and not dn:
        condition = "" if account else ", if the secret has no distinguishedName"
        needs.append(f"2.x requires one to search for the gMSA's DN{condition}")
    if not needs:
        return "this task does not need them"
    where = "not documented for Fargate" if platform.launch is Launch.FARGATE else "off in Debian and Ubuntu"
    return f"{', and '.join(needs)}, only where SASL_NOCANON is off ({where})"


def _who_may(platform: Platform) -> str:
    return "Credentials Fetcher 1.3 may" if Fetcher.V1_3 in platform.fetchers else "Credentials Fetcher may"


def _misleads(endpoint: Endpoint, found: tuple[str, ...], platform: Platform) -> bool:
    """Whether the names differ from the host's. On Fargate, AWS's own names for the address are harmless."""
    if endpoint.host in found:
        return False
    of_aws = (is_aws_name(name) or name.endswith(".internal") for name in found)  # such as ip-10-0-0-5.ec2.internal
    return not (platform.launch is Launch.FARGATE and all(of_aws))


def _row(endpoint: Endpoint, answer: tuple[str, ...] | ClientError, bad: bool) -> Row:
    if isinstance(answer, NotFound):
        return row(endpoint, "no PTR record", bad=bad)
    if isinstance(answer, ClientError):
        return Row(place(endpoint), Status.UNKNOWN, answer.text)
    return row(endpoint, ", ".join(answer), bad=bad)


def _fix(endpoint: Endpoint) -> Fix:
    return Fix(
        f"1. AD administrator: create a reverse lookup zone, and register the PTR record on {endpoint.host} (command "
        "1). 2. Check the record on Windows (command 2). On Linux, use dig (command 3). Without a zone: set "
        "SASL_NOCANON on in OpenLDAP's ldap.conf on the container instances.",
        (
            "ipconfig /registerdns",
            f"Resolve-DnsName -Type PTR {powershell(endpoint.address)}",
            f"dig +short -x {posix(endpoint.address)}",
        ),
    )
