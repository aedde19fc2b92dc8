"""What a task sends over the network, and where to: a flow is what each route and filter is checked for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network

from gmsa_doctor.formats.aws.packet_filter import Packets, Protocol
from gmsa_doctor.formats.aws.route_table import EVERYWHERE

EPHEMERAL = (32768, 60999)
"""The ports that Linux asks from, so those on which answers arrive.

Source: https://docs.kernel.org/networking/ip-sysctl.html (ip_local_port_range)
"""


class Need(StrEnum):
    """What a task asks of a host."""

    DNS = "DNS"
    KERBEROS = "Kerberos"
    LDAP = "LDAP"
    SQL_SERVER = "SQL Server"
    AWS = "AWS's services"


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


HTTPS = Port(Need.AWS, Protocol.TCP, 443)
ANY_SUBNET = ""
"""The subnet of a flow that is the same for all of them."""


@dataclass(frozen=True)
class Flow:
    """Packets from a subnet of the task to a port.

    ``destination`` is an IPv4 address, or a service of AWS by the last part of its endpoint service's name: of that the
    addresses are not known.
    """

    subnet: str
    destination: str
    port: Port = HTTPS

    @property
    def network(self) -> IPv4Network:
        """The addresses that it may go to."""
        return EVERYWHERE if self.port.need is Need.AWS else IPv4Network(self.destination)

    @property
    def requests(self) -> Packets:
        """What the task sends, by the address of the other side."""
        return self.packets(self.network)

    @property
    def answers(self) -> Packets:
        """What comes back to it."""
        return Packets(self.port.protocol, self.network, *EPHEMERAL)

    def packets(self, network: IPv4Network) -> Packets:
        """Packets with its port and these addresses on the other side of a filter."""
        return Packets(self.port.protocol, network, self.port.number, self.port.number)
