"""The subjects of one task (``--task``): the task definition that it ran, where it ran."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gmsa_doctor.clients.aws.ecs import Ecs
from gmsa_doctor.clients.aws.session import CredentialsProblem
from gmsa_doctor.core.errors import ClientError, NotFound, UsageError
from gmsa_doctor.given.request import Request
from gmsa_doctor.given.subject import AwsPlace, Network
from gmsa_doctor.subjects import registered
from gmsa_doctor.subjects.source import (
    FoundSubject,
    SubjectSource,
    given_network,
    interface_details,
    launch_of,
    place_of,
    short_name,
    unreadable,
)


def find(request: Request, ecs: Ecs, place: AwsPlace) -> tuple[FoundSubject, ...]:
    """The subjects of a task. Raises UsageError if ECS does not know it, and as :func:`registered.find`."""
    arn = str(request.task)
    cluster = cluster_in(arn) or request.cluster or "default"
    try:
        task = ecs.describe_task(arn, cluster)
    except CredentialsProblem:
        raise
    except NotFound as error:
        raise UsageError(
            f"there is no task {short_name(arn)} in cluster {short_name(cluster)} in {place.region}. ECS keeps a "
            "stopped task for an hour: name a newer one, or check the service with --service"
        ) from error
    except ClientError as error:
        name = f"{short_name(cluster)}/{short_name(arn)}"
        return SubjectSource(name, unreadable(error), place, cluster=cluster).subjects(request)
    return _source(task, cluster, request, ecs, place).subjects(request)


def _source(task: Mapping[str, Any], cluster: str, request: Request, ecs: Ecs, place: AwsPlace) -> SubjectSource:
    """The task's own definition; the network is that of its service, or of its network interface."""
    definition = registered.describe(ecs, str(task["taskDefinitionArn"]), place)
    group, _, service = str(task.get("group") or "").partition(":")
    if group == "service" and service:
        of_service = registered.of_service(replace(request, services=(service,), cluster=cluster), ecs, place)
        return replace(of_service, definition=definition)
    details = interface_details(task)
    subnets = tuple(dict.fromkeys(value for name, value in details if name == "subnetId"))
    return SubjectSource(
        f"{short_name(cluster)}/{short_name(str(task['taskArn']))}",
        definition,
        place_of(str(task["taskArn"]), place),
        launch_of(task.get("launchType")),
        Network(subnets, request.security_groups) if subnets else given_network(request),
        task.get("platformVersion"),
        cluster,
    )


def cluster_in(task: str) -> str | None:
    """The cluster in a task's ARN, ``arn:…:task/CLUSTER/ID``."""
    parts = task.split("/")
    return parts[1] if len(parts) == 3 and task.startswith("arn:") else None
