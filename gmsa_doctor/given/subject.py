"""The subject of a check: a container, and where it runs."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from enum import StrEnum

from gmsa_doctor.formats.documents.task_definition import Container
from gmsa_doctor.formats.fetcher import Fetcher


class Launch(StrEnum):
    """Where ECS starts the task. FARGATE_SPOT is Fargate."""

    FARGATE = "FARGATE"
    EC2 = "EC2"
    EXTERNAL = "EXTERNAL"


@dataclass(frozen=True)
class Platform:
    """What starts the container. ``launch`` is None if unknown: Fargate and EC2 are both possible.

    ``version``: the Fargate platform version that the service sets. ``providers``: its capacity providers; its tasks
    are placed only on their container instances.
    """

    launch: Launch | None
    windows: bool = False
    fetcher: Fetcher | None = None
    version: str | None = None
    providers: tuple[str, ...] = ()

    @property
    def fetchers(self) -> frozenset[Fetcher]:
        """The generations of Credentials Fetcher that may run on this platform. Fargate runs 2.x."""
        if self.launch is Launch.FARGATE:
            return frozenset({Fetcher.V2})
        return frozenset({self.fetcher} if self.fetcher else Fetcher)


_PARTITIONS = {"cn": "aws-cn", "us-gov": "aws-us-gov", "us-iso": "aws-iso", "us-isob": "aws-iso-b", "eusc": "aws-eusc"}


@dataclass(frozen=True)
class AwsPlace:
    """The task's region and account, as far as known."""

    region: str | None
    account: str | None

    @property
    def partition(self) -> str | None:
        """The partition of the region. Source: the endpoint rules that botocore ships."""
        if not self.region:
            return None
        return next((name for start, name in _PARTITIONS.items() if self.region.startswith(f"{start}-")), "aws")

    @property
    def region_option(self) -> str:
        """``--region REGION`` for AWS CLI commands, with a leading blank; empty if the region is unknown."""
        return f" --region {shlex.quote(self.region)}" if self.region else ""


@dataclass(frozen=True)
class Network:
    """Where the task gets its network interface. ``public_address`` is None if unknown."""

    subnets: tuple[str, ...]
    security_groups: tuple[str, ...] = ()
    public_address: bool | None = None


@dataclass(frozen=True)
class Deployments:
    """Task definitions of the service's other running deployments."""

    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class ChosenContainer:
    """The container to check; None if the task definition does not determine it."""

    container: Container | None


@dataclass(frozen=True)
class Subject:
    """The subject's name in reports, and its names for use in commands."""

    name: str
    cluster: str | None
    service: str | None
    task_definition: str
    file: str | None = None
