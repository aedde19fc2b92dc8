"""The way out of the VPC: the default route of each subnet, and what it leads to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gmsa_doctor.authoring import Fix, Given, Row, Status, check, if_several, passed
from gmsa_doctor.clients.aws.ec2 import Ec2
from gmsa_doctor.core.errors import ClientError
from gmsa_doctor.formats.aws.route_table import EVERYWHERE, Route, RouteTable, RouteTarget, is_public, table_of
from gmsa_doctor.formats.aws.vpc_endpoint import GATEWAY
from gmsa_doctor.given.subject import AwsPlace, Network
from gmsa_doctor_checks import links
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.network_path.values import Exit, Exits, ExitState
from gmsa_doctor_checks.reachability.network import SubnetRoutes, TaskSubnets, nat_gateways

_FORWARDERS = frozenset(RouteTarget) - {RouteTarget.LOCAL, RouteTarget.INTERNET_GATEWAY, RouteTarget.NAT_GATEWAY}
"""What may pass packets on to where they can go out, or not: that cannot be seen from here."""
_BY_IPV6 = ("::/0 by IPv6",)
_NOT_LOOKED_AT = "whether that suffices was not looked at"


@check("network-path.way-out", title="Each subnet's way out of the VPC is known", docs=links.FARGATE_NETWORK)
def way_out(network: Network, subnets: TaskSubnets, routes: SubnetRoutes, ec2: Ec2, place: AwsPlace) -> Given[Exits]:
    """Follows the default route of each subnet: to an internet gateway, a NAT gateway, or to something else.

    An internet gateway is a way out only for tasks with a public address; a public NAT gateway has to be available, in
    a subnet whose default route leads to an internet gateway. What lies behind a transit gateway, a VPN, a peering
    connection, a firewall or an instance is not looked at. Whether a way out is needed, the services decide.

    Why: what has no endpoint in the VPC is reached by a way out of it.

    Fix: allow `ec2:DescribeNatGateways`.
    """
    by_nat = any((route := table.default) and _is_nat(route) for _, table in routes.by_subnet)
    nats = nat_gateways(subnets.vpc.id, ec2) if by_nat else {}
    firewalls = _firewalls(routes.tables, subnets.vpc.id, ec2)
    search = _ExitSearch(routes.tables, nats, network.public_address, subnets.shared, place, firewalls)
    exits = tuple(_or_by_ipv6(search.exit(id, table), table) for id, table in routes.by_subnet)
    texts = dict.fromkeys(exit.text for exit in exits)
    rows = tuple(Row(exit.subnet, Status.PASS, exit.text) for exit in exits)
    return Given(Exits(exits), passed("; ".join(texts), rows=if_several(rows)))


def _or_by_ipv6(exit: Exit, table: RouteTable) -> Exit:
    """Where it is closed, tasks may get out by IPv6, which is not judged."""
    if exit.state is not ExitState.CLOSED or not table.ipv6 or exit.elsewhere:
        return exit
    return replace(exit, elsewhere=_BY_IPV6)


def _firewalls(tables: Sequence[RouteTable], vpc: str, ec2: Ec2) -> frozenset[str]:
    """Endpoints of load balancers and firewalls look like gateway endpoints, where a route to a prefix list names them.

    They matter where they may stand for a default route. Where endpoints may not be listed, none is taken for one.
    """
    lacking = [table for table in tables if table.default is None or table.default.blackhole]
    named = {route.target for table in lacking for route in table.routes if _is_by_list(route) and not route.blackhole}
    if not named:
        return frozenset()
    try:
        gateways = {
            str(endpoint.get("VpcEndpointId"))
            for endpoint in ec2.vpc_endpoints(vpc)
            if str(endpoint.get("VpcEndpointType") or GATEWAY).lower() == GATEWAY
        }
    except ClientError:
        return frozenset()
    return frozenset(named - gateways)


def _is_by_list(route: Route) -> bool:
    return route.kind is RouteTarget.VPC_ENDPOINT and bool(route.prefix_list)


def _is_nat(route: Route) -> bool:
    return route.kind is RouteTarget.NAT_GATEWAY and not route.blackhole


@dataclass(frozen=True)
class _ExitSearch:
    """The search for the way out of a subnet."""

    tables: Sequence[RouteTable]
    nats: Mapping[str, Mapping[str, Any]]
    public_address: bool | None
    shared: bool
    place: AwsPlace
    firewalls: frozenset[str] = frozenset()
    """Endpoints that prefix lists lead to, and that are no gateway endpoints of a service."""

    def exit(self, subnet: str, table: RouteTable) -> Exit:
        """The way out of a subnet."""
        route = table.default
        parts = [str(part) for part in table.routes if self._is_part(part)]
        if parts and (route is None or route.blackhole):
            text = f"by routes to a part of the Internet ({', '.join(parts[:3])}); {_NOT_LOOKED_AT}"
            return Exit(subnet, ExitState.ELSEWHERE, text)
        if route is None:
            fix = Fix(
                f"Give {table.id} a default route to a NAT gateway, or make endpoints for the services in the VPC.",
                (self._command("create-route", table),),
            )
            text = f"no default route in {table.id}"
            return Exit(subnet, ExitState.CLOSED, text, fix, routes_elsewhere(table))
        if route.blackhole:
            text = f"the default route of {table.id} leads to {route.target}, which is not there (blackhole)"
            return self._gone(subnet, table, route, text)
        if route.kind is RouteTarget.INTERNET_GATEWAY:
            return self._by_internet_gateway(subnet, table, route)
        if route.kind is RouteTarget.NAT_GATEWAY:
            return self._by_nat(subnet, table, route)
        text = f"by the {route.kind} {route.target}; what lies behind it was not looked at"
        return Exit(subnet, ExitState.ELSEWHERE, text)

    def _is_part(self, route: Route) -> bool:
        """Whether it leads to a part of the Internet, or may: what is in a prefix list is not looked at."""
        if route.blackhole or route.kind is RouteTarget.LOCAL:
            return False
        if route.network:
            return route.network != EVERYWHERE and is_public(route.network)
        return route.target in self.firewalls or route.kind in (RouteTarget.NAT_GATEWAY, RouteTarget.INTERNET_GATEWAY)

    def _by_internet_gateway(self, subnet: str, table: RouteTable, route: Route) -> Exit:
        if self.public_address is False:
            text = (
                f"the default route of {table.id} leads to the internet gateway {route.target}, and the task is given "
                "no public address, without which nothing comes back"
            )
            fix = Fix(
                "Set assignPublicIp to ENABLED in the service's network configuration, or place the tasks in subnets "
                "whose default route leads to a NAT gateway."
            )
            return Exit(subnet, ExitState.CLOSED, text, fix)
        with_address = "with a public address" if self.public_address else "if the task is given a public address"
        state = ExitState.OPEN if self.public_address else ExitState.ELSEWHERE
        return Exit(subnet, state, f"by the internet gateway {route.target}, {with_address}")

    def _by_nat(self, subnet: str, table: RouteTable, route: Route) -> Exit:
        nat = self.nats.get(route.target)
        if nat is None and self.shared:
            text = f"by the NAT gateway {route.target}, which cannot be seen from this account"
            return Exit(subnet, ExitState.ELSEWHERE, text)
        if nat is None:
            text = f"the default route of {table.id} leads to {route.target}, which does not exist"
            return self._gone(subnet, table, route, text)
        state = str(nat.get("State", ""))
        if state != "available":
            why = str(nat.get("FailureMessage") or "")
            text = f"the NAT gateway {route.target} of {table.id} is {state}{f': {why}' if why else ''}"
            return self._gone(subnet, table, route, text)
        return self._behind_nat(subnet, route, nat)

    def _behind_nat(self, subnet: str, route: Route, nat: Mapping[str, Any]) -> Exit:
        """A regional NAT gateway is in no subnet, and has its own way out."""
        own = str(nat.get("SubnetId") or "")
        private = nat.get("ConnectivityType") == "private"
        table = table_of(own, self.tables) if own else None
        name = f"the {'private ' if private else ''}NAT gateway {route.target}"
        if table is None:
            return Exit(subnet, ExitState.ELSEWHERE if private else ExitState.OPEN, f"by {name}")
        onwards = table.default
        blackhole = onwards is not None and onwards.blackhole
        by_internet = onwards is not None and onwards.kind is RouteTarget.INTERNET_GATEWAY and not blackhole
        if by_internet and not private:
            return Exit(subnet, ExitState.OPEN, f"by {name}")
        if any(map(self._is_part, table.routes)) and (onwards is None or blackhole):
            text = f"by {name}, and routes to a part of the Internet behind it; {_NOT_LOOKED_AT}"
            return Exit(subnet, ExitState.ELSEWHERE, text)
        if onwards and not blackhole and onwards.kind in _FORWARDERS:
            text = f"by {name} and the {onwards.kind} {onwards.target}; what lies behind it was not looked at"
            return Exit(subnet, ExitState.ELSEWHERE, text)
        leads = "there is none" if onwards is None else f"it leads to {onwards.target}"
        if by_internet:
            leads = f"it leads to {route.target}'s internet gateway, which drops what comes from a private one"
        elif blackhole:
            leads += ", which is not there (blackhole)"
        text = (
            f"{name} is in {own}, which has no way to an internet gateway by its default route in {table.id}: {leads}"
        )
        fix = Fix(
            f"Let the default route of {table.id} lead to an internet gateway, or make a public NAT gateway in a "
            "subnet where it does, and let the tasks' default route lead to that one.",
            (f"aws ec2 describe-route-tables{self.place.region_option} --route-table-ids {posix(table.id)}",),
        )
        return Exit(subnet, ExitState.CLOSED, text, fix)

    def _gone(self, subnet: str, table: RouteTable, route: Route, text: str) -> Exit:
        """What the default route leads to is not there, or out of order."""
        fix = Fix(
            f"Let the default route of {table.id} lead to a gateway that is there, in the place of {route.target}.",
            (self._command("replace-route", table),),
        )
        return Exit(subnet, ExitState.CLOSED, text, fix)

    def _command(self, verb: str, table: RouteTable) -> str:
        return (
            f"aws ec2 {verb}{self.place.region_option} --route-table-id {posix(table.id)} "
            f"--destination-cidr-block 0.0.0.0/0 --nat-gateway-id {posix('<nat gateway>')}"
        )


def routes_elsewhere(table: RouteTable) -> tuple[str, ...]:
    """Routes to other networks, but for those of gateway endpoints, which are looked at by themselves."""
    found = (
        str(route)
        for route in table.routes
        if route.kind in _FORWARDERS and not route.blackhole and route.network != EVERYWHERE and not _is_by_list(route)
    )
    return (*found, *(_BY_IPV6 if table.ipv6 else ()))
