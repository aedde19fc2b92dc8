"""The network ACLs of the task's subnets, for requests to AWS services."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gmsa_doctor.authoring import (
    CheckId,
    Finding,
    Outcome,
    Row,
    Status,
    check,
    deferred_to,
    failed,
    if_several,
    in_words,
    passed,
    skipped,
)
from gmsa_doctor.clients.aws.ec2 import Ec2
from gmsa_doctor.formats.aws.network_acl import NetworkAcl
from gmsa_doctor.formats.aws.packet_filter import Packets
from gmsa_doctor.formats.documents.task_definition import TaskDefinition
from gmsa_doctor.given.subject import AwsPlace, Platform
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.network_path.endpoints import VpcEndpoints
from gmsa_doctor_checks.network_path.hop_acls import ClosedHop, closed_hops
from gmsa_doctor_checks.reachability.attribution import report
from gmsa_doctor_checks.reachability.fixes import allow_in_acls
from gmsa_doctor_checks.reachability.flow import EPHEMERAL, Flow
from gmsa_doctor_checks.reachability.network import TaskSubnets, acl_of
from gmsa_doctor_checks.reachability.obstacles import AclCrossing, Fault, Layer, NetworkAcls, crossings
from gmsa_doctor_checks.reachability.services import ServicePaths
from gmsa_doctor_checks.versions import failed_on_fargate, may_run_on_fargate

_ACLS = CheckId("network-access.network-acls")
_STATELESS = "network ACLs are stateless, so answers need a rule of their own"
ON_EC2 = "not checked on EC2: the container instance makes these calls, and its subnet is unknown"


@check(
    "network-path.network-acls",
    title="Network ACLs allow requests to AWS services and answers",
    docs=links.NETWORK_ACLS,
    shows=(texts.NOT_RETRIEVED,),
)
def network_acls(
    subnets: TaskSubnets,
    platform: Platform,
    definition: TaskDefinition,
    endpoints: Outcome[VpcEndpoints],
    to_hosts: Outcome[NetworkAcls],
    ec2: Ec2,
    place: AwsPlace,
    paths: Outcome[ServicePaths],
) -> Finding:
    """Checks that the network ACLs of the task's subnets allow outbound TCP 443, and answers to TCP 32768-60999.

    The ACLs of the subnets with the NAT gateway and the endpoints on the path must allow the same from the other side.
    An ACL that allows this for only some addresses passes, since the addresses of the services are not known.

    Why: network ACLs are stateless. Without a rule for the answers' ports every answer is dropped, and S3, Secrets
    Manager, ECR and CloudWatch Logs seem to be down.

    Fix: Allow outbound TCP 443 and inbound TCP 1024-65535.
    """
    if not may_run_on_fargate(platform, definition):
        return skipped(ON_EC2)
    known = {
        subnet.id: (acl, subnet.cidr) for subnet in subnets.with_ipv4 if (acl := acl_of(subnet.id, subnet.vpc, ec2))
    }
    if not known:
        return skipped("the network ACLs of the task's subnets are visible to the owner of the VPC only")
    optional = {id for endpoint in (endpoints.value or VpcEndpoints()).endpoints for id in endpoint.subnets}
    optional |= {id for id in subnets.dual_stack & set(known) if known[id][0].ipv6}
    results = {id: judge(acl, cidr, whole=id not in optional) for id, (acl, cidr) in known.items()}
    rows = tuple(Row(id, status, text) for id, (status, text, _) in results.items())
    bad = [row for row in rows if row.status is not Status.PASS]
    hops = closed_hops(paths.value, subnets, ec2) if paths.value and not bad else ()
    if hops:
        return failed_on_fargate(_at_hops(hops, subnets, place), platform)
    if not bad:
        names = ", ".join(dict.fromkeys(acl.id for acl, _ in known.values()))
        return passed(f"{names}: outbound TCP 443 and its answers are allowed")
    closed = len(bad) == len(subnets.subnets) and all(row.status is Status.FAIL for row in bad)
    why = "; ".join(dict.fromkeys(row.text for row in bad))
    if report(_ACLS, to_hosts, even_warned=not closed).explains([Fault(Layer.ACL)]):
        return deferred_to(_ACLS, f"{why}; same cause as {_ACLS}")
    finding = failed(
        f"tasks cannot reach AWS services: {why}",
        observed=why,
        expected=f"outbound TCP 443 and inbound TCP {EPHEMERAL[0]}-{EPHEMERAL[1]} allowed",
        fix=allow_in_acls([stop for row in bad for stop in results[row.name][2]], "AWS services", place),
        shows_as=texts.NOT_RETRIEVED,
        rows=if_several(rows),
        overruled_by=CheckId("credspec.object"),
    )
    if closed:
        return failed_on_fargate(finding, platform)
    where = ", ".join(row.name for row in bad)
    summary = f"tasks in {where} may reach AWS services only intermittently, or not at all: {why}"
    return replace(finding.to_warning(), summary=summary, shows_as=None)


def _at_hops(hops: Sequence[ClosedHop], subnets: TaskSubnets, place: AwsPlace) -> Finding:
    """The finding for ACLs of other subnets on the path."""
    why = "; ".join(dict.fromkeys(hop.text for hop in hops))
    finding = failed(
        f"tasks cannot reach AWS services: {why}; {_STATELESS}",
        observed=why,
        expected="the task's subnets and their answers allowed",
        fix=allow_in_acls([stop for hop in hops for stop in hop.stops], "the task's subnets", place),
        shows_as=texts.NOT_RETRIEVED,
        rows=if_several(tuple(Row(hop.subnet.id, hop.status, hop.text) for hop in hops)),
        overruled_by=CheckId("credspec.object"),
    )
    if {hop.subnet.id for hop in hops if hop.certain} >= set(subnets.ids):
        return finding
    where = ", ".join(dict.fromkeys(hop.subnet.id for hop in hops))
    summary = f"tasks in {where} may reach AWS services only intermittently, or not at all: {why}; {_STATELESS}"
    return replace(finding.to_warning(), summary=summary, shows_as=None)


def judge(acl: NetworkAcl, cidr: str, *, whole: bool = True) -> tuple[Status, str, list[AclCrossing]]:
    """What an ACL does with requests and answers, with a text and the crossings where it denies them.

    Not ``whole``: some packets stay within the subnet, or use IPv6, which is not checked.
    """
    worst = Status.FAIL if whole else Status.WARN
    requests, answers = crossings(Flow("", ""), cidr, acl)
    open_ports = _number_of_ports(answers.decision.passing)
    partly = open_ports < EPHEMERAL[1] - EPHEMERAL[0] + 1
    stops = [answers] if partly else []
    if not requests.decision.passing:
        return worst, f"{_deny(requests)} outbound TCP 443 to {requests.packets.network}", [requests, *stops]
    if not open_ports:
        text = f"{_deny(answers)} inbound answers from {answers.packets.network} to {answers.packets.ports}"
        return worst, f"{text}, and {_STATELESS}", stops
    if partly:
        text = f"{acl.id} allows inbound answers to only a part of {answers.packets.ports}, and {_STATELESS}"
        return Status.WARN, text, stops
    return Status.PASS, f"{acl.id} allows requests and answers", []


def _number_of_ports(parts: Sequence[Packets]) -> int:
    """How many ports these packets have."""
    number = end = 0
    for part in sorted(parts, key=lambda part: part.first):
        number += max(0, part.last + 1 - max(part.first, end))
        end = max(end, part.last + 1)
    return number


def _deny(crossing: AclCrossing) -> str:
    """Who denies packets, such as ``rule 90 of acl-1 denies``."""
    numbers = [name for name in crossing.decision.rules if name != "*"]
    if not numbers:
        return f"no rule of {crossing.acl.id} allows"
    rules, deny = ("rules", "deny") if numbers[1:] else ("rule", "denies")
    return f"{rules} {in_words(numbers)} of {crossing.acl.id} {deny}"
