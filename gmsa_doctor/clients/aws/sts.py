"""AWS Security Token Service."""

from __future__ import annotations

from gmsa_doctor.clients.aws.session import AwsClient, operation


class Sts(AwsClient):
    """AWS Security Token Service."""

    service = "sts"

    @operation("sts:GetCallerIdentity")
    def caller(self) -> dict[str, str]:
        """The caller: Account, Arn."""
        answer = self.api.get_caller_identity()
        return {"Account": answer["Account"], "Arn": answer["Arn"]}
