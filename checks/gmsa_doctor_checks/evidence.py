"""What ECS and the containers have recorded.

`checking/evidence.py` brings these records to the findings that explain them. A check of this area that is denied is
`unknown`, but the run is not incomplete because of it: the records show what was wrong before, the other checks show
what is wrong now.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from gmsa_doctor.authoring import (
    Finding,
    Fix,
    Given,
    Result,
    Row,
    Status,
    check,
    listed,
    passed,
    skipped,
    unknown,
    warned,
)
from gmsa_doctor.clients.aws.ecs import Ecs
from gmsa_doctor.clients.aws.logs import Logs
from gmsa_doctor.core.errors import ClientError, NotFound
from gmsa_doctor.core.limits import each
from gmsa_doctor.formats.aws import stopped_task
from gmsa_doctor.formats.documents.task_definition import LogStreams, TaskDefinition
from gmsa_doctor.formats.symptoms.matching import matches
from gmsa_doctor.formats.symptoms.reading import lines_of, redacted
from gmsa_doctor.formats.symptoms.searching import known_lines
from gmsa_doctor.given.records import (
    ContainerLogs,
    InstanceJournal,
    InstanceJournals,
    LogsWanted,
    Record,
    RecordedAbout,
    RecordedTask,
    ServiceEvents,
    StoppedTasks,
)
from gmsa_doctor.given.subject import Subject
from gmsa_doctor_checks import links

_STEADY = "has reached a steady state"
_NEWEST = 2
"""Tasks of each kind, stopped and running, whose logs are read."""
_STREAMS = 8
_EVENTS = 1_000
"""Log events that are read of a stream, the newest ones: one call."""


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
    primary: Mapping[str, Any] = next(
        (deployment for deployment in deployments if deployment.get("status") == "PRIMARY"), {}
    )
    began = primary.get("createdAt")
    dated = [(event["createdAt"], str(event.get("message"))) for event in service.get("events", ())]
    events = [(_utc(time), redacted(text)) for time, text in dated if not began or time >= began]
    steady = max((time for time, text in events if _STEADY in text), default=None)
    known = [(time, text) for time, text in reversed(events) if _STEADY not in text and matches(lines_of(text))]
    value = ServiceEvents(tuple(Record(service_events.id, "ECS", (text,), time) for time, text in known), steady)
    tasks = f"{service.get('runningCount', 0)} of {service.get('desiredCount', 0)} tasks are running"
    since = f"; last steady at {steady:%Y-%m-%d %H:%M:%S} UTC" if steady else ""
    failed = next((deployment for deployment in deployments if deployment.get("rolloutState") == "FAILED"), None)
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

    ECS keeps stopped tasks for an hour. With `--task`, only that task is read. Without a service, all tasks of the task
    definition's family in the cluster are.

    Why: `stoppedReason` has the text of Credentials Fetcher. It is shown at the finding that explains it. A text that
    no finding explains is reported here, with its likeliest causes.

    Fix: fix the finding that explains the text. `gmsa-doctor explain TEXT` lists the causes of a text.
    """
    if not subject.cluster or not (about.task or subject.service or subject.starter):
        return skipped("the task does not belong to a service")
    tasks = [ecs.describe_task(about.task, subject.cluster)] if about.task else _stopped(subject, ecs)
    tasks = sorted(tasks, key=stopped_task.ended, reverse=True)
    records = tuple(_of_task(task) for task in tasks if stopped_task.is_failure(task))
    value = StoppedTasks(records, tuple(_task(task) for task in tasks[:_NEWEST]))
    if not tasks:
        return Given(value, passed(f"no task of {_whose(subject)} has stopped in the last hour"))
    number = f"{len(tasks)} task{'s' if tasks[1:] else ''} stopped"
    if about.task:
        number = f"the task is {str(tasks[0].get('lastStatus') or 'unknown').lower()}"
    return Given(value, passed(f"{number}, {len(records)} with an error" if records else f"{number}, without an error"))


def _stopped(subject: Subject, ecs: Ecs) -> list[dict[str, Any]]:
    if subject.service:
        return ecs.stopped_tasks(str(subject.cluster), subject.service)
    arns = _arns(subject, "STOPPED", ecs)
    return ecs.described_tasks(arns, str(subject.cluster)) if arns else []


def _arns(subject: Subject, status: str, ecs: Ecs) -> tuple[str, ...]:
    if subject.service:
        return ecs.task_arns(str(subject.cluster), subject.service, status)
    return ecs.family_task_arns(str(subject.cluster), subject.task_definition.partition(":")[0], status)


def _whose(subject: Subject) -> str:
    return "the service" if subject.service else subject.task_definition.partition(":")[0]


def _of_task(task: Mapping[str, Any]) -> Record:
    own = _task(task)
    lines = tuple(map(redacted, stopped_task.reasons(task)))
    return Record(stopped_tasks.id, "ECS", lines, stopped_task.ended(task), own.arn, own.definition)


def _task(task: Mapping[str, Any]) -> RecordedTask:
    return RecordedTask(str(task["taskArn"]), stopped_task.definition(task))


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
    if (subject.service or subject.starter) and subject.cluster and not about.task:
        running = _arns(subject, "RUNNING", ecs)[:_NEWEST]
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
    found = known_lines(logs.newest_events(log.group, stream, log.region, _EVENTS))
    if found is None:
        return None
    lines, time = found
    return Record(container_logs.id, f"the log of container {container}", lines, time, task.arn, task.definition)


_OLD = (1, 3, 6)


@check(
    "evidence.journal",
    title="The journal of the container instances",
    docs=links.EC2_GMSA,
    is_supplementary=True,
)
def journal(journals: InstanceJournals) -> Finding:
    """With `gmsa-doctor run --journal`, reads the daemon's journal and the agent's log on the container instances.

    It also reads the versions of Credentials Fetcher and of the ECS agent, and the settings for gMSA in
    `/etc/ecs/ecs.config`.

    Why: Credentials Fetcher keeps most reasons to its journal. Each known text is shown at the finding that explains
    it. Some versions have known faults.

    Fix: fix the finding that explains the text, or update credentials-fetcher.
    """
    rows = tuple(_of_instance(instance) for instance in journals.instances)
    faulty = [row for row in rows if row.status is Status.WARN]
    unread = [row for row in rows if row.status is Status.UNKNOWN]
    if unread and not faulty:
        return unknown("; ".join(f"{row.name}: {row.text}" for row in unread), rows=rows)
    if not faulty:
        return passed(f"read on {listed(row.name for row in rows)}", rows=rows)
    return warned(
        "; ".join(f"{row.name}: {row.text}" for row in faulty),
        expected="a version without a known fault",
        fix=Fix(
            "Update credentials-fetcher on the container instances, and restart it.",
            ("sudo dnf upgrade -y credentials-fetcher && sudo systemctl restart credentials-fetcher",),
        ),
        rows=rows,
    )


def _of_instance(instance: InstanceJournal) -> Row:
    if instance.problem:
        return Row(instance.name, Status.UNKNOWN, instance.problem)
    daemon = f"credentials-fetcher {instance.daemon}" if instance.daemon else "credentials-fetcher of unknown version"
    agent = f"ECS agent {instance.agent}" if instance.agent else "ECS agent of unknown version"
    text = ", ".join((daemon, agent, *instance.settings))
    if fault := known_fault(instance.daemon):
        return Row(instance.name, Status.WARN, f"{text}: {fault}")
    return Row(instance.name, Status.PASS, text)


def known_fault(version: str) -> str:
    """What is known to be wrong with a version of Credentials Fetcher; empty if nothing is.

    Sources: https://github.com/aws/credentials-fetcher/issues/218 for 2.0.1; measured for 1.3.6.
    """
    numbers = tuple(map(int, version.split("."))) if version else ()
    if numbers == (2, 0, 1):
        return '2.0.1 reports each failed start as "failed to remove Kerberos file"; only the journal has the reason'
    if numbers and numbers < _OLD:
        return "versions before 1.3.6 may find a gMSA in CN=Managed Service Accounts only"
    if numbers == _OLD:
        return "1.3.6 crashes when the user's password is about to expire"
    return ""
