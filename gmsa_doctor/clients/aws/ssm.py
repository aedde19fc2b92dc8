"""AWS Systems Manager Parameter Store."""

from __future__ import annotations

from dataclasses import dataclass

from gmsa_doctor.clients.aws.session import AwsClient, operation


@dataclass(frozen=True)
class Parameter:
    """A parameter: its type and its value; the value of a SecureString is encrypted."""

    type: str
    value: str


class Ssm(AwsClient):
    """AWS Systems Manager Parameter Store."""

    service = "ssm"

    @operation("ssm:GetParameter")
    def parameter(self, name: str) -> Parameter:
        """A parameter without decryption: this is how the ECS agent reads a CredSpec."""
        found = self.api.get_parameter(Name=name, WithDecryption=False)["Parameter"]
        return Parameter(str(found["Type"]), str(found["Value"]))

    @operation("ssm:GetParameter")
    def get(self, name: str) -> str:
        """The value of a parameter, decrypted."""
        return str(self.api.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"])
