"""Route tables of a VPC, and the route for an IPv4 packet.

Source: https://docs.aws.amazon.com/vpc/latest/userguide/RouteTables.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network
from typing import Any

EVERYWHERE = IPv4Network("0.0.0.0/0")
_NOT_PUBLIC = tuple(
    IPv4Network(cidr)
    for cidr in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16")
)


def is_public(network: IPv4Network) -> bool:
    """Whether some of its addresses are public. Source: RFC 1918, RFC 6598, RFC 3927, RFC 1122."""
    return not any(network.subnet_of(private) for private in _NOT_PUBLIC)


class RouteTarget(StrEnum):
    """The kind of a route's target."""

    LOCAL = "the VPC itself"
    INTERNET_GATEWAY = "internet gateway"
    NAT_GATEWAY = "NAT gateway"
    VPC_ENDPOINT = "VPC endpoint"
    """A gateway endpoint if the destination is a prefix list; otherwise one of a firewall or load balancer."""
    TRANSIT_GATEWAY = "transit gateway"
    PEERING = "VPC peering connection"
    VPN = "virtual private gateway"
    INTERFACE = "network interface"
    """Of an instance, a firewall, or another appliance that forwards packets."""
    CARRIER_GATEWAY = "carrier gateway"
    LOCAL_GATEWAY = "local gateway"
    CORE_NETWORK = "core network"
    OTHER = "other target"


_KEYS = (
    ("NatGatewayId", RouteTarget.NAT_GATEWAY),
    ("TransitGatewayId", RouteTarget.TRANSIT_GATEWAY),
    ("VpcPeeringConnectionId", RouteTarget.PEERING),
    ("NetworkInterfaceId", RouteTarget.INTERFACE),
    ("InstanceId", RouteTarget.INTERFACE),
    ("CarrierGatewayId", RouteTarget.CARRIER_GATEWAY),
    ("LocalGatewayId", RouteTarget.LOCAL_GATEWAY),
    ("CoreNetworkArn", RouteTarget.CORE_NETWORK),
)
_GATEWAYS = (("igw-", RouteTarget.INTERNET_GATEWAY), ("vgw-", RouteTarget.VPN), ("vpce-", RouteTarget.VPC_ENDPOINT))
"""By the prefix of the id in ``GatewayId``."""


@dataclass(frozen=True)
class Route:
    """A route for a network, or for those of a prefix list. ``target`` is the id of the target.

    ``blackhole``: the target does not exist or cannot forward packets, so they are dropped.
    """

    network: IPv4Network | None
    prefix_list: str | None
    kind: RouteTarget
    target: str
    blackhole: bool = False
    propagated: bool = False
    """A virtual private gateway has added it."""

    @property
    def destination(self) -> str:
        """The network or the prefix list."""
        return str(self.network or self.prefix_list)

    def __str__(self) -> str:
        return f"{self.destination} to {self.target}"


@dataclass(frozen=True)
class RouteTable:
    """A route table with its routes for IPv4. ``subnets``: those associated with it; ``main``: it is for all others.

    ``ipv6``: it has a default route for IPv6; ``ipv6_inside``: an IPv6 route to networks other than the internet.
    """

    id: str
    vpc: str
    main: bool
    subnets: tuple[str, ...]
    routes: tuple[Route, ...]
    ipv6: bool = False
    ipv6_inside: bool = False

    @property
    def default(self) -> Route | None:
        """The route for all addresses without another route."""
        found = [route for route in self.routes if route.network == EVERYWHERE]
        return min(found, key=lambda route: route.propagated, default=None)


def read_route_table(raw: Mapping[str, Any]) -> RouteTable:
    """A table as DescribeRouteTables returns it, without its routes for IPv6."""
    routes = raw.get("Routes", ())
    associations = [association for association in raw.get("Associations", ()) if _holds(association)]
    return RouteTable(
        str(raw.get("RouteTableId", "")),
        str(raw.get("VpcId", "")),
        any(bool(association.get("Main")) for association in associations),
        tuple(str(association["SubnetId"]) for association in associations if association.get("SubnetId")),
        tuple(
            _route(route)
            for route in routes
            if route.get("DestinationCidrBlock") or route.get("DestinationPrefixListId")
        ),
        any(route.get("DestinationIpv6CidrBlock") == "::/0" for route in routes),
        any(route.get("DestinationIpv6CidrBlock") and _leads_inside(route) for route in routes),
    )


def _leads_inside(route: Mapping[str, Any]) -> bool:
    if route.get("EgressOnlyInternetGatewayId") or route.get("State") == "blackhole":
        return False
    return _target(route)[0] not in (RouteTarget.LOCAL, RouteTarget.INTERNET_GATEWAY)


def _holds(association: Mapping[str, Any]) -> bool:
    state = (association.get("AssociationState") or {}).get("State", "associated")
    return state in ("associated", "associating")


def _route(raw: Mapping[str, Any]) -> Route:
    kind, target = _target(raw)
    cidr = raw.get("DestinationCidrBlock")
    return Route(
        IPv4Network(cidr, strict=False) if cidr else None,
        None if cidr else str(raw["DestinationPrefixListId"]),
        kind,
        target,
        raw.get("State") == "blackhole",
        raw.get("Origin") == "EnableVgwRoutePropagation",
    )


def _target(raw: Mapping[str, Any]) -> tuple[RouteTarget, str]:
    """A route to an instance also names its network interface."""
    gateway = str(raw.get("GatewayId") or "")
    if gateway == "local":
        return RouteTarget.LOCAL, gateway
    if gateway:
        return next((kind for start, kind in _GATEWAYS if gateway.startswith(start)), RouteTarget.OTHER), gateway
    return next(
        ((kind, str(raw[key])) for key, kind in _KEYS if raw.get(key)), (RouteTarget.OTHER, "an unnamed target")
    )


def table_of(subnet: str, tables: Iterable[RouteTable]) -> RouteTable | None:
    """The effective table of a subnet: the one it is associated with, otherwise the main route table."""
    known = tuple(tables)
    own = next((table for table in known if subnet in table.subnets), None)
    return own or next((table for table in known if table.main), None)


def prefix_lists_of(table: RouteTable) -> tuple[str, ...]:
    """The prefix lists in the routes of a table."""
    return tuple(dict.fromkeys(route.prefix_list for route in table.routes if route.prefix_list))


def route_for(
    table: RouteTable, address: str, prefix_lists: Mapping[str, tuple[IPv4Network, ...]] | None = None
) -> Route | None:
    """The route for packets to an address: the one with the longest prefix. None: they are dropped.

    With equal prefixes, a static route for a network goes before one for a prefix list, and both before a propagated
    one. The VPC's own network goes before all propagated routes, also more specific ones. ``prefix_lists`` has the
    networks of prefix lists; routes for others are ignored.

    Sources: https://docs.aws.amazon.com/vpc/latest/userguide/route-tables-priority.html and
    https://docs.aws.amazon.com/vpn/latest/s2svpn/vpn-route-priority.html
    """
    wanted = IPv4Address(address)
    matching = [
        (network.prefixlen, -route.propagated, route.network is not None, -number, route)
        for number, route in enumerate(table.routes)
        for network in _networks(route, prefix_lists or {})
        if wanted in network
    ]
    inside = any(match[-1].kind is RouteTarget.LOCAL for match in matching)
    matching = [match for match in matching if not (inside and match[-1].propagated)]
    return max(matching, key=lambda match: match[:-1])[-1] if matching else None


def _networks(route: Route, prefix_lists: Mapping[str, tuple[IPv4Network, ...]]) -> tuple[IPv4Network, ...]:
    return (route.network,) if route.network else prefix_lists.get(route.prefix_list or "", ())
