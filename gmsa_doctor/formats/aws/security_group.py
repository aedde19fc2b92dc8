"""Security groups: packets pass if any rule of any group of a network interface allows them; answers always pass.

Source: https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any

from gmsa_doctor.formats.aws.packet_filter import Packets, Protocol, is_of, port_range, without


@dataclass(frozen=True)
class GroupRule:
    """A rule for IPv4: the allowed peers and ports.

    ``protocol`` is as in EC2's API: ``-1``, a name, or a number. ``groups`` are referenced security groups. ``ipv6``:
    it is also, or only, for IPv6 networks.
    """

    protocol: str
    first: int
    last: int
    networks: tuple[IPv4Network, ...] = ()
    prefix_lists: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    ipv6: bool = False

    def covers(self, packets: Packets) -> bool:
        """Whether it is for any of the packets' ports, with any peer."""
        overlaps = self.first <= packets.last and packets.first <= self.last
        return overlaps and is_of(packets.protocol, self.protocol)

    def of(self, protocol: Protocol, network: IPv4Network) -> Packets:
        """The packets that it allows, if it is for this protocol and network."""
        return Packets(protocol, network, self.first, self.last)


@dataclass(frozen=True)
class SecurityGroup:
    """A security group with its rules."""

    id: str
    name: str
    vpc: str
    ingress: tuple[GroupRule, ...]
    egress: tuple[GroupRule, ...]


@dataclass(frozen=True)
class Admission:
    """The packets that rules do not allow, and the groups and prefix lists for which that is unknown."""

    missing: tuple[Packets, ...]
    doubts: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether all packets pass."""
        return not self.missing


def read_security_group(raw: Mapping[str, Any]) -> SecurityGroup:
    """A group as DescribeSecurityGroups returns it."""
    return SecurityGroup(
        str(raw.get("GroupId", "")),
        str(raw.get("GroupName", "")),
        str(raw.get("VpcId", "")),
        tuple(map(_rule, raw.get("IpPermissions", ()))),
        tuple(map(_rule, raw.get("IpPermissionsEgress", ()))),
    )


def _rule(raw: Mapping[str, Any]) -> GroupRule:
    return GroupRule(
        str(raw.get("IpProtocol", "-1")),
        *port_range(raw.get("FromPort"), raw.get("ToPort")),
        tuple(IPv4Network(entry["CidrIp"], strict=False) for entry in raw.get("IpRanges", ()) if entry.get("CidrIp")),
        tuple(str(entry["PrefixListId"]) for entry in raw.get("PrefixListIds", ()) if entry.get("PrefixListId")),
        tuple(str(entry["GroupId"]) for entry in raw.get("UserIdGroupPairs", ()) if entry.get("GroupId")),
        bool(raw.get("Ipv6Ranges")),
    )


def by_ipv6(rules: Iterable[GroupRule], packets: Packets) -> bool:
    """Whether packets on these ports are allowed with some IPv6 networks."""
    return any(rule.ipv6 and rule.covers(packets) for rule in rules)


def prefix_lists_of(rules: Iterable[GroupRule], packets: Packets) -> tuple[str, ...]:
    """The prefix lists in the rules for these packets' ports."""
    return tuple(dict.fromkeys(id for rule in rules if rule.covers(packets) for id in rule.prefix_lists))


def admit(
    rules: Iterable[GroupRule],
    packets: Packets,
    prefix_lists: Mapping[str, tuple[IPv4Network, ...]],
    groups: frozenset[str] | None = None,
) -> Admission:
    """What the rules of one direction do with packets.

    ``prefix_lists`` has the networks of the known prefix lists. ``groups`` are the security groups of the peer; None if
    they are unknown.
    """
    missing: tuple[Packets, ...] = (packets,)
    doubts: list[str] = []
    for rule in rules:
        if not rule.covers(packets):
            continue
        networks = [*rule.networks, *(network for id in rule.prefix_lists for network in prefix_lists.get(id, ()))]
        if groups and groups & set(rule.groups):
            networks.append(packets.network)
        for network in networks:
            missing = without(missing, rule.of(packets.protocol, network))
        doubts += [id for id in rule.prefix_lists if id not in prefix_lists]
        doubts += rule.groups if groups is None else ()
    return Admission(missing, tuple(dict.fromkeys(doubts)) if missing else ())
