"""Starts the tasks of a plan, follows them, brings their reports back, and removes all that was made."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gmsa_doctor.clients.fargate import CANARY_FAMILY, PROBE_FAMILY, Fargate, Logs, ReportBucket, Task
from gmsa_doctor.errors import ClientError, Denied, TimedOut, Unreachable
from gmsa_doctor.model import Status
from gmsa_doctor.one_off import OneOff
from gmsa_doctor.probe import removal
from gmsa_doctor.probe.envelope import Arrived
from gmsa_doctor.probe.mail import Mailbox
from gmsa_doctor.probe.message import Message, logon_of, read_message
from gmsa_doctor.probe.plan import Plan, start_arguments

LOGON = ("probe",)
NO_LOGON = ("probe", "--no-logon")
CANARY = ("probe", "--canary")

_NO_ANSWER = (TimedOut, Unreachable)
"""After which it is not known whether AWS has done what it was asked."""

Say = Callable[[str], None]
Clients = tuple[Fargate, Logs, ReportBucket]


@dataclass(frozen=True)
class Pace:
    """Seconds: between two looks, and until the lines of a stopped task that have not arrived count as lost."""

    poll: float = 2.0
    late: float = 45.0


@dataclass(frozen=True)
class Outcome:
    """What a task has come to; ``message`` is None if its report has not arrived whole."""

    task: OneOff
    message: Message | None = None


@dataclass(frozen=True)
class Launched:
    """What became of a plan. ``left`` says what could not be removed."""

    probes: tuple[Outcome, ...]
    canary: Outcome | None
    interrupted: bool
    left: tuple[str, ...]


@dataclass(eq=False)
class _Followed:
    """A task under way, or the reason why there is none."""

    subnet: str
    canary: bool = False
    task: Task | None = None
    problem: ClientError | None = None
    ran: bool = False
    ended: float | None = None
    arrived: Arrived | None = None
    done: bool = False

    def outcome(self) -> Outcome:
        body = self.arrived.body if self.arrived else None
        message = None if body is None else read_message(body)
        return Outcome(_one_off(self, message), message)


def _one_off(one: _Followed, message: Message | None) -> OneOff:
    task = one.task
    report = "" if message else (one.arrived or Arrived(None)).text
    if one.arrived and one.arrived.body is not None and message is None:
        report = "the report is of another version of gmsa-doctor"
    return OneOff(
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


class _Launch:
    def __init__(self, plan: Plan, clients: Clients, ends: float, pace: Pace, say: Say) -> None:
        self.plan = plan
        self.fargate, self.logs, bucket = clients
        self.mailbox = Mailbox(plan, self.logs, bucket)
        self.ends = ends
        self.pace = pace
        self.say = say
        self.followed: list[_Followed] = []
        self.definitions: list[str] = []
        self.uncertain = False
        """Whether something may have been made of which we do not know the ARN."""

    # What is made ---------------------------------------------------------------------------------

    def probe(self) -> None:
        """One after the other until a logon was tried; then the others, with a logon only if that succeeded."""
        waiting = list(self.plan.place.subnets)
        definition = self.register(PROBE_FAMILY, self.plan.definition)
        logon: bool | None = None
        while waiting and logon is None and time.monotonic() < self.ends:
            first = self.start(definition, waiting.pop(0), LOGON)
            self.follow([first])
            logon = _logon(first)
        if time.monotonic() < self.ends:
            self.follow([self.start(definition, subnet, LOGON if logon else NO_LOGON) for subnet in waiting])

    def canary(self) -> None:
        """The task with the credentialSpecs, where all is well so far: it would only fail for the same reason."""
        if self.plan.canary and time.monotonic() < self.ends and all(_is_sound(one) for one in self.followed):
            definition = self.register(CANARY_FAMILY, self.plan.canary)
            self.follow([self.start(definition, self.plan.place.subnets[0], CANARY, canary=True)])

    def register(self, family: str, definition: Mapping[str, Any]) -> str | ClientError:
        self.uncertain = True
        try:
            arn = self.fargate.register(family, definition, self.plan.run)
        except ClientError as error:
            self.uncertain = isinstance(error, _NO_ANSWER)
            return error
        self.definitions.append(arn)
        self.uncertain = False
        return arn

    def start(
        self, definition: str | ClientError, subnet: str, command: Sequence[str], canary: bool = False
    ) -> _Followed:
        one = _Followed(subnet, canary)
        self.followed.append(one)
        denied = next((other.problem for other in self.followed if isinstance(other.problem, Denied)), None)
        if isinstance(definition, ClientError) or denied:  # what was denied once is not asked again
            one.problem = definition if isinstance(definition, ClientError) else denied
            one.done = True
            return one
        self.say(f"{subnet}: starting a task")
        arguments = start_arguments(self.plan.place, subnet, uuid.uuid4().hex, command)
        self.uncertain = True
        try:
            one.task = self.fargate.start(definition, arguments, self.plan.run)
        except ClientError as error:
            self.uncertain = isinstance(error, _NO_ANSWER)
            one.problem, one.done = error, True
            return one
        self.uncertain = False
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
        if one.arrived and one.arrived.body is not None:
            one.ran, one.problem, one.done = True, None, True
        elif one.ended is not None:
            never_ran = not one.ran and one.task.stop_code == "TaskFailedToStart"
            one.done = never_ran or time.monotonic() >= one.ended + self.pace.late

    # What is left ---------------------------------------------------------------------------------

    def remove(self) -> tuple[str, ...]:
        """Deregister, stop and delete all that was made; what could not be, in words. Can be called again."""
        cluster = self.plan.place.cluster
        mine = [one.task for one in self.followed if one.task]
        group = self.plan.logs.group if self.plan.logs else None
        found = removal.Leftovers(
            tuple(self.definitions),
            tuple(one.arn for one in mine if not one.stopped),
            tuple((group, self.plan.stream(one.id)) for one in mine if group),
        )
        if self.uncertain:
            self.say("looking for what may have been made")
            more = removal.find(self.fargate, self.logs, cluster, self.plan.run)
            found = removal.Leftovers(
                tuple(dict.fromkeys((*found.definitions, *more.definitions))),
                tuple(dict.fromkeys((*found.tasks, *more.tasks))),
                tuple(dict.fromkeys((*found.streams, *more.streams))),
                more.problems,
            )
        self.say("removing what was made")
        left = removal.remove(found, self.fargate, self.logs, cluster, "gmsa-doctor has ended")
        objects = (problem for one in mine for problem in self.mailbox.empty(one.id))
        return (*found.problems, *left, *objects)

    def removed(self) -> tuple[str, ...]:
        """As :meth:`remove`; Ctrl-C begins it once more, a second one leaves it."""
        for chance in (True, False):
            try:
                return self.remove()
            except KeyboardInterrupt:
                if chance:
                    self.say("still removing what was made; Ctrl-C once more leaves it to `gmsa-doctor run --clean`")
        return ("interrupted while it was removed",)

    def outcomes(self) -> tuple[Outcome, ...]:
        """Of the probes, a subnet each, in their order."""
        known = {one.subnet: one.outcome() for one in self.followed if not one.canary}
        never = "not started: interrupted, or the time for the whole run was over"
        return tuple(known.get(subnet) or Outcome(OneOff(subnet, problem=never)) for subnet in self.plan.place.subnets)


def launch(plan: Plan, clients: Clients, *, ends: float, say: Say, pace: Pace | None = None) -> Launched:
    """Do what the plan says, until ``ends`` (of the monotonic clock), and remove it again, whatever happens."""
    state = _Launch(plan, clients, ends, pace or Pace(), say)
    interrupted = False
    left: tuple[str, ...] = ()
    try:
        state.probe()
        state.canary()
    except KeyboardInterrupt:
        interrupted = True
    finally:
        left = state.removed()
    canary = next((one.outcome() for one in state.followed if one.canary), None)
    return Launched(state.outcomes(), canary, interrupted, left)


def _logon(one: _Followed) -> bool | None:
    """Whether the logon succeeded; None if none was tried. A lost report of a task that ran may have tried one."""
    message = one.outcome().message
    if message is None:
        return False if one.ran else None
    return logon_of(message)


def _is_sound(one: _Followed) -> bool:
    message = one.outcome().message
    findings = [finding for each in message.subjects for finding in each.findings] if message else []
    return bool(findings) and not any(finding.status in (Status.FAIL, Status.ERROR) for finding in findings)
