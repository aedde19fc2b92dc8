"""The ways from a task's subnets to AWS's services, as far as the configuration tells."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Network

from gmsa_doctor.authoring import Fix, Row, Status
from gmsa_doctor.formats.aws.security_group import SecurityGroup
from gmsa_doctor.formats.aws.vpc_endpoint import VpcEndpoint


class Exit(StrEnum):
    """Where a subnet's way out of the VPC ends."""

    OPEN = "open"
    CLOSED = "closed"
    ELSEWHERE = "elsewhere"
    """At something of which it cannot be seen whether it passes packets on."""


@dataclass(frozen=True)
class WayOut:
    """A subnet's way to public addresses.

    ``by`` is what has to be mended where it is closed. ``beside`` are routes to other networks of a subnet that is not
    meant to have a way out: there may be endpoints in them, which cannot be seen from here.
    """

    subnet: str
    exit: Exit
    text: str
    by: str = ""
    fix: Fix | None = None
    beside: tuple[str, ...] = ()


@dataclass(frozen=True)
class WaysOut:
    """The way out of each subnet of the task."""

    ways: tuple[WayOut, ...]

    def of(self, subnet: str) -> WayOut | None:
        """That of a subnet; None where its route table cannot be seen."""
        return next((one for one in self.ways if one.subnet == subnet), None)


@dataclass(frozen=True)
class VpcEndpoints:
    """The endpoints of the VPC for the services that a task asks; ``abroad``: others are for services elsewhere."""

    endpoints: tuple[VpcEndpoint, ...] = ()
    abroad: bool = False

    def of(self, service: str) -> tuple[VpcEndpoint, ...]:
        """Those for a service."""
        return tuple(one for one in self.endpoints if one.service == service)


@dataclass(frozen=True)
class PrivateNames:
    """Whether the VPC's resolver leads services' names to its endpoints; ``off`` are the attributes that are not on."""

    off: tuple[str, ...] = ()


@dataclass(frozen=True)
class PathGroups:
    """The security groups of the task and of the endpoints, and the networks of prefix lists that they name.

    ``task`` is empty where the task's groups are not known.
    """

    task: tuple[SecurityGroup, ...] = ()
    endpoints: tuple[SecurityGroup, ...] = ()
    prefix_lists: tuple[tuple[str, tuple[IPv4Network, ...]], ...] = ()

    def named(self, ids: tuple[str, ...]) -> tuple[SecurityGroup, ...]:
        """Those with these ids, as far as they are known."""
        return tuple(one for one in (*self.task, *self.endpoints) if one.id in ids)


@dataclass(frozen=True)
class Way:
    """How tasks in a subnet get to a service, or why they do not.

    ``status``: PASS; FAIL where they certainly do not; WARN where that is likely; SKIPPED where it cannot be known.
    ``by`` is what has to be mended. ``only_by`` is the endpoint that is the one way, if the task may ask other DNS
    servers than the VPC's resolver: they must lead to its addresses. ``exit`` is what closes the way out of the VPC,
    where that is closed too.
    """

    service: str
    subnet: str
    name: str
    status: Status
    text: str
    by: str = ""
    fix: Fix | None = None
    only_by: str = ""
    exit: str = ""

    @property
    def row(self) -> Row:
        """As it stands in a finding."""
        return Row(self.name, self.status, self.text)


@dataclass(frozen=True)
class ServicePaths:
    """The ways to the services that the task asks, for each subnet.

    ``because`` are the findings for which what is not known of them is so. ``egress`` is what has to be mended where
    the task's groups do not let it out.
    """

    ways: tuple[Way, ...] = field(default=())
    because: tuple[str, ...] = ()
    egress: str = ""

    def to(self, *services: str) -> tuple[Way, ...]:
        """Those to these services."""
        return tuple(one for one in self.ways if one.service in services)
