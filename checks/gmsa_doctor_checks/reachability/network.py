"""The VPC around a task, as EC2 describes it: subnets, route tables, filters. Each is read only when needed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any

from gmsa_doctor.clients.aws.ec2 import Ec2
from gmsa_doctor.core.errors import ClientError
from gmsa_doctor.core.limits import each
from gmsa_doctor.formats.aws.network_acl import NetworkAcl, read_network_acl
from gmsa_doctor.formats.aws.packet_filter import Packets
from gmsa_doctor.formats.aws.route_table import RouteTable
from gmsa_doctor.formats.aws.security_group import (
    Admission,
    GroupRule,
    SecurityGroup,
    admit,
    prefix_lists_of,
    read_security_group,
)
from gmsa_doctor.given.subject import Network


@dataclass(frozen=True)
class Vpc:
    """A VPC with its IPv4 CIDRs, the primary one first, and its account.

    ``dhcp_options`` is ``default`` if no set is associated. ``public_access`` is the mode of VPC Block Public Access.
    """

    id: str
    cidrs: tuple[str, ...]
    owner: str | None
    dhcp_options: str
    public_access: str = "off"


@dataclass(frozen=True)
class TaskSubnet:
    """A subnet of the task. ``cidr`` is its IPv4 CIDR, empty if it has none; ``ipv6``: it has an IPv6 CIDR."""

    id: str
    cidr: str
    zone: str
    vpc: str
    ipv6: bool = False

    def __str__(self) -> str:
        return f"{self.id} ({self.zone})" if self.zone else self.id


@dataclass(frozen=True)
class TaskSubnets:
    """The task's subnets, at least one, and their VPC. ``shared``: another account owns the VPC."""

    vpc: Vpc
    subnets: tuple[TaskSubnet, ...]
    shared: bool = False

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the subnets."""
        return tuple(subnet.id for subnet in self.subnets)

    @property
    def with_ipv4(self) -> tuple[TaskSubnet, ...]:
        """The subnets with IPv4; only IPv4 is checked."""
        return tuple(subnet for subnet in self.subnets if subnet.cidr)

    @property
    def without_ipv4(self) -> bool:
        """Whether all subnets are IPv6-only."""
        return bool(self.subnets) and not self.with_ipv4

    @property
    def dual_stack(self) -> frozenset[str]:
        """The ids of the subnets with IPv6."""
        return frozenset(subnet.id for subnet in self.subnets if subnet.ipv6)


@dataclass(frozen=True)
class SubnetRoutes:
    """The VPC's route tables, and by subnet the one in use: its own, otherwise the main route table."""

    by_subnet: tuple[tuple[str, RouteTable], ...]
    tables: tuple[RouteTable, ...] = ()

    def of(self, subnet: str) -> RouteTable | None:
        """The route table of a subnet; None if it cannot be seen."""
        return next((table for id, table in self.by_subnet if id == subnet), None)


def private_addresses(interface: Mapping[str, Any]) -> set[str]:
    """The IPv4 addresses of a network interface, as DescribeNetworkInterfaces returns it."""
    return {str(entry.get("PrivateIpAddress")) for entry in (interface, *interface.get("PrivateIpAddresses", ()))}


def nat_gateways(vpc: str, ec2: Ec2) -> dict[str, Mapping[str, Any]]:
    """The NAT gateways of a VPC by id."""
    return {str(nat["NatGatewayId"]): nat for nat in ec2.nat_gateways(vpc)}


def acl_of(subnet: str, vpc: str, ec2: Ec2) -> NetworkAcl | None:
    """The network ACL that is associated with a subnet; None if it cannot be seen."""
    found = (
        acl
        for acl in ec2.network_acls(vpc)
        if any(association.get("SubnetId") == subnet for association in acl.get("Associations", ()))
    )
    return next(map(read_network_acl, found), None)


def security_groups(ids: tuple[str, ...], ec2: Ec2) -> tuple[SecurityGroup, ...]:
    """Security groups by id. Raises NotFound."""
    return tuple(map(read_security_group, ec2.security_groups(ids))) if ids else ()


def groups_of_task(network: Network, subnets: TaskSubnets | None, ec2: Ec2) -> tuple[SecurityGroup, ...]:
    """The task's groups, empty if they are not known. A service without groups uses the VPC's default group.

    ``public_address`` is set only if a service, or what starts the task, was read. Raises NotFound.
    Source: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AwsVpcConfiguration.html
    """
    if network.security_groups:
        return security_groups(network.security_groups, ec2)
    if network.public_address is None or network.groups_vary or subnets is None:
        return ()
    return tuple(map(read_security_group, ec2.default_security_group(subnets.vpc.id)))


def prefix_lists(ids: Iterable[str], ec2: Ec2) -> dict[str, tuple[IPv4Network, ...]]:
    """The IPv4 networks of prefix lists, by id. EC2 returns one list for each request. Raises ClientError."""
    found: dict[str, tuple[IPv4Network, ...]] = {}
    for id, entries in each(ids, ec2.prefix_list_entries):
        if isinstance(entries, ClientError):
            raise entries
        found[id] = tuple(IPv4Network(cidr, strict=False) for cidr in entries if ":" not in cidr)
    return found


def admission(rules: Iterable[GroupRule], packets: Packets, groups: frozenset[str] | None, ec2: Ec2) -> Admission:
    """What rules allow, as :func:`admit` does. Prefix lists are read only if the other rules are not enough."""
    rules = tuple(rules)
    without_lists = admit(rules, packets, {}, groups)
    ids = prefix_lists_of(rules, packets)
    return without_lists if without_lists.whole or not ids else admit(rules, packets, prefix_lists(ids, ec2), groups)
