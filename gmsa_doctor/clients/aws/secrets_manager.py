"""AWS Secrets Manager."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from gmsa_doctor.clients.aws.session import AwsClient, iso, operation
from gmsa_doctor.core.hidden import Hidden


@dataclass(frozen=True)
class SecretText:
    """A version of a secret. ``text`` is None for a binary secret."""

    text: Hidden[str] | None
    version: str
    created: str = field(default="", compare=False)
    """When this version was stored (ISO 8601)."""


class SecretsManager(AwsClient):
    """AWS Secrets Manager."""

    service = "secretsmanager"

    @operation("secretsmanager:GetSecretValue")
    def get(self, arn: str, stage: str | None = None, version: str | None = None) -> SecretText:
        """The value of a secret: the current version by default."""
        named = {"VersionStage": stage, "VersionId": version}
        answer = self.api.get_secret_value(SecretId=arn, **{key: value for key, value in named.items() if value})
        text = answer.get("SecretString")
        hidden = None if text is None else Hidden(text)
        return SecretText(hidden, answer.get("VersionId", ""), iso(answer.get("CreatedDate")))

    def versions(self) -> dict[str, str]:
        """The current versions of the secrets that were read, by the name in the request."""
        values = [(key, value) for key, value in self.answers.items() if isinstance(key, tuple)]
        texts = [(key[1], value) for key, value in values if isinstance(value, SecretText)]
        return {str(arguments[0]): text.version for arguments, text in texts if len(arguments) == 1}

    @operation("secretsmanager:DescribeSecret")
    def describe(self, arn: str) -> dict[str, Any]:
        """A secret without its value."""
        described: dict[str, Any] = self.api.describe_secret(SecretId=arn)
        return described

    @operation("secretsmanager:GetResourcePolicy")
    def policy(self, arn: str) -> str | None:
        """The JSON text of a secret's resource policy; None if it has none."""
        text: str | None = self.api.get_resource_policy(SecretId=arn).get("ResourcePolicy")
        return text or None
