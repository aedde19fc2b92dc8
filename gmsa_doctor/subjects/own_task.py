"""The task in which gmsa-doctor runs, as the subject: inside ECS, if the request names no other."""

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
from gmsa_doctor.core.model import Finding, Fix, Owner, skipped
from gmsa_doctor.given.request import Request
from gmsa_doctor.given.subject import AwsPlace, Network
from gmsa_doctor.given.vantage import DnsServersInUse
from gmsa_doctor.subjects import registered
from gmsa_doctor.subjects.source import (
    FoundSubject,
    SubjectSource,
    given_network,
    interface_details,
    launch_of,
    short_name,
    unreadable,
)


def is_subject(request: Request) -> bool:
    """Whether the subject is the own task."""
    return task_metadata.inside() and not (request.is_registered or request.in_files)


def own_task(request: Request) -> OwnTask | None:
    """The own task, if it is the subject.

    Raises UsageError if it cannot be found, or if an option contradicts it.
    """
    if not is_subject(request):
        return None
    try:
        task = task_metadata.own_task()
    except ClientError as error:
        raise UsageError(
            f"no subject is given, and this task cannot be found: {error.text}. Try again, or name a subject: "
            "--cluster with --service, or --task-definition"
        ) from error
    if request.region and request.region != task.region:
        raise UsageError(f"--region {request.region} contradicts this task, which is in {task.region}; drop --region")
    return task


def find(task: OwnTask, request: Request, ecs: Ecs, ec2: Ec2) -> tuple[FoundSubject, ...]:
    """The subjects of the own task: containers of its task definition, in the running revision.

    A denied or throttled call gives a finding, as in :func:`registered.find`. Raises UsageError for an unknown
    ``--container``.
    """
    source = _source(task)
    definition = registered.describe(ecs, task.task_definition_arn, source.place)
    description = _described(task, ecs)
    source = replace(source, definition=definition, network=_network(task, description, request, ec2))
    if not isinstance(description, ClientError):
        group, _, service = str(description.get("group") or "").partition(":")
        source = replace(
            source,
            launch=source.launch or launch_of(description.get("launchType")),
            platform_version=description.get("platformVersion"),
            service=service if group == "service" and service else None,
        )
    return source.subjects(request)


def unfound(task: OwnTask, request: Request, error: ClientError) -> tuple[FoundSubject, ...]:
    """The subject if AWS did not answer in time."""
    return replace(_source(task), definition=unreadable(error)).subjects(request)


def dns_servers(task: OwnTask | None) -> DnsServersInUse | Finding:
    """The DNS servers that the subject's task was started with; only known for the own task."""
    if task is None:
        return skipped(
            "only the task itself knows its actual DNS servers",
            fix=Fix("Run `gmsa-doctor check`, without a subject, in the task's container."),
        )
    if not task.dns_servers:
        return skipped("the task metadata endpoint lists DNS servers for network mode awsvpc only")
    return DnsServersInUse(task.dns_servers)


def _source(task: OwnTask) -> SubjectSource:
    """The subject as the task metadata endpoint describes it."""
    return SubjectSource(
        f"{short_name(task.cluster)}/{task.task_definition}",
        skipped("the task definition was not requested"),
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
    """The subnet of the task's own network interface, with its security groups if EC2 describes it."""
    if isinstance(description, ClientError):
        return given_network(request) or _unknown(task, description)
    details = interface_details(description)
    subnets = tuple(dict.fromkeys(value for name, value in details if name == "subnetId"))
    interface = next((value for name, value in details if name == "networkInterfaceId"), None)
    if subnets and "--subnets" in request.typed:
        raise UsageError(f"--subnets has no effect: this task runs in {', '.join(subnets)}; remove it")
    if subnets and (request.security_groups or not interface):
        return Network(subnets, request.security_groups)
    if subnets and interface:
        return _network_of(interface, subnets, ec2)
    return given_network(request) or skipped(
        "this task has no network interface of its own (its network mode is not awsvpc): name the subnet of its "
        "container instance with --subnets"
    )


def _network_of(interface: str, subnets: tuple[str, ...], ec2: Ec2) -> Network:
    """The security groups of a network interface, and whether it has a public address.

    The task role may lack the permission: `--security-groups` can name the groups instead.
    """
    try:
        description = ec2.network_interface(interface)
    except ClientError:
        return Network(subnets)
    groups = tuple(str(group["GroupId"]) for group in description.get("Groups", ()))
    return Network(subnets, groups, bool((description.get("Association") or {}).get("PublicIp")))


def _unknown(task: OwnTask, error: ClientError) -> Finding:
    cidr = f"; its addresses are in {task.subnet_cidr}" if task.subnet_cidr else ""
    return replace(
        error.finding(),
        summary=f"the subnet of this task is unknown: {error.text}{cidr}",
        fix=Fix(f"Allow ecs:DescribeTasks on {task.arn} for the task role, or add --subnets.", owner=Owner.AWS),
    )
