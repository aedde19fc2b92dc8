"""What a Fargate task must reach before its containers start, and the requests that it sends there.

The keys of KMS are used by S3, Secrets Manager and Systems Manager, not by the task: it needs no path to KMS.
Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/vpc-endpoints.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gmsa_doctor.authoring import Outcome, bundle
from gmsa_doctor.formats.aws import value_from
from gmsa_doctor.formats.aws.arn import Arn, ArnError, SecretArn, SsmParameterArn, parse_role_arn
from gmsa_doctor.formats.aws.image_name import ecr_repository, public_registry
from gmsa_doctor.formats.documents.task_definition import TaskDefinition
from gmsa_doctor.given.shared_values import CredSpecLocation, ExecutionRole, LinkedSecret
from gmsa_doctor.given.subject import AwsPlace
from gmsa_doctor_checks.network_path.policies import ServiceRequest, TaskAccess
from gmsa_doctor_checks.reachability.services import LAYERS, PUBLIC_REGISTRY

OF_ECR = ("ecr.api", "ecr.dkr", LAYERS)


def needed(definition: TaskDefinition, place: AwsPlace) -> Iterator[tuple[str, bool]]:
    """The services that the task uses, and whether they are in its own region, as endpoints are."""
    yield "s3", True
    yield "secretsmanager", True
    names = [container.image or "" for container in definition.containers]
    regions = {image.region for image in map(ecr_repository, names) if image}
    yield from ((service, regions <= {place.region}) for service in OF_ECR if regions)
    if any(map(public_registry, names)):
        yield PUBLIC_REGISTRY, True
    logs = [container.logs for container in definition.containers if container.logs]
    if logs:
        yield "logs", all(log.region in (None, place.region) for log in logs)
    parameters = [arn for arn in _references(definition, place) if isinstance(arn, SsmParameterArn)]
    if parameters:
        yield "ssm", all(arn.region == place.region for arn in parameters)


def public_registries(definition: TaskDefinition) -> tuple[str, ...]:
    """The public registries that the containers' images come from."""
    found = (public_registry(container.image or "") for container in definition.containers)
    return tuple(dict.fromkeys(filter(None, found)))


@bundle
@dataclass(frozen=True)
class TaskRequests:
    """The objects that a task reads from AWS services before its container starts."""

    role: Outcome[ExecutionRole]
    location: Outcome[CredSpecLocation]
    secret: Outcome[LinkedSecret]
    definition: TaskDefinition

    def access(self, groups: tuple[str, ...], place: AwsPlace) -> TaskAccess:
        """The requests as an endpoint's policy sees them."""
        requests: dict[str, list[ServiceRequest]] = {}
        for service, request in self._requests(place):
            requests.setdefault(service, []).append(request)
        try:
            role = parse_role_arn(self.role.value.arn) if self.role.value else None
        except ArnError:
            role = None
        return TaskAccess(groups, role, requests)

    def _requests(self, place: AwsPlace) -> Iterator[tuple[str, ServiceRequest]]:
        """The registry's own host returns the manifest and the layers' URLs.

        Source: https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html
        """
        bucket = f"prod-{place.region}-starport-layer-bucket"
        layer = f"arn:{place.partition}:s3:::{bucket}/layer"
        yield LAYERS, ServiceRequest("s3:GetObject", layer, presigned=True)
        if self.location.value and self.location.value.bucket and not self.location.value.is_open:
            yield "s3", ServiceRequest("s3:GetObject", self.location.value.arn)
        if self.secret.value:
            yield "secretsmanager", ServiceRequest("secretsmanager:GetSecretValue", self.secret.value.text)
        yield "ecr.api", ServiceRequest("ecr:GetAuthorizationToken", "*")
        yield from _of_containers(self.definition, place)
        for arn in _references(self.definition, place):
            if arn.region != place.region:
                continue
            if isinstance(arn, SsmParameterArn):
                yield "ssm", ServiceRequest("ssm:GetParameters", str(arn))
            else:
                yield "secretsmanager", ServiceRequest("secretsmanager:GetSecretValue", str(arn))


def _of_containers(definition: TaskDefinition, place: AwsPlace) -> Iterator[tuple[str, ServiceRequest]]:
    for container in definition.containers:
        if image := ecr_repository(container.image or ""):
            arn = f"arn:{place.partition}:ecr:{image.region}:{image.account}:repository/{image.name}"
            for action in ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"):
                yield "ecr.dkr", ServiceRequest(action, arn)
        if log := container.logs:
            group = f"arn:{place.partition}:logs:{place.region}:{place.account}:log-group:{log.group}"
            for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
                stream = f"{group}:log-stream:{log.prefix or 'ecs'}/{container.name}/{'0' * 32}"
                yield "logs", ServiceRequest(action, stream)


def _references(definition: TaskDefinition, place: AwsPlace) -> Iterable[SecretArn | SsmParameterArn]:
    """The secrets and parameters of the containers, except the credentials of registries."""
    here = Arn(place.partition or "aws", "", place.region or "", place.account or "", "")
    for container in definition.containers:
        for reference in container.references:
            try:
                if not reference.registry:
                    yield value_from.named(reference.text, here)
            except ArnError:  # reported by execution-role.task-secrets
                continue
