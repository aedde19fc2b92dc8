"""Route 53 Resolver: whether the outbound endpoint of the rule in use lets questions out to the AD."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network
from typing import Any

from gmsa_doctor.authoring import Finding, Fix, Given, Outcome, Result, Status, check, failed, passed, skipped, warned
from gmsa_doctor.clients.aws.ec2 import Ec2
from gmsa_doctor.clients.aws.route53 import Route53Resolver
from gmsa_doctor.formats.aws.packet_filter import Packets, Protocol
from gmsa_doctor.formats.aws.security_group import GroupRule, admit, prefix_lists_of, read_security_group
from gmsa_doctor.given.subject import AwsPlace, Network
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.network_access.values import GroupsOfTask
from gmsa_doctor_checks.vpc_dns.values import NO_RULE, ForwardRule, ForwardTarget, ResolverWay, VpcDns

_GROUPS = "network-access.security-groups"


@check(
    "resolver-rule.endpoint",
    title="The Resolver rule's outbound endpoint works",
    docs=links.RESOLVER,
    shows=(texts.NO_DNS,),
)
def endpoint(
    way: VpcDns,
    resolver: Route53Resolver,
    ec2: Ec2,
    place: AwsPlace,
    network: Outcome[Network],
    of_task: Outcome[GroupsOfTask],
) -> Result[ResolverWay]:
    """Looks at the outbound endpoint through which the rule forwards: its status, and what its groups let out.

    Why: the VPC's resolver reaches the AD's DNS servers through the network interfaces of that endpoint, and their
    security groups must let out UDP and TCP 53. Of a rule that another account shares, the endpoint is in that account
    and cannot be seen from here.

    Fix: let the endpoint's security group out to the AD's DNS servers on 53; or mend the endpoint, or make a new one.
    """
    rule = way.rule
    if rule is None:
        return Given(ResolverWay(), passed(NO_RULE))
    if rule.owner:
        text = f"{rule.id} is shared by another account ({rule.owner}); its outbound endpoint is there"
        return Given(ResolverWay(), passed(f"{text}, and was not looked at"))
    if not rule.endpoint:
        return Given(ResolverWay(), passed(f"{rule.id} names no outbound endpoint"))
    found = resolver.endpoint(rule.endpoint)
    status = _judge_status(rule, found, place)
    if status:
        return status
    groups = tuple(map(str, found.get("SecurityGroupIds") or ()))
    finding = _judge_groups(rule, groups, ec2, place) if groups else None
    if finding is None:
        text = f"{rule.endpoint} is {found.get('Status')}, and its security groups let questions out"
        return Given(ResolverWay(rule.endpoint), passed(text))
    own = set(network.value.security_groups) if network.value else set()
    if set(groups) <= own and of_task.finding.status is Status.FAIL:
        text = f"{finding.summary}: these are the task's own groups, of which {_GROUPS} tells"
        return skipped(text, fix=finding.fix, because=(_GROUPS,))
    return Given(ResolverWay(rule.endpoint), finding) if finding.status is Status.WARN else finding


# Its status -----------------------------------------------------------------------------------------


def _judge_status(rule: ForwardRule, found: Mapping[str, Any], place: AwsPlace) -> Result[ResolverWay] | None:
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
        return failed(
            f"{summary}, so the rule forwards nothing",
            observed=observed,
            expected="OPERATIONAL",
            fix=fix,
            shows_as=texts.NO_DNS,
            overruled_by="dns.domain-controllers",
        )
    text = f"{summary}; it may pass on questions now and then, or not at all"
    return Given(ResolverWay(rule.endpoint), warned(text, observed=observed, expected="OPERATIONAL", fix=fix))


# Its security groups --------------------------------------------------------------------------------


def _judge_groups(rule: ForwardRule, groups: tuple[str, ...], ec2: Ec2, place: AwsPlace) -> Finding | None:
    """None if all that is needed may go out, or what may not cannot be known."""
    rules = [one for raw in ec2.security_groups(groups) for one in read_security_group(raw).egress]
    needed = [one for target in rule.targets for one in _questions(target)]
    lists = dict.fromkeys(id for _, packets in needed for id in prefix_lists_of(rules, packets))
    networks = {id: _networks(ec2.prefix_list_entries(id)) for id in lists}
    closed = [(target, packets) for target, packets in needed if _is_closed(rules, packets, networks)]
    if not closed:
        return None
    what = ", ".join(f"{packets.ports} to {target.address}" for target, packets in closed)
    fix = Fix(
        f"Allow UDP and TCP 53 from {', '.join(groups)} to the AD's DNS servers.",
        tuple(
            f"aws ec2 authorize-security-group-egress{place.region_option} --group-id {posix(groups[0])} "
            f"--ip-permissions {posix(_permission(target, packets))}"
            for target, packets in closed
        ),
    )
    summary = f"the security group {', '.join(groups)} of the outbound endpoint {rule.endpoint} does not let out {what}"
    expected = f"UDP and TCP to {', '.join(map(str, rule.targets))}"
    asked_first = [(target, one) for target, one in needed if target.https or one.protocol is Protocol.UDP]
    if all(one in closed for one in asked_first):
        return failed(
            f"{summary}, so the rule forwards nothing",
            observed=what,
            expected=expected,
            fix=fix,
            shows_as=texts.NO_DNS,
            overruled_by="dns.domain-controllers",
        )
    return warned(f"{summary}; some questions go unanswered", observed=what, expected=expected, fix=fix)


def _questions(target: ForwardTarget) -> Iterable[tuple[ForwardTarget, Packets]]:
    """What the endpoint sends to a target, of IPv4: DNS goes over UDP, and over TCP where an answer is long."""
    if ":" in target.address:
        return
    network = IPv4Network(target.address)
    for protocol in (Protocol.TCP,) if target.https else (Protocol.UDP, Protocol.TCP):
        yield target, Packets(protocol, network, target.port, target.port)


def _is_closed(rules: Iterable[GroupRule], packets: Packets, lists: Mapping[str, tuple[IPv4Network, ...]]) -> bool:
    """Surely: a group that is referenced may be the target's."""
    admission = admit(rules, packets, lists)
    return not admission.whole and not admission.doubts


def _networks(cidrs: Iterable[str]) -> tuple[IPv4Network, ...]:
    return tuple(IPv4Network(one, strict=False) for one in cidrs if ":" not in one)


def _permission(target: ForwardTarget, packets: Packets) -> str:
    ports = f"FromPort={packets.first},ToPort={packets.last}"
    return f"IpProtocol={packets.protocol},{ports},IpRanges=[{{CidrIp={target.address}/32}}]"
