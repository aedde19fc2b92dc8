"""AWS Security Token Service."""

from __future__ import annotations

from typing import Any

from gmsa_doctor.clients.aws.session import AwsClient, operation


class Sts(AwsClient):
    """AWS Security Token Service."""

    service = "sts"

    @operation("sts:GetCallerIdentity")
    def caller(self) -> dict[str, Any]:
        """The caller: Account, Arn, UserId."""
        return dict(self.api.get_caller_identity())
