"""Network ACLs: numbered rules, of which the first match decides, for each direction separately.

Source: https://docs.aws.amazon.com/vpc/latest/userguide/nacl-rules.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any

from gmsa_doctor.formats.aws.packet_filter import LAST_PORT, Packets, Protocol, common, is_of, port_range, without

LAST_RULE = 32767
"""The rule that is shown as ``*``. It denies what matches no other rule."""


@dataclass(frozen=True)
class AclRule:
    """A rule for IPv4. ``protocol`` is as in EC2's API: ``-1``, or a number."""

    number: int
    allows: bool
    protocol: str
    network: IPv4Network
    first: int = 0
    last: int = LAST_PORT

    @property
    def name(self) -> str:
        """The rule's number as the console shows it."""
        return "*" if self.number == LAST_RULE else str(self.number)

    def of(self, protocol: Protocol) -> Packets | None:
        """The packets of a protocol that it matches."""
        return Packets(protocol, self.network, self.first, self.last) if is_of(protocol, self.protocol) else None


@dataclass(frozen=True)
class NetworkAcl:
    """A network ACL with its rules, by number. ``ipv6``: it allows some IPv6 packets in both directions."""

    id: str
    ingress: tuple[AclRule, ...]
    egress: tuple[AclRule, ...]
    ipv6: bool = False


@dataclass(frozen=True)
class AclDecision:
    """What a network ACL does with packets. ``stopped``: those that it denies, each with the name of the rule."""

    passing: tuple[Packets, ...]
    stopped: tuple[tuple[Packets, str], ...]

    @property
    def rules(self) -> tuple[str, ...]:
        """The names of the rules that deny."""
        return tuple(dict.fromkeys(name for _, name in self.stopped))


def read_network_acl(raw: Mapping[str, Any]) -> NetworkAcl:
    """An ACL as DescribeNetworkAcls returns it, without its rules for IPv6."""
    ipv4 = [entry for entry in raw.get("Entries", ()) if entry.get("CidrBlock")]
    ipv6 = [entry for entry in raw.get("Entries", ()) if entry.get("Ipv6CidrBlock") and _allows(entry)]
    rules = sorted(((bool(entry.get("Egress")), _rule(entry)) for entry in ipv4), key=lambda pair: pair[1].number)
    return NetworkAcl(
        str(raw.get("NetworkAclId", "")),
        tuple(rule for egress, rule in rules if not egress),
        tuple(rule for egress, rule in rules if egress),
        len({bool(entry.get("Egress")) for entry in ipv6}) == 2,
    )


def _allows(entry: Mapping[str, Any]) -> bool:
    return str(entry.get("RuleAction")).lower() == "allow"


def _rule(entry: Mapping[str, Any]) -> AclRule:
    ports = entry.get("PortRange") or {}
    return AclRule(
        int(entry["RuleNumber"]),
        _allows(entry),
        str(entry["Protocol"]),
        IPv4Network(entry["CidrBlock"], strict=False),
        *port_range(ports.get("From"), ports.get("To")),
    )


def decide(rules: Iterable[AclRule], packets: Packets) -> AclDecision:
    """What the rules of one direction do with packets."""
    open_: tuple[Packets, ...] = (packets,)
    passing: list[Packets] = []
    stopped: list[tuple[Packets, str]] = []
    for rule in rules:
        matched = rule.of(packets.protocol)
        if matched is None:
            continue
        hits = [hit for left in open_ if (hit := common(left, matched))]
        if rule.allows:
            passing += hits
        else:
            stopped += [(hit, rule.name) for hit in hits]
        open_ = without(open_, matched)
    return AclDecision(tuple(passing), (*stopped, *((left, "*") for left in open_)))
