"""Routes out of the VPC: the default route of each subnet, and its target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from gmsa_doctor.authoring import Fix, Given, Owner, Row, Status, check, if_several, passed, warned
from gmsa_doctor.clients.aws.ec2 import Ec2
from gmsa_doctor.core.errors import ClientError
from gmsa_doctor.formats.aws.route_table import EVERYWHERE, Route, RouteTable, RouteTarget, is_public, table_of
from gmsa_doctor.formats.aws.vpc_endpoint import GATEWAY
from gmsa_doctor.given.subject import AwsPlace, Network
from gmsa_doctor_checks import links
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.network_path.public_access import PublicAccess, public_access
from gmsa_doctor_checks.reachability.fixes import set_network, set_route
from gmsa_doctor_checks.reachability.network import SubnetRoutes, TaskSubnets, nat_gateways

_FORWARDERS = frozenset(RouteTarget) - {RouteTarget.LOCAL, RouteTarget.INTERNET_GATEWAY, RouteTarget.NAT_GATEWAY}
"""Targets that may or may not forward packets to the internet, which is not visible here."""
_BY_IPV6 = ("::/0 over IPv6",)
_MAY_SUFFICE = "not checked whether they are enough"
_IF_NONE = "if there is none, create one in a public subnet first"
_BEHIND = "what lies behind it was not checked"


class ExitState(StrEnum):
    """Where a subnet's route out of the VPC ends."""

    OPEN = "open"
    CLOSED = "closed"
    ELSEWHERE = "elsewhere"
    """At a target that may or may not forward packets."""


@dataclass(frozen=True)
class Exit:
    """A subnet's route to public addresses.

    ``elsewhere`` are the subnet's routes to other networks, if it has no default route: those networks may have
    endpoints, which are not visible here. ``broken``: the route has a target that does not work. ``gateway_subnet`` is
    the subnet of the NAT gateway.
    """

    subnet: str
    state: ExitState
    text: str
    fix: Fix | None = None
    elsewhere: tuple[str, ...] = ()
    broken: bool = False
    gateway_subnet: str = ""


@dataclass(frozen=True)
class Exits:
    """The route out of the VPC from each of the task's subnets."""

    exits: tuple[Exit, ...]

    def of(self, subnet: str) -> Exit | None:
        """The exit of a subnet; None if its route table is not visible."""
        return next((exit for exit in self.exits if exit.subnet == subnet), None)


@check("network-path.way-out", title="Routes out of the VPC can be read", docs=links.FARGATE_NETWORK)
def routes_out(network: Network, subnets: TaskSubnets, routes: SubnetRoutes, ec2: Ec2, place: AwsPlace) -> Given[Exits]:
    """Follows the default route of each subnet: to an internet gateway, a NAT gateway, or another target.

    An internet gateway serves only tasks with a public address. A public NAT gateway must be available, in a subnet
    whose default route leads to an internet gateway. What lies behind a transit gateway, a VPN, a peering connection,
    a firewall or an instance is not checked. network-path.s3 and the checks of the other services decide whether a
    route out of the VPC is needed.

    Why: without an endpoint in the VPC, a service is reached by a route out of the VPC.

    Fix: Point a default route that leads nowhere to an available NAT gateway. Allow `ec2:DescribeNatGateways`, and
    `ec2:DescribeVpcBlockPublicAccessExclusions` if VPC Block Public Access is on.
    """
    by_nat = any((route := table.default) and _is_nat(route) for _, table in routes.by_subnet)
    nats = nat_gateways(subnets.vpc.id, ec2) if by_nat else {}
    firewalls = _firewalls(routes.tables, subnets.vpc.id, ec2)
    access = public_access(subnets, ec2)
    exits = tuple(
        _ExitSearch(routes.tables, nats, firewalls, network, subnets.shared, access, place, id, table).exit()
        for id, table in routes.by_subnet
    )
    rows = tuple(Row(exit.subnet, Status.WARN if exit.broken else Status.PASS, exit.text) for exit in exits)
    broken = [exit for exit in exits if exit.broken]
    if not broken:
        text = "; ".join(dict.fromkeys(exit.text for exit in exits))
        return Given(Exits(exits), passed(text, rows=if_several(rows)))
    texts = "; ".join(dict.fromkeys(exit.text for exit in broken))
    finding = warned(
        f"a default route leads nowhere: {texts}",
        observed=texts,
        expected="an available target, or no default route",
        fix=broken[0].fix,
        rows=if_several(rows),
    )
    return Given(Exits(exits), finding)


def _firewalls(tables: Sequence[RouteTable], vpc: str, ec2: Ec2) -> frozenset[str]:
    """The endpoints of load balancers and firewalls that routes to prefix lists use, as gateway endpoints do.

    They matter if they replace a default route. If the endpoints cannot be listed, all count as gateway endpoints.
    """
    routes = [route for table in tables if not table.default or table.default.blackhole for route in table.routes]
    named = {route.target for route in routes if _is_by_list(route) and not route.blackhole}
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
    """The search for the route out of the VPC from a subnet; ``firewalls``: see :func:`_firewalls`."""

    tables: Sequence[RouteTable]
    nats: Mapping[str, Mapping[str, Any]]
    firewalls: frozenset[str]
    network: Network
    shared: bool
    access: PublicAccess
    place: AwsPlace
    subnet: str
    table: RouteTable

    def exit(self) -> Exit:
        id, route = self.table.id, self.table.default
        parts = [str(part) for part in self.table.routes if self._is_part(part)]
        if parts and (route is None or route.blackhole):
            return self._elsewhere(f"through routes to a part of the internet ({', '.join(parts[:3])}); {_MAY_SUFFICE}")
        if route is None:
            fix = f"Add a default route to {id}, to a public NAT gateway of {self.table.vpc}; {_IF_NONE}."
            commands = (self._list_nats(), self._to_nat())
            return self._closed(f"{id} has no default route", Fix(fix, commands), routes_elsewhere(self.table))
        if route.blackhole:
            return self._gone(route, f"the default route of {id} is a blackhole: {route.target} no longer exists")
        if route.kind is RouteTarget.INTERNET_GATEWAY:
            return self._by_internet_gateway(route)
        if route.kind is RouteTarget.NAT_GATEWAY:
            return self._by_nat(route)
        return self._elsewhere(f"through the {route.kind} {route.target}; {_BEHIND}")

    def _is_part(self, route: Route) -> bool:
        """Whether a route leads to a part of the internet, or may: the networks of a prefix list are not read."""
        if route.blackhole or route.kind is RouteTarget.LOCAL:
            return False
        if route.network:
            return route.network != EVERYWHERE and is_public(route.network)
        return route.target in self.firewalls or route.kind in (RouteTarget.NAT_GATEWAY, RouteTarget.INTERNET_GATEWAY)

    def _open(self, text: str) -> Exit:
        return Exit(self.subnet, ExitState.OPEN, text)

    def _elsewhere(self, text: str) -> Exit:
        return Exit(self.subnet, ExitState.ELSEWHERE, text)

    def _closed(self, text: str, fix: Fix, elsewhere: tuple[str, ...] = ()) -> Exit:
        """Closed for IPv4; tasks may use IPv6, which is not checked."""
        return Exit(self.subnet, ExitState.CLOSED, text, fix, elsewhere or (_BY_IPV6 if self.table.ipv6 else ()))

    def _gone(self, route: Route, text: str) -> Exit:
        table = self.table.id
        fix = f"Point the default route of {table} to an available public NAT gateway, not {route.target}; {_IF_NONE}."
        return replace(self._closed(text, Fix(fix, (self._list_nats(), self._to_nat()))), broken=True)

    def _list_nats(self) -> str:
        region = self.place.region_option
        query = "NatGateways[].[NatGatewayId,State,ConnectivityType,SubnetId]"
        return (
            f"aws ec2 describe-nat-gateways{region} --filter {posix(f'Name=vpc-id,Values={self.table.vpc}')} "
            f"--query {posix(query)}"
        )

    def _to_nat(self) -> str:
        target = f"--nat-gateway-id {posix('<NAT gateway>')}"
        return set_route(self.table, str(EVERYWHERE), target, self.place)

    def _by_internet_gateway(self, route: Route) -> Exit:
        if self.network.public_address is False:
            text = (
                f"the default route of {self.table.id} leads to the internet gateway {route.target}, but the task has "
                "no public address, so it gets no answers"
            )
            fix = Fix(
                "Set assignPublicIp to ENABLED in the service's network configuration, or use subnets whose default "
                "route leads to a NAT gateway.",
                (set_network(self.network, self.place, public="ENABLED"),),
                owner=Owner.DEVELOPER,
            )
            return self._closed(text, fix)
        text = f"through the internet gateway {route.target}, "
        if blocked := self._without_public_access(self.subnet, text, by_nat=False):
            return blocked
        if self.network.public_address:
            return self._open(f"{text}with a public address")
        return self._elsewhere(f"{text}if the task has a public address")

    def _without_public_access(self, subnet: str, text: str, *, by_nat: bool) -> Exit | None:
        """The exit if VPC Block Public Access blocks the internet gateway, or may."""
        blocks = self.access.blocks(subnet, by_nat=by_nat)
        if blocks is False:
            return None
        if blocks is None or self.shared:
            return self._elsewhere(f"{text}if VPC Block Public Access ({self.access.mode}) lets it pass")
        summary = f"VPC Block Public Access ({self.access.mode}) blocks the internet gateway of {self.access.vpc}"
        return self._closed(summary, self.access.fix(self.place, by_nat=by_nat))

    def _by_nat(self, route: Route) -> Exit:
        nat = self.nats.get(route.target)
        if nat is None and self.shared:
            return self._elsewhere(f"through the NAT gateway {route.target}, which is not visible from this account")
        if nat is None:
            return self._gone(route, f"{route.target}, the target of {self.table.id}'s default route, does not exist")
        state = str(nat.get("State", ""))
        if state != "available":
            why = str(nat.get("FailureMessage") or "")
            text = f"the NAT gateway {route.target} of {self.table.id} is {state}{f': {why}' if why else ''}"
            return self._gone(route, text)
        return self._behind_nat(route, nat)

    def _behind_nat(self, route: Route, nat: Mapping[str, Any]) -> Exit:
        """A regional NAT gateway is in no subnet, and connects to the internet itself."""
        own = str(nat.get("SubnetId") or "")
        private = nat.get("ConnectivityType") == "private"
        table = table_of(own, self.tables) if own else None
        name = f"the {'private ' if private else ''}NAT gateway {route.target}"
        if table is None:
            return self._elsewhere(f"through {name}") if private else self._open(f"through {name}")
        onwards = table.default
        blackhole = onwards is not None and onwards.blackhole
        by_internet = onwards is not None and onwards.kind is RouteTarget.INTERNET_GATEWAY and not blackhole
        blocked = self._without_public_access(own, f"through {name}, ", by_nat=True)
        if by_internet and not private and blocked:
            return blocked
        if by_internet and not private:
            return replace(self._open(f"through {name}"), gateway_subnet=own)
        if any(map(self._is_part, table.routes)) and (onwards is None or blackhole):
            return self._elsewhere(f"through {name} and routes to a part of the internet; {_MAY_SUFFICE}")
        if onwards and not blackhole and onwards.kind in _FORWARDERS:
            return self._elsewhere(f"through {name} and the {onwards.kind} {onwards.target}; {_BEHIND}")
        why = f"{table.id} has no default route"
        if by_internet:
            why = f"the internet gateway of {table.id} drops packets of a private NAT gateway"
        elif onwards:
            why = f"the default route of {table.id} leads to {onwards.target}{' (blackhole)' if blackhole else ''}"
        text = f"{name} is in {own}, which has no path to the internet: {why}"
        region = self.place.region_option
        fix = Fix(
            "Create a public NAT gateway in a subnet whose default route leads to an internet gateway, and point the "
            f"default route of {self.table.id} to it.",
            (
                f"aws ec2 allocate-address{region} --domain vpc",
                f"aws ec2 create-nat-gateway{region} --subnet-id {posix('<public subnet>')} "
                f"--allocation-id {posix('<allocation ID>')}",
                self._to_nat(),
            ),
        )
        return self._closed(text, fix)


def routes_elsewhere(table: RouteTable) -> tuple[str, ...]:
    """Routes to other networks, except those of gateway endpoints, which are checked separately."""
    found = (
        str(route)
        for route in table.routes
        if route.kind in _FORWARDERS and not route.blackhole and route.network != EVERYWHERE and not _is_by_list(route)
    )
    return (*found, *(_BY_IPV6 if table.ipv6 else ()))
