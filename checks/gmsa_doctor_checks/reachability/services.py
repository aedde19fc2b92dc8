"""The services of AWS that a task asks, and the paths that its flows take to them."""

from __future__ import annotations

from dataclasses import dataclass, field

from gmsa_doctor.authoring import Finding, Fix, Row, Status
from gmsa_doctor.given.subject import AwsPlace
from gmsa_doctor_checks.reachability.flow import Flow
from gmsa_doctor_checks.reachability.obstacles import Fault

SERVICES = {
    "s3": "S3",
    "secretsmanager": "Secrets Manager",
    "ecr.api": "ECR's API",
    "ecr.dkr": "ECR's registry",
    "logs": "CloudWatch Logs",
}
"""What a task on Fargate asks, by the last part of the endpoint service's name."""
LAYERS = "layers"
"""The layers of ECR's images lie in S3: asked like S3, and for an object of its own."""
_HOSTS = {LAYERS: "s3", "ecr.api": "api.ecr", "ecr.dkr": "dkr.ecr"}
"""How a service's usual name begins, where that is not the last part of its endpoint service's name."""


def service_name(service: str) -> str:
    """What people call it."""
    return "the layers of ECR's images in S3" if service == LAYERS else SERVICES[service]


def endpoint_service(service: str) -> str:
    """The service that an endpoint has to be for."""
    return "s3" if service == LAYERS else service


def host_name(service: str, place: AwsPlace) -> str:
    """The usual name of a service; ECR's registry has a name below it for each account."""
    return f"{_HOSTS.get(service, service)}.{place.region}.{amazonaws(place)}"


def amazonaws(place: AwsPlace) -> str:
    """The domain that the names of services are in."""
    return "amazonaws.com.cn" if place.partition == "aws-cn" else "amazonaws.com"


@dataclass(frozen=True)
class ServicePath:
    """How tasks in a subnet get to a service, or why they do not.

    ``status``: PASS; FAIL where they certainly do not; WARN where that is likely; SKIPPED where it cannot be known.
    ``faults`` are what blocks the flow: fixing one suffices. ``only_by`` is the endpoint that is the only path, if the
    task may ask other DNS servers than the VPC's resolver: they must lead to its addresses.
    """

    flow: Flow
    subnet_name: str
    status: Status
    text: str
    faults: tuple[Fault, ...] = ()
    only_by: str = ""

    @property
    def service(self) -> str:
        """The service that the flow goes to."""
        return self.flow.destination

    @property
    def blocked(self) -> bool:
        """Whether tasks do not get there, or are likely not to."""
        return self.status in (Status.FAIL, Status.WARN)

    @property
    def fix(self) -> Fix | None:
        """What to do about the first of the faults."""
        return self.faults[0].fix if self.faults else None

    @property
    def row(self) -> Row:
        """As it stands in a finding."""
        return Row(self.subnet_name, self.status, self.text)


@dataclass(frozen=True)
class ServicePaths:
    """The paths to the services that the task asks, for each subnet.

    ``unknown_exits`` is the finding for which the subnets' ways out of the VPC are not known.
    """

    paths: tuple[ServicePath, ...] = field(default=())
    unknown_exits: Finding | None = None

    def to(self, *services: str) -> tuple[ServicePath, ...]:
        """Those to these services."""
        return tuple(path for path in self.paths if path.service in services)
