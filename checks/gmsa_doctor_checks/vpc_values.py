"""The VPC and the subnets in which a task gets its network interface."""

from __future__ import annotations

from dataclasses import dataclass

from gmsa_doctor.formats.aws.route_table import RouteTable


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
    def without_ipv4(self) -> bool:
        """Whether all of them have IPv6 alone."""
        return bool(self.subnets) and not any(one.cidr for one in self.subnets)


@dataclass(frozen=True)
class SubnetRoutes:
    """The route tables of the VPC, and by subnet the one that is in force: its own, else the main one."""

    by_subnet: tuple[tuple[str, RouteTable], ...]
    tables: tuple[RouteTable, ...] = ()

    def of(self, subnet: str) -> RouteTable | None:
        """The route table of a subnet of the task; None if it cannot be seen."""
        return next((table for id, table in self.by_subnet if id == subnet), None)
