"""Ports of the domain controllers that no task needs to start: Kerberos over UDP, DNS, password changes, LDAPS."""

from __future__ import annotations

from gmsa_doctor.authoring import Finding, Fix, Row, check, passed, warned
from gmsa_doctor.clients.kerberos.kdc_questions import FirstAnswer, KdcQuestions
from gmsa_doctor.clients.network.tcp import Tcp
from gmsa_doctor.core.errors import ClientError, Refused
from gmsa_doctor.core.limits import each
from gmsa_doctor.given.vantage import Vantage
from gmsa_doctor_checks import links
from gmsa_doctor_checks.domain_controllers.words import MOST, names, row
from gmsa_doctor_checks.silence import judge_silence, split
from gmsa_doctor_checks.values import Account, Endpoint, ReachableKdcs, ReachableLdap

OTHER_PORTS = {53: "DNS", 464: "password changes", 636: "LDAPS"}
"""Those of a domain controller that an application may want, and Credentials Fetcher does not."""

OTHER_SECONDS = 1.0

_PORTS_OF = 8
"""Domain controllers whose further ports are tried: enough to be informed."""


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
