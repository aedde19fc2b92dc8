"""Security groups between the task and the domain controllers: the task's own, and those of the hosts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network

from gmsa_doctor.authoring import Finding, Fix, Given, Outcome, Result, Status, check, failed, skipped, unknown
from gmsa_doctor.clients.aws.ec2 import Ec2
from gmsa_doctor.clients.network.tcp import Tcp
from gmsa_doctor.core.errors import NotFound
from gmsa_doctor.formats.aws.packet_filter import Packets, Protocol
from gmsa_doctor.formats.aws.route_table import EVERYWHERE
from gmsa_doctor.formats.aws.security_group import (
    Admission,
    GroupRule,
    SecurityGroup,
    admit,
    by_ipv6,
    prefix_lists_of,
    read_security_group,
)
from gmsa_doctor.given.subject import AwsPlace, Launch, Network, Platform
from gmsa_doctor.given.vantage import Vantage
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.network_access.seen import seen_open
from gmsa_doctor_checks.network_access.values import (
    IPV6_ALONE,
    Closed,
    GroupsOfHosts,
    GroupsOfTask,
    Host,
    Hosts,
    Interface,
    Interfaces,
    Port,
    Ways,
)
from gmsa_doctor_checks.network_access.verdict import ANYWHERE, Question, listed, verdict
from gmsa_doctor_checks.task_groups import groups_of_task
from gmsa_doctor_checks.vpc_values import TaskSubnets

_HTTPS = Packets(Protocol.TCP, EVERYWHERE, 443, 443)
_SHOWS = (texts.USER_TICKET, texts.BIND, texts.NO_DNS)


@check(
    "network-access.security-groups",
    title="The task's security groups let it reach the domain controllers",
    docs=links.SECURITY_GROUP_RULES,
    shows=_SHOWS,
)
def security_groups(
    network: Network,
    subnets: Outcome[TaskSubnets],
    hosts: Hosts,
    interfaces: Outcome[Interfaces],
    ways: Outcome[Ways],
    platform: Outcome[Platform],
    ec2: Ec2,
    place: AwsPlace,
    tcp: Outcome[Tcp],
    vantage: Vantage,
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
    filters = _Filters(ec2)
    on_fargate = platform.value is not None and platform.value.launch is Launch.FARGATE
    dual_stack = subnets.value is not None and any(one.ipv6 for one in subnets.value.subnets)
    rules = [rule for group in groups for rule in group.egress]
    names = listed(group.id for group in groups)
    closed: list[Closed] = []
    doubts: list[tuple[Host, Port, tuple[str, ...]]] = []
    for host, port in _asked(hosts):
        known, certain = _groups_of(host, interfaces.value, ways.value, subnets.value)
        admission = filters.admit(rules, _to(host, port), known)
        if not admission.whole and not certain:
            admission = filters.admit(rules, _to(host, port), None)
        if admission.doubts:
            doubts.append((host, port, admission.doubts))
        elif not admission.whole:
            ipv6 = dual_stack and by_ipv6(rules, _to(host, port))
            closed.append(Closed(ANYWHERE, host, port, f"no outbound rule of {names} admits it", ipv6=ipv6))
    judged, finding = verdict(
        Question(hosts, (ANYWHERE,), tuple(closed)),
        f"{names}: outbound rules admit what is asked of {listed(one.address for one in hosts.hosts)}",
        lambda shut: _fix_egress(groups, shut, place, to_aws=on_fargate),
        seen_open(hosts, tcp.value, vantage),
    )
    if doubts and finding.status is not Status.FAIL:
        return _doubtful(names, doubts)
    return Given(GroupsOfTask(judged), finding)


@check(
    "network-access.hosts-security-groups",
    title="The domain controllers' own security groups admit the task",
    docs=links.MANAGED_AD_GROUP,
    shows=_SHOWS,
)
def hosts_security_groups(
    subnets: TaskSubnets,
    network: Network,
    hosts: Hosts,
    interfaces: Interfaces,
    ways: Ways,
    ec2: Ec2,
    place: AwsPlace,
    tcp: Outcome[Tcp],
    vantage: Vantage,
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
    filters = _Filters(ec2)
    seen: dict[tuple[str, str], Interface] = {}
    closed: list[Closed] = []
    doubts: list[tuple[Host, Port, tuple[str, ...]]] = []
    own = _own_groups(network, subnets, ec2)
    for subnet in (one for one in subnets.subnets if one.cidr):
        for host, port in _asked(hosts):
            interface = interfaces.of(host.address, ways.vpc(subnet.id, host.address))
            theirs = filters.groups(interface.groups) if interface else ()
            if not interface or not theirs:
                continue
            seen[subnet.id, host.address] = interface
            rules = [rule for group in theirs for rule in group.ingress]
            asked = Packets(port.protocol, IPv4Network(subnet.cidr), port.number, port.number)
            admission = filters.admit(rules, asked, own)
            if admission.doubts:
                doubts.append((host, port, admission.doubts))
            elif not admission.whole:
                whole = sum(one.count for one in admission.missing) == asked.count
                names = listed(interface.groups)
                why = f"no inbound rule of {names} admits {subnet.cidr}"
                part = f"the inbound rules of {names} admit only a part of {subnet.cidr}"
                ipv6 = subnet.ipv6 and by_ipv6(rules, asked)
                closed.append(Closed(subnet.id, host, port, why if whole else part, partly=not whole, ipv6=ipv6))
    if not seen:
        return skipped(
            "no domain controller has a network interface in this account, in the task's VPC or one peered with it; "
            "whoever runs them knows whether their firewalls admit the task's subnets: "
            f"{listed(one.cidr for one in subnets.subnets)}"
        )
    groups = listed(dict.fromkeys(id for one in seen.values() for id in one.groups))
    judged, finding = verdict(
        Question(hosts, tuple(one.id for one in subnets.subnets), tuple(closed)),
        f"{groups}: inbound rules admit the task's subnets",
        lambda shut: _fix_ingress(seen, subnets, shut, place),
        seen_open(hosts, tcp.value, vantage),
    )
    if doubts and finding.status is not Status.FAIL:
        return _doubtful(groups, doubts)
    return Given(GroupsOfHosts(judged), finding)


# Rules ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Filters:
    """Security groups and prefix lists, asked for where they are needed."""

    ec2: Ec2

    def groups(self, ids: tuple[str, ...]) -> tuple[SecurityGroup, ...]:
        """Security groups; none where one of them is another account's, as in a shared VPC."""
        try:
            return tuple(map(read_security_group, self.ec2.security_groups(ids))) if ids else ()
        except NotFound:
            return ()

    def admit(self, rules: Iterable[GroupRule], packets: Packets, groups: frozenset[str] | None) -> Admission:
        """Prefix lists are asked for only where the other rules do not suffice."""
        rules = tuple(rules)
        ids = prefix_lists_of(rules, packets)
        if not ids or admit(rules, packets, {}, groups).whole:
            return admit(rules, packets, {}, groups)
        return admit(rules, packets, {id: self._networks(id) for id in ids}, groups)

    def _networks(self, id: str) -> tuple[IPv4Network, ...]:
        return tuple(IPv4Network(one, strict=False) for one in self.ec2.prefix_list_entries(id) if ":" not in one)


def _asked(hosts: Hosts) -> Iterable[tuple[Host, Port]]:
    return ((host, port) for host in hosts.hosts for port in host.ports)


def _to(host: Host, port: Port) -> Packets:
    return Packets(port.protocol, IPv4Network(host.address), port.number, port.number)


def _own_groups(network: Network, subnets: TaskSubnets, ec2: Ec2) -> frozenset[str] | None:
    """The ids of the task's groups; None if they are not known."""
    return frozenset(network.security_groups or (one.id for one in groups_of_task(network, subnets, ec2))) or None


def _groups_of(
    host: Host, interfaces: Interfaces | None, ways: Ways | None, subnets: TaskSubnets | None
) -> tuple[frozenset[str] | None, bool]:
    """The security groups of who has a host's address in this account, and whether that certainly is the host.

    It is, where each route leads to the VPC of such an interface. Addresses of VPCs may overlap, so another one with
    the address may be meant; but a rule that names the group of one can only mean that one: rules name groups of
    their own VPC and of those that are peered with it.
    Source: https://docs.aws.amazon.com/vpc/latest/peering/vpc-peering-security-groups.html
    """
    found = [one for one in interfaces.interfaces if one.address == host.address] if interfaces else []
    ends = {ways.vpc(one.id, host.address) for one in subnets.subnets} if ways and subnets else set()
    certain = bool(ends) and ends <= {one.vpc for one in found}
    return frozenset(id for one in found for id in one.groups) or None, certain


def _doubtful(names: str, doubts: Sequence[tuple[Host, Port, tuple[str, ...]]]) -> Finding:
    what = listed(dict.fromkeys(f"{port} to {host.address}" for host, port, _ in doubts))
    ids = listed(dict.fromkeys(id for _, _, ids in doubts for id in ids))
    return unknown(
        f"{names} admits {what} only by {ids}, and whether that holds for them cannot be seen from this account",
        observed=ids,
        expected="a rule that names the addresses, or groups that can be seen",
        fix=Fix(f"Look whether {ids} holds for these hosts, in the account that they are in."),
    )


# Fixes ----------------------------------------------------------------------------------------------


def _fix_egress(groups: Sequence[SecurityGroup], closed: Sequence[Closed], place: AwsPlace, *, to_aws: bool) -> Fix:
    """``to_aws``: the task asks AWS's services by the same groups."""
    group = groups[0].id
    addresses = tuple(dict.fromkeys(f"{one.host.address}/32" for one in closed))
    text = (
        f"Let {group} out to the domain controllers, or better to the network that they are in: "
        f"{', '.join(dict.fromkeys(str(one.port) for one in closed))}."
    )
    command = _authorize("egress", group, closed, addresses, place)
    if not to_aws or any(rule.covers(_HTTPS) for one in groups for rule in one.egress):
        return Fix(text, (command,))
    https = (
        f"aws ec2 authorize-security-group-egress{place.region_option} --group-id {posix(group)} --protocol tcp "
        "--port 443 --cidr 0.0.0.0/0"
    )
    return Fix(f"{text} It lets no TCP 443 out either, which AWS's services need.", (command, https))


def _fix_ingress(
    seen: Mapping[tuple[str, str], Interface], subnets: TaskSubnets, closed: Sequence[Closed], place: AwsPlace
) -> Fix:
    cidr = {one.id: one.cidr for one in subnets.subnets}
    by_group: dict[str, list[Closed]] = {}
    for one in closed:
        by_group.setdefault(seen[one.subnet, one.host.address].groups[0], []).append(one)
    return Fix(
        f"Let {', '.join(by_group)} admit the task's subnets: "
        f"{', '.join(dict.fromkeys(str(one.port) for one in closed))}.",
        tuple(
            _authorize("ingress", group, shut, tuple(dict.fromkeys(cidr[one.subnet] for one in shut)), place)
            for group, shut in by_group.items()
        ),
    )


def _authorize(direction: str, group: str, closed: Sequence[Closed], networks: Sequence[str], place: AwsPlace) -> str:
    ranges = ",".join(f"{{CidrIp={one}}}" for one in networks)
    ports = dict.fromkeys((one.port.protocol, one.port.number) for one in closed)
    permissions = " ".join(
        posix(f"IpProtocol={protocol},FromPort={number},ToPort={number},IpRanges=[{ranges}]")
        for protocol, number in ports
    )
    return (
        f"aws ec2 authorize-security-group-{direction}{place.region_option} --group-id {posix(group)} "
        f"--ip-permissions {permissions}"
    )
