"""Fetches the report of a task from its log stream, or from the S3 object that it wrote."""

from __future__ import annotations

from collections.abc import Callable

from gmsa_doctor.clients.aws.fargate import ProbeLogs, ReportBucket
from gmsa_doctor.clients.aws.session import Aws
from gmsa_doctor.core.errors import ClientError
from gmsa_doctor.probe.envelope import Arrived, gather
from gmsa_doctor.probe.plan import Plan

LogsIn = Callable[[str | None], ProbeLogs]
"""CloudWatch Logs in a region; None for the task's own. A log group may be in another region than the task."""


def logs_by_region(aws: Aws) -> LogsIn:
    """Clients with the credentials of ``aws``, one for each region."""
    known: dict[str | None, ProbeLogs] = {None: ProbeLogs(aws), aws.region: ProbeLogs(aws)}

    def logs_in(region: str | None) -> ProbeLogs:
        if region not in known:
            known[region] = ProbeLogs(aws.in_region(region))
        return known[region]

    return logs_in


def report_folder(uri: str, run: str) -> tuple[str, str]:
    """The bucket of a run's reports below ``s3://bucket/prefix``, and what their keys begin with."""
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    prefix = prefix.strip("/")
    return bucket, f"{prefix}{'/' if prefix else ''}{run}/"


def report_object(uri: str, run: str, task_id: str) -> tuple[str, str]:
    """The bucket and key of a task's report."""
    bucket, folder = report_folder(uri, run)
    return bucket, f"{folder}{task_id}.txt"


class Mailbox:
    """Reads the reports of a plan's tasks."""

    def __init__(self, plan: Plan, logs_in: LogsIn, bucket: ReportBucket) -> None:
        self._plan = plan
        self._logs_in = logs_in
        self._bucket = bucket

    def fetch(self, task_id: str) -> Arrived:
        """The part of a task's report that has arrived. Raises ClientError if nothing can be read."""
        arrived = Arrived(None)
        problem: ClientError | None = None
        for read in (self._object, self._stream):
            try:
                lines = read(task_id)
            except ClientError as error:
                problem = error
                continue
            found = gather(self._plan.run, lines)
            arrived = found if found.body is not None or found.total > arrived.total else arrived
            if arrived.body is not None:
                return arrived
        if problem and not arrived.total:
            raise problem
        return arrived

    def _object(self, task_id: str) -> tuple[str, ...]:
        if not self._plan.report_s3:
            return ()
        body = self._bucket.get(*report_object(self._plan.report_s3, self._plan.run, task_id))
        return tuple((body or b"").decode(errors="replace").splitlines())

    def _stream(self, task_id: str) -> tuple[str, ...]:
        logs = self._plan.logs
        return self._logs_in(logs.region).lines(logs.group, self._plan.stream(task_id)) if logs else ()
