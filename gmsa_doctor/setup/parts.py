"""The parts of a service with a gMSA: typed data, each with its step, its owner and a title."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from gmsa_doctor.core.model import Owner, Step
from gmsa_doctor.formats.documents.credspec_text import DomainIdentity
from gmsa_doctor.given.subject import Controller

DNS_PORTS = (("tcp", 53), ("udp", 53))
AD_PORTS = (("tcp", 88), ("udp", 88), ("tcp", 389))
"""What Credentials Fetcher uses of a domain controller: Kerberos (RFC 4120, 7.2) and LDAP."""


@dataclass(frozen=True)
class Part:
    """A part. ``step``: the first of the nine steps that needs it; ``owner``: who creates it."""

    step: ClassVar[Step]
    owner: ClassVar[Owner]

    @property
    def title(self) -> str:
        """What it is, with its name."""
        raise NotImplementedError


class InAd(Part):
    """A part that an AD administrator creates."""

    owner = Owner.AD


class InAws(Part):
    """A part that an AWS administrator creates."""

    owner = Owner.AWS


class OfDeveloper(Part):
    """A part that the application's developer creates."""

    owner = Owner.DEVELOPER


# AD ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RootKey(InAd):
    """A KDS root key of the forest, of which domain controllers make the passwords of gMSAs."""

    step = Step.GMSA_PASSWORD
    lab: bool = False

    @property
    def title(self) -> str:
        """What it is."""
        return "a KDS root key that is effective"


@dataclass(frozen=True)
class Group(InAd):
    """The group whose members may retrieve the gMSA's password."""

    step = Step.GMSA_PASSWORD
    name: str

    @property
    def title(self) -> str:
        """What it is, with its name."""
        return f"the group {self.name}"


@dataclass(frozen=True)
class User(InAd):
    """The user in the secret."""

    step = Step.USER_LOGON
    name: str
    domain: str

    @property
    def title(self) -> str:
        """What it is, with its name."""
        return f"the user {self.name}"


@dataclass(frozen=True)
class Member(InAd):
    """The user's membership in the group."""

    step = Step.GMSA_PASSWORD
    user: str
    group: str

    @property
    def title(self) -> str:
        """What it is, with its name."""
        return f"the membership of {self.user} in {self.group}"


@dataclass(frozen=True)
class Gmsa(InAd):
    """The gMSA, whose password the group may retrieve. ``name`` has no ``$``."""

    step = Step.GMSA_PASSWORD
    name: str
    host: str
    group: str

    @property
    def title(self) -> str:
        """What it is, with its name."""
        return f"the gMSA {self.name}"


@dataclass(frozen=True)
class Permission(InAd):
    """The group in the list of those who may retrieve the password of an existing gMSA."""

    step = Step.GMSA_PASSWORD
    gmsa: str
    group: str

    @property
    def title(self) -> str:
        """What it is, with its name."""
        return f"the permission of {self.group} to retrieve the password of {self.gmsa}"


# AWS --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cluster(InAws):
    """The ECS cluster."""

    step = Step.TASK
    name: str

    @property
    def title(self) -> str:
        """What it is, with its name."""
        return f"the cluster {self.name}"


@dataclass(frozen=True)
class Role(InAws):
    """The execution role."""

    step = Step.TASK
    name: str
    partition: str
    path: str = "/"

    @property
    def title(self) -> str:
        """What it is, with its name."""
        return f"the execution role {self.name}"


@dataclass(frozen=True)
class LogGroup(InAws):
    """The log group of the containers."""

    step = Step.TASK
    name: str

    @property
    def title(self) -> str:
        """What it is, with its name."""
        return f"the log group {self.name}"


@dataclass(frozen=True)
class Bucket(InAws):
    """The bucket of the CredSpec."""

    step = Step.CREDSPEC
    name: str

    @property
    def title(self) -> str:
        """What it is, with its name."""
        return f"the bucket {self.name}"


@dataclass(frozen=True)
class RolePolicy(InAws):
    """What the execution role must be allowed."""

    step = Step.CREDSPEC
    role: str
    name: str
    document: Mapping[str, Any] = field(hash=False)

    @property
    def title(self) -> str:
        """What it is, with its name."""
        return f"the permissions of {self.role}"


@dataclass(frozen=True)
class CredSpecObject(InAws):
    """The CredSpec in S3. ``identity`` is None if the AD was not queried; ``secret_arn`` is empty if it is unknown."""

    step = Step.CREDSPEC
    bucket: str
    key: str
    gmsa: str
    domain: str
    secret: str
    secret_arn: str = ""
    identity: DomainIdentity | None = None

    @property
    def title(self) -> str:
        """What it is, with its name."""
        return f"the CredSpec s3://{self.bucket}/{self.key}"


@dataclass(frozen=True)
class Secret(InAws):
    """The secret with the AD user. ``is_empty``: it exists, without a value."""

    step = Step.SECRET
    name: str
    user: str
    domain: str
    is_empty: bool = False

    @property
    def title(self) -> str:
        """What it is, with its name."""
        return f"the secret {self.name}"


@dataclass(frozen=True)
class ForwardRule(InAws):
    """A Route 53 Resolver rule that forwards the domain to the AD's DNS servers.

    ``endpoint``: an outbound endpoint that exists; empty: a new one in the subnets, whose DNS requests the security
    group ``admitted_by`` admits, if there is one.
    """

    step = Step.DNS
    domain: str
    servers: tuple[str, ...]
    vpc: str
    subnets: tuple[str, ...]
    endpoint: str = ""
    admitted_by: str = ""

    @property
    def has_ipv6(self) -> bool:
        """Whether the endpoint must forward to IPv6 addresses too."""
        return any(":" in server for server in self.servers)

    @property
    def title(self) -> str:
        """What it is, with its name."""
        return f"a Route 53 Resolver rule for {self.domain} in {self.vpc}"


@dataclass(frozen=True)
class DhcpOptions(InAws):
    """A DHCP options set with the AD's DNS servers."""

    step = Step.DNS
    domain: str
    servers: tuple[str, ...]
    vpc: str

    @property
    def title(self) -> str:
        """What it is, with its name."""
        return f"DHCP options of {self.vpc} with the DNS servers of {self.domain}"


@dataclass(frozen=True)
class Ingress(InAws):
    """Inbound rules of the domain controllers' security group for the tasks' security group.

    ``dns``: the tasks also ask the domain controllers for names.
    """

    step = Step.USER_LOGON
    group: str
    source: str
    dns: bool = False

    @property
    def ports(self) -> tuple[tuple[str, int], ...]:
        """Protocols and ports."""
        return (*(DNS_PORTS if self.dns else ()), *AD_PORTS)

    @property
    def title(self) -> str:
        """What it is, with its name."""
        return f"inbound rules of {self.group} for {self.source}"


# The developer ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Image(OfDeveloper):
    """What the container's image must hold."""

    step = Step.TASK
    krb5_conf: str

    @property
    def title(self) -> str:
        """What it is."""
        return "Kerberos libraries and krb5.conf in the image"


@dataclass(frozen=True)
class TaskDefinition(OfDeveloper):
    """The task definition with credentialSpecs.

    ``revision``: the one without them that there is, as ``web:3``, or empty. ``service``: who runs it, or empty;
    ``controller`` deploys that, and ``deployment`` is the id of CodeDeploy's last one.
    """

    step = Step.TASK
    family: str
    container: str
    image: str
    role_arn: str
    credspec_arn: str
    log_group: str
    region: str
    revision: str = ""
    cluster: str = ""
    service: str = ""
    controller: Controller = Controller.ECS
    deployment: str = ""

    @property
    def exists(self) -> bool:
        """Whether there is a revision to which credentialSpecs can be added."""
        return bool(self.revision)

    @property
    def title(self) -> str:
        """What it is, with its name."""
        return f"the task definition {self.family} with credentialSpecs"


@dataclass(frozen=True)
class Service(OfDeveloper):
    """The ECS service."""

    step = Step.TASK
    cluster: str
    name: str
    family: str
    subnets: tuple[str, ...]
    security_groups: tuple[str, ...]
    public_address: bool = False

    @property
    def title(self) -> str:
        """What it is, with its name."""
        return f"the service {self.cluster}/{self.name}"
