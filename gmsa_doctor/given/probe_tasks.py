"""Results of the tasks that `gmsa-doctor run` starts, for the checks `probe.*` and `canary.*`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ProbeTask:
    """A probe task.

    ``problem``: why it did not start, or why its status is unknown. ``action``: the missing IAM action, if that is the
    cause. ``stop_code``, ``stopped_reason`` and ``container_reason`` are ECS's own texts.
    """

    subnet: str
    arn: str | None = None
    problem: str | None = None
    action: str | None = None
    stop_code: str | None = None
    stopped_reason: str | None = None
    exit_code: int | None = None
    container_reason: str | None = None
    stopped: bool = False
    ran: bool = False
    """Whether its container ran."""
    report: str = ""
    """Why its report is missing or incomplete; empty if it is complete."""
    arrived: bool = False
    """Whether all lines of its report have arrived."""


@dataclass(frozen=True)
class SharedResources:
    """What the probes share with the service's tasks: a failure there affects the service as well."""

    role: bool = False
    """The execution role, which pulls the image and writes the log."""
    logs: bool = False
    """A log group that must exist beforehand."""
    registry: bool = False
    """The route to ECR, and the permission to pull from it."""


@dataclass(frozen=True)
class Leftover:
    """A resource that could not be removed, the reason, and the command that removes it."""

    resource: str
    reason: str
    command: str | None = None


@dataclass(frozen=True)
class ProbeTasks:
    """The probes of a run, in the order of the subnets. ``clean``: the command that removes leftovers.

    ``failed_outside``: ids of the checks that failed before a probe was started.
    """

    tasks: tuple[ProbeTask, ...]
    image: str
    execution_role: str
    log_group: str | None = None
    shared: SharedResources = SharedResources()
    left: tuple[Leftover, ...] = ()
    clean: str = "gmsa-doctor run --clean"
    failed_outside: frozenset[str] = frozenset()


@dataclass(frozen=True)
class CanaryTask:
    """The task with the service's credentialSpecs."""

    task: ProbeTask
    image: str
