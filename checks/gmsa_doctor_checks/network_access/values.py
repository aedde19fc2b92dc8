"""What a task asks of which hosts, and what the configuration of the network lets pass."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from gmsa_doctor.formats.aws.packet_filter import Protocol


class Need(StrEnum):
    """What a task asks of a host."""

    DNS = "DNS"
    KERBEROS = "Kerberos"
    LDAP = "LDAP"
    SQL_SERVER = "SQL Server"


@dataclass(frozen=True)
class Port:
    """A port that a task asks. Without one that is not ``required`` it only loses time, or large answers.

    ``certain``: that this host is asked is known, and not only likely.
    """

    need: Need
    protocol: Protocol
    number: int
    required: bool = True
    certain: bool = True

    def __str__(self) -> str:
        return f"{self.protocol.upper()} {self.number}"


@dataclass(frozen=True)
class Host:
    """A host with an IPv4 address, and the ports that a task asks of it."""

    address: str
    name: str
    ports: tuple[Port, ...]

    def __str__(self) -> str:
        return f"{self.name} ({self.address})" if self.name else self.address


IPV6_ALONE = "the task's subnets have IPv6 alone, and the hosts that are known are those of IPv4"


@dataclass(frozen=True)
class Hosts:
    """The hosts of the AD domain that a task asks, and the SQL Servers of ``--spn``; at least one.

    ``answered``: the domain controllers were named by DNS. ``open_questions`` are words about what is left out.
    """

    domain: str
    hosts: tuple[Host, ...]
    answered: bool
    open_questions: tuple[str, ...] = ()


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
        return next((one for one in self.interfaces if (one.address, one.vpc) == (address, vpc)), None)


@dataclass(frozen=True)
class Closed:
    """A port of a host that tasks of a subnet do not reach, and why.

    ``partly``: now and then they do, as for return ports of which only some are admitted. ``ipv6``: they may by IPv6,
    which is not judged.
    """

    subnet: str
    host: Host
    port: Port
    why: str
    partly: bool = False
    ipv6: bool = False

    @property
    def certain(self) -> bool:
        """Whether no task of the subnet reaches it."""
        return not self.partly and not self.ipv6


@dataclass(frozen=True)
class Judged:
    """What one kind of configuration keeps from all tasks: the needs for which they reach no host."""

    out_of_reach: tuple[Need, ...] = ()


@dataclass(frozen=True)
class Ways:
    """The routes to the hosts: by subnet and address, the VPC in which the route ends; empty where it goes further.

    ``by_default`` are the subnets where it is for their default route, or for the lack of one, that hosts are not
    reached.
    """

    judged: Judged
    vpcs: tuple[tuple[str, str, str], ...] = ()
    by_default: tuple[str, ...] = ()

    def vpc(self, subnet: str, address: str) -> str:
        """The VPC in which the route from a subnet to an address ends; empty if that is not known."""
        return next((vpc for one, other, vpc in self.vpcs if (one, other) == (subnet, address)), "")


@dataclass(frozen=True)
class GroupsOfTask:
    """What the task's security groups let out."""

    judged: Judged


@dataclass(frozen=True)
class NetworkAcls:
    """What the network ACLs let pass, both ways."""

    judged: Judged


@dataclass(frozen=True)
class GroupsOfHosts:
    """What the security groups of the hosts let in."""

    judged: Judged


@dataclass(frozen=True)
class Obstacle:
    """A finding that keeps all tasks from what they need."""

    check: str
    need: Need


@dataclass(frozen=True)
class Passage:
    """What the configuration keeps from all tasks; nothing, as far as can be seen, if there are no obstacles."""

    obstacles: tuple[Obstacle, ...] = field(default=())

    def obstacles_to(self, need: Need) -> tuple[str, ...]:
        """The ids of the findings that stand between the tasks and what they need."""
        return tuple(dict.fromkeys(one.check for one in self.obstacles if one.need is need))
