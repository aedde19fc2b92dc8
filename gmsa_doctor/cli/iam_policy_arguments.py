"""The options of ``iam-policy``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import typer

from gmsa_doctor.cli import options
from gmsa_doctor.cli.options import Many
from gmsa_doctor.setup.iam.scope import Purpose

_FOR = (
    "run: for the user of `run`. doctor: for the user of `check`. execution-role: for the task execution role. "
    "fleet-member: for the role that `fleet` assumes in each account. fleet-probe: for that role with `fleet --probe`. "
    "fleet: for who assumes it."
)


@dataclass(frozen=True, kw_only=True)
class ScopeOptions:
    """What the policy is limited to, instead of what the subject uses."""

    PANEL: ClassVar = "Resources"
    execution_role: Annotated[
        Many, typer.Option(metavar="ARN[,ARN]", help="The task execution role of the service, and that of the probes.")
    ] = None
    instance_role: Annotated[
        Many, typer.Option(metavar="ARN[,ARN]", help="On EC2: the role of the container instances.")
    ] = None
    credspec: Annotated[
        Many, typer.Option(metavar="ARN[,ARN]", help="The CredSpec: an S3 object or an SSM parameter.")
    ] = None
    secret: Annotated[Many, typer.Option(metavar="ARN[,ARN]", help="The secret that the CredSpec names.")] = None
    kms_key: Annotated[
        Many, typer.Option(metavar="ARN[,ARN]", help="A customer managed key of the secret or the CredSpec.")
    ] = None
    repository: Annotated[Many, typer.Option(metavar="ARN[,ARN]", help="An ECR repository of the task's images.")] = (
        None
    )
    log_group: Annotated[
        str | None, typer.Option(metavar="NAME|ARN", help="The log group of the probes, or of the task's containers.")
    ] = None
    report_s3: Annotated[
        str | None,
        typer.Option(
            metavar="s3://BUCKET/PREFIX",
            help="As for `run`: where the reports are transferred. With --for fleet: the --output-dir of `fleet`.",
        ),
    ] = None
    event_bus: Annotated[
        str | None, typer.Option(metavar="NAME|ARN", help="As for `check`: where the verdict is sent.")
    ] = None
    role_name: Annotated[
        str | None, typer.Option(metavar="NAME", help="As for `fleet`: the role in other accounts.")
    ] = None
    account: Annotated[str | None, typer.Option(metavar="NUMBER", help="The AWS account.")] = None
    partition: Annotated[str | None, typer.Option(metavar="NAME", help="The AWS partition.")] = None


@dataclass(frozen=True, kw_only=True)
class IamPolicyArguments:
    """The arguments and options of ``iam-policy``, in the order of its help."""

    files: options.Files = None
    purpose: Annotated[Purpose, typer.Option("--for", rich_help_panel="Policy", help=_FOR)] = Purpose.DOCTOR
    subject: options.SubjectOptions
    task_definition_file: options.TaskDefinitionFile = None
    aws: options.AwsOptions
    offline: options.Offline = False
    resources: ScopeOptions
