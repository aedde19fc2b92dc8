"""Sets of IPv4 packets, by address and port, as packet filters distinguish them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from ipaddress import IPv4Network

LAST_PORT = 65535


class Protocol(StrEnum):
    """A protocol with ports."""

    TCP = "tcp"
    UDP = "udp"


_NUMBERS = {"6": "tcp", "17": "udp"}
"""Source: https://www.iana.org/assignments/protocol-numbers"""


def is_of(protocol: Protocol, rule: object) -> bool:
    """Whether a rule's protocol, as in EC2's API (``-1`` for all, a name or a number), includes a protocol."""
    text = str(rule).lower()
    return text == "-1" or _NUMBERS.get(text, text) == protocol


def port_range(first: int | None, last: int | None) -> tuple[int, int]:
    """The ports of a rule. Without ports, or with -1 for all ports, it is for each port."""
    return max(first or 0, 0), LAST_PORT if last is None or last < 0 else last


@dataclass(frozen=True)
class Packets:
    """Packets between a host and all addresses of a network, with the ports ``first`` to ``last``."""

    protocol: Protocol
    network: IPv4Network
    first: int
    last: int

    @property
    def ports(self) -> str:
        """Such as ``TCP 88`` or ``TCP 1024-65535``."""
        span = f"{self.first}" if self.first == self.last else f"{self.first}-{self.last}"
        return f"{self.protocol.upper()} {span}"

    @property
    def count(self) -> int:
        """The number of pairs of an address and a port."""
        return self.network.num_addresses * (self.last - self.first + 1)


def common(left: Packets, right: Packets) -> Packets | None:
    """The intersection; None if it is empty."""
    if left.protocol != right.protocol or not left.network.overlaps(right.network):
        return None
    network = max(left.network, right.network, key=lambda network: network.prefixlen)  # one lies in the other
    first, last = max(left.first, right.first), min(left.last, right.last)
    return Packets(left.protocol, network, first, last) if first <= last else None


def without(packets: Iterable[Packets], taken: Packets) -> tuple[Packets, ...]:
    """The difference, in disjoint parts."""
    return tuple(rest for part in packets for rest in _parts_without(part, taken))


def _parts_without(packets: Packets, taken: Packets) -> Iterable[Packets]:
    gone = common(packets, taken)
    if gone is None:
        yield packets
        return
    for network in packets.network.address_exclude(gone.network):
        yield replace(packets, network=network)
    if packets.first < gone.first:
        yield replace(gone, first=packets.first, last=gone.first - 1)
    if gone.last < packets.last:
        yield replace(gone, first=gone.last + 1, last=packets.last)
