"""Network ACLs between the task and the domain controllers: both directions, at both ends."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network

from gmsa_doctor.authoring import Fix, Outcome, Result, check, listed, skipped
from gmsa_doctor.clients.aws.ec2 import Ec2
from gmsa_doctor.formats.aws.network_acl import LAST_RULE, NetworkAcl
from gmsa_doctor.formats.aws.packet_filter import LAST_PORT, Protocol
from gmsa_doctor.given.subject import AwsPlace
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.network_access.from_inside import FromInside
from gmsa_doctor_checks.network_access.values import IPV6_ALONE, Hosts, Interfaces
from gmsa_doctor_checks.network_access.verdict import BlockedFlows, verdict
from gmsa_doctor_checks.reachability.flow import Flow
from gmsa_doctor_checks.reachability.network import TaskSubnet, TaskSubnets, acl_of
from gmsa_doctor_checks.reachability.obstacles import (
    AclCrossing,
    Extent,
    Fault,
    Layer,
    NetworkAcls,
    Obstacle,
    crossings,
)

_NUMBERS = {Protocol.TCP: 6, Protocol.UDP: 17}


@check(
    "network-access.network-acls",
    title="The network ACLs let packets to the domain controllers pass, and the answers",
    docs=links.NETWORK_ACLS,
    shows=(texts.USER_TICKET, texts.BIND, texts.NO_DNS),
)
def network_acls(
    subnets: TaskSubnets, hosts: Hosts, interfaces: Outcome[Interfaces], ec2: Ec2, place: AwsPlace, inside: FromInside
) -> Result[NetworkAcls]:
    """Follows the rules of the network ACLs of the task's subnets, and of those domain controllers in the same account.

    Questions go to ports 53, 88 and 389, and answers come to any port from 32768 to 60999, which is what Linux asks
    from: ACLs know of no connections, so that they must admit both.

    Why: ACLs are the filter that people forget. One that admits only a part of the return ports lets some
    connections through and others not.

    Fix: admit the ports to the domain controllers on the way out, and TCP and UDP 1024-65535 from them on the way in;
    the other way round in their subnets.
    """
    if subnets.without_ipv4:
        return skipped(IPV6_ALONE)
    acls = _Acls(subnets, interfaces.value or Interfaces(), ec2)
    stops: dict[Flow, AclCrossing] = {}
    hidden = [subnet.id for subnet in subnets.subnets if acls.of(subnet.id) is None]
    for subnet in subnets.with_ipv4:
        for flow in hosts.flows(subnet.id):
            if stop := _worst(acls.on_the_way(subnet, flow)):
                stops[flow] = stop
    if len(hidden) == len(subnets.subnets):
        return skipped(f"the network ACLs of {listed(hidden)} cannot be seen: the owner of the VPC can look at them")
    obstacles = tuple(
        Obstacle(
            flow, Fault(Layer.ACL), _why(stop), _extent(stop, ipv6=stop.acl.ipv6 and flow.subnet in subnets.dual_stack)
        )
        for flow, stop in stops.items()
    )
    return verdict(
        NetworkAcls,
        BlockedFlows(hosts, subnets.ids, obstacles),
        f"{listed(acls.seen)}: packets to {listed(hosts.addresses)} pass, and the answers"
        + (f"; those of {listed(hidden)} cannot be seen" if hidden else ""),
        lambda shut: _fix([stops[obstacle.flow] for obstacle in shut], place),
        inside.sees,
    )


@dataclass(frozen=True)
class _Acls:
    """The network ACLs of the VPC, by subnet."""

    subnets: TaskSubnets
    interfaces: Interfaces
    ec2: Ec2
    seen: dict[str, None] = field(default_factory=dict)
    """The ids of those that were read."""

    def of(self, subnet: str) -> NetworkAcl | None:
        """The ACL that is associated with a subnet; None if it cannot be seen."""
        acl = acl_of(subnet, self.subnets.vpc.id, self.ec2)
        if acl:
            self.seen[acl.id] = None
        return acl

    def on_the_way(self, subnet: TaskSubnet, flow: Flow) -> Iterable[AclCrossing]:
        """The ACLs on the way to a host and back, as far as they can be seen: none within a subnet."""
        host = self.interfaces.of(flow.destination, subnet.vpc)
        theirs = host.subnet if host else ""
        if IPv4Address(flow.destination) in IPv4Network(subnet.cidr) or theirs == subnet.id:
            return ()
        return crossings(flow, subnet.cidr, self.of(subnet.id), self.of(theirs) if theirs else None)


def _worst(found: Iterable[AclCrossing]) -> AclCrossing | None:
    """Where the packets are stopped, else where a part of them is."""
    stops = [crossing for crossing in found if crossing.decision.stopped]
    return next((stop for stop in stops if not stop.decision.passing), next(iter(stops), None))


def _extent(stop: AclCrossing, *, ipv6: bool) -> Extent:
    if ipv6:
        return Extent.IPV4
    return Extent.PART if stop.decision.passing else Extent.ALL


def _why(stop: AclCrossing) -> str:
    """A reason such as ``acl-1: rule 90 denies it on the way out``."""
    decision = stop.decision
    denied = "no rule admits" if decision.rules == ("*",) else f"rule {listed(decision.rules)} denies"
    packets = "a part of it" if decision.passing else "it"
    if stop.answers:
        packets = f"answers to {listed(dict.fromkeys(part.ports for part, _ in decision.stopped))}"
    return f"{stop.acl.id}: {denied} {packets} on the way {'out' if stop.egress else 'in'}"


# The fix --------------------------------------------------------------------------------------------


def _fix(stops: Sequence[AclCrossing], place: AwsPlace) -> Fix:
    """A rule for each ACL, direction, network and port, before the rules that deny."""
    commands: dict[tuple[object, ...], str] = {}
    taken: dict[tuple[str, bool], set[int]] = {}
    for stop in stops:
        ports = (1024, LAST_PORT) if stop.answers else (stop.packets.first, stop.packets.last)
        key = (stop.acl.id, stop.egress, stop.packets.protocol, stop.packets.network, ports)
        if key not in commands:
            numbers = taken.setdefault((stop.acl.id, stop.egress), {rule.number for rule in stop.rules})
            commands[key] = _entry(stop, ports, _free_number(stop, numbers), place)
    return Fix(
        f"Let {listed(dict.fromkeys(stop.acl.id for stop in stops))} admit the packets to the domain controllers and "
        "the answers from them, by rules before those that deny.",
        tuple(commands.values()),
    )


def _entry(stop: AclCrossing, ports: tuple[int, int], number: int | None, place: AwsPlace) -> str:
    direction = "egress" if stop.egress else "ingress"
    return (
        f"aws ec2 create-network-acl-entry{place.region_option} --network-acl-id {posix(stop.acl.id)} --{direction} "
        f"--rule-number {number or posix('<number before the rule that denies>')} "
        f"--protocol {_NUMBERS[stop.packets.protocol]} --port-range From={ports[0]},To={ports[1]} "
        f"--cidr-block {stop.packets.network} --rule-action allow"
    )


def _free_number(stop: AclCrossing, taken: set[int]) -> int | None:
    """A number that no rule has, before those of the rules that deny; it is taken from then on."""
    denying = [rule.number for rule in stop.rules if rule.name in stop.decision.rules and rule.number != LAST_RULE]
    if denying:
        number = next((free for free in range(min(denying) - 1, 0, -1) if free not in taken), None)
    else:
        number = min(max((used for used in taken if used != LAST_RULE), default=90) + 10, LAST_RULE - 1)
        number = None if number in taken else number
    if number is not None:
        taken.add(number)
    return number
