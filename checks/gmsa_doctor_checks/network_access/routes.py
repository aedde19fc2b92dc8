"""The routes from the task's subnets to the domain controllers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from gmsa_doctor.authoring import Fix, Given, Outcome, Result, Row, Status, check, passed, skipped
from gmsa_doctor.clients.aws.ec2 import Ec2
from gmsa_doctor.clients.network.tcp import Tcp
from gmsa_doctor.core.errors import NotFound
from gmsa_doctor.formats.aws.route_table import (
    EVERYWHERE,
    Route,
    RouteTable,
    RouteTarget,
    prefix_lists_of,
    route_for,
    table_of,
)
from gmsa_doctor.given.subject import AwsPlace
from gmsa_doctor.given.vantage import Vantage
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.network_access.seen import seen_open
from gmsa_doctor_checks.network_access.values import Closed, Host, Hosts, Ways
from gmsa_doctor_checks.network_access.verdict import Question, listed, verdict
from gmsa_doctor_checks.vpc_values import SubnetRoutes, TaskSubnets

_FURTHER = {
    RouteTarget.TRANSIT_GATEWAY: "its route tables, the way back and what filters there",
    RouteTarget.VPN: "whether the VPN is up, the way back and the firewalls behind it",
    RouteTarget.INTERFACE: "what that passes on",
    RouteTarget.VPC_ENDPOINT: "what the firewall behind it passes on",
    RouteTarget.CORE_NETWORK: "its segments, the way back and what filters there",
    RouteTarget.LOCAL_GATEWAY: "the local network behind it",
    RouteTarget.CARRIER_GATEWAY: "the carrier's network behind it",
    RouteTarget.PEERING: "the way back in the other VPC's route tables, and its filters",
}
"""What was not looked at, and is worth a look if the hosts do not answer."""


@dataclass(frozen=True)
class _Way:
    """Where the packets of a subnet to a host go: ``closed`` is why they do not get there.

    ``by_default``: no other route than the subnet's default one is for the host.
    """

    text: str
    closed: str = ""
    vpc: str = ""
    further: RouteTarget | None = None
    by_default: bool = False


@check(
    "network-access.routes",
    title="Routes lead from the task's subnets to the domain controllers",
    docs=links.ROUTE_TABLES,
    shows=(texts.USER_TICKET, texts.BIND, texts.NO_DNS),
)
def routes(
    subnets: TaskSubnets,
    tables: SubnetRoutes,
    hosts: Hosts,
    ec2: Ec2,
    place: AwsPlace,
    tcp: Outcome[Tcp],
    vantage: Vantage,
) -> Result[Ways]:
    """Looks for the route to each domain controller, for each subnet that the task may be placed in.

    A route may stay in the VPC, or lead to a peering connection (which must be active), a transit gateway, a VPN or a
    firewall. What lies behind these is not looked at. An internet gateway does not lead to private addresses.

    Why: without a route packets are dropped, and the domain controllers seem to be down. Subnets with route tables of
    their own are how tasks come to fail now and then.

    Fix: add a route to the network of the domain controllers, to the route table of each subnet.
    """
    lookup = _Lookup(tables, ec2, subnets)
    ways: dict[tuple[str, Host], _Way] = {}
    unseen: list[str] = []
    for subnet in subnets.subnets:
        if not subnet.cidr:
            continue  # it has IPv6 alone, and the hosts are those of IPv4
        table = tables.of(subnet.id)
        if table is None:
            unseen.append(subnet.id)
            continue
        for host in hosts.hosts:
            ways[subnet.id, host] = lookup.way(table, host.address)
    if not ways:
        return skipped(f"no route of {listed(one.id for one in subnets.subnets)} for IPv4 can be seen")
    by_ipv6 = {one.id for one in subnets.subnets if one.ipv6 and (table := tables.of(one.id)) and table.ipv6_inside}
    closed = tuple(
        Closed(subnet, host, port, way.closed, ipv6=subnet in by_ipv6)
        for (subnet, host), way in ways.items()
        if way.closed
        for port in host.ports
    )
    judged, finding = verdict(
        Question(hosts, tuple(dict.fromkeys(subnet for subnet, _ in ways)), closed),
        _fine(ways, unseen),
        lambda shut: _fix(shut, tables, place),
        seen_open(hosts, tcp.value, vantage),
    )
    ends = tuple((subnet, host.address, way.vpc) for (subnet, host), way in ways.items() if way.vpc)
    if not closed:
        finding = passed(_fine(ways, unseen), rows=_rows(ways) if len(subnets.subnets) > 1 else ())
    return Given(Ways(judged, ends, _by_default(ways)), finding)


def _by_default(ways: Mapping[tuple[str, Host], _Way]) -> tuple[str, ...]:
    shut = [(subnet, way) for (subnet, _), way in ways.items() if way.closed]
    subnets = dict.fromkeys(subnet for subnet, _ in shut)
    return tuple(id for id in subnets if all(way.by_default for subnet, way in shut if subnet == id))


class _Lookup:
    """Follows routes; prefix lists and peering connections are asked for where a table needs them."""

    def __init__(self, tables: SubnetRoutes, ec2: Ec2, subnets: TaskSubnets) -> None:
        self._tables = tables
        self._ec2 = ec2
        self._subnets = subnets
        peerings = {
            one.target for _, table in tables.by_subnet for one in table.routes if one.kind is RouteTarget.PEERING
        }
        self._peerings = tuple(sorted(peerings))

    def way(self, table: RouteTable, address: str) -> _Way:
        """Where packets to an address go by the table of their subnet."""
        route = self._route(table, address)
        by_default = route is None or route.network == EVERYWHERE
        return replace(self._follow(route, table, address), by_default=by_default)

    def _follow(self, route: Route | None, table: RouteTable, address: str, through: str = "") -> _Way:
        if route is None:
            return _Way("", f"{table.id} has no route to it{through}")
        if route.blackhole:
            return _Way("", f"the route {route} of {table.id} is a blackhole: {route.target} is gone or not attached")
        if route.kind is RouteTarget.LOCAL:
            return _Way("inside the VPC", vpc=table.vpc)
        if route.kind is RouteTarget.PEERING:
            return self._peering(route, table)
        if route.kind is RouteTarget.NAT_GATEWAY:
            return self._behind_nat(route, table, address)
        private = not IPv4Address(address).is_global
        if route.kind is RouteTarget.INTERNET_GATEWAY and private:
            return _Way("", f"{table.id} leads it to the internet ({route.target}){through}, where it is not")
        further = route.kind if route.kind in _FURTHER else None
        return _Way(f"through {route.target}", further=further)

    def _route(self, table: RouteTable, address: str) -> Route | None:
        """Prefix lists decide only where a more specific route is not there."""
        lists = prefix_lists_of(table)
        known = route_for(table, address)
        if not lists or (known is not None and known.kind is RouteTarget.LOCAL):
            return known
        return route_for(table, address, {id: self._networks(id) for id in lists})

    def _networks(self, id: str) -> tuple[IPv4Network, ...]:
        return tuple(IPv4Network(one, strict=False) for one in self._ec2.prefix_list_entries(id) if ":" not in one)

    def _peering(self, route: Route, table: RouteTable) -> _Way:
        """A connection that is not active passes nothing on."""
        try:
            known = {str(one["VpcPeeringConnectionId"]): one for one in self._ec2.peering_connections(self._peerings)}
        except NotFound:
            known = {}
        connection = known.get(route.target)
        if connection is None:
            return _Way(f"through {route.target}", further=RouteTarget.PEERING)
        status = str((connection.get("Status") or {}).get("Code", ""))
        if status not in ("active", "deleting"):
            return _Way("", f"the peering connection {route.target} is {status or 'not active'}")
        return _Way(f"through {route.target}", vpc=_other_side(connection, table.vpc), further=RouteTarget.PEERING)

    def _behind_nat(self, route: Route, table: RouteTable, address: str) -> _Way:
        """A NAT gateway passes packets on by the route table of its own subnet."""
        if not IPv4Address(address).is_private:
            return _Way(f"through {route.target}")
        found = [one for one in self._ec2.nat_gateways(table.vpc) if one.get("NatGatewayId") == route.target]
        subnet = str(found[0].get("SubnetId")) if found else ""
        behind = table_of(subnet, self._tables.tables) if subnet else None
        if behind is None:
            return _Way(f"through {route.target}")
        next_ = self._route(behind, address)
        if next_ is not None and next_.kind is RouteTarget.NAT_GATEWAY:
            return _Way(f"through {route.target}")
        way = self._follow(next_, behind, address, f" behind {route.target}")
        return _Way(way.text and f"through {route.target}", way.closed, further=way.further)


def _other_side(connection: Mapping[str, Any], vpc: str) -> str:
    sides = (connection.get("AccepterVpcInfo") or {}, connection.get("RequesterVpcInfo") or {})
    return next((str(one["VpcId"]) for one in sides if one.get("VpcId") and one["VpcId"] != vpc), "")


# Words ----------------------------------------------------------------------------------------------


def _fine(ways: Mapping[tuple[str, Host], _Way], unseen: Sequence[str]) -> str:
    by_way: dict[str, list[str]] = {}
    for (_, host), way in ways.items():
        by_way.setdefault(way.text, []).append(host.address)
    text = "; ".join(f"{listed(dict.fromkeys(addresses))} {way}" for way, addresses in by_way.items())
    further = tuple(dict.fromkeys(way.further for way in ways.values() if way.further))
    if further:
        text += f"; not looked at: {'; '.join(_FURTHER[one] for one in further)}"
    return text + (f"; the route tables of {listed(unseen)} cannot be seen" if unseen else "")


def _rows(ways: Mapping[tuple[str, Host], _Way]) -> tuple[Row, ...]:
    subnets = dict.fromkeys(subnet for subnet, _ in ways)
    own = {subnet: {key: way for key, way in ways.items() if key[0] == subnet} for subnet in subnets}
    return tuple(Row(subnet, Status.PASS, _fine(own[subnet], ())) for subnet in subnets)


def _fix(closed: Sequence[Closed], tables: SubnetRoutes, place: AwsPlace) -> Fix:
    """Where there is no default route, or what it leads to is gone, it may be what carried all but the VPC itself."""
    found = [(table, one.host.address) for one in closed if (table := tables.of(one.subnet))]
    wanted = dict.fromkeys((table.id, f"{address}/32") for table, address in found)
    lacking = {table.id: table for table, _ in found if not table.default or table.default.blackhole}
    default = (
        f"Give {listed(lacking)} a default route that leads there, if all is to go one way. Else: " if lacking else ""
    )
    verbs = [("replace-route" if table.default else "create-route", table.id) for table in lacking.values()]
    return Fix(
        f"{default}Add a route to the network of the domain controllers, or mend what the route leads to; the other "
        "side needs one back to the task's subnets.",
        (
            *(_command(verb, table, str(EVERYWHERE), place) for verb, table in verbs),
            *(_command("create-route", table, network, place) for table, network in list(wanted)[:4]),
        ),
    )


def _command(verb: str, table: str, network: str, place: AwsPlace) -> str:
    target = posix("<id of the gateway or connection>")
    return (
        f"aws ec2 {verb}{place.region_option} --route-table-id {posix(table)} --destination-cidr-block "
        f"{posix(network)} --transit-gateway-id {target}"
    )
