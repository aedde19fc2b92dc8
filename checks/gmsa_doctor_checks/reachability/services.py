"""The AWS services that a task uses, and the paths that its flows take to them."""

from __future__ import annotations

from dataclasses import dataclass, field

from gmsa_doctor.authoring import Finding, Fix, Row, Status
from gmsa_doctor.formats.aws.partitions import partition_of
from gmsa_doctor.given.subject import AwsPlace
from gmsa_doctor_checks.reachability.flow import Flow
from gmsa_doctor_checks.reachability.obstacles import Fault

SERVICES = {
    "s3": "S3",
    "secretsmanager": "Secrets Manager",
    "ecr.api": "ECR's API",
    "ecr.dkr": "ECR's registry",
    "logs": "CloudWatch Logs",
    "ssm": "Systems Manager",
}
"""The services that a Fargate task uses, by the last part of the endpoint service's name."""
PUBLIC_REGISTRY = "public-registry"
"""Registries on the internet, which no endpoint serves."""
LAYERS = "layers"
"""ECR stores image layers in S3: the path is that of S3, for another object."""
_WITH_CN = ("ecr.api", "ecr.dkr")
"""Services whose endpoint services in China have names that begin with ``cn.``."""
_HOSTS = {LAYERS: "s3", "ecr.api": "api.ecr", "ecr.dkr": "dkr.ecr"}
"""The first part of a service's host name, where it is not the last part of its endpoint service's name."""


def service_name(service: str) -> str:
    """The name that people use."""
    return {LAYERS: "ECR's image layers in S3", PUBLIC_REGISTRY: "public registries"}.get(service) or SERVICES[service]


def endpoint_service(service: str) -> str:
    """The service that an endpoint must be for."""
    return "s3" if service == LAYERS else service


def endpoint_name(service: str, place: AwsPlace) -> str:
    """The name of the endpoint service, such as ``com.amazonaws.us-east-1.logs``: for S3, of the gateway endpoint.

    In China, some services' names begin with ``cn.``.
    Source: https://docs.amazonaws.cn/vpc/latest/privatelink/aws-services-cross-region-privatelink-support.html
    """
    start = "cn." if place.partition == "aws-cn" and service in _WITH_CN else ""
    prefix = partition_of(place.region or "us-east-1").endpoint_prefix
    return f"{start}{prefix}.{place.region}.{endpoint_service(service)}"


def host_name(service: str, place: AwsPlace) -> str:
    """The public host name of a service; in ECR's registry, each account has a name below it."""
    return f"{_HOSTS.get(service, service)}.{place.region}.{place.dns_suffix}"


@dataclass(frozen=True)
class NewEndpoint:
    """An endpoint that would be another path: the name of its service, and the command that creates it."""

    name: str
    command: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class ServicePath:
    """How tasks in a subnet reach a service, or why they do not.

    ``status``: PASS; FAIL if they certainly cannot reach it; WARN if that is likely; SKIPPED if it cannot be known.
    ``faults`` block the flow; fixing one of them is enough. ``only_by`` is an endpoint: the only path, if tasks may use
    other DNS servers than the VPC resolver, which must then return the endpoint's addresses.
    """

    flow: Flow
    subnet_name: str
    status: Status
    text: str
    faults: tuple[Fault, ...] = ()
    only_by: str = ""
    endpoint: NewEndpoint | None = field(default=None, compare=False)
    """The endpoint that would be another path."""
    endpoint_fix: Fix | None = field(default=None, compare=False)
    """How the subnet can use an endpoint that the VPC has."""
    hops: tuple[str, ...] = ()
    """The subnets of the NAT gateway or of the endpoint's network interfaces, of which packets pass one."""
    onward: bool = False
    """A NAT gateway there forwards the packets to the internet."""

    @property
    def service(self) -> str:
        """The service that the flow goes to."""
        return self.flow.destination

    @property
    def blocked(self) -> bool:
        """Whether tasks cannot reach it, for sure or probably."""
        return self.status in (Status.FAIL, Status.WARN)

    @property
    def fix(self) -> Fix | None:
        """The fix of the first fault."""
        return self.faults[0].fix if self.faults else None

    @property
    def row(self) -> Row:
        """Its row in a finding."""
        return Row(self.subnet_name, self.status, self.text)


@dataclass(frozen=True)
class ServicePaths:
    """The paths to the services that the task uses, from each subnet.

    ``unknown_exits`` is the finding that explains why the routes out of the VPC are not known. ``doubt``: why the task
    may not use these paths.
    """

    paths: tuple[ServicePath, ...] = ()
    unknown_exits: Finding | None = None
    doubt: str = ""
    exits: tuple[ServicePath, ...] = ()
    """From each subnet to registries on the internet, where images of ECR may be copies of theirs."""

    def to(self, *services: str) -> tuple[ServicePath, ...]:
        """The paths to some of the services."""
        return tuple(path for path in self.paths if path.service in services)
