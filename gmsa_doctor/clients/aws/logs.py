"""Amazon CloudWatch Logs: the log groups of a task, and its log streams."""

from __future__ import annotations

from datetime import UTC, datetime

from gmsa_doctor.clients.aws.session import AwsClient, operation
from gmsa_doctor.clients.aws.transport import NotFromAwsError


class Logs(AwsClient):
    """Amazon CloudWatch Logs."""

    service = "logs"

    @operation("logs:DescribeLogGroups")
    def has_group(self, name: str) -> bool:
        """Whether a log group of this name exists."""
        groups = self.pages("describe_log_groups", "logGroups", logGroupNamePrefix=name)
        return any(group["logGroupName"] == name for group in groups)

    @operation("logs:GetLogEvents")
    def newest_events(self, group: str, stream: str, region: str | None, most: int) -> list[tuple[datetime, str]]:
        """The newest events of a stream, oldest first: one call, at most 1 MB. Raises NotFound."""
        api = self.aws.in_region(region).client(self.service)
        answer = api.get_log_events(logGroupName=group, logStreamName=stream, limit=most, startFromHead=False)
        events = answer["events"]
        return [(_time(event["timestamp"]), str(event["message"])) for event in events]


def _time(milliseconds: int) -> datetime:
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ArithmeticError, ValueError, OSError) as error:  # beyond all years
        raise NotFromAwsError from error
