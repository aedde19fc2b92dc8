"""Values of checks that other rooms use as well: given in place of a check, or looked up after a run."""

from __future__ import annotations

from dataclasses import dataclass, field

from gmsa_doctor.formats.documents.located import Open


@dataclass(frozen=True)
class CredSpecLocation:
    """Where the CredSpec is: an S3 object (``bucket`` and ``key``), an SSM parameter, or a local file.

    ``domainless``: the mode; None for a file without its task definition. ``arn`` is :class:`Open` if only its form is
    known before deployment.
    """

    arn: str
    domainless: bool | None
    bucket: str = ""
    key: str = ""
    parameter: str = ""
    file: str = ""

    @property
    def is_open(self) -> bool:
        """Whether only its form is known before deployment."""
        return isinstance(self.arn, Open)

    @property
    def name(self) -> str:
        """The file, the S3 URI, or the parameter, as shown in reports."""
        if self.file:
            return self.file
        return f"s3://{self.bucket}/{self.key}" if self.bucket else f"the SSM parameter {self.parameter}"


@dataclass(frozen=True)
class CredSpecObject:
    """The CredSpec's bytes; ``size`` is the size of the whole object.

    ``key``: ARN of the KMS key that encrypts it; ``bucket_key``: it is encrypted with an S3 Bucket Key.
    """

    location: CredSpecLocation
    size: int
    body: bytes = field(repr=False)
    key: str = ""
    bucket_key: bool = False


@dataclass(frozen=True)
class ExecutionRole:
    """The task execution role in the task definition."""

    arn: str


@dataclass(frozen=True)
class LinkedSecret:
    """The ARN of a Secrets Manager secret in the task's region."""

    text: str


@dataclass(frozen=True)
class ContainerInstance:
    """A container instance that supports gMSA. ``ec2``: the EC2 instance id; None for an external instance."""

    name: str
    ec2: str | None


@dataclass(frozen=True)
class ContainerInstances:
    """The container instances of the cluster that support gMSA; empty unless the task is known to run on EC2."""

    members: tuple[ContainerInstance, ...] = ()


@dataclass(frozen=True)
class Krb5Conf:
    """The krb5.conf for the container, with the named servers of the AD domain."""

    domain: str
    hosts: tuple[str, ...]
    text: str
