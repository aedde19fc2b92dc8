"""The purpose of a policy, and the resources that it is limited to, from options or from the subjects."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gmsa_doctor.formats.aws.arn import S3ObjectArn, SecretArn, SsmParameterArn


class Purpose(StrEnum):
    """The purpose of a policy."""

    RUN = "run"
    DOCTOR = "doctor"
    EXECUTION_ROLE = "execution-role"
    """The role with which ECS and Credentials Fetcher start the task."""
    FLEET = "fleet"
    """For who enters accounts."""
    FLEET_MEMBER = "fleet-member"
    """The role in each account."""
    FLEET_PROBE = "fleet-probe"
    """That role, if it also starts one-off tasks."""


@dataclass(frozen=True)
class Scope:
    """The resources that a policy is limited to. The policy has a placeholder for what is not given."""

    partition: str = "aws"
    region: str | None = None
    account: str | None = None
    cluster: str | None = None
    """A name."""
    execution_roles: tuple[str, ...] = ()
    instance_roles: tuple[str, ...] = ()
    """ARNs of the roles of EC2 container instances; without any, the policy does not cover them."""
    log_groups: tuple[str, ...] = ()
    """Names, or ARNs of those in another region."""
    made_log_groups: tuple[str, ...] = ()
    """The log groups that the log driver creates."""
    credspecs: tuple[S3ObjectArn | SsmParameterArn, ...] = ()
    secrets: tuple[SecretArn, ...] = ()
    """ARNs as the user wrote them, perhaps without the six characters that Secrets Manager appends."""
    full_secrets: tuple[SecretArn, ...] = ()
    """ARNs as Secrets Manager returned them."""
    without_secret: bool = False
    """No secret is read: the hosts are joined to the AD domain."""
    task_secrets: tuple[SecretArn, ...] = ()
    """Secrets that ECS reads for the containers, perhaps without the six characters."""
    task_parameters: tuple[SsmParameterArn, ...] = ()
    kms_keys: tuple[str, ...] = ()
    """ARNs of customer managed keys; without any, the policy needs no KMS action."""
    repositories: tuple[str, ...] = ()
    """ARNs of the ECR repositories of the task's images."""
    report: tuple[str, str] | None = None
    """Bucket and prefix of ``--report-s3``; without them, the report uses the log stream."""
    start_roles: tuple[str, ...] = ()
    """ARNs of the roles with which these start the tasks."""
    starters: tuple[str, ...] = ()
    """ARNs of the schedules, rules and state machines that start the tasks."""
    event_bus: str | None = None
    """A name; without it, no event is sent."""
    role_name: str = "gmsa-doctor"
    """Of the role with which `fleet` enters accounts."""

    def arn(self, service: str, resource: str) -> str:
        """The ARN of a resource in the scope's region and account."""
        return f"arn:{self.partition}:{service}:{self.region or '<REGION>'}:{self.account or '<ACCOUNT>'}:{resource}"

    @property
    def cluster_name(self) -> str:
        """The cluster's name, or its placeholder."""
        return self.cluster or "<CLUSTER>"

    def of_cluster(self) -> dict[str, Any]:
        """The condition that limits calls to the cluster."""
        return {"ArnEquals": {"ecs:cluster": self.arn("ecs", f"cluster/{self.cluster_name}")}}
