"""What the paths from a task's subnets to AWS's services go through, as far as the configuration tells."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network

from gmsa_doctor.authoring import Fix
from gmsa_doctor.formats.aws.security_group import SecurityGroup
from gmsa_doctor.formats.aws.vpc_endpoint import VpcEndpoint


class ExitState(StrEnum):
    """Where a subnet's way out of the VPC ends."""

    OPEN = "open"
    CLOSED = "closed"
    ELSEWHERE = "elsewhere"
    """At something of which it cannot be seen whether it passes packets on."""


@dataclass(frozen=True)
class Exit:
    """A subnet's way to public addresses.

    ``elsewhere`` are routes to other networks of a subnet that is not meant to have a way out: there may be endpoints
    in them, which cannot be seen from here.
    """

    subnet: str
    state: ExitState
    text: str
    fix: Fix | None = None
    elsewhere: tuple[str, ...] = ()


@dataclass(frozen=True)
class Exits:
    """The way out of each subnet of the task."""

    exits: tuple[Exit, ...]

    def of(self, subnet: str) -> Exit | None:
        """That of a subnet; None where its route table cannot be seen."""
        return next((exit for exit in self.exits if exit.subnet == subnet), None)


@dataclass(frozen=True)
class VpcEndpoints:
    """The endpoints of the VPC for the services that a task asks; ``abroad``: others are for services elsewhere."""

    endpoints: tuple[VpcEndpoint, ...] = ()
    abroad: bool = False

    def of(self, service: str) -> tuple[VpcEndpoint, ...]:
        """Those for a service."""
        return tuple(endpoint for endpoint in self.endpoints if endpoint.service == service)


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
        return tuple(group for group in (*self.task, *self.endpoints) if group.id in ids)
