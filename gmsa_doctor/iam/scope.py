"""What a policy is for, and what it is limited to, as options or a look at the subjects tell it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gmsa_doctor.formats.aws.arn import S3ObjectArn, SecretArn, SsmParameterArn


class Purpose(StrEnum):
    """What the policy is for."""

    RUN = "run"
    DOCTOR = "doctor"
    EXECUTION_ROLE = "execution-role"
    """The role with which ECS and Credentials Fetcher start the task."""


@dataclass(frozen=True)
class Scope:
    """What the policy is limited to. Where something is not given, a placeholder stands in the policy."""

    partition: str = "aws"
    region: str | None = None
    account: str | None = None
    cluster: str | None = None
    """A name."""
    execution_roles: tuple[str, ...] = ()
    instance_roles: tuple[str, ...] = ()
    """ARNs of the roles that EC2 container instances run with; without one, nothing is asked about them."""
    log_groups: tuple[str, ...] = ()
    """Names, or ARNs of those in another region."""
    made_log_groups: tuple[str, ...] = ()
    """Those that the driver of the logs makes."""
    credspecs: tuple[S3ObjectArn | SsmParameterArn, ...] = ()
    secrets: tuple[SecretArn, ...] = ()
    """As somebody has written them: perhaps without the six characters that Secrets Manager appends."""
    full_secrets: tuple[SecretArn, ...] = ()
    """As Secrets Manager tells them."""
    without_secret: bool = False
    """No secret is read: the hosts themselves are of the AD domain."""
    task_secrets: tuple[SecretArn, ...] = ()
    """Those that ECS reads for the containers; such an ARN may lack the six characters, too."""
    task_parameters: tuple[SsmParameterArn, ...] = ()
    kms_keys: tuple[str, ...] = ()
    """ARNs of customer-managed keys; without one, nothing about KMS is needed."""
    repositories: tuple[str, ...] = ()
    """ARNs of ECR repositories that the task's images are in."""
    report: tuple[str, str] | None = None
    """Bucket and prefix of ``--report-s3``; without it, the report comes through the log stream."""
    event_bus: str | None = None
    """A name; without it, no event is sent."""

    def arn(self, service: str, resource: str) -> str:
        """The ARN of a resource of the scope's region and account."""
        where = f"{self.region or '<REGION>'}:{self.account or '<ACCOUNT>'}"
        return f"arn:{self.partition}:{service}:{where}:{resource}"

    @property
    def cluster_name(self) -> str:
        """The cluster's name, or its placeholder."""
        return self.cluster or "<CLUSTER>"

    def of_cluster(self) -> dict[str, Any]:
        """The condition that a call is about the cluster."""
        return {"ArnEquals": {"ecs:cluster": self.arn("ecs", f"cluster/{self.cluster_name}")}}
