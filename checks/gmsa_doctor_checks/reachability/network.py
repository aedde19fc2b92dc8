"""The VPC around a task, as EC2 describes it: subnets, route tables, filters. Nothing is read that is not asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any

from gmsa_doctor.clients.aws.ec2 import Ec2
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
    """A VPC with its IPv4 CIDRs. ``dhcp_options`` is ``default`` where it has no set of its own."""

    id: str
    cidrs: tuple[str, ...]
    owner: str | None
    """The account that it belongs to."""
    dhcp_options: str


@dataclass(frozen=True)
class TaskSubnet:
    """A subnet of the task."""

    id: str
    cidr: str
    """IPv4; empty where it has none."""
    zone: str
    vpc: str
    owner: str | None = None
    """The account that it belongs to: another one's, where it is shared."""
    ipv6: bool = False
    """It has IPv6, too or alone."""

    def __str__(self) -> str:
        return f"{self.id} ({self.zone})" if self.zone else self.id


@dataclass(frozen=True)
class TaskSubnets:
    """The subnets of the task, at least one, and the VPC that all of them lie in.

    ``shared``: it belongs to another account, of which not all can be seen.
    """

    vpc: Vpc
    subnets: tuple[TaskSubnet, ...]
    shared: bool = False

    @property
    def ids(self) -> tuple[str, ...]:
        """Their ids."""
        return tuple(subnet.id for subnet in self.subnets)

    @property
    def with_ipv4(self) -> tuple[TaskSubnet, ...]:
        """Those that have IPv4: all else is not checked."""
        return tuple(subnet for subnet in self.subnets if subnet.cidr)

    @property
    def without_ipv4(self) -> bool:
        """Whether all of them have IPv6 alone."""
        return bool(self.subnets) and not self.with_ipv4

    @property
    def dual_stack(self) -> frozenset[str]:
        """The ids of those that have IPv6."""
        return frozenset(subnet.id for subnet in self.subnets if subnet.ipv6)


@dataclass(frozen=True)
class SubnetRoutes:
    """The route tables of the VPC, and by subnet the one that is in force: its own, else the main one."""

    by_subnet: tuple[tuple[str, RouteTable], ...]
    tables: tuple[RouteTable, ...] = ()

    def of(self, subnet: str) -> RouteTable | None:
        """The route table of a subnet of the task; None if it cannot be seen."""
        return next((table for id, table in self.by_subnet if id == subnet), None)


def private_addresses(interface: Mapping[str, Any]) -> set[str]:
    """The IPv4 addresses of a network interface, as DescribeNetworkInterfaces gives it."""
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
    """The groups of the task, empty if they are not known; a service that names none is given its VPC's default one.

    Only a service says whether the task gets a public address, so that one is known to be meant. Raises NotFound.
    Source: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AwsVpcConfiguration.html
    """
    if network.security_groups:
        return security_groups(network.security_groups, ec2)
    if network.public_address is None or subnets is None:
        return ()
    return tuple(map(read_security_group, ec2.default_security_group(subnets.vpc.id)))


def prefix_lists(ids: Iterable[str], ec2: Ec2) -> dict[str, tuple[IPv4Network, ...]]:
    """The IPv4 networks of prefix lists, by id."""
    return {
        id: tuple(IPv4Network(cidr, strict=False) for cidr in ec2.prefix_list_entries(id) if ":" not in cidr)
        for id in ids
    }


def admission(rules: Iterable[GroupRule], packets: Packets, groups: frozenset[str] | None, ec2: Ec2) -> Admission:
    """What rules admit, as :func:`admit` says. Prefix lists are read only where the other rules do not suffice."""
    rules = tuple(rules)
    without_lists = admit(rules, packets, {}, groups)
    ids = prefix_lists_of(rules, packets)
    return without_lists if without_lists.whole or not ids else admit(rules, packets, prefix_lists(ids, ec2), groups)
