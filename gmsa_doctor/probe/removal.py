"""What a run has made in AWS, found again by its tag, and removed."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from gmsa_doctor.clients.aws.fargate import FAMILIES, Fargate, Registered
from gmsa_doctor.core.errors import ClientError
from gmsa_doctor.given.probe_tasks import Leftover
from gmsa_doctor.probe.mail import LogsIn

STOP_SECONDS = 60.0
"""Until a task that was told to stop has ended: Fargate takes half a minute to take its network away."""
POLL_SECONDS = 1.0
_AT_ONCE = 100
"""Tasks that DescribeTasks takes."""


@dataclass(frozen=True)
class LogStream:
    """A log stream of a task of ours. ``region`` is None for the task's own."""

    region: str | None
    group: str
    name: str


@dataclass(frozen=True)
class Leftovers:
    """Task definitions and running tasks (by ARN) that carry our tag, and their log streams.

    ``problems`` say where we could not look.
    """

    definitions: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    streams: tuple[LogStream, ...] = ()
    problems: tuple[Leftover, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.definitions or self.tasks or self.streams)

    @property
    def names(self) -> tuple[str, ...]:
        """What a user calls them."""
        streams = (f"log stream {one.name} of {one.group}" for one in self.streams)
        return (*self.tasks, *self.definitions, *streams)

    def beside(self, other: Leftovers) -> Leftovers:
        """Both, each thing once."""
        return Leftovers(
            tuple(dict.fromkeys((*self.definitions, *other.definitions))),
            tuple(dict.fromkeys((*self.tasks, *other.tasks))),
            tuple(dict.fromkeys((*self.streams, *other.streams))),
            (*self.problems, *other.problems),
        )


def find(fargate: Fargate, logs_in: LogsIn, cluster: str, run: str | None = None) -> Leftovers:
    """What is left of a run, or of all runs: the task definitions of the region, the tasks of the cluster.

    Log streams are found by way of the task definition that names them.
    """
    definitions: list[Registered] = []
    tasks: list[str] = []
    streams: list[LogStream] = []
    problems: list[Leftover] = []
    for family in FAMILIES:
        try:
            found = [fargate.registered(arn) for arn in fargate.active_definitions(family)]
            definitions += [one for one in found if _ours(one.run, run)]
        except Exception as error:  # noqa: BLE001 - whatever goes wrong here, the rest is removed
            problems.append(Leftover(f"task definitions {family}, if there are any", _why(error)))
        try:
            for some in _portions(fargate.running(cluster, family)):
                seen = fargate.describe(some, cluster)
                tasks += [arn for arn, one in seen.items() if not one.stopped and _ours(one.run, run)]
        except Exception as error:  # noqa: BLE001 - whatever goes wrong here, the rest is removed
            problems.append(Leftover(f"tasks of {family} in {cluster}, if there are any", _why(error)))
    for region, group, prefix in dict.fromkeys(
        (one.log_region, one.log_group, one.stream_prefix) for one in definitions
    ):
        if group and prefix:
            try:
                streams += [LogStream(region, group, name) for name in logs_in(region).streams(group, f"{prefix}/")]
            except Exception as error:  # noqa: BLE001 - whatever goes wrong here, the rest is removed
                problems.append(Leftover(f"log streams {prefix}/ of {group}, if there are any", _why(error)))
    return Leftovers(tuple(one.arn for one in definitions), tuple(tasks), tuple(streams), tuple(problems))


def _why(error: Exception) -> str:
    return error.text if isinstance(error, ClientError) else f"a bug of ours ({type(error).__name__})"


def _ours(found: str | None, run: str | None) -> bool:
    return found is not None and run in (None, found)


def _portions(arns: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    yield from (arns[start : start + _AT_ONCE] for start in range(0, len(arns), _AT_ONCE))


def remove(found: Leftovers, fargate: Fargate, logs_in: LogsIn, cluster: str, reason: str) -> tuple[Leftover, ...]:
    """Stop, wait until the tasks have ended, delete, and deregister; what could not be done.

    Task definitions come last: by them the rest is found again, should this be interrupted.
    """
    left: list[Leftover] = list(found.problems)
    where = f"--cluster {shlex.quote(cluster)}"
    stopping: list[str] = []
    for task in found.tasks:
        command = f"aws ecs stop-task {where} --task {shlex.quote(task)}"
        problem = _tried(Leftover(f"the task {task}", "", command), fargate.stop, task, cluster, reason)
        left += problem
        stopping += [] if problem else [task]
    left += _still_running(stopping, fargate, cluster)
    for one in found.streams:
        what = f"the log stream {one.name} of {one.group}"
        region = f" --region {shlex.quote(one.region)}" if one.region else ""
        names = f"--log-group-name {shlex.quote(one.group)} --log-stream-name {shlex.quote(one.name)}"
        delete = logs_in(one.region).delete
        left += _tried(Leftover(what, "", f"aws logs delete-log-stream{region} {names}"), delete, one.group, one.name)
    for definition in found.definitions:
        command = f"aws ecs deregister-task-definition --task-definition {shlex.quote(definition)}"
        left += _tried(Leftover(f"the task definition {definition}", "", command), fargate.deregister, definition)
    return tuple(left)


def _tried(one: Leftover, call: Callable[..., None], *arguments: str) -> list[Leftover]:
    try:
        call(*arguments)
    except Exception as error:  # noqa: BLE001 - whatever goes wrong here, the rest is removed
        return [Leftover(one.what, _why(error), one.command)]
    return []


def _still_running(tasks: Iterable[str], fargate: Fargate, cluster: str) -> list[Leftover]:
    waiting = tuple(tasks)
    ends = time.monotonic() + STOP_SECONDS
    while waiting and time.monotonic() < ends:
        try:
            seen = {arn: one for some in _portions(waiting) for arn, one in fargate.describe(some, cluster).items()}
        except Exception as error:  # noqa: BLE001 - whatever goes wrong here, the rest is removed
            return [Leftover("tasks that were told to stop, if they have not ended", _why(error))]
        waiting = tuple(arn for arn, one in seen.items() if not one.stopped)
        if waiting:
            time.sleep(POLL_SECONDS)
    return [Leftover(f"the task {arn}", "it was told to stop, and has not ended") for arn in waiting]
