"""The network ACLs of the subnets in which NAT gateways and endpoints are.

Source: https://docs.aws.amazon.com/vpc/latest/userguide/nacl-ephemeral-ports.html (a NAT gateway uses ports 1024-65535)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from gmsa_doctor.authoring import Status, in_words
from gmsa_doctor.clients.aws.ec2 import Ec2
from gmsa_doctor.formats.aws.network_acl import NetworkAcl
from gmsa_doctor.formats.aws.packet_filter import LAST_PORT, Packets, Protocol
from gmsa_doctor.formats.aws.route_table import EVERYWHERE
from gmsa_doctor_checks.reachability.flow import Flow
from gmsa_doctor_checks.reachability.network import TaskSubnet, TaskSubnets, acl_of
from gmsa_doctor_checks.reachability.obstacles import AclCrossing, crossings
from gmsa_doctor_checks.reachability.services import ServicePath, ServicePaths, service_name


@dataclass(frozen=True)
class ClosedHop:
    """A subnet whose network ACL blocks all packets on the path from a task's subnet to services.

    ``certain``: the path has no other subnet, and no IPv6.
    """

    subnet: TaskSubnet
    text: str
    stops: tuple[AclCrossing, ...]
    certain: bool

    @property
    def status(self) -> Status:
        """FAIL if it is certain."""
        return Status.FAIL if self.certain else Status.WARN


def closed_hops(paths: ServicePaths, subnets: TaskSubnets, ec2: Ec2) -> tuple[ClosedHop, ...]:
    """The subnets with NAT gateways and endpoints that block what passes them."""
    return tuple(
        hop
        for subnet in subnets.with_ipv4
        for own in _by_hops(path for path in paths.paths if path.flow.subnet == subnet.id and not path.blocked)
        if (hop := _closed(own, subnet, subnets, ec2))
    )


def _by_hops(paths: Iterable[ServicePath]) -> Iterator[Sequence[ServicePath]]:
    grouped: dict[tuple[tuple[str, ...], bool], list[ServicePath]] = {}
    for path in paths:
        if path.hops:
            grouped.setdefault((path.hops, path.onward), []).append(path)
    yield from grouped.values()


def _closed(paths: Sequence[ServicePath], subnet: TaskSubnet, subnets: TaskSubnets, ec2: Ec2) -> ClosedHop | None:
    hops, onward = paths[0].hops, paths[0].onward
    acls = {hop: acl_of(hop, subnet.vpc, ec2) for hop in hops if hop != subnet.id}
    stopped = {hop: (acl, stops) for hop, acl in acls.items() if acl and (stops := _stops(acl, subnet, onward=onward))}
    if not stopped:
        return None
    ipv6 = subnet.id in subnets.dual_stack and any(acl.ipv6 for acl, _ in stopped.values())
    names = in_words(dict.fromkeys(service_name(path.service) for path in paths))
    what = "the NAT gateway" if onward else "the endpoints"
    acl, stops = next(iter(stopped.values()))
    text = (
        f"{acl.id} of {in_words(stopped)}, the subnet of {what} on the path to {names}, does not allow "
        f"{in_words(_name(stop, subnet) for stop in stops)}"
    )
    return ClosedHop(subnet, text, tuple(stops), certain=len(stopped) == len(hops) and not ipv6)


def _stops(acl: NetworkAcl, subnet: TaskSubnet, *, onward: bool) -> list[AclCrossing]:
    """Where the ACL blocks all packets: from and to the task's subnet, and through a NAT gateway to the internet."""
    found = list(crossings(Flow(subnet.id, ""), subnet.cidr, None, acl))
    if onward:
        found.append(AclCrossing(acl, True, Packets(Protocol.TCP, EVERYWHERE, 443, 443)))
        found.append(AclCrossing(acl, False, Packets(Protocol.TCP, EVERYWHERE, 1024, LAST_PORT), answers=True))
    return [crossing for crossing in found if not crossing.decision.passing]


def _name(stop: AclCrossing, subnet: TaskSubnet) -> str:
    direction = "outbound" if stop.egress else "inbound"
    return f"{direction} {'answers to ' if stop.answers else ''}{stop.packets.ports} ({stop.packets.network})"
