"""What a task asks of which hosts, and what the configuration of the network lets pass."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gmsa_doctor.authoring import CheckId
from gmsa_doctor_checks.reachability.flow import Flow, Need, Port

IPV6_ALONE = "the task's subnets have IPv6 alone, and the hosts that are known are those of IPv4"


@dataclass(frozen=True)
class Host:
    """A host with an IPv4 address, and the ports that a task asks of it."""

    address: str
    name: str
    ports: tuple[Port, ...]

    def __str__(self) -> str:
        return f"{self.name} ({self.address})" if self.name else self.address


@dataclass(frozen=True)
class Hosts:
    """The hosts of the AD domain that a task asks, and the SQL Servers of ``--spn``; at least one.

    ``answered``: the domain controllers were named by DNS. ``open_questions`` are words about what is left out.
    """

    domain: str
    hosts: tuple[Host, ...]
    answered: bool
    open_questions: tuple[str, ...] = ()

    @property
    def addresses(self) -> tuple[str, ...]:
        """The address of each."""
        return tuple(host.address for host in self.hosts)

    def flows(self, subnet: str) -> Iterator[Flow]:
        """What tasks in a subnet ask of them."""
        return (Flow(subnet, host.address, port) for host in self.hosts for port in host.ports)


@dataclass(frozen=True)
class Interface:
    """A network interface of our account that has the address of one of the hosts."""

    id: str
    address: str
    vpc: str
    subnet: str
    groups: tuple[str, ...]


@dataclass(frozen=True)
class Interfaces:
    """Those of the hosts that lie in this account."""

    interfaces: tuple[Interface, ...] = ()

    def of(self, address: str, vpc: str) -> Interface | None:
        """The interface with an address in a VPC: addresses of VPCs may overlap."""
        return next((found for found in self.interfaces if (found.address, found.vpc) == (address, vpc)), None)


@dataclass(frozen=True)
class Passage:
    """What the configuration keeps from all tasks, and the check that reports it; nothing, as far as can be seen."""

    closed: tuple[tuple[Need, CheckId], ...] = ()

    def closed_by(self, need: Need) -> tuple[CheckId, ...]:
        """The ids of the findings that stand between the tasks and what they need."""
        return tuple(dict.fromkeys(check for closed, check in self.closed if closed is need))
