"""What blocks a flow: one layer of the network, by something that can be fixed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from ipaddress import IPv4Network

from gmsa_doctor.authoring import Fix
from gmsa_doctor.formats.aws.network_acl import AclDecision, AclRule, NetworkAcl, decide
from gmsa_doctor.formats.aws.packet_filter import Packets
from gmsa_doctor_checks.reachability.flow import EPHEMERAL, Flow, Need


class Layer(StrEnum):
    """What can block a flow."""

    ROUTE = "route"
    GROUP = "security group"
    ACL = "network ACL"
    ENDPOINT = "VPC endpoint"
    POLICY = "endpoint policy"
    DNS = "DNS"


class Extent(StrEnum):
    """How much of a flow is blocked."""

    ALL = "all packets"
    PART = "a part of them: connections fail now and then"
    IPV4 = "IPv4: the packets may pass by IPv6, which is not checked"


@dataclass(frozen=True)
class Fault:
    """What has to be fixed in a layer; in one subnet, or in all of them alike (without a name)."""

    layer: Layer
    by: str = ""
    subnet: str = ""
    fix: Fix | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Obstacle:
    """What blocks a flow, and why."""

    flow: Flow
    fault: Fault
    text: str
    extent: Extent = Extent.ALL

    @property
    def certain(self) -> bool:
        """Whether no task of the subnet gets through."""
        return self.extent is Extent.ALL


@dataclass(frozen=True)
class Judged:
    """What one layer keeps from all tasks: needs for which they reach no host; and what is at fault."""

    out_of_reach: tuple[Need, ...] = ()
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class RoutesToHosts(Judged):
    """The routes: by subnet and address, the VPC in which the route ends; empty where it goes further."""

    vpcs: tuple[tuple[str, str, str], ...] = ()

    def vpc(self, subnet: str, address: str) -> str:
        """The VPC in which the route from a subnet to an address ends; empty if that is not known."""
        return next((vpc for *ends, vpc in self.vpcs if ends == [subnet, address]), "")


@dataclass(frozen=True)
class GroupsOfTask(Judged):
    """What the task's security groups let out."""


@dataclass(frozen=True)
class NetworkAcls(Judged):
    """What the network ACLs let pass, both ways."""


@dataclass(frozen=True)
class GroupsOfHosts(Judged):
    """What the security groups of the hosts let in."""


@dataclass(frozen=True)
class AclCrossing:
    """Packets at a network ACL, in one direction; ``answers``: those of the way back."""

    acl: NetworkAcl
    egress: bool
    packets: Packets
    answers: bool = False

    @property
    def rules(self) -> tuple[AclRule, ...]:
        """The rules for the direction."""
        return self.acl.egress if self.egress else self.acl.ingress

    @cached_property
    def decision(self) -> AclDecision:
        """What becomes of the packets."""
        return decide(self.rules, self.packets)


def crossings(flow: Flow, cidr: str, own: NetworkAcl | None, theirs: NetworkAcl | None = None) -> Iterable[AclCrossing]:
    """The ACLs, as far as they are known, that a flow and its answers cross.

    These are those of the task's subnet, which has this ``cidr``, and of the host's subnet, in the order of the way.
    ACLs know no connections: answers need rules of their own.
    """
    here = IPv4Network(cidr)
    if own:
        yield AclCrossing(own, True, flow.requests)
    if theirs:
        yield AclCrossing(theirs, False, flow.packets(here))
        yield AclCrossing(theirs, True, Packets(flow.port.protocol, here, *EPHEMERAL), answers=True)
    if own:
        yield AclCrossing(own, False, flow.answers, answers=True)
