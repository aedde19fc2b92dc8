from __future__ import annotations

from ipaddress import IPv4Network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gmsa_doctor.formats.aws.network_acl import decide, read_network_acl
from gmsa_doctor.formats.aws.packet_filter import LAST_PORT, Packets, Protocol, common, is_of, without
from gmsa_doctor.formats.aws.security_group import admit, prefix_lists_of, read_security_group

TCP, UDP = Protocol.TCP, Protocol.UDP
NOBODY: frozenset[str] = frozenset()


def packets(protocol: Protocol, network: str, first: int, last: int | None = None) -> Packets:
    return Packets(protocol, IPv4Network(network), first, first if last is None else last)


# Sets of packets --------------------------------------------------------------------------------------

NETWORKS = st.sampled_from(
    [
        "0.0.0.0/0",
        "10.0.0.0/8",
        "10.0.0.0/16",
        "10.0.0.0/24",
        "10.0.0.64/26",
        "10.0.0.65/32",
        "10.0.1.0/24",
        "9.0.0.0/8",
    ]
).map(IPv4Network)
PORTS = st.sampled_from([0, 52, 53, 54, 88, 389, 1023, 1024, 32767, 32768, 60999, 61000, LAST_PORT])
SETS = st.builds(
    lambda protocol, network, ports: Packets(protocol, network, min(ports), max(ports)),
    st.sampled_from(Protocol),
    NETWORKS,
    st.tuples(PORTS, PORTS),
)


def holds(packets: Packets, other: Packets) -> bool:
    """Whether ``other``, a single packet, is in the set."""
    return (
        packets.protocol == other.protocol
        and other.network.subnet_of(packets.network)
        and packets.first <= other.first <= packets.last
    )


POINTS = st.builds(
    lambda protocol, address, port: Packets(protocol, IPv4Network(address), port, port),
    st.sampled_from(Protocol),
    st.sampled_from(["10.0.0.65", "10.0.0.66", "10.0.0.1", "10.0.1.1", "10.1.0.1", "9.9.9.9", "1.1.1.1"]),
    PORTS,
)


@given(SETS, SETS, POINTS)
def test_a_packet_is_in_the_intersection_if_it_is_in_both_sets(packets: Packets, other: Packets, it: Packets) -> None:
    both = common(packets, other)
    assert (both is not None and holds(both, it)) == (holds(packets, it) and holds(other, it))


@given(SETS, SETS, POINTS)
def test_the_difference_has_the_packets_that_were_not_taken(packets: Packets, other: Packets, it: Packets) -> None:
    left = without([packets], other)
    assert sum(holds(part, it) for part in left) == (holds(packets, it) and not holds(other, it))
    gone = common(packets, other)
    assert sum(part.count for part in left) == packets.count - (gone.count if gone else 0)


@pytest.mark.parametrize(
    ("rule", "protocols"),
    [("-1", {TCP, UDP}), ("6", {TCP}), ("tcp", {TCP}), ("TCP", {TCP}), ("17", {UDP}), ("udp", {UDP}), ("1", set())],
)
def test_a_protocol_has_a_name_and_a_number(rule: str, protocols: set[Protocol]) -> None:
    assert {protocol for protocol in Protocol if is_of(protocol, rule)} == protocols


def test_the_ports_of_packets_are_shown_with_the_protocol() -> None:
    assert packets(TCP, "10.0.0.1/32", 88).ports == "TCP 88"
    assert packets(UDP, "10.0.0.1/32", 1024, LAST_PORT).ports == "UDP 1024-65535"


# Network ACLs -----------------------------------------------------------------------------------------


def entry(
    number: int,
    action: str,
    network: str,
    ports: tuple[int, int] | None = None,
    protocol: str = "-1",
    egress: bool = True,
) -> dict[str, Any]:
    """Give a rule as DescribeNetworkAcls has it."""
    span = {"PortRange": {"From": ports[0], "To": ports[1]}} if ports else {}
    return {
        "RuleNumber": number,
        "RuleAction": action,
        "CidrBlock": network,
        "Protocol": protocol,
        "Egress": egress,
        **span,
    }


LAST = entry(32767, "deny", "0.0.0.0/0")


def acl(*entries: dict[str, Any]) -> Any:
    return read_network_acl({"NetworkAclId": "acl-1", "Entries": [LAST, *entries]})


def test_the_first_rule_that_matches_decides() -> None:
    rules = acl(entry(200, "allow", "0.0.0.0/0"), entry(100, "deny", "10.0.0.0/8", (88, 88), "6")).egress
    assert decide(rules, packets(TCP, "10.0.0.1/32", 88)).rules == ("100",)
    assert decide(rules, packets(UDP, "10.0.0.1/32", 88)).stopped == ()
    assert decide(rules, packets(TCP, "11.0.0.1/32", 88)).stopped == ()


def test_packets_without_a_rule_are_denied_by_the_last_rule() -> None:
    rules = acl(entry(100, "allow", "10.0.0.0/8", (53, 53), "17")).egress
    assert decide(rules, packets(TCP, "10.0.0.1/32", 53)).rules == ("*",)
    assert decide((), packets(TCP, "10.0.0.1/32", 53)).rules == ("*",)


def test_each_direction_has_its_own_rules() -> None:
    both = acl(entry(100, "allow", "0.0.0.0/0"), entry(90, "deny", "0.0.0.0/0", egress=False))
    assert decide(both.egress, packets(TCP, "10.0.0.1/32", 88)).stopped == ()
    assert decide(both.ingress, packets(TCP, "10.0.0.1/32", 88)).rules == ("90",)


def test_the_missing_part_of_a_range_is_reported() -> None:
    rules = acl(entry(100, "allow", "0.0.0.0/0", (1024, 50000), "6")).egress
    decision = decide(rules, packets(TCP, "10.0.0.1/32", 32768, 60999))
    assert [packets.ports for packets in decision.passing] == ["TCP 32768-50000"]
    assert [(packets.ports, rule) for packets, rule in decision.stopped] == [("TCP 50001-60999", "*")]


def test_rules_for_ipv6_are_omitted() -> None:
    assert acl({"RuleNumber": 1, "RuleAction": "deny", "Ipv6CidrBlock": "::/0", "Protocol": "-1"}).ingress == ()


ENTRIES = st.lists(
    st.builds(
        lambda number, action, network, ports, protocol: entry(
            number, action, str(network), (min(ports), max(ports)), protocol
        ),
        st.integers(1, 32766),
        st.sampled_from(["allow", "deny"]),
        NETWORKS,
        st.tuples(PORTS, PORTS),
        st.sampled_from(["-1", "6", "17", "1"]),
    ),
    max_size=6,
    unique_by=lambda entry: int(entry["RuleNumber"]),
)


@given(ENTRIES, SETS, POINTS)
def test_a_set_of_packets_is_decided_like_each_of_its_packets(
    entries: list[dict[str, Any]], many: Packets, it: Packets
) -> None:
    rules = acl(*entries).egress
    decision = decide(rules, many)
    alone = next(rule for rule in rules if (known := rule.of(it.protocol)) and holds(known, it))
    passes = sum(holds(part, it) for part in decision.passing)
    stopped = [name for part, name in decision.stopped if holds(part, it)]
    if not holds(many, it):
        assert (passes, stopped) == (0, [])
    else:
        assert (passes, stopped) == ((1, []) if alone.allows else (0, [alone.name]))


# Security groups --------------------------------------------------------------------------------------


def permission(protocol: str, ports: tuple[int, int] | None = None, *networks: str, **others: Any) -> dict[str, Any]:
    """Give a rule as DescribeSecurityGroups has it."""
    span = {"FromPort": ports[0], "ToPort": ports[1]} if ports else {}
    return {"IpProtocol": protocol, **span, "IpRanges": [{"CidrIp": network} for network in networks], **others}


def egress(*permissions: dict[str, Any]) -> Any:
    return read_security_group({"GroupId": "sg-1", "IpPermissionsEgress": list(permissions)}).egress


TO_DC = packets(TCP, "10.0.0.1/32", 88)


@pytest.mark.parametrize(
    ("rule", "whole"),
    [
        (permission("-1", None, "0.0.0.0/0"), True),
        (permission("tcp", (88, 88), "10.0.0.0/8"), True),
        (permission("tcp", (0, 65535), "10.0.0.1/32"), True),
        (permission("tcp", (-1, -1), "10.0.0.1/32"), True),
        (permission("udp", (88, 88), "10.0.0.0/8"), False),
        (permission("tcp", (389, 389), "10.0.0.0/8"), False),
        (permission("tcp", (88, 88), "10.0.0.2/32"), False),
        (permission("icmp", (-1, -1), "0.0.0.0/0"), False),
        (permission("tcp", (88, 88), PrefixListIds=[{"PrefixListId": "pl-1"}]), True),
        (permission("tcp", (88, 88), UserIdGroupPairs=[{"GroupId": "sg-dc"}]), True),
        (permission("tcp", (88, 88), UserIdGroupPairs=[{"GroupId": "sg-other"}]), False),
        (permission("tcp", (88, 88), Ipv6Ranges=[{"CidrIpv6": "::/0"}]), False),
    ],
)
def test_a_rule_allows_its_packets(rule: dict[str, Any], whole: bool) -> None:
    lists = {"pl-1": (IPv4Network("10.0.0.0/24"),)}
    assert admit(egress(rule), TO_DC, lists, frozenset({"sg-dc"})).whole is whole


def test_several_rules_together_allow_more_than_each_of_them() -> None:
    rules = egress(permission("tcp", (88, 88), "10.0.0.0/25"), permission("-1", None, "10.0.0.128/25"))
    assert admit(rules, packets(TCP, "10.0.0.0/24", 88), {}).whole
    left = admit(rules, packets(TCP, "10.0.0.0/23", 88), {}).missing
    assert [str(packets.network) for packets in left] == ["10.0.1.0/24"]


def test_unknown_groups_and_prefix_lists_are_doubts() -> None:
    rules = egress(
        permission(
            "tcp", (88, 88), PrefixListIds=[{"PrefixListId": "pl-9"}], UserIdGroupPairs=[{"GroupId": "sg-other"}]
        ),
        permission("tcp", (389, 389), UserIdGroupPairs=[{"GroupId": "sg-ldap"}]),
    )
    assert admit(rules, TO_DC, {}).doubts == ("pl-9", "sg-other")
    assert admit(rules, TO_DC, {"pl-9": ()}, NOBODY).doubts == ()
    assert admit(egress(permission("-1", None, "0.0.0.0/0")), TO_DC, {}).doubts == ()
    assert prefix_lists_of(rules, TO_DC) == ("pl-9",)


@given(
    st.lists(st.tuples(NETWORKS, PORTS, PORTS, st.sampled_from(["-1", "tcp", "udp", "icmp"])), max_size=6), SETS, POINTS
)
def test_packets_that_are_not_missing_are_allowed_by_a_rule(
    rules: list[tuple[IPv4Network, int, int, str]], many: Packets, it: Packets
) -> None:
    read = egress(*(permission(protocol, (min(a, b), max(a, b)), str(network)) for network, a, b, protocol in rules))
    alone = any(rule.covers(it) and it.network.subnet_of(rule.networks[0]) for rule in read)
    left = [part for part in admit(read, many, {}).missing if holds(part, it)]
    assert len(left) == (holds(many, it) and not alone)
