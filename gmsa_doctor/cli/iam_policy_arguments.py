"""The options of ``iam-policy``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from gmsa_doctor.cli import options
from gmsa_doctor.cli.options import Many
from gmsa_doctor.iam.scope import Purpose

_FOR = "run: for who runs `run`. doctor: for who runs `check`. execution-role: for the service's task execution role."


@dataclass(frozen=True, kw_only=True)
class IamPolicyArguments:
    """The options of ``iam-policy``, in the order of its help."""

    purpose: Annotated[Purpose, typer.Option("--for", help=_FOR)] = Purpose.DOCTOR
    subject: options.SubjectOptions
    task_definition_file: options.TaskDefinitionFile = None
    container: Annotated[str | None, typer.Option(help="Only what this container needs.")] = None
    profile: options.Profile = None
    offline: Annotated[
        bool, typer.Option("--offline", help="Send nothing anywhere: the file alone tells what it can.")
    ] = False
    execution_role: Annotated[
        Many, typer.Option(metavar="ARN[,ARN]", help="The service's task execution role, and the probe's own.")
    ] = None
    instance_role: Annotated[
        Many, typer.Option(metavar="ARN[,ARN]", help="On EC2: the role of the container instances' profile.")
    ] = None
    credspec: Annotated[
        Many, typer.Option(metavar="ARN[,ARN]", help="The CredSpec: an S3 object or an SSM parameter.")
    ] = None
    secret: Annotated[Many, typer.Option(metavar="ARN[,ARN]", help="The secret that the CredSpec names.")] = None
    kms_key: Annotated[
        Many, typer.Option(metavar="ARN[,ARN]", help="A customer-managed key of the secret or the CredSpec.")
    ] = None
    repository: Annotated[
        Many, typer.Option(metavar="ARN[,ARN]", help="An ECR repository that the task's images are in.")
    ] = None
    log_group: Annotated[
        str | None, typer.Option(metavar="NAME|ARN", help="Where the probes, or the task's containers, write.")
    ] = None
    report_s3: Annotated[
        str | None, typer.Option(metavar="S3-URL", help="As for `run`: where the reports go through S3.")
    ] = None
    event_bus: Annotated[
        str | None, typer.Option(metavar="NAME|ARN", help="As for `check`: where the verdict is sent.")
    ] = None
    account: Annotated[str | None, typer.Option(metavar="NUMBER", help="The AWS account.")] = None
    region: options.Region = None
    partition: Annotated[str | None, typer.Option(metavar="NAME", help="The AWS partition.")] = None
