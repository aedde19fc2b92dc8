"""A small AWS in memory for tests of a plan: each call can fail, and leftovers are visible."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, cast

from gmsa_doctor.clients.aws.fargate import Registered, Task
from gmsa_doctor.core.model import Finding, Status
from gmsa_doctor.formats.documents.task_definition import LogStreams
from gmsa_doctor.given.probe_tasks import SharedResources
from gmsa_doctor.probe import envelope
from gmsa_doctor.probe.message import ProbeMessage, SubjectFindings, write_message
from gmsa_doctor.probe.plan import Plan, TaskPlacement
from gmsa_doctor.probe.removal import ProbeClients

GROUP = "/ecs/web"
RUN = "gmsa-doctor-0123456789"
_STATES = ("PROVISIONING", "PENDING", "RUNNING", "STOPPED")


def a_plan(*subnets: str, canary: bool = False) -> Plan:
    """A plan for these subnets, whose probes write to a log."""
    definition = {
        "taskRoleArn": "arn:aws:iam::123456789012:role/web",
        "containerDefinitions": [{"logConfiguration": {"options": {"awslogs-stream-prefix": RUN}}}],
    }
    role = "arn:aws:iam::123456789012:role/web"
    place = TaskPlacement("demo", "us-east-1", subnets or ("subnet-1",), ("sg-1",), False, None)
    logs = LogStreams(GROUP, "us-east-1")
    more = definition if canary else None
    owed = {"demo/web": frozenset({"dns.domain-controllers", "kerberos.user-ticket"})}
    return Plan(
        RUN, "demo/web", "image", role, role, SharedResources(), place, logs, None, definition, more, owed, owed
    )


def message(status: Status = Status.PASS, *, logon: Status | None = None) -> ProbeMessage:
    """What a probe sends: a finding about DNS, and one about the logon."""
    dns = Finding(status, "dns", check="dns.domain-controllers")
    ticket = Finding(logon or Status.PASS, "ticket", check="kerberos.user-ticket")
    return ProbeMessage(RUN, (SubjectFindings("demo/web", (dns, ticket)),))


@dataclass
class World:
    """Each poll moves tasks to the next state; the report exists from RUNNING on."""

    messages: Mapping[str, ProbeMessage] = field(default_factory=dict)
    """By subnet, if it is not the usual task."""
    interrupt_at: int | None = None
    """The number of the call at which the user presses Ctrl-C: after it was made, and before it has answered."""
    error_at: Mapping[str, Exception] = field(default_factory=dict)
    """By the name of the method."""
    calls: list[str] = field(default_factory=list)
    definitions: dict[str, bool] = field(default_factory=dict)
    tasks: dict[str, Task] = field(default_factory=dict)
    subnets: dict[str, str] = field(default_factory=dict)
    commands: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    log: set[str] = field(default_factory=set)
    numbers: Any = field(default_factory=count)

    def clients(self) -> ProbeClients:
        """What `launch` takes."""
        return cast("ProbeClients", (self, lambda region: self, self))

    def left(self) -> list[str]:
        """What is still there."""
        running = [arn for arn, task in self.tasks.items() if not task.stopped]
        return [*running, *(arn for arn, active in self.definitions.items() if active), *self.log]

    def called(self, name: str, do: Callable[[], Any]) -> Any:
        self.calls.append(name)
        if name in self.error_at:
            raise self.error_at[name]
        answer = do()
        if self.interrupt_at == len(self.calls):
            raise KeyboardInterrupt
        return answer

    def register(self, family: str, definition: Mapping[str, Any], run: str) -> str:
        def do() -> str:
            arn = f"arn:aws:ecs:us-east-1:1:task-definition/{family}:{next(self.numbers)}"
            self.definitions[arn] = True
            return arn

        return str(self.called("register", do))

    def start(self, definition: str, arguments: Mapping[str, Any], run: str) -> Task:
        def do() -> Task:
            arn = f"arn:aws:ecs:us-east-1:1:task/demo/{next(self.numbers)}"
            self.tasks[arn] = Task(arn, "PROVISIONING", definition, run=run)
            self.subnets[arn] = arguments["networkConfiguration"]["awsvpcConfiguration"]["subnets"][0]
            command = arguments["overrides"]["containerOverrides"][0]["command"]
            self.commands.append((self.subnets[arn], tuple(command)))
            return self.tasks[arn]

        task: Task = self.called("start", do)
        return task

    def describe(self, tasks: tuple[str, ...], cluster: str) -> dict[str, Task]:
        def do() -> dict[str, Task]:
            for arn in tasks:
                task = self.tasks[arn]
                status = _STATES[min(_STATES.index(task.status) + 1, 3)]
                code = 0 if status == "STOPPED" else None
                self.tasks[arn] = replace(task, status=status, exit_code=code)
                if status == "RUNNING":
                    self.log.add(f"{RUN}/gmsa-doctor/{task.id}")
            return {arn: self.tasks[arn] for arn in tasks}

        answer: dict[str, Task] = self.called("describe", do)
        return answer

    def stop(self, task: str, cluster: str, reason: str) -> None:
        self.called("stop", lambda: self.tasks.update({task: replace(self.tasks[task], status="STOPPED")}))

    def deregister(self, definition: str) -> None:
        self.called("deregister", lambda: self.definitions.update({definition: False}))

    def listed(self, cluster: str, family: str) -> tuple[str, ...]:
        def do() -> tuple[str, ...]:
            return tuple(arn for arn, task in self.tasks.items() if not task.stopped and family in task.definition)

        answer: tuple[str, ...] = self.called("listed", do)
        return answer

    def active_definitions(self, family: str) -> tuple[str, ...]:
        def do() -> tuple[str, ...]:
            return tuple(arn for arn, active in self.definitions.items() if active and family in arn)

        answer: tuple[str, ...] = self.called("active_definitions", do)
        return answer

    def registered(self, definition: str) -> Registered:
        answer: Registered = self.called("registered", lambda: Registered(definition, RUN, "us-east-1", GROUP, RUN))
        return answer

    def lines(self, group: str, stream: str) -> tuple[str, ...]:
        def do() -> tuple[str, ...]:
            arn = next(arn for arn in self.tasks if stream.endswith(f"/{arn.rpartition('/')[2]}"))
            if stream not in self.log:
                return ()
            found = self.messages.get(self.subnets[arn], message())
            return tuple(envelope.lines(RUN, write_message(found)))

        answer: tuple[str, ...] = self.called("lines", do)
        return answer

    def streams(self, group: str, prefix: str) -> tuple[str, ...]:
        def do() -> tuple[str, ...]:
            return tuple(stream for stream in self.log if stream.startswith(prefix))

        answer: tuple[str, ...] = self.called("streams", do)
        return answer

    def delete(self, group: str, stream: str) -> None:
        self.called("delete", lambda: self.log.discard(stream))
