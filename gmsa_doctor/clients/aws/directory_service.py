"""AWS Directory Service."""

from __future__ import annotations

from typing import Any

from gmsa_doctor.clients.aws.session import AwsClient, operation


class DirectoryService(AwsClient):
    """AWS Directory Service."""

    service = "ds"

    @operation("ds:DescribeDirectories")
    def directories(self) -> list[dict[str, Any]]:
        """All directories of the account in the region, those shared with it included."""
        return self.pages("describe_directories", "DirectoryDescriptions")
