"""The task that we run in as the subject: inside ECS, where the request names no other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gmsa_doctor.clients.aws import task_metadata
from gmsa_doctor.clients.aws.ec2 import Ec2
from gmsa_doctor.clients.aws.ecs import Ecs
from gmsa_doctor.clients.aws.session import CredentialsProblem
from gmsa_doctor.clients.aws.task_metadata import OwnTask
from gmsa_doctor.core.errors import ClientError, UsageError
from gmsa_doctor.core.model import Finding, Fix, skipped
from gmsa_doctor.given.request import Request
from gmsa_doctor.given.subject import AwsPlace, Network
from gmsa_doctor.given.vantage import DnsServersInUse
from gmsa_doctor.subjects import registered
from gmsa_doctor.subjects.source import FoundSubject, SubjectSource, given_network, launch_of, short_name, unreadable


def is_subject(request: Request) -> bool:
    """Whether the own task is what is checked."""
    return task_metadata.inside() and not (request.service or request.task_definition or request.in_files)


def own_task(request: Request) -> OwnTask | None:
    """The task that we run in, if it is the subject.

    Raises UsageError if it cannot be found, or if an option does not fit to it.
    """
    if not is_subject(request):
        return None
    if request.cluster:
        raise UsageError(f"--cluster {request.cluster}: name its --service too, or leave both out to check this task")
    try:
        task = task_metadata.own_task()
    except ClientError as error:
        raise UsageError(
            f"no subject is named, and this task cannot be found: {error.text}. Try again, or say what is to be "
            "checked: --cluster with --service, or --task-definition"
        ) from error
    if request.region and request.region != task.region:
        raise UsageError(f"--region {request.region}: this task is of {task.region}; leave the option out")
    return task


def find(task: OwnTask, request: Request, ecs: Ecs, ec2: Ec2) -> tuple[FoundSubject, ...]:
    """The subjects of the own task: containers of its task definition, in the revision that runs.

    What we may not look at is a finding, as in :func:`registered.find`. Raises UsageError for a
    ``--container`` that is not there.
    """
    source = _source(task)
    definition = registered.describe(ecs, task.task_definition_arn, source.place)
    description = _described(task, ecs)
    source = replace(source, definition=definition, network=_network(task, description, request, ec2))
    if not isinstance(description, ClientError):
        source = replace(
            source,
            launch=source.launch or launch_of(description.get("launchType")),
            platform_version=description.get("platformVersion"),
            service=_service(description),
        )
    return source.subjects(request)


def unfound(task: OwnTask, request: Request, error: ClientError) -> tuple[FoundSubject, ...]:
    """The subject when AWS has not answered in time."""
    return replace(_source(task), definition=unreadable(error)).subjects(request)


def dns_servers(task: OwnTask | None) -> DnsServersInUse | Finding:
    """The DNS servers that the subject's task was started with: known if that is the own task."""
    if task is None:
        return skipped(
            "the DNS servers that the task really has are known to the task itself only",
            fix=Fix("Run `gmsa-doctor check`, without a subject, in the task's container."),
        )
    if not task.dns_servers:
        return skipped("the task metadata endpoint names no DNS servers: it does so for network mode awsvpc only")
    return DnsServersInUse(task.dns_servers)


def _source(task: OwnTask) -> SubjectSource:
    """What the task metadata endpoint alone tells of the subject."""
    return SubjectSource(
        f"{short_name(task.cluster)}/{task.task_definition}",
        skipped("the task definition was not asked for"),
        AwsPlace(task.region, task.account),
        launch_of(task.launch_type),
        cluster=task.cluster,
        definition_name=task.task_definition,
    )


def _described(task: OwnTask, ecs: Ecs) -> Mapping[str, Any] | ClientError:
    try:
        return ecs.describe_task(task.arn, task.cluster)
    except CredentialsProblem:
        raise
    except ClientError as error:
        return error


def _network(
    task: OwnTask, description: Mapping[str, Any] | ClientError, request: Request, ec2: Ec2
) -> Network | Finding:
    """The subnet of the task's own network interface, and what EC2 tells of that.

    Source: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Attachment.html
    """
    if isinstance(description, ClientError):
        return given_network(request) or _unknown(task, description)
    details = [
        (detail.get("name"), str(detail["value"]))
        for attachment in description.get("attachments", ())
        if attachment.get("type") == "ElasticNetworkInterface"
        for detail in attachment.get("details", ())
        if detail.get("value")
    ]
    subnets = tuple(dict.fromkeys(value for name, value in details if name == "subnetId"))
    interface = next((value for name, value in details if name == "networkInterfaceId"), None)
    if subnets and (request.security_groups or not interface):
        return Network(subnets, request.security_groups)
    if subnets and interface:
        return _network_of(interface, subnets, ec2)
    return given_network(request) or skipped(
        "this task has no network interface of its own (its network mode is not awsvpc): give the subnet of its "
        "container instance with --subnets"
    )


def _network_of(interface: str, subnets: tuple[str, ...], ec2: Ec2) -> Network:
    """The security groups of a network interface, and whether it has a public address.

    The task role need not be allowed to ask that: `--security-groups` can tell the groups as well.
    """
    try:
        description = ec2.network_interface(interface)
    except ClientError:
        return Network(subnets)
    groups = tuple(str(group["GroupId"]) for group in description.get("Groups", ()))
    return Network(subnets, groups, bool((description.get("Association") or {}).get("PublicIp")))


def _unknown(task: OwnTask, error: ClientError) -> Finding:
    """It was asked for, so it is unknown, not skipped."""
    cidr = f"; its subnet has the addresses {task.subnet_cidr}, but the id is not told" if task.subnet_cidr else ""
    return replace(
        error.finding(),
        summary=f"where this task runs is not known: {error.text}{cidr}",
        fix=Fix(f"Allow ecs:DescribeTasks on {task.arn} for the task role, or give --subnets."),
    )


def _service(description: Mapping[str, Any]) -> str | None:
    """The service that has started the task: the task's ``group`` is then ``service:NAME``."""
    kind, _, name = str(description.get("group") or "").partition(":")
    return name if name and kind == "service" else None
