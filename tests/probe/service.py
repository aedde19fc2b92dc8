"""A service in the lab for `gmsa-doctor run`, and the possible leftovers of a run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from tests.command import Ended, doctor
from tests.lab.ad import DomainController
from tests.lab.aws import EmbeddedAws
from tests.lab.creation import create
from tests.lab.environment import Created, Environment, healthy
from tests.scenarios.lab import Change, Lab
from tests.scenarios.policies import allow

IMAGE = "registry.example/gmsa-doctor:1"
LOG_GROUP = "/ecs/webapp"
FAMILIES = ("gmsa-doctor-probe", "gmsa-doctor-canary")
ROLE = "ecsTaskExecutionRole"


def with_log(environment: Environment, _: Lab | None = None) -> None:
    """Let the container write to a log group, as most do."""
    options = {"awslogs-group": LOG_GROUP, "awslogs-region": environment.region, "awslogs-stream-prefix": "web"}
    environment.container["logConfiguration"] = {"logDriver": "awslogs", "options": options}
    environment.after.insert(0, _log_group)


def _log_group(aws: EmbeddedAws, _: Created) -> None:
    """Make the log group, which several services may share."""
    logs = aws.client("logs")
    if not logs.describe_log_groups(logGroupNamePrefix=LOG_GROUP)["logGroups"]:
        logs.create_log_group(logGroupName=LOG_GROUP)


def named(name: str) -> Change:
    """Let the service have another name, and what belongs to it."""

    def change(environment: Environment, _: Lab) -> None:
        environment.name = name
        environment.key = f"{name}.json"
        environment.secret_name = f"gmsa/{name}"
        environment.task_definition["family"] = name

    return change


def without_log(environment: Environment, _: Lab) -> None:
    """Let the container write nowhere."""
    del environment.container["logConfiguration"]


def log_in(region: str) -> Change:
    """Let the log group be in another region."""

    def change(environment: Environment, _: Lab) -> None:
        environment.container["logConfiguration"]["options"]["awslogs-region"] = region

    return change


def makes_its_log_group(environment: Environment, _: Lab) -> None:
    """Let the log driver make the group, as the role may."""
    environment.role_policy = [*(environment.role_policy or ()), allow("logs:CreateLogGroup")]
    environment.container["logConfiguration"]["options"]["awslogs-create-group"] = "true"


def two_containers(environment: Environment, _: Lab) -> None:
    """Let a second container of the task have the same CredSpec."""
    second = {**environment.container, "name": "worker", "essential": False}
    environment.task_definition["containerDefinitions"].append(second)


def known_at(address: str) -> Change:
    """Let Directory Service know the domain at another address than the DHCP options name."""

    def change(environment: Environment, _: Lab) -> None:
        environment.directory = [address]

    return change


def three_subnets(environment: Environment, _: Lab | None = None) -> None:
    """Let the service run in three subnets."""
    assert environment.service is not None
    vpc = environment.service["networkConfiguration"]["awsvpcConfiguration"]
    vpc["subnets"] = ["{subnet}", "{subnet_b}", "{subnet_c}"]


@contextmanager
def made(dc: DomainController, aws: EmbeddedAws, *changes: Change) -> Iterator[tuple[Environment, Created]]:
    """Give a healthy service that logs, with these changes, in the embedded AWS."""
    with ExitStack() as stack:
        environment = healthy(dc)
        environment.arguments = []
        with_log(environment)
        for change in changes:
            change(environment, Lab(dc, aws, stack))
        yield environment, create(environment, aws)


def arguments(environment: Environment, *options: str) -> list[str]:
    """The arguments of `gmsa-doctor run` for the service."""
    return [
        "run", "--image", IMAGE, "--cluster", environment.cluster, "--service", environment.name,
        "--yes", "--format", "json", *options,
    ]  # fmt: skip


def run(environment: Environment, aws: EmbeddedAws, *options: str, seconds: float = 180) -> Ended:
    """Run it, as JSON."""
    return doctor(*arguments(environment, *options), env=aws.environ(environment.region), seconds=seconds)


def left(aws: EmbeddedAws) -> list[str]:
    """What a run has left: tasks that run, active task definitions of ours, log streams that are not the service's."""
    ecs, logs = aws.client("ecs"), aws.client("logs")
    found = [f"task {task.id}" for task in aws.fargate.running]
    for family in FAMILIES:
        found += ecs.list_task_definitions(familyPrefix=family, status="ACTIVE")["taskDefinitionArns"]
    for group in logs.describe_log_groups()["logGroups"]:
        streams = logs.describe_log_streams(logGroupName=group["logGroupName"])["logStreams"]
        found += [f"log stream {stream['logStreamName']}" for stream in streams]
    return found


def roots(ended: Ended) -> list[Any]:
    """The root causes of the report."""
    return ended.roots
