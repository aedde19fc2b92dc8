"""The AWS calls of `gmsa-doctor run`: start tasks, follow them, read their reports, and remove them.

Only these calls change anything in AWS, and only resources with the tag :data:`TAG`. No answer is remembered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gmsa_doctor.clients.aws.session import AwsClient, none_if, operation
from gmsa_doctor.core.errors import ServiceError

TAG = "gmsa-doctor"
"""The tag of all resources of a run; its value is the run's id."""
PROBE_FAMILY = "gmsa-doctor-probe"
CANARY_FAMILY = "gmsa-doctor-canary"
FAMILIES = (PROBE_FAMILY, CANARY_FAMILY)
_DESIRED = ("RUNNING", "STOPPED")
"""A task that is stopping has the second one, long before it has stopped."""
LOG_LIMIT = 16 * 1024 * 1024
"""Bytes of a probe's log. A report for many subjects has some 100 KB."""
_NO_LOG = "ResourceNotFoundException"
"""CloudWatch Logs' error code for a group or stream that does not exist."""


@dataclass(frozen=True)
class Task:
    """The state of a task. ``exit_code`` and ``container_reason``: of the first container that has one."""

    arn: str
    status: str
    definition: str = ""
    stop_code: str | None = None
    stopped_reason: str | None = None
    exit_code: int | None = None
    container_reason: str | None = None
    run: str | None = None
    """The id of the run that started it, from its tag; None for any other task."""

    @property
    def id(self) -> str:
        """The last part of the ARN; log streams are named after it."""
        return self.arn.rpartition("/")[2]

    @property
    def stopped(self) -> bool:
        """Whether it has ended."""
        return self.status == "STOPPED"


@dataclass(frozen=True)
class Registered:
    """A task definition. ``run``: the id of the run that registered it; None if another program did.

    ``environment``: the variables of its first container.
    """

    arn: str
    run: str | None
    log_region: str | None = None
    log_group: str | None = None
    stream_prefix: str | None = None
    environment: tuple[tuple[str, str], ...] = ()


class NotStarted(ServiceError):
    """ECS accepted the call but did not start the task; ``reason`` is ECS's own text."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"ECS did not start the task: {reason}{f' ({detail})' if detail else ''}", "NotStarted")
        self.reason = reason


class Fargate(AwsClient):
    """The part of Amazon ECS that starts and removes tasks."""

    service = "ecs"

    @operation("ecs:RegisterTaskDefinition", fresh=True)
    def register(self, family: str, definition: Mapping[str, Any], run: str) -> str:
        """Register a task definition. Returns its ARN."""
        tags = [{"key": TAG, "value": run}]
        answer = self.api.register_task_definition(family=family, tags=tags, **definition)
        return str(answer["taskDefinition"]["taskDefinitionArn"])

    @operation("ecs:RunTask", fresh=True)
    def start(self, definition: str, arguments: Mapping[str, Any], run: str) -> Task:
        """Start one task. Raises NotStarted for a failure that ECS reports.

        ``arguments`` must include a ``clientToken``, so that a retry of the SDK does not start a second task.
        """
        answer = self.api.run_task(
            taskDefinition=definition, count=1, startedBy=run, tags=[{"key": TAG, "value": run}], **arguments
        )
        for task in answer.get("tasks", ()):
            return _task(task)
        for failure in answer.get("failures", ()):
            raise NotStarted(str(failure.get("reason", "no reason given")), str(failure.get("detail", "")))
        raise NotStarted("no reason given")

    @operation("ecs:DescribeTasks", fresh=True)
    def describe(self, tasks: tuple[str, ...], cluster: str) -> dict[str, Task]:
        """Tasks by ARN, at most 100; those that ECS no longer knows are missing."""
        answer = self.api.describe_tasks(cluster=cluster, tasks=list(tasks), include=["TAGS"])
        return {task["taskArn"]: _task(task) for task in answer["tasks"]}

    @operation("ecs:StopTask", fresh=True)
    def stop(self, task: str, cluster: str, reason: str) -> None:
        """Stop a task; no error if it has already stopped."""
        self.api.stop_task(cluster=cluster, task=task, reason=reason)

    @operation("ecs:DeregisterTaskDefinition", fresh=True)
    def deregister(self, definition: str) -> None:
        """Make a task definition INACTIVE."""
        self.api.deregister_task_definition(taskDefinition=definition)

    @operation("ecs:ListTasks", fresh=True)
    def listed(self, cluster: str, family: str) -> tuple[str, ...]:
        """ARNs of a family's tasks: starting, running, stopping, and (for about an hour) stopped ones.

        Source: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTasks.html
        """
        wanted = {"cluster": cluster, "family": family}
        pages = (self.pages("list_tasks", "taskArns", **wanted, desiredStatus=status) for status in _DESIRED)
        return tuple(arn for arns in pages for arn in arns)

    @operation("ecs:ListTaskDefinitions", fresh=True)
    def active_definitions(self, family: str) -> tuple[str, ...]:
        """ARNs of the ACTIVE task definitions of a family."""
        arns = self.pages("list_task_definitions", "taskDefinitionArns", familyPrefix=family, status="ACTIVE")
        return tuple(arn for arn in arns if arn.rpartition("/")[2].rpartition(":")[0] == family)

    @operation("ecs:DescribeTaskDefinition", fresh=True)
    def registered(self, definition: str) -> Registered:
        """A task definition: the run that registered it, and where its tasks report."""
        answer = self.api.describe_task_definition(taskDefinition=definition, include=["TAGS"])
        container: Mapping[str, Any] = next(iter(answer["taskDefinition"]["containerDefinitions"]), {})
        options: Mapping[str, str] = container.get("logConfiguration", {}).get("options", {})
        return Registered(
            definition,
            _run_in(answer.get("tags", ())),
            options.get("awslogs-region"),
            options.get("awslogs-group"),
            options.get("awslogs-stream-prefix"),
            tuple((pair["name"], pair.get("value", "")) for pair in container.get("environment", ())),
        )


def _task(described: Mapping[str, Any]) -> Task:
    containers = described.get("containers", ())
    return Task(
        str(described["taskArn"]),
        str(described.get("lastStatus", "")),
        str(described.get("taskDefinitionArn", "")),
        described.get("stopCode"),
        described.get("stoppedReason"),
        next((container["exitCode"] for container in containers if container.get("exitCode") is not None), None),
        next((container["reason"] for container in containers if container.get("reason")), None),
        _run_in(described.get("tags", ())),
    )


def _run_in(tags: Iterable[Mapping[str, str]]) -> str | None:
    return next((tag["value"] for tag in tags if tag.get("key") == TAG), None)


class ProbeLogs(AwsClient):
    """Amazon CloudWatch Logs, for the log stream of a probe task."""

    service = "logs"

    @operation("logs:GetLogEvents", fresh=True)
    def lines(self, group: str, stream: str) -> tuple[str, ...]:
        """All lines of a stream so far; empty for a stream that does not exist. Raises ServiceError for too many."""
        lines: list[str] = []
        left = LOG_LIMIT
        arguments = {"logGroupName": group, "logStreamName": stream, "startFromHead": True}
        while answer := none_if(_NO_LOG, lambda: self.api.get_log_events(**arguments)):
            lines += [str(event["message"]) for event in answer["events"]]
            left -= 1024 + sum(len(event["message"]) for event in answer["events"])  # an empty page counts, too
            if left < 0:
                raise ServiceError(f"the log stream {stream} is larger than {LOG_LIMIT // 1024 // 1024} MB", "TooLarge")
            token = answer.get("nextForwardToken")
            if not token or token == arguments.get("nextToken"):  # at the end, the token does not change
                break
            arguments["nextToken"] = token
        return tuple(lines)

    @operation("logs:DescribeLogStreams", fresh=True)
    def streams(self, group: str, prefix: str) -> tuple[str, ...]:
        """The names of a group's streams with this prefix; empty for a group that does not exist."""
        names = {"logGroupName": group, "logStreamNamePrefix": prefix}
        streams = none_if(_NO_LOG, lambda: self.pages("describe_log_streams", "logStreams", **names))
        return tuple(stream["logStreamName"] for stream in streams or ())

    @operation("logs:DeleteLogStream", fresh=True)
    def delete(self, group: str, stream: str) -> None:
        """Delete a stream; no error if it does not exist."""
        none_if(_NO_LOG, lambda: self.api.delete_log_stream(logGroupName=group, logStreamName=stream))


class ReportBucket(AwsClient):
    """Amazon S3, for the report of a probe (``--report-s3``)."""

    service = "s3"

    @operation("s3:GetObject", fresh=True)
    def get(self, bucket: str, key: str) -> bytes | None:
        """The object, or None if it does not exist yet."""
        answer = none_if("NoSuchKey", lambda: self.api.get_object(Bucket=bucket, Key=key))
        return answer and bytes(answer["Body"].read())

    @operation("s3:PutObject", fresh=True)
    def put(self, bucket: str, key: str, body: bytes) -> None:
        """Write the object. Only the probe calls this, with its task role."""
        self.api.put_object(Bucket=bucket, Key=key, Body=body)

    @operation("s3:ListObjectsV2", "s3:ListBucket", fresh=True)
    def keys(self, bucket: str, prefix: str) -> tuple[str, ...]:
        """The keys of the objects with this prefix."""
        pages = self.each_page("list_objects_v2", Bucket=bucket, Prefix=prefix)
        return tuple(item["Key"] for page in pages for item in page.get("Contents", ()))  # absent if there is none

    @operation("s3:DeleteObject", fresh=True)
    def delete(self, bucket: str, key: str) -> None:
        """Delete the object; no error if it does not exist."""
        self.api.delete_object(Bucket=bucket, Key=key)


RUN_CLIENTS = (Fargate, ProbeLogs, ReportBucket)
"""The clients that only ``run`` uses."""
