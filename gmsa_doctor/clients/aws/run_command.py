"""AWS Systems Manager Run Command: runs a shell script on container instances, for `gmsa-doctor run --journal`.

`iam-policy` does not print these actions: a user who may send this document may run any script on these instances.
"""

from __future__ import annotations

from dataclasses import dataclass

from gmsa_doctor.clients.aws.session import AwsClient, none_if, operation

_UNDER_WAY = ("Pending", "InProgress", "Delayed", "Cancelling")
DOCUMENT = "AWS-RunShellScript"


@dataclass(frozen=True)
class Invocation:
    """The end of a command on an instance. ``output`` is at most the first 24,000 characters that it wrote.

    Source: https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetCommandInvocation.html
    """

    status: str
    output: str
    error: str = ""


class RunCommand(AwsClient):
    """The part of AWS Systems Manager that runs a script."""

    service = "ssm"

    @operation("ssm:SendCommand", fresh=True)
    def send(self, instances: tuple[str, ...], script: str, seconds: int) -> str:
        """Run the script on these instances. Returns the command's id."""
        answer = self.api.send_command(
            InstanceIds=list(instances),
            DocumentName=DOCUMENT,
            Parameters={"commands": [script], "executionTimeout": [str(seconds)]},
            TimeoutSeconds=max(30, seconds),
            Comment="gmsa-doctor run --journal",
        )
        return str(answer["Command"]["CommandId"])

    @operation("ssm:GetCommandInvocation", fresh=True)
    def ended(self, command: str, instance: str) -> Invocation | None:
        """How the command ended on an instance; None if it has not."""
        answer = none_if(
            "InvocationDoesNotExist",
            lambda: self.api.get_command_invocation(CommandId=command, InstanceId=instance),
        )
        if answer is None or answer["Status"] in _UNDER_WAY:
            return None
        return Invocation(
            str(answer["Status"]), answer.get("StandardOutputContent", ""), answer.get("StandardErrorContent", "")
        )
