"""The routes from the task's subnets to the domain controllers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from typing import Any

from gmsa_doctor.authoring import Fix, Given, Result, Row, Status, check, listed, passed, skipped
from gmsa_doctor.clients.aws.ec2 import Ec2
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
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.network_access.from_inside import FromInside
from gmsa_doctor_checks.network_access.values import Hosts
from gmsa_doctor_checks.network_access.verdict import BlockedFlows, verdict
from gmsa_doctor_checks.reachability.network import SubnetRoutes, TaskSubnets, nat_gateways, prefix_lists
from gmsa_doctor_checks.reachability.obstacles import Extent, Fault, Layer, Obstacle, RoutesToHosts

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
class _Followed:
    """Where the packets of a subnet to a host go: ``closed`` is why they do not get there.

    ``fault`` is the route to fix; empty for the subnet's default one, or the lack of one.
    """

    text: str
    closed: str = ""
    vpc: str = ""
    further: RouteTarget | None = None
    fault: str = ""


@check(
    "network-access.routes",
    title="Routes lead from the task's subnets to the domain controllers",
    docs=links.ROUTE_TABLES,
    shows=(texts.USER_TICKET, texts.BIND, texts.NO_DNS),
)
def routes(
    subnets: TaskSubnets, tables: SubnetRoutes, hosts: Hosts, ec2: Ec2, place: AwsPlace, inside: FromInside
) -> Result[RoutesToHosts]:
    """Looks for the route to each domain controller, for each subnet that the task may be placed in.

    A route may stay in the VPC, or lead to a peering connection (which must be active), a transit gateway, a VPN or a
    firewall. What lies behind these is not looked at. An internet gateway does not lead to private addresses.

    Why: without a route packets are dropped, and the domain controllers seem to be down. Subnets with route tables of
    their own are how tasks come to fail now and then.

    Fix: add a route to the network of the domain controllers, to the route table of each subnet.
    """
    follower = _Follower(tables, ec2)
    seen = {subnet.id: table for subnet in subnets.with_ipv4 if (table := tables.of(subnet.id))}
    followed = {
        (subnet, address): follower.follow(seen[subnet], address) for subnet in seen for address in hosts.addresses
    }
    if not followed:
        return skipped(f"no route of {listed(subnets.ids)} for IPv4 can be seen")
    by_ipv6 = {subnet for subnet in subnets.dual_stack & set(seen) if seen[subnet].ipv6_inside}
    obstacles = tuple(
        Obstacle(
            flow,
            Fault(Layer.ROUTE, route.fault, subnet),
            route.closed,
            Extent.IPV4 if subnet in by_ipv6 else Extent.ALL,
        )
        for subnet in seen
        for flow in hosts.flows(subnet)
        if (route := followed[subnet, flow.destination]).closed
    )
    unseen = [subnet.id for subnet in subnets.with_ipv4 if subnet.id not in seen]
    fine = _fine(followed, unseen)
    given = verdict(
        RoutesToHosts,
        BlockedFlows(hosts, tuple(seen), obstacles),
        fine,
        lambda shut: _fix(shut, tables, place),
        inside.sees,
    )
    finding = given.finding if obstacles else passed(fine, rows=_rows(followed) if len(subnets.subnets) > 1 else ())
    ends = tuple((*ends, route.vpc) for ends, route in followed.items() if route.vpc)
    return Given(replace(given.value, vpcs=ends), finding)


class _Follower:
    """Follows routes; prefix lists and peering connections are asked for where a table needs them."""

    def __init__(self, tables: SubnetRoutes, ec2: Ec2) -> None:
        self._tables = tables
        self._ec2 = ec2
        routes = [route for _, table in tables.by_subnet for route in table.routes]
        self._peerings = tuple(sorted({route.target for route in routes if route.kind is RouteTarget.PEERING}))

    def follow(self, table: RouteTable, address: str) -> _Followed:
        """Where packets to an address go by the table of their subnet."""
        route = self._route(table, address)
        fault = "" if route is None or route.network == EVERYWHERE else str(route)
        return replace(self._end(route, table, address), fault=fault)

    def _end(self, route: Route | None, table: RouteTable, address: str, through: str = "") -> _Followed:
        if route is None:
            return _Followed("", f"{table.id} has no route to it{through}")
        if route.blackhole:
            text = f"the route {route} of {table.id} is a blackhole: {route.target} is gone or not attached"
            return _Followed("", text)
        if route.kind is RouteTarget.LOCAL:
            return _Followed("inside the VPC", vpc=table.vpc)
        if route.kind is RouteTarget.PEERING:
            return self._peering(route, table)
        if route.kind is RouteTarget.NAT_GATEWAY:
            return self._behind_nat(route, table, address)
        if route.kind is RouteTarget.INTERNET_GATEWAY and not IPv4Address(address).is_global:
            return _Followed("", f"{table.id} leads it to the internet ({route.target}){through}, where it is not")
        return _Followed(f"through {route.target}", further=route.kind if route.kind in _FURTHER else None)

    def _route(self, table: RouteTable, address: str) -> Route | None:
        """Prefix lists decide only where a more specific route is not there."""
        lists = prefix_lists_of(table)
        known = route_for(table, address)
        if not lists or (known is not None and known.kind is RouteTarget.LOCAL):
            return known
        return route_for(table, address, prefix_lists(lists, self._ec2))

    def _peering(self, route: Route, table: RouteTable) -> _Followed:
        """A connection that is not active passes nothing on."""
        try:
            found = self._ec2.peering_connections(self._peerings)
        except NotFound:
            found = []
        connection = next((peer for peer in found if peer["VpcPeeringConnectionId"] == route.target), None)
        if connection is None:
            return _Followed(f"through {route.target}", further=RouteTarget.PEERING)
        status = str((connection.get("Status") or {}).get("Code", ""))
        if status not in ("active", "deleting"):
            return _Followed("", f"the peering connection {route.target} is {status or 'not active'}")
        vpc = _other_side(connection, table.vpc)
        return _Followed(f"through {route.target}", vpc=vpc, further=RouteTarget.PEERING)

    def _behind_nat(self, route: Route, table: RouteTable, address: str) -> _Followed:
        """A NAT gateway passes packets on by the route table of its own subnet."""
        through = _Followed(f"through {route.target}")
        if not IPv4Address(address).is_private:
            return through
        nat = nat_gateways(table.vpc, self._ec2).get(route.target, {})
        behind = table_of(str(nat["SubnetId"]), self._tables.tables) if nat.get("SubnetId") else None
        if behind is None:
            return through
        onwards = self._route(behind, address)
        if onwards is not None and onwards.kind is RouteTarget.NAT_GATEWAY:
            return through
        end = self._end(onwards, behind, address, f" behind {route.target}")
        return replace(end, text=end.text and through.text, vpc="")


def _other_side(connection: Mapping[str, Any], vpc: str) -> str:
    sides = (connection.get("AccepterVpcInfo") or {}, connection.get("RequesterVpcInfo") or {})
    return next((str(side["VpcId"]) for side in sides if side.get("VpcId") and side["VpcId"] != vpc), "")


# Words ----------------------------------------------------------------------------------------------


def _fine(followed: Mapping[tuple[str, str], _Followed], unseen: Sequence[str] = ()) -> str:
    by_text: dict[str, dict[str, None]] = {}
    for (_, address), route in followed.items():
        by_text.setdefault(route.text, {})[address] = None
    text = "; ".join(f"{listed(addresses)} {route}" for route, addresses in by_text.items())
    if further := dict.fromkeys(route.further for route in followed.values() if route.further):
        text += f"; not looked at: {'; '.join(_FURTHER[target] for target in further)}"
    return text + (f"; the route tables of {listed(unseen)} cannot be seen" if unseen else "")


def _rows(followed: Mapping[tuple[str, str], _Followed]) -> tuple[Row, ...]:
    by_subnet: dict[str, dict[tuple[str, str], _Followed]] = {}
    for ends, route in followed.items():
        by_subnet.setdefault(ends[0], {})[ends] = route
    return tuple(Row(subnet, Status.PASS, _fine(routes)) for subnet, routes in by_subnet.items())


def _fix(obstacles: Sequence[Obstacle], tables: SubnetRoutes, place: AwsPlace) -> Fix:
    """Where there is no default route, or what it leads to is gone, it may be what carried all but the VPC itself."""
    flows = [obstacle.flow for obstacle in obstacles]
    found = [(table, flow.destination) for flow in flows if (table := tables.of(flow.subnet))]
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
