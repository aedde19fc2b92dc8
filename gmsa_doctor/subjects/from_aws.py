"""What is checked: a container of a task definition, with where it will run. Found before the graph."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gmsa_doctor.clients.aws.ecs import Ecs
from gmsa_doctor.clients.aws.session import CredentialsProblem
from gmsa_doctor.clients.files import task_definition_file
from gmsa_doctor.core.errors import ClientError, Denied, NotFound, UsageError
from gmsa_doctor.core.model import Finding, Given, passed, skipped
from gmsa_doctor.formats.documents.located import Located, LocatedError
from gmsa_doctor.formats.documents.task_definition import Container, TaskDefinition, read_task_definition
from gmsa_doctor.formats.fetcher import Fetcher
from gmsa_doctor.given.request import Request
from gmsa_doctor.given.shared_values import CredSpecObject
from gmsa_doctor.given.subject import AwsPlace, ChosenContainer, Deployments, Launch, Network, Platform, Subject
from gmsa_doctor.subjects.source_positions import SourcePositions

REGISTERED = "task-definition.registered"
"""The check that shows why a subject could not be looked at."""


@dataclass(frozen=True)
class Found:
    """A subject with its values for the graph; a Finding says why there is no such value."""

    subject: Subject
    place: AwsPlace
    values: Mapping[type, object]
    places: SourcePositions = field(default_factory=SourcePositions)


@dataclass(frozen=True)
class SubjectSource:
    """Where a task definition came from, and what was learnt on the way.

    ``network`` may be a Finding that says why it is not known; ``named`` is the task definition's own name,
    for when it cannot be read.
    """

    name: str
    definition: TaskDefinition | Finding
    place: AwsPlace
    launch: Launch | None = None
    network: Network | Finding | None = None
    platform_version: str | None = None
    cluster: str | None = None
    service: str | None = None
    file: str | None = None
    others: tuple[str, ...] = ()
    named: str | None = None
    located: Located | None = None
    credspec: CredSpecObject | None = None
    """That was given as a file."""
    providers: tuple[str, ...] = ()
    """The capacity providers of the service."""


def from_file(request: Request, place: AwsPlace) -> tuple[Found, ...]:
    """The subjects of ``--task-definition-file``. Raises UsageError if it is no task definition."""
    name = request.task_definition_file or "-"
    definition = task_definition_file.read(name)
    return subjects(SubjectSource(name, definition, place_of(definition.arn, place), file=name), request)


def from_aws(request: Request, ecs: Ecs, place: AwsPlace) -> tuple[Found, ...]:
    """The subjects of a service or of a registered task definition.

    Raises UsageError for one that does not exist. One that we may not look at (denied, throttled) is a
    subject all the same: its finding says so.
    """
    try:
        source = _service(request, ecs, place) if request.service else _registered(request, ecs, place)
    except CredentialsProblem as error:
        raise UsageError(f"{error.text}. {error.fix.text if error.fix else ''}") from error
    return subjects(source, request)


def unfound(request: Request, error: ClientError) -> tuple[Found, ...]:
    """The subject of a request that nothing has answered in time."""
    name = request.service or request.task_definition or request.task_definition_file or "-"
    title = f"{_short(request.cluster or 'default')}/{_short(name)}" if request.service else _short(name)
    place = AwsPlace(request.region, None)
    return subjects(
        SubjectSource(title, unreadable(error), place, cluster=request.cluster, service=request.service), request
    )


_ARNS = {
    "--task-definition": (r"task-definition/[\w-]+(:\d+)?", "task-definition/FAMILY:REVISION"),
    "--service": (r"service/([\w-]+/)?[\w-]+", "service/CLUSTER/SERVICE"),
    "--cluster": (r"cluster/[\w-]+", "cluster/CLUSTER"),
}


def require_names(request: Request) -> None:
    """Raises UsageError for an ARN of something else, or of another region than ``--region``."""
    values = (request.task_definition, request.service, request.cluster)
    for (option, (form, words)), value in zip(_ARNS.items(), values, strict=True):
        if not value or not value.startswith("arn:"):
            continue
        match = re.fullmatch(rf"arn:aws[\w-]*:ecs:([\w-]+):\d{{12}}:{form}", value)
        if not match:
            raise UsageError(f"{option} {value}: give a name, or an ARN such as arn:aws:ecs:REGION:ACCOUNT:{words}")
        if request.region and match[1] != request.region:
            raise UsageError(f"{option} {value} is of {match[1]}, and --region says {request.region}: leave it out")


def place_of(arn: str | None, place: AwsPlace) -> AwsPlace:
    """The region and account that an ARN names, else those of the session."""
    match = re.match(r"arn:([^:]+):ecs:([^:]*):([^:]*):", arn or "")
    if not match:
        return place
    return AwsPlace(match[2] or place.region, match[3] or place.account)


def _registered(request: Request, ecs: Ecs, place: AwsPlace) -> SubjectSource:
    name = str(request.task_definition)
    definition = describe(ecs, name, place)
    network = Network(request.subnets, request.security_groups) if request.subnets else None
    if isinstance(definition, TaskDefinition):
        place = place_of(definition.arn, place)
    return SubjectSource(_short(name), definition, place, network=network, cluster=request.cluster)


def _service(request: Request, ecs: Ecs, place: AwsPlace) -> SubjectSource:
    name = str(request.service)
    cluster = request.cluster or _cluster_in(name) or "default"
    title = f"{_short(cluster)}/{_short(name)}"
    try:
        service = ecs.describe_service(name, cluster)
    except CredentialsProblem:
        raise
    except NotFound as error:
        raise UsageError(_no_service(name, cluster, place, error)) from error
    except ClientError as error:
        reason = unreadable(error)
        network = Network(request.subnets, request.security_groups) if request.subnets else reason
        return SubjectSource(title, reason, place, network=network, cluster=cluster, service=name)
    if service.get("status") == "INACTIVE":
        raise UsageError(f"the service {name} in cluster {cluster} was deleted (INACTIVE); name one that exists")
    current, others = _deployments(service)
    definition = describe(ecs, str(current.get("taskDefinition") or service.get("taskDefinition")), place)
    return SubjectSource(
        title,
        definition,
        place_of(service.get("serviceArn"), place),
        _launch(current, service, cluster, ecs),
        _network(current, service, request),
        current.get("platformVersion") or service.get("platformVersion"),
        cluster,
        name,
        others=others,
        providers=_names(_strategy(current, service)),
    )


def _cluster_in(service: str) -> str | None:
    """The cluster that a service's ARN names: ``arn:…:service/CLUSTER/SERVICE``."""
    parts = service.split("/")
    return parts[1] if len(parts) == 3 and service.startswith("arn:") else None


def _no_service(name: str, cluster: str, place: AwsPlace, error: NotFound) -> str:
    where = f" in {place.region}"
    if error.code == "ClusterNotFoundException":
        return (
            f"there is no cluster {cluster}{where}. Give --cluster and --region; "
            f"`aws ecs list-clusters{place.region_option}` shows what is there."
        )
    return (
        f"there is no service {name} in cluster {cluster}{where}. "
        f"`aws ecs list-services --cluster {shlex.quote(cluster)}{place.region_option}` shows what is there."
    )


def describe(ecs: Ecs, name: str, place: AwsPlace) -> TaskDefinition | Finding:
    """A registered task definition, or why we may not look at it. Raises UsageError for one that does not exist."""
    try:
        return read_task_definition(ecs.describe_task_definition(name))
    except CredentialsProblem:
        raise
    except Denied as error:
        return unreadable(error)
    except ClientError as error:
        if isinstance(error, NotFound) or "Unable to describe task definition" in error.text:
            raise UsageError(
                f"there is no task definition {name} in {place.region}. "
                f"`aws ecs list-task-definitions{place.region_option}` shows what is there."
            ) from error
        return unreadable(error)


def unreadable(error: ClientError) -> Finding:
    """What stands in the place of a task definition that could not be read."""
    return replace(error.finding(), check=REGISTERED)


def _deployments(service: Mapping[str, Any]) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """The PRIMARY deployment or task set, and the task definitions of others that still run.

    Services of CodeDeploy and EXTERNAL controllers keep their data in task sets.
    """
    found = [*service.get("taskSets", ()), *service.get("deployments", ())]
    primary: Mapping[str, Any] = next((one for one in found if one.get("status") == "PRIMARY"), service)
    current = primary.get("taskDefinition")
    others = (one for one in found if one.get("status") == "ACTIVE" and one.get("runningCount", 1))
    names = (_short(str(one["taskDefinition"])) for one in others if one.get("taskDefinition") != current)
    return primary, tuple(dict.fromkeys(names))


def _launch(current: Mapping[str, Any], service: Mapping[str, Any], cluster: str, ecs: Ecs) -> Launch | None:
    """The launch type of the deployment, else of its capacity providers, else the cluster's default."""
    if strategy := _strategy(current, service):
        return _of_providers(strategy)
    for one in (current, service):
        if one.get("launchType"):
            return Launch(one["launchType"]) if one["launchType"] in Launch.__members__ else None
    try:
        default = ecs.describe_cluster(cluster).get("defaultCapacityProviderStrategy")
    except ClientError:
        return None  # the task definition's requiresCompatibilities may still tell
    return _of_providers(default) if default else None


def _strategy(current: Mapping[str, Any], service: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The capacity providers of the deployment, else of the service; none where a launch type comes first."""
    told = (one for one in (current, service) if one.get("capacityProviderStrategy") or one.get("launchType"))
    return next(told, {}).get("capacityProviderStrategy") or []


def _names(strategy: list[Mapping[str, Any]]) -> tuple[str, ...]:
    """An ARN is cut to its name."""
    return tuple(_short(str(one["capacityProvider"])) for one in strategy)


def _of_providers(strategy: list[Mapping[str, Any]]) -> Launch | None:
    names = {one["capacityProvider"] for one in strategy}
    if names <= {"FARGATE", "FARGATE_SPOT"}:
        return Launch.FARGATE
    return None if names & {"FARGATE", "FARGATE_SPOT"} else Launch.EC2


def _network(current: Mapping[str, Any], service: Mapping[str, Any], request: Request) -> Network | None:
    for one in (current, service):
        vpc = one.get("networkConfiguration", {}).get("awsvpcConfiguration")
        if vpc:
            public = {"ENABLED": True, "DISABLED": False}.get(str(vpc.get("assignPublicIp")))
            return Network(tuple(vpc.get("subnets", ())), tuple(vpc.get("securityGroups", ())), public)
    return Network(request.subnets, request.security_groups) if request.subnets else None


# From a task definition to its subjects -------------------------------------------------------------


def subjects(source: SubjectSource, request: Request) -> tuple[Found, ...]:
    """One subject a container that is judged. Raises UsageError for a ``--container`` that is not there."""
    if isinstance(source.definition, Finding):
        return (_found(source, ChosenContainer(None), request, source.name),)
    chosen = _containers(source.definition, request.container)
    return tuple(
        _found(source, ChosenContainer(one), request, f"{source.name}/{one.name}" if one else source.name)
        for one in chosen
    )


def _containers(definition: TaskDefinition, wanted: str | None) -> list[Container | None]:
    """Those with credentialSpecs; if none has any, the only essential one; else the task itself."""
    if wanted:
        named = [one for one in definition.containers if one.name == wanted]
        if not named:
            names = ", ".join(one.name for one in definition.containers) or "none"
            raise UsageError(f"there is no container {wanted}; the task definition has: {names}")
        return [*named]
    specs = [one for one in definition.containers if one.credential_specs]
    legacy = [one for one in definition.containers if _legacy(one)]
    essential = [one for one in definition.containers if one.essential]
    if specs or legacy:
        return [*(specs or legacy)]
    return [essential[0]] if len(essential) == 1 else [None]


def _legacy(container: Container) -> bool:
    return any(option.lower().startswith("credentialspec") for option in container.docker_security_options)


def _found(source: SubjectSource, chosen: ChosenContainer, request: Request, name: str) -> Found:
    definition = source.definition
    subject = Subject(name, source.cluster, source.service, _definition_name(source), source.file)
    values: dict[type, object] = {
        Subject: subject,
        AwsPlace: source.place,
        TaskDefinition: definition,
        Deployments: Deployments(source.others),
        ChosenContainer: definition if isinstance(definition, Finding) else chosen,
        Platform: _platform_of(source, request),
        Network: source.network or _given_network(request),
    }
    if source.credspec:
        values[CredSpecObject] = Given(
            source.credspec, passed(f"{source.credspec.location.name}, {source.credspec.size} bytes")
        )
    return Found(subject, source.place, values, _places(source, chosen))


def _places(source: SubjectSource, chosen: ChosenContainer) -> SourcePositions:
    definition = source.definition
    index = None
    if isinstance(definition, TaskDefinition) and chosen.container in definition.containers:
        index = definition.containers.index(chosen.container)
    file = source.credspec
    return SourcePositions(
        source.file,
        source.located,
        index,
        file.location.name if file else None,
        _located(file.body) if file else None,
    )


def _located(body: bytes) -> Located | None:
    from gmsa_doctor.formats.documents.located import read_json

    try:
        return read_json(body.decode("utf-8-sig"))
    except (LocatedError, UnicodeDecodeError):
        return None  # what is wrong with it, its checks tell


def _given_network(request: Request) -> Network | Finding:
    if request.subnets:
        return Network(request.subnets, request.security_groups)
    return skipped("where the task will run is not known: give --subnets, or --cluster and --service")


def _platform_of(source: SubjectSource, request: Request) -> Platform | Finding:
    """A CredSpec alone is judged for each platform that it may be for."""
    if isinstance(source.definition, TaskDefinition):
        return _platform(source, source.definition, request.fetcher)
    return Platform(None, fetcher=request.fetcher) if source.credspec else source.definition


def _platform(source: SubjectSource, definition: TaskDefinition, fetcher: Fetcher | None) -> Platform:
    launch = source.launch
    compatible = definition.requires_compatibilities
    if launch is None and len(compatible) == 1 and compatible[0] in Launch.__members__:
        launch = Launch(compatible[0])
    windows = (definition.os_family or "").upper().startswith("WINDOWS")
    return Platform(launch, windows, fetcher, source.platform_version, source.providers)


def _definition_name(source: SubjectSource) -> str:
    definition = source.definition
    if isinstance(definition, TaskDefinition) and definition.family:
        return f"{definition.family}:{definition.revision}" if definition.revision else definition.family
    return source.named or source.name


def _short(arn_or_name: str) -> str:
    return arn_or_name.rpartition("/")[2]
