"""Security groups between the task and the domain controllers: the task's own, and those of the hosts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from ipaddress import IPv4Network

from gmsa_doctor.authoring import Fix, Given, Outcome, Owner, Result, Status, check, failed, listed, skipped, unknown
from gmsa_doctor.clients.aws.ec2 import Ec2
from gmsa_doctor.core.errors import NotFound
from gmsa_doctor.formats.aws.security_group import SecurityGroup, by_ipv6
from gmsa_doctor.given.subject import AwsPlace, Launch, Network, Platform
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.network_access.values import IPV6_ONLY, Hosts, Interface, Interfaces
from gmsa_doctor_checks.network_access.verdict import BlockedFlows, FromInside, verdict
from gmsa_doctor_checks.reachability.fixes import HTTPS_TO_ANYWHERE, authorize, set_network
from gmsa_doctor_checks.reachability.flow import ANY_SUBNET, Flow
from gmsa_doctor_checks.reachability.network import TaskSubnets, admission, groups_of_task, security_groups
from gmsa_doctor_checks.reachability.obstacles import (
    B,
    Extent,
    Fault,
    GroupsOfHosts,
    GroupsOfTask,
    Layer,
    Obstacle,
    RoutesToHosts,
)

_SHOWS = (texts.USER_TICKET, texts.BIND, texts.NO_DNS)
_Doubts = list[tuple[Flow, tuple[str, ...]]]
"""Flows that are allowed only for members of security groups, of which it is not known whether they are members."""


@check(
    "network-access.security-groups",
    title="The task's security groups allow traffic to the AD",
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
    """Compares the outbound rules of the task's security groups with the addresses and ports that a task connects to.

    Prefix lists are read. A rule that names the security group of a domain controller in this account counts if a route
    leads to that domain controller's VPC, since another VPC may use the same addresses.

    Why: a new security group allows all outbound traffic, but many are limited to TCP 443. The ticket then fails as if
    the domain controllers were down.

    Fix: Add outbound rules for TCP and UDP 88 and TCP 389 to each domain controller, and for UDP and TCP 53 if the DHCP
    options list the AD's DNS servers. Answers need no rule.
    """
    if subnets.value and subnets.value.without_ipv4:
        return skipped(IPV6_ONLY)
    try:
        groups = groups_of_task(network, subnets.value, ec2)
    except NotFound as error:
        return failed(
            f"ECS places no task: {error.text}",
            observed=", ".join(network.security_groups),
            expected=f"security groups of {place.region}",
            fix=Fix(
                "Set existing security groups in the service's network configuration.",
                (
                    f"aws ec2 describe-security-groups{place.region_option} --query 'SecurityGroups[].[GroupId,VpcId]'",
                    set_network(network, place, groups=("<security group>",)),
                ),
                owner=Owner.DEVELOPER,
            ),
        )
    if not groups:
        return skipped(
            "the task's security groups are not known",
            fix=Fix(
                "Pass them with --security-groups, or check the service with --cluster and --service. Inside the task, "
                "you can allow ec2:DescribeNetworkInterfaces to its task role instead."
            ),
        )
    rules = [rule for group in groups for rule in group.egress]
    names = listed(group.id for group in groups)
    faults = tuple(Fault(Layer.GROUP, group.id) for group in groups)
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
            extent = Extent.IPV4 if ipv6 else Extent.ALL
            obstacles.append(Obstacle(flow, faults[0], f"no outbound rule of {names} allows it", extent))
    on_fargate = platform.value is not None and platform.value.launch is Launch.FARGATE
    given = verdict(
        GroupsOfTask,
        BlockedFlows(hosts, (ANY_SUBNET,), tuple(obstacles)),
        f"{names}: outbound rules allow what the task needs of {listed(hosts.addresses)}",
        lambda blocked: _fix_egress(groups, blocked, place, to_aws=on_fargate),
        inside.sees,
    )
    faults = faults if obstacles else ()
    return _doubtful(names, "the hosts", doubts, Given(replace(given.value, faults=faults), given.finding))


@check(
    "network-access.hosts-security-groups",
    title="The domain controllers' security groups allow the task",
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
    """Compares the inbound rules of the domain controllers' security groups with the task's subnets.

    This covers domain controllers of AWS Managed Microsoft AD, or on EC2 instances, that are in this account, in the
    task's VPC or a peered one.

    Why: the security group that Directory Service creates for a directory allows only the CIDR of the directory's own
    VPC, so it blocks a task in a peered VPC, or in a second CIDR of the VPC.

    Fix: Add inbound rules for the task's subnets to that security group.
    """
    if subnets.without_ipv4:
        return skipped(IPV6_ONLY)
    seen: dict[str, None] = {}
    obstacles: list[Obstacle] = []
    doubts: _Doubts = []
    own = network.security_groups or tuple(group.id for group in groups_of_task(network, subnets, ec2))
    for subnet in subnets.with_ipv4:
        for flow in hosts.flows(subnet.id):
            interface = interfaces.of(flow.destination, routes.vpc(subnet.id, flow.destination))
            theirs = _groups_of(interface, ec2)
            if not interface or not theirs:
                continue
            seen |= dict.fromkeys(interface.groups)
            rules = [rule for group in theirs for rule in group.ingress]
            packets = flow.packets(IPv4Network(subnet.cidr))
            admitted = admission(rules, packets, frozenset(own) or None, ec2)
            if admitted.doubts:
                doubts.append((flow, admitted.doubts))
            elif not admitted.whole:
                names = listed(interface.groups)
                extent, text = (
                    Extent.ALL,
                    f"no inbound rule of {names}, the security group of the AD's host, allows {subnet.cidr}",
                )
                if sum(missing.count for missing in admitted.missing) < packets.count:
                    extent, text = Extent.PART, f"the inbound rules of {names} allow only a part of {subnet.cidr}"
                if subnet.ipv6 and by_ipv6(rules, packets):
                    extent = Extent.IPV4
                obstacles.append(Obstacle(flow, Fault(Layer.GROUP, interface.groups[0]), text, extent))
    if not seen:
        return skipped(
            "no domain controller has a network interface in this account, in the task's VPC or a peered one; ask "
            f"their owner whether the firewalls allow {listed(subnet.cidr for subnet in subnets.subnets)}"
        )
    names = listed(seen)
    given = verdict(
        GroupsOfHosts,
        BlockedFlows(hosts, subnets.ids, tuple(obstacles)),
        f"{names}: inbound rules allow the task's subnets",
        lambda blocked: _fix_ingress(subnets, blocked, place),
        inside.sees,
    )
    return _doubtful(names, "the tasks", doubts, given)


def _groups_of(interface: Interface | None, ec2: Ec2) -> tuple[SecurityGroup, ...]:
    """The groups of an interface; none if one belongs to another account, as in a shared VPC."""
    try:
        return security_groups(interface.groups, ec2) if interface else ()
    except NotFound:
        return ()


def _groups_at(
    address: str, interfaces: Interfaces | None, routes: RoutesToHosts | None, subnets: TaskSubnets | None
) -> tuple[frozenset[str] | None, bool]:
    """The security groups of the interfaces with a host's address in this account, and whether one is surely the host.

    It is, if each route leads to the VPC of such an interface; otherwise another host may have the address. A rule that
    names one of these groups can only mean these interfaces: rules name groups of their own VPC and of peered ones.
    Source: https://docs.aws.amazon.com/vpc/latest/peering/vpc-peering-security-groups.html
    """
    found = [interface for interface in (interfaces or Interfaces()).interfaces if interface.address == address]
    ends = {routes.vpc(id, address) for id in subnets.ids} if routes and subnets else set()
    certain = bool(ends) and ends <= {interface.vpc for interface in found}
    return frozenset(id for interface in found for id in interface.groups) or None, certain


def _doubtful(names: str, members: str, doubts: _Doubts, given: Given[B]) -> Result[B]:
    """The result, or unknown: if it is not a failure, but depends on membership of groups."""
    if not doubts or given.finding.status is Status.FAIL:
        return given
    flows = listed(dict.fromkeys(f"{flow.port} to {flow.destination}" for flow, _ in doubts))
    ids = listed(dict.fromkeys(id for _, ids in doubts for id in ids))
    return unknown(
        f"{names} allows {flows} only for members of {ids}, and this account cannot see whether {members} are members",
        observed=ids,
        expected="a rule for the addresses, or for groups that are visible",
        fix=Fix(f"Check that {members} are members of {ids}."),
    )


def _fix_egress(groups: Sequence[SecurityGroup], closed: Sequence[Obstacle], place: AwsPlace, *, to_aws: bool) -> Fix:
    """``to_aws``: the task connects to AWS services through the same groups."""
    group = groups[0].id
    addresses = tuple(dict.fromkeys(obstacle.flow.destination for obstacle in closed))
    text = (
        f"In {group}, allow outbound {_ports(closed)} to {listed(addresses)}. If the AD has other domain controllers "
        f"in the same subnet{'s' if addresses[1:] else ''}, use the subnet's CIDR instead of {addresses[0]}/32."
    )
    command = _authorize("egress", group, closed, (f"{obstacle.flow.destination}/32" for obstacle in closed), place)
    https = Flow(ANY_SUBNET, "").requests
    if not to_aws or any(rule.covers(https) for own in groups for rule in own.egress):
        return Fix(text, (command,))
    text = f"{text} Also allow outbound TCP 443: the task connects to AWS services through it."
    return Fix(text, (command, authorize("egress", group, HTTPS_TO_ANYWHERE, place)))


def _fix_ingress(subnets: TaskSubnets, closed: Sequence[Obstacle], place: AwsPlace) -> Fix:
    cidr = {subnet.id: subnet.cidr for subnet in subnets.subnets}
    by_group: dict[str, list[Obstacle]] = {}
    for obstacle in closed:
        by_group.setdefault(obstacle.fault.by, []).append(obstacle)
    return Fix(
        f"In {', '.join(by_group)}, allow inbound {_ports(closed)} from the task's subnets, "
        f"{listed(dict.fromkeys(cidr[obstacle.flow.subnet] for obstacle in closed))}.",
        tuple(
            _authorize("ingress", group, own, (cidr[obstacle.flow.subnet] for obstacle in own), place)
            for group, own in by_group.items()
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
    return authorize(direction, group, f"--ip-permissions {permissions}", place)
