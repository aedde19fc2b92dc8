"""Security groups between the task and the domain controllers: the task's own, and those of the hosts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from ipaddress import IPv4Network
from typing import TypeVar

from gmsa_doctor.authoring import Fix, Given, Outcome, Result, Status, check, failed, listed, skipped, unknown
from gmsa_doctor.clients.aws.ec2 import Ec2
from gmsa_doctor.core.errors import NotFound
from gmsa_doctor.formats.aws.security_group import SecurityGroup, by_ipv6
from gmsa_doctor.given.subject import AwsPlace, Launch, Network, Platform
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.network_access.from_inside import FromInside
from gmsa_doctor_checks.network_access.values import IPV6_ALONE, Hosts, Interface, Interfaces
from gmsa_doctor_checks.network_access.verdict import BlockedFlows, verdict
from gmsa_doctor_checks.reachability.flow import ANY_SUBNET, HTTPS, Flow
from gmsa_doctor_checks.reachability.network import TaskSubnets, admission, groups_of_task, security_groups
from gmsa_doctor_checks.reachability.obstacles import (
    Extent,
    Fault,
    GroupsOfHosts,
    GroupsOfTask,
    Judged,
    Layer,
    Obstacle,
    RoutesToHosts,
)

_SHOWS = (texts.USER_TICKET, texts.BIND, texts.NO_DNS)
_Doubts = list[tuple[Flow, tuple[str, ...]]]
"""Flows that are admitted only to groups or prefix lists of which it is not known whether they hold."""
J = TypeVar("J", bound=Judged)


@check(
    "network-access.security-groups",
    title="The task's security groups let it reach the domain controllers",
    docs=links.SECURITY_GROUP_RULES,
    shows=_SHOWS,
)
def of_task(
    network: Network,
    subnets: Outcome[TaskSubnets],
    hosts: Hosts,
    interfaces: Outcome[Interfaces],
    routes: Outcome[RoutesToHosts],
    platform: Outcome[Platform],
    ec2: Ec2,
    place: AwsPlace,
    inside: FromInside,
) -> Result[GroupsOfTask]:
    """Compares the outbound rules of the task's security groups with the addresses and ports that a task asks.

    Prefix lists are followed, and rules that name the security group of a domain controller in this account, if it is
    in the VPC that a route leads to: another VPC may have the same addresses.

    Why: a new security group lets everything out, but many are narrowed to 443. Then the ticket fails as if the
    domain controllers were down.

    Fix: add outbound rules for TCP and UDP 88 and TCP 389 to each domain controller, and UDP and TCP 53 where the
    DHCP options name the AD's DNS servers. Answers need no rule.
    """
    if subnets.value and subnets.value.without_ipv4:
        return skipped(IPV6_ALONE)
    try:
        groups = groups_of_task(network, subnets.value, ec2)
    except NotFound as error:
        return failed(
            f"ECS places no task: {error.text}",
            observed=", ".join(network.security_groups),
            expected=f"security groups of {place.region}",
            fix=Fix(
                "Give the service security groups that exist.",
                (f"aws ec2 describe-security-groups{place.region_option} --query 'SecurityGroups[].[GroupId,VpcId]'",),
            ),
        )
    if not groups:
        return skipped(
            "the task's security groups are not known",
            fix=Fix(
                "Name them with --security-groups, or check the service: --cluster and --service. In the task itself, "
                "its task role may be allowed ec2:DescribeNetworkInterfaces instead."
            ),
        )
    rules = [rule for group in groups for rule in group.egress]
    names = listed(group.id for group in groups)
    obstacles: list[Obstacle] = []
    doubts: _Doubts = []
    for flow in hosts.flows(ANY_SUBNET):
        known, certain = _groups_at(flow.destination, interfaces.value, routes.value, subnets.value)
        admitted = admission(rules, flow.requests, known, ec2)
        if not admitted.whole and not certain:
            admitted = admission(rules, flow.requests, None, ec2)
        if admitted.doubts:
            doubts.append((flow, admitted.doubts))
        elif not admitted.whole:
            ipv6 = subnets.value and subnets.value.dual_stack and by_ipv6(rules, flow.requests)
            text = f"no outbound rule of {names} admits it"
            fault = Fault(Layer.GROUP, groups[0].id)
            obstacles.append(Obstacle(flow, fault, text, Extent.IPV4 if ipv6 else Extent.ALL))
    on_fargate = platform.value is not None and platform.value.launch is Launch.FARGATE
    given = verdict(
        GroupsOfTask,
        BlockedFlows(hosts, (ANY_SUBNET,), tuple(obstacles)),
        f"{names}: outbound rules admit what is asked of {listed(hosts.addresses)}",
        lambda shut: _fix_egress(groups, shut, place, to_aws=on_fargate),
        inside.sees,
    )
    faults = tuple(Fault(Layer.GROUP, group.id) for group in groups) if obstacles else ()
    return _doubtful(names, doubts, Given(replace(given.value, faults=faults), given.finding))


@check(
    "network-access.hosts-security-groups",
    title="The domain controllers' own security groups admit the task",
    docs=links.MANAGED_AD_GROUP,
    shows=_SHOWS,
)
def of_hosts(
    subnets: TaskSubnets,
    network: Network,
    hosts: Hosts,
    interfaces: Interfaces,
    routes: RoutesToHosts,
    ec2: Ec2,
    place: AwsPlace,
    inside: FromInside,
) -> Result[GroupsOfHosts]:
    """Compares the inbound rules of the hosts' security groups with the task's subnets, as far as they can be seen.

    These are domain controllers of AWS Managed Microsoft AD, or on EC2 instances, in the task's VPC or one that is
    peered with it, of this account.

    Why: the group that Directory Service makes for a directory admits the CIDR of the directory's own VPC only:
    a task in a peered VPC, or in a second CIDR of the VPC, is kept out.

    Fix: add inbound rules for the task's subnets to that group.
    """
    if subnets.without_ipv4:
        return skipped(IPV6_ALONE)
    seen: dict[tuple[str, str], Interface] = {}
    obstacles: list[Obstacle] = []
    doubts: _Doubts = []
    own = network.security_groups or tuple(group.id for group in groups_of_task(network, subnets, ec2))
    for subnet in subnets.with_ipv4:
        for flow in hosts.flows(subnet.id):
            interface = interfaces.of(flow.destination, routes.vpc(subnet.id, flow.destination))
            theirs = _groups_of(interface, ec2)
            if not interface or not theirs:
                continue
            seen[subnet.id, flow.destination] = interface
            rules = [rule for group in theirs for rule in group.ingress]
            packets = flow.packets(IPv4Network(subnet.cidr))
            admitted = admission(rules, packets, frozenset(own) or None, ec2)
            if admitted.doubts:
                doubts.append((flow, admitted.doubts))
            elif not admitted.whole:
                names = listed(interface.groups)
                partly = sum(missing.count for missing in admitted.missing) < packets.count
                text = (
                    f"the inbound rules of {names} admit only a part of {subnet.cidr}"
                    if partly
                    else f"no inbound rule of {names} admits {subnet.cidr}"
                )
                extent = Extent.PART if partly else Extent.ALL
                ipv6 = subnet.ipv6 and by_ipv6(rules, packets)
                fault = Fault(Layer.GROUP, interface.groups[0])
                obstacles.append(Obstacle(flow, fault, text, Extent.IPV4 if ipv6 else extent))
    if not seen:
        return skipped(
            "no domain controller has a network interface in this account, in the task's VPC or one peered with it; "
            "whoever runs them knows whether their firewalls admit the task's subnets: "
            f"{listed(subnet.cidr for subnet in subnets.subnets)}"
        )
    names = listed(dict.fromkeys(id for interface in seen.values() for id in interface.groups))
    given = verdict(
        GroupsOfHosts,
        BlockedFlows(hosts, subnets.ids, tuple(obstacles)),
        f"{names}: inbound rules admit the task's subnets",
        lambda shut: _fix_ingress(subnets, shut, place),
        inside.sees,
    )
    return _doubtful(names, doubts, given)


# Groups -----------------------------------------------------------------------------------------------


def _groups_of(interface: Interface | None, ec2: Ec2) -> tuple[SecurityGroup, ...]:
    """The groups of an interface; none where one of them is another account's, as in a shared VPC."""
    try:
        return security_groups(interface.groups, ec2) if interface else ()
    except NotFound:
        return ()


def _groups_at(
    address: str, interfaces: Interfaces | None, routes: RoutesToHosts | None, subnets: TaskSubnets | None
) -> tuple[frozenset[str] | None, bool]:
    """The security groups of who has a host's address in this account, and whether that certainly is the host.

    It is, where each route leads to the VPC of such an interface. Addresses of VPCs may overlap, so another one with
    the address may be meant; but a rule that names the group of one can only mean that one: rules name groups of
    their own VPC and of those that are peered with it.
    Source: https://docs.aws.amazon.com/vpc/latest/peering/vpc-peering-security-groups.html
    """
    found = [interface for interface in (interfaces or Interfaces()).interfaces if interface.address == address]
    ends = {routes.vpc(id, address) for id in subnets.ids} if routes and subnets else set()
    certain = bool(ends) and ends <= {interface.vpc for interface in found}
    return frozenset(id for interface in found for id in interface.groups) or None, certain


def _doubtful(names: str, doubts: _Doubts, given: Given[J]) -> Result[J]:
    """What was found, unless it is no failure and not all could be known."""
    if not doubts or given.finding.status is Status.FAIL:
        return given
    flows = listed(dict.fromkeys(f"{flow.port} to {flow.destination}" for flow, _ in doubts))
    ids = listed(dict.fromkeys(id for _, ids in doubts for id in ids))
    return unknown(
        f"{names} admits {flows} only by {ids}, and whether that holds for them cannot be seen from this account",
        observed=ids,
        expected="a rule that names the addresses, or groups that can be seen",
        fix=Fix(f"Look whether {ids} holds for these hosts, in the account that they are in."),
    )


# Fixes ----------------------------------------------------------------------------------------------


def _fix_egress(groups: Sequence[SecurityGroup], closed: Sequence[Obstacle], place: AwsPlace, *, to_aws: bool) -> Fix:
    """``to_aws``: the task asks AWS's services by the same groups."""
    group = groups[0].id
    text = f"Let {group} out to the domain controllers, or better to the network that they are in: {_ports(closed)}."
    command = _authorize("egress", group, closed, (f"{obstacle.flow.destination}/32" for obstacle in closed), place)
    https = Flow(ANY_SUBNET, "", HTTPS).requests
    if not to_aws or any(rule.covers(https) for own in groups for rule in own.egress):
        return Fix(text, (command,))
    to_services = (
        f"aws ec2 authorize-security-group-egress{place.region_option} --group-id {posix(group)} --protocol tcp "
        "--port 443 --cidr 0.0.0.0/0"
    )
    return Fix(f"{text} It lets no TCP 443 out either, which AWS's services need.", (command, to_services))


def _fix_ingress(subnets: TaskSubnets, closed: Sequence[Obstacle], place: AwsPlace) -> Fix:
    cidr: Mapping[str, str] = {subnet.id: subnet.cidr for subnet in subnets.subnets}
    by_group: dict[str, list[Obstacle]] = {}
    for obstacle in closed:
        by_group.setdefault(obstacle.fault.by, []).append(obstacle)
    return Fix(
        f"Let {', '.join(by_group)} admit the task's subnets: {_ports(closed)}.",
        tuple(
            _authorize("ingress", group, shut, (cidr[obstacle.flow.subnet] for obstacle in shut), place)
            for group, shut in by_group.items()
        ),
    )


def _ports(closed: Sequence[Obstacle]) -> str:
    return ", ".join(dict.fromkeys(str(obstacle.flow.port) for obstacle in closed))


def _authorize(direction: str, group: str, closed: Sequence[Obstacle], networks: Iterable[str], place: AwsPlace) -> str:
    ranges = ",".join(f"{{CidrIp={network}}}" for network in dict.fromkeys(networks))
    ports = dict.fromkeys((obstacle.flow.port.protocol, obstacle.flow.port.number) for obstacle in closed)
    permissions = " ".join(
        posix(f"IpProtocol={protocol},FromPort={number},ToPort={number},IpRanges=[{ranges}]")
        for protocol, number in ports
    )
    return (
        f"aws ec2 authorize-security-group-{direction}{place.region_option} --group-id {posix(group)} "
        f"--ip-permissions {permissions}"
    )
