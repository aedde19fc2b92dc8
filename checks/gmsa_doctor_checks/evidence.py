"""What ECS and the containers have recorded.

`checking/evidence.py` brings these records to the findings that explain them. A check of this area that is denied is
`unknown`, but the run is not incomplete because of it: the records show what was wrong before, the other checks show
what is wrong now.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from gmsa_doctor.authoring import Given, Result, check, passed, skipped, warned
from gmsa_doctor.clients.aws.ecs import Ecs
from gmsa_doctor.clients.aws.logs import Logs
from gmsa_doctor.core.errors import ClientError, NotFound
from gmsa_doctor.core.limits import each
from gmsa_doctor.formats.documents.task_definition import LogStreams, TaskDefinition
from gmsa_doctor.formats.symptoms.matching import matches
from gmsa_doctor.formats.symptoms.reading import lines_of, redacted
from gmsa_doctor.given.records import (
    ContainerLogs,
    LogsWanted,
    Record,
    RecordedAbout,
    RecordedTask,
    ServiceEvents,
    StoppedTasks,
)
from gmsa_doctor.given.subject import Subject
from gmsa_doctor_checks import links

_NO_FAULT = ("UserInitiated", "SpotInterruption", "TerminationNotice", "InfrastructureHealth")
"""Stop codes of tasks that somebody or the platform ended. Source: TaskStopCode in the API reference of ECS."""
_ENDED_ON_REQUEST = (0, 143)
"""Exit codes of a container that ended well, or because of SIGTERM."""
_STEADY = "has reached a steady state"
_NEWEST = 2
"""Tasks of each kind, stopped and running, whose logs are read."""
_STREAMS = 8
_EVENTS = 1_000
"""Log events that are read of a stream, the newest ones: one call."""
_LINES = 50
"""Lines with a known text that are kept of a stream, the newest ones."""


@check(
    "evidence.service-events",
    title="The service's events and deployment",
    docs=links.SERVICE_EVENTS,
    is_supplementary=True,
)
def service_events(about: RecordedAbout, subject: Subject, ecs: Ecs) -> Result[ServiceEvents]:
    """Reads the events of the service since its current deployment began, and the state of that deployment.

    Why: ECS reports there why it cannot place or start tasks, and when the circuit breaker gave a deployment up. Each
    known text is shown at the finding that explains it.

    Fix: fix the finding that explains the text. `gmsa-doctor explain TEXT` lists the causes of a text.
    """
    if not (subject.service and subject.cluster):
        return skipped("the task does not belong to a service")
    service = ecs.describe_service(subject.service, subject.cluster)
    deployments = [*service.get("taskSets", ()), *service.get("deployments", ())]
    primary: Mapping[str, Any] = next((one for one in deployments if one.get("status") == "PRIMARY"), {})
    began = primary.get("createdAt")
    dated = [(event["createdAt"], str(event.get("message"))) for event in service.get("events", ())]
    events = [(_utc(time), redacted(text)) for time, text in dated if not began or time >= began]
    steady = max((time for time, text in events if _STEADY in text), default=None)
    known = [(time, text) for time, text in reversed(events) if _STEADY not in text and matches(lines_of(text))]
    value = ServiceEvents(tuple(Record(service_events.id, "ECS", (text,), time) for time, text in known), steady)
    tasks = f"{service.get('runningCount', 0)} of {service.get('desiredCount', 0)} tasks are running"
    since = f"; last steady at {steady:%Y-%m-%d %H:%M:%S} UTC" if steady else ""
    failed = next((one for one in deployments if one.get("rolloutState") == "FAILED"), None)
    if failed:
        definition = str(failed.get("taskDefinition", "")).rpartition("/")[2]
        reason = redacted(str(failed.get("rolloutStateReason") or "no reason given"))
        return Given(
            value,
            warned(
                f"the deployment of {definition} failed: {reason}",
                observed=f"{tasks}{since}",
                expected="a deployment that reaches a steady state",
            ),
        )
    return Given(value, passed(f"{tasks}{since}"))


@check(
    "evidence.stopped-tasks",
    title="Tasks that stopped with an error",
    docs=links.STOPPED_TASKS,
    is_supplementary=True,
)
def stopped_tasks(about: RecordedAbout, subject: Subject, ecs: Ecs) -> Result[StoppedTasks]:
    """Reads why the service's tasks stopped: `stoppedReason`, `stopCode`, and the containers' reasons and exit codes.

    ECS keeps stopped tasks for an hour. With `--task`, only that task is read.

    Why: `stoppedReason` has the text of Credentials Fetcher. It is shown at the finding that explains it. A text that
    no finding explains is reported here, with its likeliest causes.

    Fix: fix the finding that explains the text. `gmsa-doctor explain TEXT` lists the causes of a text.
    """
    if not subject.cluster or not (about.task or subject.service):
        return skipped("the task does not belong to a service")
    if about.task:
        tasks = [ecs.describe_task(about.task, subject.cluster)]
    else:
        arns = ecs.task_arns(subject.cluster, str(subject.service), "STOPPED")
        tasks = ecs.described_tasks(arns, subject.cluster) if arns else []
    tasks = sorted(tasks, key=_ended, reverse=True)
    records = tuple(_of_task(task) for task in tasks if is_failure(task))
    value = StoppedTasks(records, tuple(_task(task) for task in tasks[:_NEWEST]))
    if not tasks:
        return Given(value, passed("no task of the service has stopped in the last hour"))
    number = f"{len(tasks)} task{'s' if tasks[1:] else ''} stopped"
    if about.task:
        number = f"the task is {str(tasks[0].get('lastStatus') or 'unknown').lower()}"
    return Given(value, passed(f"{number}, {len(records)} with an error" if records else f"{number}, without an error"))


def is_failure(task: Mapping[str, Any]) -> bool:
    """Whether the task stopped because of an error."""
    code, reason = task.get("stopCode"), str(task.get("stoppedReason") or "")
    containers = task.get("containers", ())
    if not code or code in _NO_FAULT:
        return False
    if code == "ServiceSchedulerInitiated":
        return "failed" in reason.lower()  # health checks; otherwise the service scales in, or replaces the task
    if code == "EssentialContainerExited":
        return any(one.get("reason") or one.get("exitCode") not in (None, *_ENDED_ON_REQUEST) for one in containers)
    return True


def _of_task(task: Mapping[str, Any]) -> Record:
    reason = str(task.get("stoppedReason") or task.get("stopCode"))
    lines = [reason]
    for container in task.get("containers", ()):
        name, own, code = container.get("name"), container.get("reason"), container.get("exitCode")
        if own and own != reason:
            lines.append(f"container {name}: {own}")
        if code not in (None, *_ENDED_ON_REQUEST):
            lines.append(f"container {name}: exit code {code}")
        if container.get("healthStatus") == "UNHEALTHY":
            lines.append(f"container {name}: UNHEALTHY")
    own_task = _task(task)
    return Record(stopped_tasks.id, "ECS", tuple(map(redacted, lines)), _ended(task), own_task.arn, own_task.definition)


def _task(task: Mapping[str, Any]) -> RecordedTask:
    return RecordedTask(str(task["taskArn"]), str(task.get("taskDefinitionArn", "")).rpartition("/")[2])


def _ended(task: Mapping[str, Any]) -> datetime:
    times = (task.get(name) for name in ("stoppedAt", "stoppingAt", "executionStoppedAt", "createdAt"))
    return _utc(next((time for time in times if time), datetime.fromtimestamp(0, UTC)))


def _utc(time: datetime) -> datetime:
    return time.astimezone(UTC)


@check(
    "evidence.logs",
    title="Known error texts in the containers' logs",
    docs=links.STOPPED_TASKS,
    is_supplementary=True,
)
def container_logs(
    wanted: LogsWanted,
    about: RecordedAbout,
    stopped: StoppedTasks,
    definition: TaskDefinition,
    subject: Subject,
    ecs: Ecs,
    logs: Logs,
) -> Result[ContainerLogs]:
    """With `--logs`, searches the logs of the last stopped and running tasks for known error texts.

    It reads the newest events of their `awslogs` streams. Only lines with a known text are kept, without passwords and
    tokens.

    Why: a driver's error in the application's log shows what the container met: no ticket, a missing SPN, a login.

    Fix: fix the finding that explains the text. `gmsa-doctor explain TEXT` lists the causes of a text.
    """
    groups = {container.name: container.logs for container in definition.containers if container.logs}
    if not groups:
        return skipped("no container of the task definition has the log driver awslogs")
    tasks = list(stopped.newest)
    if subject.service and subject.cluster and not about.task:
        running = ecs.task_arns(subject.cluster, subject.service, "RUNNING")[:_NEWEST]
        tasks += [RecordedTask(arn, "") for arn in running]
    streams = [(name, log, task) for task in tasks for name, log in groups.items() if log.prefix][:_STREAMS]
    if not streams:
        return skipped("no task has a log stream whose name is known: it requires awslogs-stream-prefix, and a task")
    read = each(streams, lambda stream: _of_stream(*stream, logs))
    records = [found for _, found in read if isinstance(found, Record)]
    problems = [found for _, found in read if isinstance(found, ClientError) and not isinstance(found, NotFound)]
    if problems and not records:
        raise problems[0]
    searched = f"{len(streams)} log stream{'s' if streams[1:] else ''} read"
    return Given(ContainerLogs(tuple(records)), passed(f"{searched}, {len(records)} with a known error text"))


def _of_stream(container: str, log: LogStreams, task: RecordedTask, logs: Logs) -> Record | None:
    """The known texts of a stream, PREFIX/CONTAINER/TASK-ID, at the time of the last one.

    Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html
    """
    stream = f"{log.prefix}/{container}/{task.arn.rpartition('/')[2]}"
    events = logs.newest_events(log.group, stream, log.region, _EVENTS)
    lines = [(time, line) for time, text in events for line in lines_of(text)]
    known = sorted({match.line for match in matches([line for _, line in lines])})[-_LINES:]
    if not known:
        return None
    kept = tuple(redacted(lines[number][1]) for number in known)
    by = f"the log of container {container}"
    return Record(container_logs.id, by, kept, lines[known[-1]][0], task.arn, task.definition)
