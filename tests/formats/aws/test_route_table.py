"""Route tables: the effective one of a subnet, and the route for packets."""

from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gmsa_doctor.formats.aws.route_table import (
    Route,
    RouteTable,
    RouteTarget,
    prefix_lists_of,
    read_route_table,
    route_for,
    table_of,
)

LOCAL = {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "State": "active"}


def table(*routes: dict[str, Any], **more: Any) -> RouteTable:
    return read_route_table({"RouteTableId": "rtb-1", "VpcId": "vpc-1", "Routes": [LOCAL, *routes], **more})


def to(destination: str, **target: str) -> dict[str, Any]:
    key = "DestinationPrefixListId" if destination.startswith("pl-") else "DestinationCidrBlock"
    return {key: destination, "State": "active", **target}


@pytest.mark.parametrize(
    ("target", "kind", "id"),
    [
        ({"GatewayId": "local"}, RouteTarget.LOCAL, "local"),
        ({"GatewayId": "igw-1"}, RouteTarget.INTERNET_GATEWAY, "igw-1"),
        ({"GatewayId": "vgw-1"}, RouteTarget.VPN, "vgw-1"),
        ({"GatewayId": "vpce-1"}, RouteTarget.VPC_ENDPOINT, "vpce-1"),
        ({"GatewayId": "xyz-1"}, RouteTarget.OTHER, "xyz-1"),
        ({"NatGatewayId": "nat-1"}, RouteTarget.NAT_GATEWAY, "nat-1"),
        ({"TransitGatewayId": "tgw-1"}, RouteTarget.TRANSIT_GATEWAY, "tgw-1"),
        ({"VpcPeeringConnectionId": "pcx-1"}, RouteTarget.PEERING, "pcx-1"),
        ({"InstanceId": "i-1", "NetworkInterfaceId": "eni-1"}, RouteTarget.INTERFACE, "eni-1"),
        ({"CarrierGatewayId": "cagw-1"}, RouteTarget.CARRIER_GATEWAY, "cagw-1"),
        ({"LocalGatewayId": "lgw-1"}, RouteTarget.LOCAL_GATEWAY, "lgw-1"),
        (
            {"CoreNetworkArn": "arn:aws:networkmanager::1:core-network/c"},
            RouteTarget.CORE_NETWORK,
            "arn:aws:networkmanager",
        ),
        ({}, RouteTarget.OTHER, "an unnamed target"),
    ],
)
def test_the_target_of_a_route(target: dict[str, str], kind: RouteTarget, id: str) -> None:
    default = table(to("0.0.0.0/0", **target)).default
    assert default
    assert default.kind is kind
    assert default.target.startswith(id)
    assert not default.blackhole


def test_a_route_without_its_target_is_a_blackhole() -> None:
    default = table({**to("0.0.0.0/0", NatGatewayId="nat-1"), "State": "blackhole"}).default
    assert default
    assert default.blackhole
    assert str(default) == "0.0.0.0/0 to nat-1"


def test_routes_for_ipv6_are_omitted() -> None:
    ipv6 = {"DestinationIpv6CidrBlock": "::/0", "EgressOnlyInternetGatewayId": "eigw-1", "State": "active"}
    assert [route.target for route in table(ipv6).routes] == ["local"]


def test_a_subnet_without_an_association_has_the_main_route_table() -> None:
    main = table(Associations=[{"Main": True, "AssociationState": {"State": "associated"}}])
    own = table(Associations=[{"Main": False, "SubnetId": "subnet-1", "AssociationState": {"State": "associated"}}])
    gone = table(Associations=[{"Main": False, "SubnetId": "subnet-2", "AssociationState": {"State": "failed"}}])
    assert table_of("subnet-1", (main, own, gone)) is own
    assert table_of("subnet-2", (main, own, gone)) is main
    assert table_of("subnet-2", (own, gone)) is None


def test_the_longest_prefix_decides() -> None:
    routes = table(
        to("0.0.0.0/0", NatGatewayId="nat-1"),
        to("10.1.0.0/16", TransitGatewayId="tgw-1"),
        to("10.1.2.0/24", VpcPeeringConnectionId="pcx-1"),
    )
    targets = [route_for(routes, address) for address in ("10.0.3.4", "10.1.1.1", "10.1.2.3", "8.8.8.8")]
    assert [route.target for route in targets if route] == ["local", "tgw-1", "pcx-1", "nat-1"]


def test_without_a_route_packets_are_dropped() -> None:
    assert route_for(table(), "8.8.8.8") is None


def test_a_prefix_list_has_its_networks() -> None:
    routes = table(to("0.0.0.0/0", NatGatewayId="nat-1"), to("pl-1", GatewayId="vpce-1"))
    lists = {"pl-1": (IPv4Network("52.216.0.0/15"),)}
    assert prefix_lists_of(routes) == ("pl-1",)
    found = [
        route_for(routes, "52.217.1.1", lists),
        route_for(routes, "52.217.1.1"),
        route_for(routes, "8.8.8.8", lists),
    ]
    assert [route.target for route in found if route] == ["vpce-1", "nat-1", "nat-1"]


def test_a_route_for_a_network_goes_before_one_of_equal_length_for_a_prefix_list() -> None:
    routes = table(to("pl-1", TransitGatewayId="tgw-1"), to("10.1.0.0/16", NatGatewayId="nat-1"))
    found = route_for(routes, "10.1.0.1", {"pl-1": (IPv4Network("10.1.0.0/16"),)})
    assert found
    assert found.target == "nat-1"


networks = st.builds(
    lambda address, length: IPv4Network((address, length), strict=False),
    st.integers(0, 2**32 - 1),
    st.integers(0, 32),
)


@given(st.lists(networks, max_size=8), st.integers(0, 2**32 - 1))
def test_no_matching_route_has_a_longer_prefix(nets: list[IPv4Network], number: int) -> None:
    address = IPv4Address(number)
    routes = tuple(Route(network, None, RouteTarget.OTHER, str(network)) for network in nets)
    found = route_for(RouteTable("rtb-1", "vpc-1", True, (), routes), str(address))
    matching = [network.prefixlen for network in nets if address in network]
    if found is None:
        assert not matching
    else:
        assert found.network
        assert address in found.network
        assert found.network.prefixlen == max(matching)
