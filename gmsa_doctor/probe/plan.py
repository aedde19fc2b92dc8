"""The plan of a run: the probe's task definition, and where its tasks run. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gmsa_doctor.core.printable import one_line
from gmsa_doctor.formats.documents.task_definition import Container, LogStreams, TaskDefinition
from gmsa_doctor.given.probe_tasks import SharedResources
from gmsa_doctor.probe.handover import VARIABLE

CONTAINER = "gmsa-doctor"
KRB5CCNAME = "/var/credentials-fetcher/krbdir/krb5cc"
"""The platform's path for the ticket cache. Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-linux-gmsa.html"""
CPU, MEMORY = "256", "512"
"""The smallest size on Fargate: 0.25 vCPU and 0.5 GB."""


@dataclass(frozen=True)
class TaskPlacement:
    """Where the tasks run, like those of the subject. ``platform_version``: None for the latest one."""

    cluster: str
    region: str | None
    subnets: tuple[str, ...]
    security_groups: tuple[str, ...]
    public_address: bool | None
    platform_version: str | None


@dataclass(frozen=True)
class Plan:
    """All resources that a run will create."""

    run: str
    """The run's id: letters, digits and dashes."""
    subject: str
    image: str
    task_role: str
    """The service's execution role: the probe has its permissions."""
    execution_role: str
    """The role that pulls the image and writes the log."""
    shared: SharedResources
    place: TaskPlacement
    logs: LogStreams | None
    report_s3: str | None
    definition: dict[str, Any] = field(repr=False)
    """The arguments of RegisterTaskDefinition without family and tags."""
    canary: dict[str, Any] | None = field(default=None, repr=False)
    owed: Mapping[str, frozenset[str]] = field(default_factory=dict, repr=False)
    """The ids of the checks that each probe must report, by the name of the subject."""
    owed_by_canary: Mapping[str, frozenset[str]] = field(default_factory=dict, repr=False)

    def stream(self, task_id: str) -> str:
        """The log stream of a task. Source: the awslogs driver names it prefix-name/container-name/task-id."""
        return f"{self.run}/{CONTAINER}/{task_id}"


def definition(
    plan_run: str,
    image: str,
    subject: TaskDefinition,
    roles: tuple[str, str],
    logs: LogStreams | None,
    environment: dict[str, str],
    command: Sequence[str],
) -> dict[str, Any]:
    """A task definition for Fargate, with the subject's architecture. ``roles``: task role and execution role."""
    container: dict[str, Any] = {
        "name": CONTAINER,
        "image": image,
        "essential": True,
        "command": list(command),
        "environment": [{"name": name, "value": value} for name, value in environment.items()],
        "readonlyRootFilesystem": True,
        "linuxParameters": {"capabilities": {"drop": ["ALL"]}},
        "memory": int(MEMORY),
        "stopTimeout": 10,
    }
    if logs:
        container["logConfiguration"] = {
            "logDriver": "awslogs",
            "options": {
                "awslogs-group": logs.group,
                "awslogs-region": str(logs.region),
                "awslogs-stream-prefix": plan_run,
            },
        }
    return {
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": CPU,
        "memory": MEMORY,
        "taskRoleArn": roles[0],
        "executionRoleArn": roles[1],
        "runtimePlatform": {"operatingSystemFamily": "LINUX", "cpuArchitecture": subject.cpu_architecture or "X86_64"},
        "containerDefinitions": [container],
    }


def with_ticket(probe: dict[str, Any], container: Container, handover: str) -> dict[str, Any]:
    """The canary's task definition: the probe's, with the container's credentialSpecs, user and capabilities.

    Without a ``user`` in the task definition it runs as root, who owns the ticket cache on Fargate: the user in the
    service's image is unknown.
    """
    common = {key: value for key, value in probe["containerDefinitions"][0].items() if key != "linuxParameters"}
    canary = {
        **common,
        "credentialSpecs": list(container.credential_specs),
        "user": container.user or "0",
        "environment": [
            {"name": VARIABLE, "value": handover},
            {"name": "KRB5CCNAME", "value": dict(container.environment).get("KRB5CCNAME") or KRB5CCNAME},
        ],
    }
    role = probe["taskRoleArn"]  # Credentials Fetcher uses the execution role: the service's, not that of the probes
    return {**probe, "executionRoleArn": role, "containerDefinitions": [canary]}


def start_arguments(place: TaskPlacement, subnet: str, token: str, command: Sequence[str] = ()) -> dict[str, Any]:
    """The arguments of RunTask without task definition, tags and startedBy; ``command`` replaces the image's."""
    groups = {"securityGroups": list(place.security_groups)} if place.security_groups else {}
    public = "ENABLED" if place.public_address else "DISABLED"
    vpc = {"subnets": [subnet], "assignPublicIp": public, **groups}
    arguments: dict[str, Any] = {
        "cluster": place.cluster,
        "launchType": "FARGATE",
        "networkConfiguration": {"awsvpcConfiguration": vpc},
        "clientToken": token,
        "enableECSManagedTags": False,
    }
    if place.platform_version:
        arguments["platformVersion"] = place.platform_version
    if command:
        arguments["overrides"] = {"containerOverrides": [{"name": CONTAINER, "command": list(command)}]}
    return arguments


def describe(plan: Plan) -> Iterator[tuple[int, str]]:
    """The plan as text for the user to confirm: lines with their indentation.

    Each name is one shell word: a name with blanks or line breaks would read as a part of the plan.
    """
    place = plan.place
    yield 0, f"To check {_name(plan.subject)} from inside its network, gmsa-doctor creates and then removes:"
    kinds = "task definitions for the probes and for the canary" if plan.canary else "a task definition for the probes"
    yield 2, f"{kinds}, with the image {_name(plan.image)}"
    count = len(place.subnets)
    tasks = f"{count} Fargate task{'' if count == 1 else 's'}" + (" and then the canary" if plan.canary else "")
    address = "with a public address" if place.public_address else "without a public address"
    names = ", ".join(map(_name, place.security_groups))
    groups = f"security groups {names}" if names else "VPC's default security group"
    yield 2, f"{tasks}, in the cluster {_name(place.cluster)}, {address}, with the {groups}, in the subnets"
    for subnet in place.subnets:
        yield 4, _name(subnet)
    if plan.logs:
        yield 2, f"log streams {plan.run}/… in {_name(plan.logs.group)}"
    if plan.report_s3:
        yield 2, f"objects under {_name(f'{plan.report_s3}/{plan.run}/')}"
    is_other = plan.execution_role != plan.task_role
    started = f"; their own execution role is {_name(plan.execution_role)} (except for the canary)" if is_other else ""
    yield 0, f"The tasks have the permissions of the service's execution role, {_name(plan.task_role)}{started}."
    yield 0, f"All resources have the tag gmsa-doctor={plan.run}. AWS charges for the tasks while they run."


def _name(text: str) -> str:
    return one_line(shlex.quote(text))
