"""Route 53 Resolver: whether the outbound endpoint of the rule in use lets questions out to the AD."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network
from typing import Any

from gmsa_doctor.authoring import (
    CheckId,
    Finding,
    Fix,
    Given,
    Outcome,
    Result,
    Status,
    check,
    deferred_to,
    failed,
    passed,
    warned,
)
from gmsa_doctor.clients.aws.ec2 import Ec2
from gmsa_doctor.clients.aws.route53 import Route53Resolver
from gmsa_doctor.formats.aws.packet_filter import Packets, Protocol
from gmsa_doctor.given.subject import AwsPlace
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.reachability.attribution import report
from gmsa_doctor_checks.reachability.network import admission, security_groups
from gmsa_doctor_checks.reachability.obstacles import Fault, GroupsOfTask, Layer
from gmsa_doctor_checks.vpc_dns.values import NO_RULE, ForwardRule, ForwardTarget, OutboundEndpoint, VpcDns

_GROUPS = CheckId("network-access.security-groups")
_SEEN_BY = CheckId("dns.domain-controllers")


@check(
    "resolver-rule.endpoint",
    title="The Resolver rule's outbound endpoint works",
    docs=links.RESOLVER,
    shows=(texts.NO_DNS,),
)
def endpoint(
    dns: VpcDns, resolver: Route53Resolver, ec2: Ec2, place: AwsPlace, of_task: Outcome[GroupsOfTask]
) -> Result[OutboundEndpoint]:
    """Looks at the outbound endpoint through which the rule forwards: its status, and what its groups let out.

    Why: the VPC's resolver reaches the AD's DNS servers through the network interfaces of that endpoint, and their
    security groups must let out UDP and TCP 53. Of a rule that another account shares, the endpoint is in that account
    and cannot be seen from here.

    Fix: let the endpoint's security group out to the AD's DNS servers on 53; or mend the endpoint, or make a new one.
    """
    rule = dns.rule
    if rule is None:
        return Given(OutboundEndpoint(), passed(NO_RULE))
    if rule.owner:
        text = f"{rule.id} is shared by another account ({rule.owner}); its outbound endpoint is there"
        return Given(OutboundEndpoint(), passed(f"{text}, and was not looked at"))
    if not rule.endpoint:
        return Given(OutboundEndpoint(), passed(f"{rule.id} names no outbound endpoint"))
    found = resolver.endpoint(rule.endpoint)
    groups = tuple(map(str, found.get("SecurityGroupIds") or ()))
    finding = _status(rule, found, place)
    if finding is None and groups:
        finding = _egress(rule, groups, ec2, place)
        tasks = report(_GROUPS, of_task)
        if finding and all(tasks.explains([Fault(Layer.GROUP, group)]) for group in groups):
            text = f"{finding.summary}: these are the task's own groups, of which {_GROUPS} tells"
            return deferred_to(_GROUPS, text, fix=finding.fix)
    if finding is None:
        finding = passed(f"{rule.endpoint} is {found.get('Status')}, and its security groups let questions out")
    return finding if finding.status is Status.FAIL else Given(OutboundEndpoint(rule.endpoint), finding)


# Its status -----------------------------------------------------------------------------------------


def _status(rule: ForwardRule, found: Mapping[str, Any], place: AwsPlace) -> Finding | None:
    """Only OPERATIONAL is sure to work. Source: Route 53 Resolver's API reference, ResolverEndpoint."""
    status, message = str(found.get("Status", "")), str(found.get("StatusMessage") or "")
    if status in ("OPERATIONAL", "UPDATING"):
        return None
    summary = f"the outbound endpoint {rule.endpoint} of {rule.id} is {status}"
    observed = f"{status}: {message}" if message else status
    fix = Fix(
        "Look at the endpoint's addresses and replace those that do not work, or make a new outbound endpoint and let "
        "the rule use it.",
        (
            f"aws route53resolver list-resolver-endpoint-ip-addresses{place.region_option} "
            f"--resolver-endpoint-id {posix(str(rule.endpoint))}",
        ),
    )
    if status == "DELETING":
        return _forwards_nothing(summary, observed, "OPERATIONAL", fix)
    text = f"{summary}; it may pass on questions now and then, or not at all"
    return warned(text, observed=observed, expected="OPERATIONAL", fix=fix)


def _forwards_nothing(summary: str, observed: str, expected: str, fix: Fix) -> Finding:
    return failed(
        f"{summary}, so the rule forwards nothing",
        observed=observed,
        expected=expected,
        fix=fix,
        shows_as=texts.NO_DNS,
        overruled_by=_SEEN_BY,
    )


# Its security groups --------------------------------------------------------------------------------


def _egress(rule: ForwardRule, groups: tuple[str, ...], ec2: Ec2, place: AwsPlace) -> Finding | None:
    """None if all that is needed may go out, or that cannot be known: a group that a rule names may be the target's."""
    rules = [own for group in security_groups(groups, ec2) for own in group.egress]
    needed = [(target, packets) for target in rule.targets for packets in _questions(target)]
    closed = [
        (target, packets)
        for target, packets in needed
        if not (admitted := admission(rules, packets, None, ec2)).whole and not admitted.doubts
    ]
    if not closed:
        return None
    names = ", ".join(groups)
    ports = ", ".join(f"{packets.ports} to {target.address}" for target, packets in closed)
    fix = Fix(
        f"Allow UDP and TCP 53 from {names} to the AD's DNS servers.",
        tuple(
            f"aws ec2 authorize-security-group-egress{place.region_option} --group-id {posix(groups[0])} "
            f"--ip-permissions {posix(_permission(target, packets))}"
            for target, packets in closed
        ),
    )
    summary = f"the security group {names} of the outbound endpoint {rule.endpoint} does not let out {ports}"
    expected = f"UDP and TCP to {', '.join(map(str, rule.targets))}"
    asked_first = [(target, packets) for target, packets in needed if target.https or packets.protocol is Protocol.UDP]
    if all(question in closed for question in asked_first):
        return _forwards_nothing(summary, ports, expected, fix)
    return warned(f"{summary}; some questions go unanswered", observed=ports, expected=expected, fix=fix)


def _questions(target: ForwardTarget) -> Iterable[Packets]:
    """What the endpoint sends to a target, of IPv4: DNS goes over UDP, and over TCP where an answer is long."""
    if ":" not in target.address:
        for protocol in (Protocol.TCP,) if target.https else (Protocol.UDP, Protocol.TCP):
            yield Packets(protocol, IPv4Network(target.address), target.port, target.port)


def _permission(target: ForwardTarget, packets: Packets) -> str:
    ports = f"FromPort={packets.first},ToPort={packets.last}"
    return f"IpProtocol={packets.protocol},{ports},IpRanges=[{{CidrIp={target.address}/32}}]"
