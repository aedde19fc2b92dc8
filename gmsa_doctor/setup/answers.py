"""What a plan is made for: the names of the service and of all that it needs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gmsa_doctor.formats.aws.partitions import partition_of

IN_SECRET = "<user in the secret>"
"""Stands for a name that only the secret has, and that is not shown: it may be a password at the wrong place."""


class DnsBy(StrEnum):
    """How the VPC's DNS finds the AD domain."""

    RESOLVER_RULE = "resolver-rule"
    DHCP_OPTIONS = "dhcp-options"


class Form(StrEnum):
    """The form in which the plan shows what is missing in AWS."""

    CLI = "cli"
    CLOUDFORMATION = "cloudformation"
    TERRAFORM = "terraform"
    CDK = "cdk"


@dataclass(frozen=True, kw_only=True)
class Answers:
    """The names of a service with a gMSA. Those of AWS are complete: no account and no region is left open."""

    gmsa: str
    """Without ``$``."""
    domain: str
    user: str
    """The sAMAccountName of the user in the secret; :data:`IN_SECRET` if the secret has another one than was given."""
    group: str
    """The group whose members may retrieve the gMSA's password."""
    region: str
    account: str
    cluster: str
    service: str
    container: str
    family: str
    """Of the task definition."""
    image: str
    execution_role: str
    """Its name, after its path if it has one."""
    bucket: str
    key: str
    secret: str
    """The secret's name."""
    log_group: str
    """Empty if the containers do not write to CloudWatch Logs."""
    vpc: str
    subnets: tuple[str, ...]
    security_groups: tuple[str, ...]
    ad_dns: tuple[str, ...]
    """The addresses of the AD's DNS servers."""
    dns_by: DnsBy = DnsBy.RESOLVER_RULE
    resolver_endpoint: str = ""
    """An outbound endpoint to use; empty: a new one."""
    ad_security_group: str = ""
    """The security group of the domain controllers, if it is in AWS."""
    public_address: bool = False
    spns: tuple[str, ...] = ()
    lab: bool = False
    """Whether the AD is a lab's, with one domain controller."""
    profile: str = ""
    """The AWS profile to use; empty: what the shell has."""

    @property
    def partition(self) -> str:
        """The partition of the region."""
        return partition_of(self.region).name

    @property
    def credspec_arn(self) -> str:
        """The ARN of the CredSpec object."""
        return f"arn:{self.partition}:s3:::{self.bucket}/{self.key}"

    @property
    def role_arn(self) -> str:
        """The ARN of the execution role."""
        return f"arn:{self.partition}:iam::{self.account}:role/{self.execution_role}"

    @property
    def secret_arn(self) -> str:
        """The secret's ARN without the six characters that Secrets Manager appends."""
        return f"arn:{self.partition}:secretsmanager:{self.region}:{self.account}:secret:{self.secret}"
