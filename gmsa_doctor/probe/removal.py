"""Finds the AWS resources of a run by their tag, and removes them.

Anybody who may register a task definition can give it our tag. So the names in it count only if a run can have made
them: a log stream or an object is removed only below the id of a run.
"""

from __future__ import annotations

import math
import re
import shlex
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from gmsa_doctor.clients.aws.fargate import FAMILIES, Fargate, Registered, ReportBucket, Task
from gmsa_doctor.core.errors import ClientError, TimedOut
from gmsa_doctor.core.limits import PACE, within
from gmsa_doctor.given.probe_tasks import Leftover
from gmsa_doctor.given.subject import AwsPlace
from gmsa_doctor.probe import handover
from gmsa_doctor.probe.mail import LogsIn, report_folder
from gmsa_doctor.subjects.source import place_of

STOP_SECONDS = 60.0
"""Time limit for stopping tasks: Fargate needs half a minute to detach the network interface."""
POLL_SECONDS = 1.0 * PACE
_AT_ONCE = 100
"""The most tasks that DescribeTasks accepts."""
_NOWHERE = AwsPlace(None, None)
_RUN = re.compile(r"gmsa-doctor-[0-9a-f]{10}")
"""The id of a run."""
_REPORT = re.compile(r"[0-9A-Za-z-]+\.txt")
"""The last part of a report's key, after the folder of its run: a task's id."""

ProbeClients = tuple[Fargate, LogsIn, ReportBucket]
T = TypeVar("T")


class Requests:
    """The requests of a removal, which ends at ``ends`` (monotonic clock) also if AWS does not answer.

    None of them takes more than a third of the time that is left. What was not answered is not repeated.
    """

    def __init__(self, ends: float = math.inf) -> None:
        self._ends = ends
        self._silent: dict[Callable[..., Any], TimedOut] = {}

    @property
    def seconds_left(self) -> float:
        """Until the end; at most an hour."""
        return min(self._ends - time.monotonic(), 3600)

    def __call__(self, request: Callable[..., T], *arguments: Any) -> T:
        """The answer to a client's method. Raises as the method does, and TimedOut."""
        if silence := self._silent.get(request):
            raise silence.with_traceback(None)
        try:
            return within(self.seconds_left / 3, "AWS", partial(request, *arguments))
        except TimedOut as error:
            self._silent[request] = error
            raise


@dataclass(frozen=True)
class MadeStream:
    """A log stream of a probe. ``region`` is None for the task's own."""

    region: str | None
    group: str
    name: str


@dataclass(frozen=True)
class MadeObject:
    """The report of a probe in S3."""

    bucket: str
    key: str

    @property
    def uri(self) -> str:
        """Its address."""
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True)
class Leftovers:
    """Task definitions and tasks that have not stopped (by ARN) with our tag; their log streams and objects in S3.

    ``problems``: searches that failed.
    """

    definitions: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    streams: tuple[MadeStream, ...] = ()
    objects: tuple[MadeObject, ...] = ()
    problems: tuple[Leftover, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.definitions or self.tasks or self.streams or self.objects)

    @property
    def names(self) -> tuple[str, ...]:
        """The names to show."""
        streams = (f"log stream {stream.name} of {stream.group}" for stream in self.streams)
        return (*self.tasks, *self.definitions, *streams, *(made.uri for made in self.objects))

    def joined_with(self, leftovers: Leftovers) -> Leftovers:
        """The union of both."""
        return Leftovers(
            tuple(dict.fromkeys((*self.definitions, *leftovers.definitions))),
            tuple(dict.fromkeys((*self.tasks, *leftovers.tasks))),
            tuple(dict.fromkeys((*self.streams, *leftovers.streams))),
            tuple(dict.fromkeys((*self.objects, *leftovers.objects))),
            tuple(dict.fromkeys((*self.problems, *leftovers.problems))),
        )


def find(clients: ProbeClients, cluster: str, run: str | None = None, requests: Requests | None = None) -> Leftovers:
    """The leftovers of a run, or of all runs: task definitions in the region, and tasks in the cluster.

    Task definitions lead to their log streams and objects.
    """
    ask = requests or Requests()
    fargate, logs_in, bucket = clients
    definitions: list[Registered] = []
    tasks: list[str] = []
    streams: list[MadeStream] = []
    objects: list[MadeObject] = []
    problems: list[Leftover] = []

    @contextmanager
    def searching(resources: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # noqa: BLE001 - after any error, the rest must still be removed
            problems.append(Leftover(f"{resources}, if there are any", _reason(error)))

    for family in FAMILIES:
        with searching(f"task definitions {family}"):
            found = [ask(fargate.registered, arn) for arn in ask(fargate.active_definitions, family)]
            definitions += [definition for definition in found if _ours(definition.run, run)]
        with searching(f"tasks of {family} in {cluster}"):
            described = _described(ask, fargate, ask(fargate.listed, cluster, family), cluster)
            tasks += (arn for arn, task in described if not task.stopped and _ours(task.run, run))
    for region, group, prefix in _log_streams_of(definitions):
        with searching(f"log streams {prefix} of {group}"):
            names = ask(logs_in(region).streams, group, prefix)
            streams += [MadeStream(region, group, name) for name in names]
    for name, prefix in _folders_of(definitions):
        with searching(f"objects s3://{name}/{prefix}*"):
            keys = ask(bucket.keys, name, prefix)
            objects += [MadeObject(name, key) for key in keys if _REPORT.fullmatch(key.removeprefix(prefix))]
    arns = tuple(definition.arn for definition in definitions)
    return Leftovers(arns, tuple(tasks), tuple(streams), tuple(objects), tuple(problems))


def _log_streams_of(definitions: Iterable[Registered]) -> Iterable[tuple[str | None, str, str]]:
    """Region, group and the beginning of the names, each once."""
    return dict.fromkeys(
        (made.log_region, made.log_group, f"{made.run}/")
        for made in definitions
        if made.log_group and made.run == made.stream_prefix and _RUN.fullmatch(made.run or "")
    )


def _folders_of(definitions: Iterable[Registered]) -> Iterable[tuple[str, str]]:
    """The buckets, and the beginning of the keys, each once."""
    uris = ((handover.report_s3(dict(made.environment).get(handover.VARIABLE, "")), made.run) for made in definitions)
    return dict.fromkeys(report_folder(uri, run) for uri, run in uris if uri and run and _RUN.fullmatch(run))


def _reason(error: Exception) -> str:
    return error.text if isinstance(error, ClientError) else f"a bug in gmsa-doctor ({type(error).__name__})"


def _ours(tag: str | None, run: str | None) -> bool:
    return tag is not None and run in (None, tag)


def _described(ask: Requests, fargate: Fargate, arns: tuple[str, ...], cluster: str) -> Iterator[tuple[str, Task]]:
    for start in range(0, len(arns), _AT_ONCE):
        yield from ask(fargate.describe, arns[start : start + _AT_ONCE], cluster).items()


def remove(
    found: Leftovers,
    clients: ProbeClients,
    cluster: str,
    reason: str,
    run: str | None = None,
    *,
    certain: bool = True,
    requests: Requests | None = None,
) -> tuple[Leftover, ...]:
    """Stop the tasks and wait for their end, then remove the rest. Returns what could not be removed.

    A task that was still starting creates its log stream after the search, so after a stop the search is repeated;
    also if it is not ``certain`` which tasks were started. Task definitions come last: after an interruption, they lead
    to the rest.
    """
    ask = requests or Requests()
    fargate, logs_in, bucket = clients
    left = _stopped(ask, found.tasks, fargate, cluster, reason)
    if found.tasks or not certain:
        again = find(clients, cluster, run, ask)
        left += _stopped(ask, [task for task in again.tasks if task not in found.tasks], fargate, cluster, reason)
        found = found.joined_with(again)
    for stream in found.streams:
        names = f"--log-group-name {shlex.quote(stream.group)} --log-stream-name {shlex.quote(stream.name)}"
        command = f"aws logs delete-log-stream{AwsPlace(stream.region, None).region_option} {names}"
        resource = f"the log stream {stream.name} of {stream.group}"
        left += _tried(ask, resource, command, logs_in(stream.region).delete, stream.group, stream.name)
    for made in found.objects:
        left += _tried(ask, made.uri, f"aws s3 rm {shlex.quote(made.uri)}", bucket.delete, made.bucket, made.key)
    for definition in found.definitions:
        region = place_of(definition, _NOWHERE).region_option
        command = f"aws ecs deregister-task-definition{region} --task-definition {shlex.quote(definition)}"
        left += _tried(ask, f"the task definition {definition}", command, fargate.deregister, definition)
    return (*found.problems, *left)


def _stopped(ask: Requests, tasks: Iterable[str], fargate: Fargate, cluster: str, reason: str) -> list[Leftover]:
    """Stop them and wait for their end. Returns those that may still run."""
    left: list[Leftover] = []
    stopping: list[str] = []
    for task in tasks:
        region = place_of(task, _NOWHERE).region_option
        command = f"aws ecs stop-task{region} --cluster {shlex.quote(cluster)} --task {shlex.quote(task)}"
        problem = _tried(ask, f"the task {task}", command, fargate.stop, task, cluster, reason)
        left += problem
        stopping += [] if problem else [task]
    return left + _still_running(ask, stopping, fargate, cluster)


def _tried(ask: Requests, resource: str, command: str, remove: Callable[..., None], *arguments: str) -> list[Leftover]:
    try:
        ask(remove, *arguments)
    except Exception as error:  # noqa: BLE001 - after any error, the rest must still be removed
        return [Leftover(resource, _reason(error), command)]
    return []


def _still_running(ask: Requests, tasks: Iterable[str], fargate: Fargate, cluster: str) -> list[Leftover]:
    waiting = tuple(tasks)
    ends = time.monotonic() + min(STOP_SECONDS, ask.seconds_left / 2)
    while waiting and time.monotonic() < ends:
        try:
            described = list(_described(ask, fargate, waiting, cluster))
        except Exception as error:  # noqa: BLE001 - after any error, the rest must still be removed
            return [Leftover("stopped tasks that may still be running", _reason(error))]
        waiting = tuple(arn for arn, task in described if not task.stopped)
        if waiting:
            time.sleep(POLL_SECONDS)
    return [Leftover(f"the task {arn}", "it was stopped, but is still running") for arn in waiting]
