"""Finds the AWS resources of a run by their tag, and removes them."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from gmsa_doctor.clients.aws.fargate import FAMILIES, Fargate, Registered, Task
from gmsa_doctor.core.errors import ClientError
from gmsa_doctor.core.limits import PACE
from gmsa_doctor.given.probe_tasks import Leftover
from gmsa_doctor.given.subject import AwsPlace
from gmsa_doctor.probe.mail import LogsIn
from gmsa_doctor.subjects.source import place_of

STOP_SECONDS = 60.0
"""Time limit for stopping tasks: Fargate needs half a minute to detach the network interface."""
POLL_SECONDS = 1.0 * PACE
_AT_ONCE = 100
"""The most tasks that DescribeTasks accepts."""
_NOWHERE = AwsPlace(None, None)


@dataclass(frozen=True)
class MadeStream:
    """A log stream of a probe. ``region`` is None for the task's own."""

    region: str | None
    group: str
    name: str


@dataclass(frozen=True)
class Leftovers:
    """Task definitions and running tasks (by ARN) with our tag, and their log streams.

    ``problems``: searches that failed.
    """

    definitions: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    streams: tuple[MadeStream, ...] = ()
    problems: tuple[Leftover, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.definitions or self.tasks or self.streams)

    @property
    def names(self) -> tuple[str, ...]:
        """The names to show."""
        streams = (f"log stream {stream.name} of {stream.group}" for stream in self.streams)
        return (*self.tasks, *self.definitions, *streams)

    def joined_with(self, leftovers: Leftovers) -> Leftovers:
        """The union of both."""
        return Leftovers(
            tuple(dict.fromkeys((*self.definitions, *leftovers.definitions))),
            tuple(dict.fromkeys((*self.tasks, *leftovers.tasks))),
            tuple(dict.fromkeys((*self.streams, *leftovers.streams))),
            (*self.problems, *leftovers.problems),
        )


def find(fargate: Fargate, logs_in: LogsIn, cluster: str, run: str | None = None) -> Leftovers:
    """The leftovers of a run, or of all runs: task definitions in the region, and tasks in the cluster.

    Task definitions lead to their log streams.
    """
    definitions: list[Registered] = []
    tasks: list[str] = []
    streams: list[MadeStream] = []
    problems: list[Leftover] = []

    @contextmanager
    def searching(resources: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # noqa: BLE001 - after any error, the rest must still be removed
            problems.append(Leftover(f"{resources}, if there are any", _reason(error)))

    for family in FAMILIES:
        with searching(f"task definitions {family}"):
            found = [fargate.registered(arn) for arn in fargate.active_definitions(family)]
            definitions += [definition for definition in found if _ours(definition.run, run)]
        with searching(f"tasks of {family} in {cluster}"):
            described = _described(fargate, fargate.running(cluster, family), cluster)
            tasks += (arn for arn, task in described if not task.stopped and _ours(task.run, run))
    logs = ((definition.log_region, definition.log_group, definition.stream_prefix) for definition in definitions)
    for region, group, prefix in dict.fromkeys(logs):
        if group and prefix:
            with searching(f"log streams {prefix}/ of {group}"):
                streams += [MadeStream(region, group, name) for name in logs_in(region).streams(group, f"{prefix}/")]
    arns = tuple(definition.arn for definition in definitions)
    return Leftovers(arns, tuple(tasks), tuple(streams), tuple(problems))


def _reason(error: Exception) -> str:
    return error.text if isinstance(error, ClientError) else f"a bug in gmsa-doctor ({type(error).__name__})"


def _ours(tag: str | None, run: str | None) -> bool:
    return tag is not None and run in (None, tag)


def _described(fargate: Fargate, arns: tuple[str, ...], cluster: str) -> Iterator[tuple[str, Task]]:
    for start in range(0, len(arns), _AT_ONCE):
        yield from fargate.describe(arns[start : start + _AT_ONCE], cluster).items()


def remove(found: Leftovers, fargate: Fargate, logs_in: LogsIn, cluster: str, reason: str) -> tuple[Leftover, ...]:
    """Stop the tasks and wait for their end, delete the log streams, deregister. Returns what could not be removed.

    Task definitions come last: after an interruption, they lead to the rest.
    """
    left: list[Leftover] = list(found.problems)
    stopping: list[str] = []
    for task in found.tasks:
        region = place_of(task, _NOWHERE).region_option
        command = f"aws ecs stop-task{region} --cluster {shlex.quote(cluster)} --task {shlex.quote(task)}"
        problem = _tried(f"the task {task}", command, fargate.stop, task, cluster, reason)
        left += problem
        stopping += [] if problem else [task]
    left += _still_running(stopping, fargate, cluster)
    for stream in found.streams:
        names = f"--log-group-name {shlex.quote(stream.group)} --log-stream-name {shlex.quote(stream.name)}"
        command = f"aws logs delete-log-stream{AwsPlace(stream.region, None).region_option} {names}"
        resource = f"the log stream {stream.name} of {stream.group}"
        left += _tried(resource, command, logs_in(stream.region).delete, stream.group, stream.name)
    for definition in found.definitions:
        region = place_of(definition, _NOWHERE).region_option
        command = f"aws ecs deregister-task-definition{region} --task-definition {shlex.quote(definition)}"
        left += _tried(f"the task definition {definition}", command, fargate.deregister, definition)
    return tuple(left)


def _tried(resource: str, command: str, remove: Callable[..., None], *arguments: str) -> list[Leftover]:
    try:
        remove(*arguments)
    except Exception as error:  # noqa: BLE001 - after any error, the rest must still be removed
        return [Leftover(resource, _reason(error), command)]
    return []


def _still_running(tasks: Iterable[str], fargate: Fargate, cluster: str) -> list[Leftover]:
    waiting = tuple(tasks)
    ends = time.monotonic() + STOP_SECONDS
    while waiting and time.monotonic() < ends:
        try:
            described = list(_described(fargate, waiting, cluster))
        except Exception as error:  # noqa: BLE001 - after any error, the rest must still be removed
            return [Leftover("stopped tasks that may still be running", _reason(error))]
        waiting = tuple(arn for arn, task in described if not task.stopped)
        if waiting:
            time.sleep(POLL_SECONDS)
    return [Leftover(f"the task {arn}", "it was stopped, but is still running") for arn in waiting]
