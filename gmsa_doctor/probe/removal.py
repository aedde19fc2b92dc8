"""What a run has made in AWS, found again by its tag, and removed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from gmsa_doctor.clients.fargate import FAMILIES, Fargate, Logs, Registered
from gmsa_doctor.errors import ClientError

STOP_SECONDS = 60.0
"""Until a task that was told to stop has ended: Fargate takes half a minute to take its network away."""
POLL_SECONDS = 1.0
_AT_ONCE = 100
"""Tasks that DescribeTasks takes."""


@dataclass(frozen=True)
class Leftovers:
    """Task definitions and running tasks (by ARN) that carry our tag, and log streams (group, name) of theirs.

    ``problems`` say where we could not look.
    """

    definitions: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    streams: tuple[tuple[str, str], ...] = ()
    problems: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.definitions or self.tasks or self.streams)

    @property
    def names(self) -> tuple[str, ...]:
        """What a user calls them."""
        return (*self.tasks, *self.definitions, *(f"log stream {name} of {group}" for group, name in self.streams))


def find(fargate: Fargate, logs: Logs, cluster: str, run: str | None = None) -> Leftovers:
    """What is left of a run, or of all runs: the task definitions of the region, the tasks of the cluster.

    Log streams are found by way of the task definition that names them.
    """
    definitions: list[Registered] = []
    tasks: list[str] = []
    streams: list[tuple[str, str]] = []
    problems: list[str] = []
    for family in FAMILIES:
        try:
            found = [fargate.registered(arn) for arn in fargate.active_definitions(family)]
            definitions += [one for one in found if _ours(one.run, run)]
        except ClientError as error:
            problems.append(f"task definitions {family}: {error.text}")
        try:
            running = fargate.running(cluster, family)[:_AT_ONCE]
            seen = fargate.describe(running, cluster) if running else {}
            tasks += [arn for arn, one in seen.items() if not one.stopped and _ours(one.run, run)]
        except ClientError as error:
            problems.append(f"tasks of {family} in {cluster}: {error.text}")
    for group, prefix in dict.fromkeys((one.log_group, one.stream_prefix) for one in definitions):
        try:
            streams += [(group, name) for name in logs.streams(group, f"{prefix}/")] if group and prefix else []
        except ClientError as error:
            problems.append(f"log streams {prefix}/ of {group}: {error.text}")
    return Leftovers(tuple(one.arn for one in definitions), tuple(tasks), tuple(streams), tuple(problems))


def _ours(found: str | None, run: str | None) -> bool:
    return found is not None and run in (None, found)


def remove(found: Leftovers, fargate: Fargate, logs: Logs, cluster: str, reason: str) -> tuple[str, ...]:
    """Deregister, stop, wait until the tasks have ended, and delete; what could not be done, in words."""
    left: list[str] = []
    for definition in found.definitions:
        left += _tried(f"the task definition {definition}", fargate.deregister, definition)
    stopping: list[str] = []
    for task in found.tasks:
        problem = _tried(f"the task {task}", fargate.stop, task, cluster, reason)
        left += problem
        stopping += [] if problem else [task]
    left += _still_running(set(stopping), fargate, cluster)
    for group, stream in found.streams:
        left += _tried(f"the log stream {stream} of {group}", logs.delete, group, stream)
    return tuple(left)


def _tried(what: str, call: Callable[..., None], *arguments: str) -> list[str]:
    try:
        call(*arguments)
    except ClientError as error:
        return [f"{what}: {error.text}"]
    return []


def _still_running(tasks: set[str], fargate: Fargate, cluster: str) -> list[str]:
    ends = time.monotonic() + STOP_SECONDS
    while tasks and time.monotonic() < ends:
        try:
            seen = fargate.describe(tuple(sorted(tasks)[:_AT_ONCE]), cluster)
        except ClientError as error:
            return [f"whether the tasks that were told to stop have ended: {error.text}"]
        tasks = {arn for arn, one in seen.items() if not one.stopped}
        if tasks:
            time.sleep(POLL_SECONDS)
    return [f"the task {arn} was told to stop, and has not ended" for arn in sorted(tasks)]
