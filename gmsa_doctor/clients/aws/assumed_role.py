"""A role in another account: its credentials, which are renewed before they expire."""

from __future__ import annotations

from typing import Any

from gmsa_doctor.clients.aws.session import Aws, AwsClient, error_code, operation
from gmsa_doctor.core.errors import Denied

SESSION_NAME = "gmsa-doctor"
"""Of the role's session: CloudTrail shows it with each call."""


class RoleEntry(AwsClient):
    """AWS Security Token Service, to assume roles."""

    service = "sts"

    @operation("sts:AssumeRole", fresh=True)
    def assume(self, role: str, external_id: str | None) -> dict[str, str]:
        """Temporary credentials, as botocore's credentials that can be renewed take them.

        Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
        """
        import botocore.exceptions

        more = {"ExternalId": external_id} if external_id else {}
        try:
            found = self.api.assume_role(RoleArn=role, RoleSessionName=SESSION_NAME, **more)["Credentials"]
        except botocore.exceptions.ClientError as error:
            if error_code(error) == "AccessDenied":  # also if there is no such role
                raise Denied("sts:AssumeRole", role, str(error)) from error
            raise
        return {
            "access_key": found["AccessKeyId"],
            "secret_key": found["SecretAccessKey"],
            "token": found["SessionToken"],
            "expiry_time": found["Expiration"].isoformat(),
        }


class AssumedRole:
    """A role to enter an account with, by the credentials of ``source``. All its sessions share the credentials."""

    def __init__(self, source: Aws, arn: str, external_id: str | None = None) -> None:
        from botocore.credentials import DeferredRefreshableCredentials

        entry = RoleEntry(source)
        self.arn = arn
        self.credentials: Any = DeferredRefreshableCredentials(
            refresh_using=lambda: entry.assume(arn, external_id), method="assume-role"
        )

    def enter(self) -> None:
        """Assume the role. Raises ClientError."""
        self.credentials.get_frozen_credentials()

    def give_to(self, session: Any) -> None:
        """Let a session of botocore use these credentials, and no others."""
        from botocore.credentials import CredentialProvider, CredentialResolver

        class Provider(CredentialProvider):  # type: ignore[misc]
            METHOD = "assume-role"

            def load(provider) -> Any:  # noqa: N805
                return self.credentials

        session.register_component("credential_provider", CredentialResolver([Provider()]))
