"""What became of the tasks that `gmsa-doctor run` has started: the values that `probe.task` and its like judge."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ProbeTask:
    """A task of ours.

    ``problem`` is why there is none, or why it could not be followed; ``action`` the IAM action that we lack, where
    that is why. ``stop_code``, ``stopped_reason`` and ``container_reason`` are ECS's own words.
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
    """What is known of its report, in words; empty when it is whole."""


@dataclass(frozen=True)
class SharedResources:
    """What the probes share with the service's own tasks, which then meet what the probes meet."""

    role: bool = False
    """The execution role, which pulls the image and writes the log."""
    logs: bool = False
    """A log group that has to be there before."""
    registry: bool = False
    """The way to ECR, and the permission to pull from there."""


@dataclass(frozen=True)
class Leftover:
    """What could not be removed, why, and the command that removes it."""

    what: str
    why: str
    command: str | None = None


@dataclass(frozen=True)
class ProbeTasks:
    """The probes of a run, in the order of the subnets. ``clean`` is the command that looks for what is left.

    ``failed_outside`` are the ids of the checks that had failed before a probe was started.
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
