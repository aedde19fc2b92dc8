"""The subject of a check: a container, and where it runs."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from enum import StrEnum

from gmsa_doctor.formats.aws.partitions import partition_of
from gmsa_doctor.formats.documents.task_definition import Container
from gmsa_doctor.formats.fetcher import Fetcher


class Launch(StrEnum):
    """Where ECS starts the task. FARGATE_SPOT is Fargate; a capacity provider strategy names Managed Instances.

    Source: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html
    """

    FARGATE = "FARGATE"
    EC2 = "EC2"
    EXTERNAL = "EXTERNAL"
    MANAGED_INSTANCES = "MANAGED_INSTANCES"


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
    def has_ecs_agent(self) -> bool:
        """Whether the ECS agent of a container instance is known to start the task: on EC2, or with ECS Anywhere."""
        return self.launch in (Launch.EC2, Launch.EXTERNAL)

    @property
    def fetchers(self) -> frozenset[Fetcher]:
        """The generations of Credentials Fetcher that may run on this platform. Fargate runs 2.x."""
        if self.launch is Launch.FARGATE:
            return frozenset({Fetcher.V2})
        return frozenset({self.fetcher} if self.fetcher else Fetcher)


@dataclass(frozen=True)
class AwsPlace:
    """The task's region and account, as far as known."""

    region: str | None
    account: str | None

    @property
    def partition(self) -> str | None:
        """The partition of the region."""
        return partition_of(self.region).name if self.region else None

    @property
    def dns_suffix(self) -> str:
        """The domain of the services' host names in the region's partition, such as ``amazonaws.com``."""
        return partition_of(self.region or "us-east-1").dns_suffix

    @property
    def region_option(self) -> str:
        """``--region REGION`` for AWS CLI commands, with a leading blank; empty if the region is unknown."""
        return f" --region {shlex.quote(self.region)}" if self.region else ""


@dataclass(frozen=True)
class Network:
    """Where the task gets its network interface. ``public_address`` is None if unknown.

    ``groups_vary``: each start gives other security groups.
    """

    subnets: tuple[str, ...]
    security_groups: tuple[str, ...] = ()
    public_address: bool | None = None
    groups_vary: bool = False


@dataclass(frozen=True)
class Deployments:
    """Task definitions of the service's other running deployments."""

    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class ChosenContainer:
    """The container to check; None if the task definition does not determine it."""

    container: Container | None


class Controller(StrEnum):
    """What starts tasks: a service that ECS, CodeDeploy or an external controller deploys, or one of the others."""

    ECS = "ECS"
    CODE_DEPLOY = "CODE_DEPLOY"
    EXTERNAL = "EXTERNAL"
    SCHEDULE = "SCHEDULE"
    RULE = "RULE"
    STATE_MACHINE = "STATE_MACHINE"

    @property
    def words(self) -> str:
        """What it is in a sentence: ``the service``, ``the schedule``."""
        of_service = self in (Controller.ECS, Controller.CODE_DEPLOY, Controller.EXTERNAL)
        return f"the {'service' if of_service else self.value.lower().replace('_', ' ')}"


@dataclass(frozen=True)
class StartRole:
    """The role with which a schedule, a rule or a state machine starts the task.

    ``any_revision``: the start names the task definition's family only. ``tags``: those that it gives the task; None
    if they are not known before the start, also because it copies those of the task definition. ``service_role``: the
    role that the service assumes; a state may name another one, which that role assumes.
    """

    arn: str
    any_revision: bool
    tags: tuple[tuple[str, str], ...] | None = ()
    enabled: bool = True
    service_role: str = ""


@dataclass(frozen=True)
class Subject:
    """The subject's name in reports, and its names for use in commands.

    ``deployment`` is the id of the CodeDeploy deployment that made the service's primary task set. ``starter``: the ARN
    of the schedule, rule or state machine that starts the task, and ``part`` the ID of its target, its state, or
    ``Input`` for a schedule with the arguments of ecs:RunTask as its target's input.
    """

    name: str
    cluster: str | None
    service: str | None
    task_definition: str
    file: str | None = None
    controller: Controller = Controller.ECS
    deployment: str = ""
    starter: str = ""
    part: str = ""
