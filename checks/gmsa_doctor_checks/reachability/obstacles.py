"""Obstacles: a layer of the network blocks a flow, by something that can be fixed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from ipaddress import IPv4Network
from typing import TypeVar

from gmsa_doctor.authoring import Fix
from gmsa_doctor.formats.aws.network_acl import AclDecision, AclRule, NetworkAcl, decide
from gmsa_doctor.formats.aws.packet_filter import Packets
from gmsa_doctor_checks.reachability.flow import EPHEMERAL, Flow, Need


class Layer(StrEnum):
    """A part of the network that can block a flow."""

    ROUTE = "route"
    GROUP = "security group"
    ACL = "network ACL"
    ENDPOINT = "VPC endpoint"
    POLICY = "endpoint policy"
    DNS = "DNS"


class Extent(StrEnum):
    """How much of a flow is blocked."""

    ALL = "all packets"
    PART = "some packets: connections fail intermittently"
    IPV4 = "IPv4: packets may pass over IPv6, which is not checked"


@dataclass(frozen=True)
class Fault:
    """What must be fixed in a layer, in one subnet; without ``subnet`` it is the same for all subnets."""

    layer: Layer
    by: str = ""
    subnet: str = ""
    fix: Fix | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Obstacle:
    """A blocked flow, with the reason."""

    flow: Flow
    fault: Fault
    text: str
    extent: Extent = Extent.ALL

    @property
    def certain(self) -> bool:
        """Whether no task in the subnet gets through."""
        return self.extent is Extent.ALL


@dataclass(frozen=True)
class Blockage:
    """The result of one layer: the needs that no task can reach on any host, and the faults."""

    out_of_reach: tuple[Need, ...] = ()
    faults: tuple[Fault, ...] = ()


B = TypeVar("B", bound=Blockage)


@dataclass(frozen=True)
class RoutesToHosts(Blockage):
    """The routes: by subnet and address, the VPC in which the route ends; empty if it goes further."""

    vpcs: tuple[tuple[str, str, str], ...] = ()

    def vpc(self, subnet: str, address: str) -> str:
        """The VPC in which the route from a subnet to an address ends; empty if it is not known."""
        return next((vpc for *ends, vpc in self.vpcs if ends == [subnet, address]), "")


@dataclass(frozen=True)
class GroupsOfTask(Blockage):
    """The task's security groups, outbound."""


@dataclass(frozen=True)
class NetworkAcls(Blockage):
    """The network ACLs, in both directions."""


@dataclass(frozen=True)
class GroupsOfHosts(Blockage):
    """The hosts' security groups, inbound."""


@dataclass(frozen=True)
class AclCrossing:
    """Packets that pass a network ACL in one direction: requests, or ``answers``."""

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
        """The packets that the rules allow and deny."""
        return decide(self.rules, self.packets)


def crossings(flow: Flow, cidr: str, own: NetworkAcl | None, theirs: NetworkAcl | None = None) -> Iterable[AclCrossing]:
    """The known ACLs that a flow and its answers cross: those of the task's subnet (``cidr``) and the host's subnet.

    ACLs are stateless: answers need their own rules.
    """
    here = IPv4Network(cidr)
    if own:
        yield AclCrossing(own, True, flow.requests)
    if theirs:
        yield AclCrossing(theirs, False, flow.packets(here))
        yield AclCrossing(theirs, True, Packets(flow.port.protocol, here, *EPHEMERAL), answers=True)
    if own:
        yield AclCrossing(own, False, flow.answers, answers=True)
