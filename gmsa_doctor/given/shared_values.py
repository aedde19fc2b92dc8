"""Values of checks that are known outside of them: given in the place of a check, or looked up after a run."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class CredSpecLocation:
    """Where the CredSpec lies: an S3 object (``bucket`` and ``key``), an SSM parameter, or a file that was given."""

    arn: str
    domainless: bool
    bucket: str = ""
    key: str = ""
    parameter: str = ""
    file: str = ""

    @property
    def name(self) -> str:
        """What people call it."""
        if self.file:
            return self.file
        return f"s3://{self.bucket}/{self.key}" if self.bucket else f"the SSM parameter {self.parameter}"


@dataclass(frozen=True)
class CredSpecObject:
    """The CredSpec's bytes; ``size`` is that of the whole object.

    ``key`` is the ARN of the KMS key that encrypts it, ``bucket_key``: by way of a key of the bucket.
    """

    location: CredSpecLocation
    size: int
    body: bytes = field(repr=False)
    key: str = ""
    bucket_key: bool = False


@dataclass(frozen=True)
class ExecutionRole:
    """The task execution role, as the task definition names it."""

    arn: str


@dataclass(frozen=True)
class LinkedSecret:
    """The ARN of a Secrets Manager secret, of the task's region."""

    text: str


@dataclass(frozen=True)
class ContainerInstance:
    """One that can give a task its gMSA. ``ec2`` is the id of the EC2 instance; None where it is no instance of EC2."""

    name: str
    ec2: str | None


@dataclass(frozen=True)
class ContainerInstances:
    """Those of the cluster that can give a task its gMSA; none where the task is not known to run on EC2."""

    members: tuple[ContainerInstance, ...] = ()


@dataclass(frozen=True)
class Krb5Conf:
    """The krb5.conf of the container, for the servers of the AD domain that were named."""

    domain: str
    hosts: tuple[str, ...]
    text: str
