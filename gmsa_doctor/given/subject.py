"""What is checked, and where it runs."""

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
    """What starts the container. ``launch`` is None where nothing tells it: then both are possible.

    ``version`` is Fargate's platform version, as the service asks for it. ``providers`` are the capacity providers that
    it names: its tasks are placed on their container instances only.
    """

    launch: Launch | None
    windows: bool = False
    fetcher: Fetcher | None = None
    version: str | None = None
    providers: tuple[str, ...] = ()

    @property
    def fetchers(self) -> frozenset[Fetcher]:
        """The generations of Credentials Fetcher that may run there. Fargate runs 2.x."""
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
        """The partition that the region lies in. Source: the endpoint rules that botocore ships."""
        if not self.region:
            return None
        return next((name for start, name in _PARTITIONS.items() if self.region.startswith(f"{start}-")), "aws")

    @property
    def region_option(self) -> str:
        """The option that AWS CLI commands of a fix carry, with a blank before it; nothing if it is not known."""
        return f" --region {shlex.quote(self.region)}" if self.region else ""


@dataclass(frozen=True)
class Network:
    """Where the task gets its network interface. ``public_address`` is None where nothing tells."""

    subnets: tuple[str, ...]
    security_groups: tuple[str, ...] = ()
    public_address: bool | None = None


@dataclass(frozen=True)
class Deployments:
    """Task definitions of the service's other deployments that still run, and the service's state."""

    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class ChosenContainer:
    """The container that is judged; ``container`` is None if the task definition leaves it open."""

    container: Container | None


@dataclass(frozen=True)
class Subject:
    """What a report calls it, and the words for it in commands."""

    name: str
    cluster: str | None
    service: str | None
    task_definition: str
    file: str | None = None
