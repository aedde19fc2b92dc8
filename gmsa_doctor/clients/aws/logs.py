"""Amazon CloudWatch Logs: the log groups of a task."""

from __future__ import annotations

from gmsa_doctor.clients.aws.session import AwsClient, operation


class Logs(AwsClient):
    """Amazon CloudWatch Logs."""

    service = "logs"

    @operation("logs:DescribeLogGroups")
    def has_group(self, name: str) -> bool:
        """Whether a log group of this name exists."""
        groups = self.pages("describe_log_groups", "logGroups", logGroupNamePrefix=name)
        return any(group["logGroupName"] == name for group in groups)
