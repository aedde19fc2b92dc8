"""The hosts and ports that a task connects to, and what the network's configuration blocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gmsa_doctor.authoring import CheckId, Row, Status
from gmsa_doctor_checks.reachability.flow import Flow, Need, Port

IPV6_ONLY = "the task's subnets are IPv6-only, and only IPv4 addresses of the hosts are known"


@dataclass(frozen=True)
class Host:
    """A host with an IPv4 address, and the ports that a task connects to."""

    address: str
    name: str
    ports: tuple[Port, ...]

    def __str__(self) -> str:
        return f"{self.name} ({self.address})" if self.name else self.address

    @property
    def row(self) -> Row:
        """Its row in a finding that passes."""
        return Row(str(self), Status.PASS, ", ".join(map(str, self.ports)))


@dataclass(frozen=True)
class Hosts:
    """The hosts of the AD domain that a task connects to, and the SQL Servers of ``--spn``; at least one.

    ``answered``: DNS returned the domain controllers. ``open_questions`` are texts about hosts that are left out.
    """

    domain: str
    hosts: tuple[Host, ...]
    answered: bool
    open_questions: tuple[str, ...] = ()

    @property
    def addresses(self) -> tuple[str, ...]:
        """The address of each host."""
        return tuple(host.address for host in self.hosts)

    @property
    def rows(self) -> tuple[Row, ...]:
        """A row for each host, for a finding that passes."""
        return tuple(host.row for host in self.hosts)

    def flows(self, subnet: str) -> Iterator[Flow]:
        """The flows from a subnet to the hosts."""
        return (Flow(subnet, host.address, port) for host in self.hosts for port in host.ports)


@dataclass(frozen=True)
class Interface:
    """A network interface of this account that has the address of a host."""

    id: str
    address: str
    vpc: str
    subnet: str
    groups: tuple[str, ...]


@dataclass(frozen=True)
class Interfaces:
    """The hosts' network interfaces in this account."""

    interfaces: tuple[Interface, ...] = ()

    def of(self, address: str, vpc: str) -> Interface | None:
        """The interface with an address in a VPC; VPCs may have overlapping addresses."""
        return next((found for found in self.interfaces if (found.address, found.vpc) == (address, vpc)), None)


@dataclass(frozen=True)
class Passage:
    """The needs that the visible configuration blocks for all tasks, each with the check that reports it."""

    closed: tuple[tuple[Need, CheckId], ...] = ()

    def closed_by(self, need: Need) -> tuple[CheckId, ...]:
        """The checks that report why tasks cannot reach a need."""
        return tuple(dict.fromkeys(check for closed, check in self.closed if closed is need))
