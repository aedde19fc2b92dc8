"""Packets that a task sends: each flow is checked against routes and filters."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network

from gmsa_doctor.formats.aws.packet_filter import Packets, Protocol
from gmsa_doctor.formats.aws.route_table import EVERYWHERE

EPHEMERAL = (32768, 60999)
"""Linux's ephemeral ports, to which answers are sent.

Source: https://docs.kernel.org/networking/ip-sysctl.html (ip_local_port_range)
"""


class Need(StrEnum):
    """A service that a task needs from a host."""

    DNS = "DNS"
    KERBEROS = "Kerberos"
    LDAP = "LDAP"
    SQL_SERVER = "SQL Server"
    AWS = "AWS services"


@dataclass(frozen=True)
class Port:
    """A port that a task connects to. If one that is not ``required`` is closed, only time or large answers are lost.

    ``certain``: it is known, not only likely, that tasks connect to this host.
    """

    need: Need
    protocol: Protocol
    number: int
    required: bool = True
    certain: bool = True

    def __str__(self) -> str:
        return f"{self.protocol.upper()} {self.number}"


HTTPS = Port(Need.AWS, Protocol.TCP, 443)
ANY_SUBNET = ""
"""The subnet of a flow that is the same for all subnets."""


@dataclass(frozen=True)
class Flow:
    """Packets from a subnet of the task to a port.

    ``destination`` is an IPv4 address, or an AWS service (the last part of its endpoint service's name), whose
    addresses are not known.
    """

    subnet: str
    destination: str
    port: Port = HTTPS

    @property
    def network(self) -> IPv4Network:
        """All possible destination addresses."""
        return EVERYWHERE if self.port.need is Need.AWS else IPv4Network(self.destination)

    @property
    def requests(self) -> Packets:
        """Packets from the task."""
        return self.packets(self.network)

    @property
    def answers(self) -> Packets:
        """Packets to the task."""
        return Packets(self.port.protocol, self.network, *EPHEMERAL)

    def packets(self, network: IPv4Network) -> Packets:
        """Packets to its port, with these addresses on the other side of a filter."""
        return Packets(self.port.protocol, network, self.port.number, self.port.number)
