"""The routes from the task's subnets to the domain controllers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from typing import Any

from gmsa_doctor.authoring import (
    Fix,
    Given,
    Result,
    Row,
    Status,
    check,
    fix_in_steps,
    listed,
    one_after_the_other,
    passed,
    skipped,
)
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
from gmsa_doctor_checks.network_access.values import Hosts
from gmsa_doctor_checks.network_access.verdict import BlockedFlows, FromInside, verdict
from gmsa_doctor_checks.reachability.fixes import set_route
from gmsa_doctor_checks.reachability.network import SubnetRoutes, TaskSubnets, nat_gateways, prefix_lists
from gmsa_doctor_checks.reachability.obstacles import Extent, Fault, Layer, Obstacle, RoutesToHosts

_NOT_CHECKED = {
    RouteTarget.TRANSIT_GATEWAY: "its route tables, the return route, and filters behind it",
    RouteTarget.VPN: "whether the VPN is up, the return route, and the firewalls behind it",
    RouteTarget.INTERFACE: "what it forwards",
    RouteTarget.VPC_ENDPOINT: "what the firewall behind it forwards",
    RouteTarget.CORE_NETWORK: "its segments, the return route, and filters behind it",
    RouteTarget.LOCAL_GATEWAY: "the local network behind it",
    RouteTarget.CARRIER_GATEWAY: "the carrier's network behind it",
    RouteTarget.PEERING: "the return route in the peer VPC, and its filters",
}
"""What to check by hand if the hosts do not answer."""


@dataclass(frozen=True)
class _End:
    """Where the packets of a subnet to a host go; ``blocked`` is why they do not arrive.

    ``beyond`` is a target behind which nothing was checked. ``fault`` is the route to fix; empty if that is the
    subnet's default route, which may be missing.
    """

    text: str
    blocked: str = ""
    vpc: str = ""
    beyond: RouteTarget | None = None
    fault: str = ""


@check(
    "network-access.routes",
    title="Routes lead from the task's subnets to the AD",
    docs=links.ROUTE_TABLES,
    shows=(texts.USER_TICKET, texts.BIND, texts.NO_DNS),
)
def routes(
    subnets: TaskSubnets, tables: SubnetRoutes, hosts: Hosts, ec2: Ec2, place: AwsPlace, inside: FromInside
) -> Result[RoutesToHosts]:
    """Finds the route to each domain controller, from each subnet that the task may be placed in.

    A route may stay in the VPC, or lead to a peering connection (which must be active), a transit gateway, a VPN or a
    firewall. What lies behind these is not checked. An internet gateway does not lead to private addresses.

    Why: without a route, packets are dropped, and the domain controllers seem to be down. If only some subnets have
    the route, tasks fail intermittently.

    Fix: Add a route to the domain controllers' network to the route table of each subnet.
    """
    follower = _Follower(tables, ec2)
    seen = {subnet.id: table for subnet in subnets.with_ipv4 if (table := tables.of(subnet.id))}
    ends = {(subnet, address): follower.follow(seen[subnet], address) for subnet in seen for address in hosts.addresses}
    if not ends:
        return skipped(f"no IPv4 route table of {listed(subnets.ids)} is visible")
    by_ipv6 = {subnet for subnet in subnets.dual_stack & set(seen) if seen[subnet].ipv6_inside}
    obstacles = tuple(
        Obstacle(
            flow, Fault(Layer.ROUTE, end.fault, subnet), end.blocked, Extent.IPV4 if subnet in by_ipv6 else Extent.ALL
        )
        for subnet in seen
        for flow in hosts.flows(subnet)
        if (end := ends[subnet, flow.destination]).blocked
    )
    text = _text(ends)
    if unseen := [subnet.id for subnet in subnets.with_ipv4 if subnet.id not in seen]:
        text += f"; the route tables of {listed(unseen)} are not visible"
    blocked = BlockedFlows(hosts, tuple(seen), obstacles)
    given = verdict(RoutesToHosts, blocked, text, lambda found: _fix(found, tables, subnets, place), inside.sees)
    finding = given.finding if obstacles else passed(text, rows=_rows(ends) if len(subnets.subnets) > 1 else ())
    vpcs = tuple((*flow, end.vpc) for flow, end in ends.items() if end.vpc)
    return Given(replace(given.value, vpcs=vpcs), finding)


class _Follower:
    """Follows routes; prefix lists and peering connections are read only if a table needs them."""

    def __init__(self, tables: SubnetRoutes, ec2: Ec2) -> None:
        self._tables = tables
        self._ec2 = ec2
        routes = [route for _, table in tables.by_subnet for route in table.routes]
        self._peerings = tuple(sorted({route.target for route in routes if route.kind is RouteTarget.PEERING}))

    def follow(self, table: RouteTable, address: str) -> _End:
        route = self._route(table, address)
        fault = "" if route is None or route.network == EVERYWHERE else str(route)
        return replace(self._end(route, table, address), fault=fault)

    def _end(self, route: Route | None, table: RouteTable, address: str, behind: str = "") -> _End:
        if route is None:
            return _End("", f"{table.id} has no route to it{behind}")
        if route.blackhole:
            text = f"the route {route} of {table.id} is a blackhole: {route.target} is deleted or not attached"
            return _End("", text)
        if route.kind is RouteTarget.LOCAL:
            return _End("inside the VPC", vpc=table.vpc)
        if route.kind is RouteTarget.PEERING:
            return self._peering(route, table)
        if route.kind is RouteTarget.NAT_GATEWAY:
            return self._behind_nat(route, table, address)
        if route.kind is RouteTarget.INTERNET_GATEWAY and not IPv4Address(address).is_global:
            text = f"{table.id} routes it to the internet ({route.target}){behind}, which drops private addresses"
            return _End("", text)
        return _End(f"through {route.target}", beyond=route.kind if route.kind in _NOT_CHECKED else None)

    def _route(self, table: RouteTable, address: str) -> Route | None:
        """Prefix lists are read only if they may decide."""
        lists = prefix_lists_of(table)
        known = route_for(table, address)
        if not lists or (known is not None and known.kind is RouteTarget.LOCAL):
            return known
        return route_for(table, address, prefix_lists(lists, self._ec2))

    def _peering(self, route: Route, table: RouteTable) -> _End:
        try:
            found = self._ec2.peering_connections(self._peerings)
        except NotFound:
            found = []
        end = _End(f"through {route.target}", beyond=RouteTarget.PEERING)
        connection = next((peer for peer in found if peer["VpcPeeringConnectionId"] == route.target), None)
        if connection is None:
            return end
        status = str((connection.get("Status") or {}).get("Code", ""))
        if status not in ("active", "deleting"):
            return _End("", f"the peering connection {route.target} is {status or 'not active'}")
        return replace(end, vpc=_other_side(connection, table.vpc))

    def _behind_nat(self, route: Route, table: RouteTable, address: str) -> _End:
        """A NAT gateway forwards packets by the route table of its own subnet."""
        through = _End(f"through {route.target}")
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


def _text(ends: Mapping[tuple[str, str], _End]) -> str:
    by_text: dict[str, dict[str, None]] = {}
    for (_, address), end in ends.items():
        by_text.setdefault(end.text, {})[address] = None
    text = "; ".join(f"{listed(addresses)} {path}" for path, addresses in by_text.items())
    beyond = dict.fromkeys(end.beyond for end in ends.values() if end.beyond)
    return f"{text}; not checked: {'; '.join(_NOT_CHECKED[target] for target in beyond)}" if beyond else text


def _rows(ends: Mapping[tuple[str, str], _End]) -> tuple[Row, ...]:
    subnets = dict.fromkeys(subnet for subnet, _ in ends)
    return tuple(
        Row(subnet, Status.PASS, _text({flow: end for flow, end in ends.items() if flow[0] == subnet}))
        for subnet in subnets
    )


def _fix(obstacles: Sequence[Obstacle], tables: SubnetRoutes, subnets: TaskSubnets, place: AwsPlace) -> Fix:
    """Routes to the hosts; last the alternative: a default route, if it is missing or broken."""
    flows = [obstacle.flow for obstacle in obstacles]
    found = [(table, f"{flow.destination}/32") for flow in flows if (table := tables.of(flow.subnet))]
    to_hosts = list({(table.id, network): (table, network) for table, network in found}.values())[:4]
    without_default = {table.id: table for table, _ in found if not table.default or table.default.blackhole}
    hosts, names = (
        listed(dict.fromkeys(network for _, network in found)),
        listed(dict.fromkeys(table.id for table, _ in found)),
    )
    option = f"--transit-gateway-id {posix('<transit gateway>')}"
    add = Fix(
        f"Add routes to {hosts} (or to the network of the domain controllers) to {names}, through your transit "
        "gateway; for a peering connection, use --vpc-peering-connection-id.",
        tuple(set_route(table, network, option, place) for table, network in to_hosts),
    )
    default = Fix(
        "Instead, only if all other traffic takes the same path, add a default route (0.0.0.0/0).",
        tuple(set_route(table, str(EVERYWHERE), option, place) for table in without_default.values()),
    )
    back = Fix(f"On the other side, add a return route to {listed(subnet.cidr for subnet in subnets.with_ipv4)}.")
    return fix_in_steps(one_after_the_other(add, default) if without_default else add, back)
