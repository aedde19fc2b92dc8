"""Starts the tasks of a plan, follows them, collects their reports, and removes all resources."""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from gmsa_doctor.clients.aws.fargate import CANARY_FAMILY, PROBE_FAMILY, NotStarted, Task
from gmsa_doctor.clients.aws.session import CredentialsProblem
from gmsa_doctor.core.errors import ClientError, Denied, NotFound, Throttled
from gmsa_doctor.core.limits import PACE, within
from gmsa_doctor.core.model import Status
from gmsa_doctor.core.severity import listed
from gmsa_doctor.given.probe_tasks import Leftover, ProbeTask
from gmsa_doctor.probe import removal
from gmsa_doctor.probe.envelope import Arrived
from gmsa_doctor.probe.mail import Mailbox, report_object
from gmsa_doctor.probe.message import OwedReport, ProbeMessage, read_message
from gmsa_doctor.probe.plan import Plan, start_arguments
from gmsa_doctor.probe.removal import ProbeClients

LOGON = ("probe",)
NO_LOGON = ("probe", "--no-logon")
CANARY = ("probe", "--canary")

_NOTHING_STARTED = (CredentialsProblem, Denied, NotFound, NotStarted, Throttled)
"""Errors after which certainly no task runs. After any other error one may run."""

T = TypeVar("T")
Say = Callable[[str], None]


@dataclass(frozen=True)
class Pace:
    """Seconds between two polls, and until missing lines of a stopped task count as lost."""

    poll: float = 2.0 * PACE
    late: float = 45.0 * PACE


@dataclass(frozen=True)
class Logons:
    """Whether a probe may log on to AD, and the accounts of which a logon failed in another one."""

    permitted: bool = True
    failed: frozenset[str] = frozenset()

    @property
    def command(self) -> tuple[str, ...]:
        """The command of such a probe."""
        options = (word for account in sorted(self.failed) for word in ("--no-logon-as", account))
        return (*LOGON, *options) if self.permitted else NO_LOGON


@dataclass(frozen=True)
class TaskEnd:
    """The result of a task; ``message`` is None if its report is missing or incomplete."""

    task: ProbeTask
    message: ProbeMessage | None = None


@dataclass(frozen=True)
class Launched:
    """The results of a plan. ``left``: resources that could not be removed. ``logons``: for the next probes."""

    probes: tuple[TaskEnd, ...]
    canary: TaskEnd | None
    interrupted: bool
    left: tuple[Leftover, ...]
    logons: Logons = Logons()


@dataclass(eq=False)
class _FollowedTask:
    """A running task, or the reason why it did not start."""

    subnet: str
    owed: OwedReport
    command: tuple[str, ...] = LOGON
    task: Task | None = None
    problem: ClientError | None = None
    ran: bool = False
    ended: float | None = None
    arrived: Arrived = field(default_factory=lambda: Arrived(None))
    done: bool = False

    @property
    def message(self) -> ProbeMessage | None:
        """Its report, if it has arrived and is valid. It may lack findings."""
        message = None if self.arrived.body is None else read_message(self.arrived.body)
        return message if message and self.owed.is_for(message) else None

    @property
    def end(self) -> TaskEnd:
        task, problem, message = self.task, self.problem, self.message
        return TaskEnd(
            ProbeTask(
                self.subnet,
                task.arn if task else None,
                problem.text if problem else None,
                problem.action if isinstance(problem, Denied) else None,
                task.stop_code if task else None,
                task.stopped_reason if task else None,
                task.exit_code if task else None,
                task.container_reason if task else None,
                stopped=bool(task and task.stopped),
                ran=self.ran,
                report=self._report(message),
                arrived=self.arrived.body is not None,
            ),
            message,
        )

    def _report(self, message: ProbeMessage | None) -> str:
        """Why the report is missing or incomplete."""
        if message is None:
            wrong = "the report is not from this version of gmsa-doctor, or not about this run"
            return self.arrived.text if self.arrived.body is None else wrong
        if message.interrupted:
            return "the probe was stopped before all its checks had finished"
        missing = self.owed.missing(message)
        return f"the report has no finding of {listed(missing)}" if missing else ""

    @property
    def logged_on(self) -> bool | None:
        """Whether the logons succeeded; None if no logon was tried. A task without a report may have failed one."""
        message = self.message
        if message is not None:
            return message.logged_on
        if self.command in (NO_LOGON, CANARY) or (isinstance(self.problem, _NOTHING_STARTED) and not self.ran):
            return None
        return False if self.ran or self.problem else None

    @property
    def is_sound(self) -> bool:
        """Whether it has reported all its findings, none of them a failure."""
        message = self.message
        if message is None or self._report(message):
            return False
        return not any(finding.status in (Status.FAIL, Status.ERROR) for finding in message.findings)


class _ProbeLaunch:
    def __init__(
        self,
        plan: Plan,
        clients: ProbeClients,
        ends: float,
        requests: removal.Requests,
        pace: Pace,
        say: Say,
        logons: Logons,
    ) -> None:
        self.plan = plan
        self.logons = logons
        self.clients = clients
        self.fargate, logs_in, bucket = clients
        self.mailbox = Mailbox(plan, logs_in, bucket)
        self.ends = ends
        self.requests = requests
        self.pace = pace
        self.say = say
        self.followed: list[_FollowedTask] = []
        self.definitions: list[str] = []
        self.refused: Denied | None = None
        """A denied call is not repeated."""

    # Starting -------------------------------------------------------------------------------------

    def probe(self) -> None:
        """Run one probe after the other until one tried the logon; then the others, with a logon if it succeeded."""
        waiting = list(self.plan.place.subnets)
        if not self.in_time():
            return
        definition = self.register(PROBE_FAMILY, self.plan.definition)
        logon: bool | None = None
        while self.logons.permitted and waiting and logon is None and self.in_time():
            first = self.start(definition, waiting.pop(0), self.logons.command)
            self.follow([first])
            logon = first.logged_on
        if self.in_time():
            command = self.logons.command if logon else NO_LOGON
            self.follow([self.start(definition, subnet, command) for subnet in waiting])

    def canary(self) -> None:
        """Run the task with the credentialSpecs, unless a probe failed: it would fail for the same reason."""
        logons = [followed.logged_on for followed in self.followed]
        passed = True in logons and False not in logons and all(followed.is_sound for followed in self.followed)
        if self.plan.canary and passed and self.in_time():
            definition = self.register(CANARY_FAMILY, self.plan.canary)
            self.follow([self.start(definition, self.plan.place.subnets[0], CANARY)])

    def logons_after(self) -> Logons:
        """Those for the next plan. A probe without a whole report may have failed a logon as any account."""
        failed, permitted = self.logons.failed, self.logons.permitted
        for followed in self.followed:
            message = followed.message
            if message is not None:
                failed |= frozenset(message.failed_logons)
            if followed.logged_on is False and (message is None or message.interrupted):
                permitted = False
        return Logons(permitted, failed)

    def in_time(self) -> bool:
        return time.monotonic() < self.ends

    def register(self, family: str, definition: Mapping[str, Any]) -> str | ClientError:
        try:
            arn = self.until_the_end(partial(self.fargate.register, family, definition, self.plan.run))
        except ClientError as error:
            return error
        self.definitions.append(arn)
        return arn

    def start(self, definition: str | ClientError, subnet: str, command: tuple[str, ...]) -> _FollowedTask:
        owed = self.plan.owed_by_canary if command is CANARY else self.plan.owed
        followed = _FollowedTask(subnet, OwedReport(self.plan.run, owed), command)
        self.followed.append(followed)
        if isinstance(definition, ClientError) or self.refused:
            followed.problem = definition if isinstance(definition, ClientError) else self.refused
            followed.done = True
            return followed
        self.say(f"{subnet}: starting a task")
        arguments = start_arguments(self.plan.place, subnet, uuid.uuid4().hex, command)
        try:
            start = partial(self.fargate.start, definition, arguments, self.plan.run)
            followed.task = self.until_the_end(start)
        except ClientError as error:
            followed.problem, followed.done = error, True
            self.refused = error if isinstance(error, Denied) else None
        return followed

    # Following ------------------------------------------------------------------------------------

    def follow(self, tasks: Sequence[_FollowedTask]) -> None:
        """Poll until each task has ended and its report has arrived or is lost."""
        while unfinished := [followed for followed in tasks if not followed.done]:
            if not self.in_time():
                return
            self.poll(unfinished)
            for followed in unfinished:
                self.receive(followed)
            if not all(followed.done for followed in unfinished):
                time.sleep(self.pace.poll)

    def poll(self, tasks: Iterable[_FollowedTask]) -> None:
        running = {followed.task.arn: followed for followed in tasks if followed.task and not followed.task.stopped}
        if not running:
            return
        try:
            described = self.until_the_end(partial(self.fargate.describe, tuple(running), self.plan.place.cluster))
        except Denied as error:
            for followed in running.values():  # the report may still arrive
                followed.problem = error
            return
        except ClientError:
            return  # throttled, or no answer: the next poll may succeed
        for arn, task in described.items():
            followed = running[arn]
            if followed.task and task.status != followed.task.status:
                self.say(f"{followed.subnet}: {task.status.lower()}")
            followed.task = task
            followed.ran = followed.ran or task.status == "RUNNING" or task.exit_code is not None
            if task.stopped:
                followed.ended = time.monotonic()

    def until_the_end(self, request: Callable[[], T]) -> T:
        """The answer to a request. Raises TimedOut when the time for the tasks is over; the removal looks for them."""
        return within(self.ends - time.monotonic(), "AWS", request)

    def receive(self, followed: _FollowedTask) -> None:
        if followed.task is None:
            return
        try:
            if followed.ran or followed.ended or followed.problem:
                followed.arrived = self.until_the_end(partial(self.mailbox.fetch, followed.task.id))
        except ClientError as error:
            followed.problem = error
        else:
            followed.problem = followed.problem if isinstance(followed.problem, Denied) else None
        if followed.arrived.body is not None:
            followed.ran, followed.problem, followed.done = True, None, True
        elif followed.ended is not None:
            never_ran = not followed.ran and followed.task.stop_code == "TaskFailedToStart"
            followed.done = never_ran or time.monotonic() >= followed.ended + self.pace.late

    # Removing -------------------------------------------------------------------------------------

    def remove(self) -> tuple[Leftover, ...]:
        """Stop, delete and deregister all known resources, and all others with the run's tag. Can be repeated.

        The search by tag is always necessary: an SDK's retry, or a call without an answer, may have created more.
        """
        cluster, run, uri = self.plan.place.cluster, self.plan.run, self.plan.report_s3
        tasks = [followed.task for followed in self.followed if followed.task]
        self.say("removing the run's resources; Ctrl-C does not interrupt this")
        logs = self.plan.logs
        known = removal.Leftovers(
            tuple(self.definitions),
            tuple(task.arn for task in tasks if not task.stopped),
            tuple(removal.MadeStream(logs.region, logs.group, self.plan.stream(task.id)) for task in tasks if logs),
            tuple(removal.MadeObject(*report_object(uri, run, task.id)) for task in tasks if uri),
        )
        found = known.joined_with(removal.find(self.clients, cluster, run, self.requests))
        certain = all(followed.task or isinstance(followed.problem, _NOTHING_STARTED) for followed in self.followed)
        reason = "gmsa-doctor has ended"
        return removal.remove(found, self.clients, cluster, reason, run, certain=certain, requests=self.requests)

    def removed(self) -> tuple[Leftover, ...]:
        """As :meth:`remove`. The first interruption starts it again, the second one ends it."""
        for last in (False, True):
            try:
                return self.remove()
            except KeyboardInterrupt:
                if not last:
                    self.say("still removing the run's resources; press Ctrl-C again to leave them")
        return (Leftover("the run's resources", "the removal was interrupted"),)

    def ends_of_probes(self) -> tuple[TaskEnd, ...]:
        """The result of each subnet's probe, in order."""
        known = {followed.subnet: followed.end for followed in self.followed if followed.command is not CANARY}
        problem = "not started: the run was interrupted, or its time limit was reached"
        return tuple(
            known.get(subnet) or TaskEnd(ProbeTask(subnet, problem=problem)) for subnet in self.plan.place.subnets
        )


def launch(
    plan: Plan,
    clients: ProbeClients,
    *,
    ends: float,
    removed_by: float,
    say: Say,
    pace: Pace | None = None,
    canary: bool = True,
    hold: Callable[[], None] = lambda: None,
    logons: Logons | None = None,
) -> Launched:
    """Carry out the plan until ``ends`` (monotonic clock), and always remove its resources, until ``removed_by``.

    ``canary``: whether it may be started, according to the checks from outside. ``hold`` makes signals wait; it is
    called before the removal. ``logons``: what earlier plans permit.
    """
    state = _ProbeLaunch(plan, clients, ends, removal.Requests(removed_by), pace or Pace(), say, logons or Logons())
    interrupted = False
    left: tuple[Leftover, ...] = ()
    try:
        state.probe()
        if canary:
            state.canary()
    except KeyboardInterrupt:
        interrupted = True
    finally:
        hold()
        left = state.removed()
        if sys.exc_info()[0] is not None:  # a crash does not report leftovers
            for leftover in left:
                say(f"not removed: {leftover.resource}: {leftover.reason}")
    canary_end = next((followed.end for followed in state.followed if followed.command is CANARY), None)
    return Launched(state.ends_of_probes(), canary_end, interrupted, left, state.logons_after())
