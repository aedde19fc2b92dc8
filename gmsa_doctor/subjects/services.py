"""The services of clusters: all that use a gMSA, or those that are named or match a pattern."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache, partial
from typing import Any

from gmsa_doctor.clients.aws.ecs import MOST_SERVICES, Ecs
from gmsa_doctor.clients.aws.session import CredentialsProblem
from gmsa_doctor.core.errors import ClientError, NotFound, UsageError
from gmsa_doctor.core.limits import each
from gmsa_doctor.core.model import Finding
from gmsa_doctor.formats.documents.task_definition import TaskDefinition
from gmsa_doctor.given.request import Request, is_pattern
from gmsa_doctor.given.subject import AwsPlace
from gmsa_doctor.subjects import registered
from gmsa_doctor.subjects.source import FoundSubject, NotChecked, SubjectSource, is_of_gmsa, short_name, unreadable


@dataclass(frozen=True)
class _Service:
    """A service by the names that a request uses, and what ECS says about it."""

    cluster: str
    name: str
    description: Mapping[str, Any] | ClientError


def find(request: Request, ecs: Ecs, place: AwsPlace) -> tuple[tuple[FoundSubject, ...], NotChecked]:
    """The subjects of the request's services, and how many services use no gMSA.

    Services are described ten a call, and each task definition once. Services that are named are checked in any case.
    Raises UsageError for a cluster, a service or a pattern without any, and CredentialsProblem. If a call is denied or
    throttled, there is a subject with a finding that says so.
    """
    services, unlisted = _services(request, ecs, place)
    _describe_definitions(services, ecs)
    subjects = [subject for source in unlisted for subject in source.subjects(request)]
    read = cache(lambda definition: registered.describe(ecs, definition, place))
    passed_over = 0
    for service in services:
        source = _source(service, request, ecs, place, read)
        is_named = service.name in request.services and not request.container
        if is_named or not isinstance(source.definition, TaskDefinition) or is_of_gmsa(source.definition, request):
            subjects += source.subjects(request)
        else:
            passed_over += 1
    if request.container and not subjects and passed_over:
        raise UsageError(f"no container {request.container} in {_listed(passed_over)}")
    return tuple(subjects), NotChecked(services=passed_over)


def _source(
    service: _Service, request: Request, ecs: Ecs, place: AwsPlace, read: Callable[[str], TaskDefinition | Finding]
) -> SubjectSource:
    error = service.description
    if not isinstance(error, ClientError):
        try:
            return registered.described(error, service.name, service.cluster, request, ecs, place, read)
        except UsageError as problem:  # such as a task definition that was deleted: the other services are checked
            error = ClientError(str(problem))
    return registered.undescribed(service.name, service.cluster, request, place, error)


def _listed(number: int) -> str:
    return "the service that was found" if number == 1 else f"any of the {number} services that were found"


def _services(request: Request, ecs: Ecs, place: AwsPlace) -> tuple[list[_Service], list[SubjectSource]]:
    """The services, and what stands for those of a cluster that cannot be listed."""
    unlisted: list[SubjectSource] = []
    names: dict[str, dict[str, None]] = {}
    matched: set[str] = set()
    for cluster, wanted in _wanted(request, ecs, place, unlisted):
        named = [name for name in wanted if not (is_pattern(name) or request.all_clusters)]
        patterns = [name for name in wanted if name not in named]
        found = names.setdefault(cluster, {}) | dict.fromkeys(named)
        if patterns or not wanted:
            listed = _list(cluster, request, ecs, place, unlisted)
            hits = {name: [known for known in listed if fnmatchcase(known, name)] for name in patterns}
            matched |= {name for name, known in hits.items() if known}
            chosen = {known for known_names in hits.values() for known in known_names}
            found |= dict.fromkeys(known for known in listed if not wanted or known in chosen)
        names[cluster] = found
    unmatched = [name for name in request.services if name not in matched]
    unmatched = [name for name in unmatched if is_pattern(name) or request.all_clusters]
    if unmatched and not unlisted:
        clusters = ", ".join(map(short_name, names)) if len(names) == 1 else f"{len(names)} clusters"
        raise UsageError(f"--service {unmatched[0]}: no service in {clusters} in {place.region} has such a name")
    services = [
        service for cluster, found in names.items() for service in _described(cluster, [*found], request, ecs, place)
    ]
    return services, unlisted


def _wanted(
    request: Request, ecs: Ecs, place: AwsPlace, unlisted: list[SubjectSource]
) -> Iterator[tuple[str, Sequence[str]]]:
    """Clusters, each with the names and patterns of its services; without any, all of them."""
    if request.all_clusters:
        try:
            clusters = [cluster for page in ecs.clusters() for cluster in page]
        except CredentialsProblem:
            raise
        except ClientError as error:
            clusters = []
            unlisted.append(SubjectSource("all clusters", unreadable(error), place))
        for cluster in clusters:
            yield cluster, request.services
        return
    by_cluster: dict[str, list[str]] = {} if request.services else {request.cluster or "default": []}
    for name in request.services:
        by_cluster.setdefault(registered.cluster_in(name) or request.cluster or "default", []).append(name)
    yield from by_cluster.items()


def _list(cluster: str, request: Request, ecs: Ecs, place: AwsPlace, unlisted: list[SubjectSource]) -> list[str]:
    try:
        return [name for page in ecs.services(cluster) for name in page]
    except CredentialsProblem:
        raise
    except ClientError as error:
        if isinstance(error, NotFound) and not request.all_clusters:
            raise UsageError(registered.no_service("", cluster, place, ecs, error)) from error
        if not isinstance(error, NotFound):  # of all clusters, one that was deleted meanwhile
            unlisted.append(SubjectSource(short_name(cluster), unreadable(error), place, cluster=cluster))
        return []


def _described(cluster: str, names: Sequence[str], request: Request, ecs: Ecs, place: AwsPlace) -> list[_Service]:
    """Without those that were deleted. Raises UsageError if one of these is named."""
    names = list({short_name(name): name for name in names}.values())  # once, if named by its ARN as well
    groups = [tuple(names[start : start + MOST_SERVICES]) for start in range(0, len(names), MOST_SERVICES)]
    found: list[_Service] = []
    for group, described in each(groups, partial(ecs.describe_services, cluster)):
        if isinstance(described, CredentialsProblem):
            raise described
        if isinstance(described, NotFound) and not request.all_clusters:
            raise UsageError(registered.no_service(group[0], cluster, place, ecs, described)) from described
        if isinstance(described, ClientError):
            found += [_Service(cluster, name, described) for name in group]
            continue
        for name in group:
            if described.get(name, {}).get("status", "INACTIVE") != "INACTIVE":
                found.append(_Service(cluster, name, described[name]))
            elif name in request.services and not request.all_clusters:
                raise UsageError(registered.no_service(name, cluster, place, ecs))
    return found


def _describe_definitions(services: Sequence[_Service], ecs: Ecs) -> None:
    """Ask for the task definitions side by side; the client remembers the answers."""
    descriptions = (service.description for service in services)
    names = dict.fromkeys(
        registered.definition_of(description)
        for description in descriptions
        if not isinstance(description, ClientError)
    )
    each(names, ecs.describe_task_definition)
