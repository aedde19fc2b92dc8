"""Network ACLs between the task and the domain controllers: both directions, in both subnets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network

from gmsa_doctor.authoring import Outcome, Result, check, listed, skipped
from gmsa_doctor.clients.aws.ec2 import Ec2
from gmsa_doctor.formats.aws.network_acl import NetworkAcl
from gmsa_doctor.given.subject import AwsPlace
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.network_access.values import IPV6_ONLY, Hosts, Interfaces
from gmsa_doctor_checks.network_access.verdict import BlockedFlows, FromInside, verdict
from gmsa_doctor_checks.reachability.fixes import allow_in_acls
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


@check(
    "network-access.network-acls",
    title="Network ACLs allow packets to the AD and its answers",
    docs=links.NETWORK_ACLS,
    shows=(texts.USER_TICKET, texts.BIND, texts.NO_DNS),
)
def network_acls(
    subnets: TaskSubnets, hosts: Hosts, interfaces: Outcome[Interfaces], ec2: Ec2, place: AwsPlace, inside: FromInside
) -> Result[NetworkAcls]:
    """Evaluates the network ACLs of the task's subnets, and those of domain controllers in the same account.

    Requests go to ports 53, 88 and 389. Answers arrive at ports 32768 to 60999, Linux's ephemeral ports. Network ACLs
    are stateless, so they must allow both.

    Why: network ACLs are easily forgotten. One that allows only a part of the ephemeral ports makes connections fail
    intermittently.

    Fix: Allow outbound packets to these ports of the domain controllers, and inbound TCP and UDP 1024-65535 from them;
    the reverse in the subnets of the domain controllers.
    """
    if subnets.without_ipv4:
        return skipped(IPV6_ONLY)
    acls = _Acls(subnets, interfaces.value or Interfaces(), ec2)
    hidden = [subnet.id for subnet in subnets.subnets if acls.of(subnet.id) is None]
    if len(hidden) == len(subnets.subnets):
        return skipped(f"the network ACLs of {listed(hidden)} are visible to the owner of the VPC only")
    denied = {
        flow: stopped
        for subnet in subnets.with_ipv4
        for flow in hosts.flows(subnet.id)
        if (stopped := [crossing for crossing in acls.crossed(subnet, flow) if crossing.decision.stopped])
    }
    stops = {flow: min(stopped, key=lambda stop: bool(stop.decision.passing)) for flow, stopped in denied.items()}
    obstacles = tuple(
        Obstacle(
            flow, Fault(Layer.ACL), _why(stop), _extent(stop, ipv6=stop.acl.ipv6 and flow.subnet in subnets.dual_stack)
        )
        for flow, stop in stops.items()
    )
    return verdict(
        NetworkAcls,
        BlockedFlows(hosts, subnets.ids, obstacles),
        f"{listed(acls.seen)}: packets to {listed(hosts.addresses)} and their answers are allowed"
        + (f"; the network ACLs of {listed(hidden)} are not visible" if hidden else ""),
        lambda blocked: allow_in_acls(
            [stop for obstacle in blocked for stop in denied[obstacle.flow]], "the AD", place
        ),
        inside.sees,
    )


@dataclass(frozen=True)
class _Acls:
    """The network ACLs of the VPC, each read once."""

    subnets: TaskSubnets
    interfaces: Interfaces
    ec2: Ec2
    known: dict[str, NetworkAcl | None] = field(default_factory=dict)
    """By subnet."""

    @property
    def seen(self) -> dict[str, None]:
        """The ids of those that were read."""
        return dict.fromkeys(acl.id for acl in self.known.values() if acl)

    def of(self, subnet: str) -> NetworkAcl | None:
        """The ACL that is associated with a subnet; None if it is not visible."""
        if subnet not in self.known:
            self.known[subnet] = acl_of(subnet, self.subnets.vpc.id, self.ec2)
        return self.known[subnet]

    def crossed(self, subnet: TaskSubnet, flow: Flow) -> Iterable[AclCrossing]:
        """The visible ACLs that a flow and its answers cross; none within a subnet."""
        host = self.interfaces.of(flow.destination, subnet.vpc)
        theirs = host.subnet if host else ""
        if IPv4Address(flow.destination) in IPv4Network(subnet.cidr) or theirs == subnet.id:
            return ()
        return crossings(flow, subnet.cidr, self.of(subnet.id), self.of(theirs) if theirs else None)


def _extent(stop: AclCrossing, *, ipv6: bool) -> Extent:
    if ipv6:
        return Extent.IPV4
    return Extent.PART if stop.decision.passing else Extent.ALL


def _why(stop: AclCrossing) -> str:
    """A reason such as ``outbound rule 90 of acl-1 denies it``."""
    decision, direction = stop.decision, "outbound" if stop.egress else "inbound"
    numbers, id = listed(decision.rules), stop.acl.id
    denied = f"no {direction} rule of {id} allows" if numbers == "*" else f"{direction} rule {numbers} of {id} denies"
    packets = "some packets" if decision.passing else "it"
    if stop.answers:
        packets = f"answers to {listed(dict.fromkeys(part.ports for part, _ in decision.stopped))}"
    return f"{denied} {packets}"
