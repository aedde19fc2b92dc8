"""Starts the tasks of a plan, follows them, brings their reports back, and removes all that was made."""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gmsa_doctor.checking.retry import PACE
from gmsa_doctor.clients.aws.fargate import CANARY_FAMILY, PROBE_FAMILY, Fargate, NotStarted, ReportBucket, Task
from gmsa_doctor.core.errors import ClientError, Denied, NotFound, OutOfReach, Throttled
from gmsa_doctor.core.model import Status
from gmsa_doctor.given.probe_tasks import Leftover, ProbeTask
from gmsa_doctor.probe import removal
from gmsa_doctor.probe.envelope import Arrived
from gmsa_doctor.probe.mail import LogsIn, Mailbox
from gmsa_doctor.probe.message import Message, logon_of, read_message
from gmsa_doctor.probe.plan import Plan, start_arguments

LOGON = ("probe",)
NO_LOGON = ("probe", "--no-logon")
CANARY = ("probe", "--canary")

_DID_NOTHING = (Denied, NotFound, NotStarted, OutOfReach, Throttled)
"""Answers that say that nothing was made; after another error, or none, that is not known."""

Say = Callable[[str], None]
Clients = tuple[Fargate, LogsIn, ReportBucket]


@dataclass(frozen=True)
class Pace:
    """Seconds: between two looks, and until the lines of a stopped task that have not arrived count as lost."""

    poll: float = 2.0 * PACE
    late: float = 45.0 * PACE


@dataclass(frozen=True)
class TaskEnd:
    """What a task has come to; ``message`` is None if its report has not arrived whole."""

    task: ProbeTask
    message: Message | None = None


@dataclass(frozen=True)
class Launched:
    """What became of a plan. ``left`` says what could not be removed."""

    probes: tuple[TaskEnd, ...]
    canary: TaskEnd | None
    interrupted: bool
    left: tuple[Leftover, ...]


@dataclass(eq=False)
class _Followed:
    """A task under way, or the reason why there is none."""

    subnet: str
    command: tuple[str, ...] = LOGON
    task: Task | None = None
    problem: ClientError | None = None
    ran: bool = False
    ended: float | None = None
    arrived: Arrived | None = None
    done: bool = False

    def end(self) -> TaskEnd:
        body = self.arrived.body if self.arrived else None
        message = None if body is None else read_message(body)
        return TaskEnd(_one_off(self, message), message)


def _one_off(one: _Followed, message: Message | None) -> ProbeTask:
    task = one.task
    report = "" if message else (one.arrived or Arrived(None)).text
    if message and message.interrupted:
        report = "the probe was stopped before all its checks had ended"
    if one.arrived and one.arrived.body is not None and message is None:
        report = "what has arrived is no report of this version of gmsa-doctor"
    return ProbeTask(
        one.subnet,
        task.arn if task else None,
        one.problem.text if one.problem else None,
        one.problem.action if isinstance(one.problem, Denied) else None,
        task.stop_code if task else None,
        task.stopped_reason if task else None,
        task.exit_code if task else None,
        task.container_reason if task else None,
        stopped=bool(task and task.stopped),
        ran=one.ran,
        report=report,
    )


class _ProbeLaunch:
    def __init__(self, plan: Plan, clients: Clients, ends: float, pace: Pace, say: Say) -> None:
        self.plan = plan
        self.fargate, self.logs_in, bucket = clients
        self.mailbox = Mailbox(plan, self.logs_in, bucket)
        self.ends = ends
        self.pace = pace
        self.say = say
        self.followed: list[_Followed] = []
        self.definitions: list[str] = []
        self.refused: Denied | None = None
        """What was denied once is not asked again."""

    # What is made ---------------------------------------------------------------------------------

    def probe(self) -> None:
        """One after the other until all logons were tried; then the others, with a logon only if those succeeded."""
        waiting = list(self.plan.place.subnets)
        definition = self.register(PROBE_FAMILY, self.plan.definition)
        logon: bool | None = None
        while waiting and logon is None and self.in_time():
            first = self.start(definition, waiting.pop(0), LOGON)
            self.follow([first])
            logon = _logon(first)
        if self.in_time():
            self.follow([self.start(definition, subnet, LOGON if logon else NO_LOGON) for subnet in waiting])

    def canary(self) -> None:
        """The task with the credentialSpecs, where all is well so far: it would only fail for the same reason."""
        logons = [_logon(one) for one in self.followed]
        proved = True in logons and False not in logons and all(_is_sound(one) for one in self.followed)
        if self.plan.canary and proved and self.in_time():
            definition = self.register(CANARY_FAMILY, self.plan.canary)
            self.follow([self.start(definition, self.plan.place.subnets[0], CANARY)])

    def in_time(self) -> bool:
        return time.monotonic() < self.ends

    def register(self, family: str, definition: Mapping[str, Any]) -> str | ClientError:
        try:
            arn = self.fargate.register(family, definition, self.plan.run)
        except ClientError as error:
            return error
        self.definitions.append(arn)
        return arn

    def start(self, definition: str | ClientError, subnet: str, command: tuple[str, ...]) -> _Followed:
        one = _Followed(subnet, command)
        self.followed.append(one)
        if isinstance(definition, ClientError) or self.refused:
            one.problem = definition if isinstance(definition, ClientError) else self.refused
            one.done = True
            return one
        self.say(f"{subnet}: starting a task")
        arguments = start_arguments(self.plan.place, subnet, uuid.uuid4().hex, command)
        try:
            one.task = self.fargate.start(definition, arguments, self.plan.run)
        except ClientError as error:
            one.problem, one.done = error, True
            self.refused = error if isinstance(error, Denied) else None
        return one

    # How it goes on -------------------------------------------------------------------------------

    def follow(self, tasks: Sequence[_Followed]) -> None:
        """Until each has ended and its report is here, or lost."""
        while open_ := [one for one in tasks if not one.done]:
            if time.monotonic() >= self.ends:
                return
            self.look(open_)
            for one in open_:
                self.receive(one)
            if any(not one.done for one in open_):
                time.sleep(self.pace.poll)

    def look(self, tasks: Iterable[_Followed]) -> None:
        running = {one.task.arn: one for one in tasks if one.task and not one.task.stopped}
        if not running:
            return
        try:
            seen = self.fargate.describe(tuple(running), self.plan.place.cluster)
        except Denied as error:
            for one in running.values():  # the report may still arrive
                one.problem = error
            return
        except ClientError:
            return  # throttled, or no answer: the next look may see more
        for arn, task in seen.items():
            self.see(running[arn], task)

    def see(self, one: _Followed, task: Task) -> None:
        if one.task and task.status != one.task.status:
            self.say(f"{one.subnet}: {task.status.lower()}")
        one.task = task
        one.ran = one.ran or task.status == "RUNNING" or task.exit_code is not None
        if task.stopped:
            one.ended = time.monotonic()

    def receive(self, one: _Followed) -> None:
        if one.task is None:
            return
        try:
            if one.ran or one.ended or one.problem:
                one.arrived = self.mailbox.look(one.task.id)
        except ClientError as error:
            one.problem = error
        else:
            one.problem = one.problem if isinstance(one.problem, Denied) else None
        if one.arrived and one.arrived.body is not None:
            one.ran, one.problem, one.done = True, None, True
        elif one.ended is not None:
            never_ran = not one.ran and one.task.stop_code == "TaskFailedToStart"
            one.done = never_ran or time.monotonic() >= one.ended + self.pace.late

    # What is left ---------------------------------------------------------------------------------

    def remove(self) -> tuple[Leftover, ...]:
        """Stop, delete and deregister all that was made, and what carries the run's tag beside it. Can be repeated.

        The tag is looked for in any case: an SDK's retry, or a call that got no answer, may have made more.
        """
        cluster = self.plan.place.cluster
        mine = [one.task for one in self.followed if one.task]
        self.say("removing what was made")
        logs = self.plan.logs
        known = removal.Leftovers(
            tuple(self.definitions),
            tuple(one.arn for one in mine if not one.stopped),
            tuple(removal.LogStream(logs.region, logs.group, self.plan.stream(one.id)) for one in mine if logs),
        )
        found = known.beside(removal.find(self.fargate, self.logs_in, cluster, self.plan.run))
        left = removal.remove(found, self.fargate, self.logs_in, cluster, "gmsa-doctor has ended")
        ids = dict.fromkeys((*(one.id for one in mine), *(arn.rpartition("/")[2] for arn in found.tasks)))
        return (*left, *(one for task_id in ids for one in self.mailbox.empty(task_id)))

    def removed(self) -> tuple[Leftover, ...]:
        """As :meth:`remove`; Ctrl-C begins it once more, a second one leaves it."""
        for chance in (True, False):
            try:
                return self.remove()
            except KeyboardInterrupt:
                if chance:
                    self.say("still removing what was made; Ctrl-C once more leaves it")
        return (Leftover("what the run has made", "interrupted while it was removed"),)

    def ends_of_probes(self) -> tuple[TaskEnd, ...]:
        """Of the probes, a subnet each, in their order."""
        known = {one.subnet: one.end() for one in self.followed if one.command is not CANARY}
        never = "not started: interrupted, or the time for the whole run was over"
        return tuple(
            known.get(subnet) or TaskEnd(ProbeTask(subnet, problem=never)) for subnet in self.plan.place.subnets
        )


def launch(
    plan: Plan, clients: Clients, *, ends: float, say: Say, pace: Pace | None = None, canary: bool = True
) -> Launched:
    """Do what the plan says, until ``ends`` (of the monotonic clock), and remove it again, whatever happens.

    ``canary``: whether that may be started as far as is known from outside.
    """
    state = _ProbeLaunch(plan, clients, ends, pace or Pace(), say)
    interrupted = False
    left: tuple[Leftover, ...] = ()
    try:
        state.probe()
        if canary:
            state.canary()
    except KeyboardInterrupt:
        interrupted = True
    finally:
        left = state.removed()
        if sys.exc_info()[0] is not None:  # a crash, which tells nothing of this
            for one in left:
                say(f"not removed: {one.what}: {one.why}")
    found = next((one.end() for one in state.followed if one.command is CANARY), None)
    return Launched(state.ends_of_probes(), found, interrupted, left)


def _logon(one: _Followed) -> bool | None:
    """Whether the logons succeeded; None if one was not tried. What is not known may have failed one."""
    message = one.end().message
    if message is not None:
        return logon_of(message)
    if one.command is not LOGON or (one.problem and isinstance(one.problem, _DID_NOTHING) and not one.ran):
        return None
    return False if one.ran or one.problem else None


def _is_sound(one: _Followed) -> bool:
    message = one.end().message
    findings = [finding for each in message.subjects for finding in each.findings] if message else []
    return bool(findings) and not any(finding.status in (Status.FAIL, Status.ERROR) for finding in findings)
