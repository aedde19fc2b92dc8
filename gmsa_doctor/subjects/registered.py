"""The subjects of a service or of a registered task definition."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gmsa_doctor.clients.aws.ecs import Ecs
from gmsa_doctor.clients.aws.session import CredentialsProblem
from gmsa_doctor.clients.aws.transport import NotAws
from gmsa_doctor.core.errors import ClientError, Denied, NotFound, UsageError, did_you_mean
from gmsa_doctor.core.model import Finding
from gmsa_doctor.formats.aws.task_start import TaskStart, overridden
from gmsa_doctor.formats.documents.task_definition import TaskDefinition, TaskDefinitionError, read_task_definition
from gmsa_doctor.given.request import Request
from gmsa_doctor.given.subject import AwsPlace, Controller, Launch, Network
from gmsa_doctor.subjects.source import (
    FoundSubject,
    SubjectSource,
    given_network,
    launch_of,
    place_of,
    short_name,
    unreadable,
)

_Description = Mapping[str, Any]
"""A service, deployment, task set or capacity provider strategy item as ECS describes it."""


def find(request: Request, ecs: Ecs, place: AwsPlace) -> tuple[FoundSubject, ...]:
    """The subjects of a service or of a registered task definition.

    Raises UsageError if it does not exist, and CredentialsProblem. If the call is denied or throttled, there is a
    subject with a finding that says so.
    """
    source = of_service(request, ecs, place) if request.service else _task_definition(request, ecs, place)
    return source.subjects(request)


def unfound(request: Request, error: ClientError) -> tuple[FoundSubject, ...]:
    """The subject of a request if AWS did not answer in time."""
    cluster = short_name("all clusters" if request.all_clusters else request.cluster or "default")
    starter = request.starter[1] if request.starter else None
    name = short_name(request.service or request.task_definition or starter or request.task or "")
    title = "/".join(filter(None, (cluster, name))) if request.of_services else name
    place = AwsPlace(request.region, None)
    source = SubjectSource(title, unreadable(error), place, cluster=request.cluster, service=request.service)
    return source.subjects(request)


_ARNS = {
    "--task-definition": ("ecs", r"task-definition/[\w-]+(:\d+)?", "task-definition/FAMILY:REVISION"),
    "--service": ("ecs", r"service/([\w-]+/)?[\w-]+", "service/CLUSTER/SERVICE"),
    "--task": ("ecs", r"task/([\w-]+/)?[\w-]+", "task/CLUSTER/ID"),
    "--cluster": ("ecs", r"cluster/[\w-]+", "cluster/CLUSTER"),
    "--schedule": ("scheduler", r"schedule/[\w.-]+/[\w.-]+", "schedule/GROUP/NAME"),
    "--rule": ("events", r"rule/([\w./-]+/)?[\w.-]+", "rule/BUS/NAME"),
    "--state-machine": ("states", r"stateMachine:[^\s:/]+(:[^\s:/]+)?", "stateMachine:NAME"),
}


def require_names(request: Request) -> None:
    """Raises UsageError for an ARN of another resource type, or of another region than ``--region``."""
    values = [("--service", service) for service in request.services]
    values += [(option, value) for option in _ARNS if (value := getattr(request, option[2:].replace("-", "_"), None))]
    for option, value in values:
        service, pattern, example = _ARNS[option]
        if not value or not value.startswith("arn:"):
            continue
        match = re.fullmatch(rf"arn:aws[\w-]*:{service}:([\w-]+):\d{{12}}:{pattern}", value)
        if not match:
            form = f"arn:aws:{service}:REGION:ACCOUNT:{example}"
            raise UsageError(f"{option} {value} is neither a name nor an ARN like {form}")
        if request.region and match[1] != request.region:
            contradiction = f"is in {match[1]}, which contradicts --region {request.region}"
            raise UsageError(f"{option} {value} {contradiction}; drop --region")
    for service in request.services:
        cluster = cluster_in(service)
        if cluster and "--cluster" in request.typed and short_name(request.cluster or "") != cluster:
            contradiction = f"is in cluster {cluster}, which contradicts --cluster {request.cluster}"
            raise UsageError(f"--service {service} {contradiction}; drop --cluster")


def describe(ecs: Ecs, name: str, place: AwsPlace, start: TaskStart | None = None) -> TaskDefinition | Finding:
    """A registered task definition with the overrides of a start, or why it cannot be read.

    Raises UsageError if it does not exist.
    """
    try:
        described = ecs.describe_task_definition(name)
        return read_task_definition(overridden(described, start) if start else described)
    except CredentialsProblem:
        raise
    except ClientError as error:
        missing = isinstance(error, NotFound) or "Unable to describe task definition" in error.text
        if missing and not isinstance(error, Denied):
            raise UsageError(
                f"there is no task definition {name} in {place.region}. "
                f"`aws ecs list-task-definitions{place.region_option}` lists those that exist."
            ) from error
        return unreadable(error)
    except TaskDefinitionError:  # AWS has registered no such one
        return unreadable(NotAws("ecs:DescribeTaskDefinition"))


def _task_definition(request: Request, ecs: Ecs, place: AwsPlace) -> SubjectSource:
    name = str(request.task_definition)
    definition = describe(ecs, name, place)
    if isinstance(definition, TaskDefinition):
        place = place_of(definition.arn, place)
    return SubjectSource(short_name(name), definition, place, network=given_network(request), cluster=request.cluster)


def of_service(request: Request, ecs: Ecs, place: AwsPlace) -> SubjectSource:
    """The source of a service. Raises UsageError if it does not exist, and CredentialsProblem."""
    name = str(request.service)
    cluster = cluster_of(request)
    try:
        service = ecs.describe_service(name, cluster)
    except CredentialsProblem:
        raise
    except NotFound as error:
        raise UsageError(no_service(name, cluster, place, ecs, error)) from error
    except ClientError as error:
        return undescribed(name, cluster, request, place, error)
    return described(service, name, cluster, request, ecs, place, lambda definition: describe(ecs, definition, place))


def undescribed(name: str, cluster: str, request: Request, place: AwsPlace, error: ClientError) -> SubjectSource:
    """The source of a service that ECS does not describe."""
    reason = unreadable(error)
    network = given_network(request) or reason
    return SubjectSource(_title(name, cluster), reason, place, network=network, cluster=cluster, service=name)


def described(
    service: _Description,
    name: str,
    cluster: str,
    request: Request,
    ecs: Ecs,
    place: AwsPlace,
    read: Callable[[str], TaskDefinition | Finding],
) -> SubjectSource:
    """The source of a service as ECS describes it; ``read`` gives its task definition.

    Raises UsageError if it was deleted, or contradicts an option.
    """
    if service.get("status") == "INACTIVE":
        raise UsageError(f"the service {name} in cluster {cluster} was deleted (INACTIVE); name an active service")
    primary, others = _deployments(service)
    own_network = network_of(primary, service)
    if own_network and (given := request.typed & {"--subnets", "--security-groups"}):
        raise UsageError(
            f"{' and '.join(sorted(given, reverse=True))}: no effect, since the service {name} has its own network "
            f"configuration ({', '.join(own_network.subnets)}); leave out these options"
        )
    strategy = strategy_of(primary, service)
    return SubjectSource(
        _title(name, cluster),
        read(definition_of(service)),
        place_of(service.get("serviceArn"), place),
        launch_in(primary, service, cluster, ecs),
        own_network or given_network(request),
        primary.get("platformVersion") or service.get("platformVersion"),
        cluster,
        name,
        other_definitions=others,
        capacity_providers=providers_of(strategy),
        controller=controller_of(service),
        deployment=deployment_of(primary),
    )


def _title(name: str, cluster: str) -> str:
    return f"{short_name(cluster)}/{short_name(name)}"


def definition_of(service: _Description) -> str:
    """The task definition that the service is to run."""
    return str(primary_of(service).get("taskDefinition") or service.get("taskDefinition"))


def controller_of(service: _Description) -> Controller:
    """What deploys the service; ECS for a type that is new."""
    kind = str(service.get("deploymentController", {}).get("type") or "")
    return Controller(kind) if kind in Controller.__members__ else Controller.ECS


def deployment_of(primary: _Description) -> str:
    """The id of the CodeDeploy deployment that made the primary task set; empty if none did."""
    return str(primary.get("externalId") or "")


def cluster_of(request: Request) -> str:
    """The cluster of the request's service: that of its ARN, or of ``--cluster``."""
    return cluster_in(str(request.service)) or request.cluster or "default"


def cluster_in(service: str) -> str | None:
    """The cluster in a service's ARN, ``arn:…:service/CLUSTER/SERVICE``."""
    parts = service.split("/")
    return parts[1] if len(parts) == 3 and service.startswith("arn:") else None


def no_service(name: str, cluster: str, place: AwsPlace, ecs: Ecs, error: NotFound | None = None) -> str:
    """The message for a service, or its cluster, that does not exist, with names that look like it."""
    region = place.region_option
    if error and error.code == "ClusterNotFoundException":
        similar = similar_names(short_name(cluster), ecs.clusters)
        return (
            f"there is no cluster {cluster} in {place.region}{similar or '.'} Check --cluster and --region; "
            f"`aws ecs list-clusters{region}` lists the clusters."
        )
    similar = similar_names(short_name(name), lambda: ecs.services(cluster))
    return (
        f"there is no service {name} in cluster {cluster} in {place.region}{similar or '.'} "
        f"`aws ecs list-services --cluster {shlex.quote(cluster)}{region}` lists the services."
    )


def similar_names(name: str, pages: Callable[[], Iterator[tuple[str, ...]]]) -> str:
    """The names on the first page of a list that look like ``name``, as the end of a sentence."""
    try:
        return did_you_mean(name, next(pages()))
    except ClientError:
        return ""  # the error that is being reported is what matters


def primary_of(service: _Description) -> _Description:
    """The deployment or task set that the service is to have; empty if it has none."""
    return next((deployment for deployment in _all_deployments(service) if deployment.get("status") == "PRIMARY"), {})


def _all_deployments(service: _Description) -> list[_Description]:
    return [*service.get("taskSets", ()), *service.get("deployments", ())]


def _deployments(service: _Description) -> tuple[_Description, tuple[str, ...]]:
    """The PRIMARY deployment or task set, and the task definitions of others that still run.

    Services with a CodeDeploy or EXTERNAL deployment controller have task sets.
    """
    primary = primary_of(service) or service
    others = (
        short_name(str(deployment["taskDefinition"]))
        for deployment in _all_deployments(service)
        if deployment.get("status") == "ACTIVE" and deployment.get("runningCount", 1)
        if deployment.get("taskDefinition") != primary.get("taskDefinition")
    )
    return primary, tuple(dict.fromkeys(others))


def strategy_of(primary: _Description, service: _Description) -> list[_Description]:
    """The capacity providers of the deployment, otherwise of the service; none if a launch type takes precedence."""
    for description in (primary, service):
        if description.get("capacityProviderStrategy") or description.get("launchType"):
            return description.get("capacityProviderStrategy") or []
    return []


def providers_of(strategy: list[_Description]) -> tuple[str, ...]:
    """The names of capacity providers."""
    return tuple(short_name(str(item["capacityProvider"])) for item in strategy)


def launch_in(primary: _Description, service: _Description, cluster: str | None, ecs: Ecs) -> Launch | None:
    """The launch type of the deployment, the service, or the cluster's default capacity providers, in this order."""
    if strategy := strategy_of(primary, service):
        return _launch_of_providers(strategy)
    if launch_type := primary.get("launchType") or service.get("launchType"):
        return launch_of(launch_type)
    if cluster is None:
        return None
    try:
        default = ecs.describe_cluster(cluster).get("defaultCapacityProviderStrategy")
    except ClientError:
        return None  # the task definition's requiresCompatibilities may still determine it
    return _launch_of_providers(default) if default else None


def _launch_of_providers(strategy: list[_Description]) -> Launch | None:
    names, fargate = set(providers_of(strategy)), {"FARGATE", "FARGATE_SPOT"}
    if names <= fargate:
        return Launch.FARGATE
    return None if names & fargate else Launch.EC2


def network_of(primary: _Description, service: _Description) -> Network | None:
    """The network configuration of the deployment, otherwise of the service."""
    for description in (primary, service):
        vpc = description.get("networkConfiguration", {}).get("awsvpcConfiguration")
        if vpc:
            public = {"ENABLED": True, "DISABLED": False}.get(str(vpc.get("assignPublicIp")))
            return Network(tuple(vpc.get("subnets", ())), tuple(vpc.get("securityGroups", ())), public)
    return None
