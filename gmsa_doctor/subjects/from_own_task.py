"""The task that we run in as the subject: inside ECS, where the request names no other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
from gmsa_doctor.given.subject import AwsPlace, Launch, Network
from gmsa_doctor.given.vantage import DnsServersInUse
from gmsa_doctor.subjects import from_aws as subject
from gmsa_doctor.subjects.from_aws import Found, SubjectSource


def is_subject(request: Request) -> bool:
    """Whether the own task is what is checked."""
    named = request.service or request.task_definition or request.in_files
    return task_metadata.inside() and not named


def own_task(request: Request) -> OwnTask | None:
    """The task that we run in, if it is the subject.

    Raises UsageError if it cannot be found, or if an option does not fit to it.
    """
    if not is_subject(request):
        return None
    if request.cluster:
        raise UsageError(f"--cluster {request.cluster}: name its --service too, or leave both out to check this task")
    try:
        own = task_metadata.own_task()
    except ClientError as error:
        raise UsageError(
            f"no subject is named, and this task cannot be found: {error.text}. Try again, or say what is to be "
            "checked: --cluster with --service, or --task-definition"
        ) from error
    if request.region and request.region != own.region:
        raise UsageError(f"--region {request.region}: this task is of {own.region}; leave the option out")
    return own


def find(own: OwnTask, request: Request, ecs: Ecs, ec2: Ec2) -> tuple[Found, ...]:
    """The subjects of the own task: containers of its task definition, in the revision that runs.

    What we may not look at is a finding, as in :func:`subject.from_aws`. Raises UsageError for a
    ``--container`` that is not there.
    """
    place = AwsPlace(own.region, own.account)
    try:
        definition = subject.describe(ecs, own.task_definition_arn, place)
        task = _described(own, ecs)
    except CredentialsProblem as error:
        raise UsageError(f"{error.text}. {error.fix.text if error.fix else ''}") from error
    known = replace(_source(own), definition=definition, network=_network(own, task, request, ec2))
    if isinstance(task, ClientError):
        return subject.subjects(known, request)
    launch = known.launch or _launch(task.get("launchType"))
    service = _service(task)
    return subject.subjects(
        replace(known, launch=launch, platform_version=task.get("platformVersion"), service=service), request
    )


def unfound(own: OwnTask, request: Request, error: ClientError) -> tuple[Found, ...]:
    """The subject when AWS has not answered in time."""
    return subject.subjects(replace(_source(own), definition=subject.unreadable(error)), request)


def dns_servers(own: OwnTask | None) -> DnsServersInUse | Finding:
    """The DNS servers that the subject's task was started with: known if that is the own task."""
    if own is None:
        return skipped(
            "the DNS servers that the task really has are known to the task itself only",
            fix=Fix("Run `gmsa-doctor check`, without a subject, in the task's container."),
        )
    if not own.dns_servers:
        return skipped("the task metadata endpoint names no DNS servers: it does so for network mode awsvpc only")
    return DnsServersInUse(own.dns_servers)


def _source(own: OwnTask) -> SubjectSource:
    """What the task metadata endpoint alone tells of the subject."""
    cluster = own.cluster.rpartition("/")[2]
    return SubjectSource(
        f"{cluster}/{own.task_definition}",
        skipped("the task definition was not asked for"),
        AwsPlace(own.region, own.account),
        _launch(own.launch_type),
        cluster=own.cluster,
        named=own.task_definition,
    )


def _launch(name: str | None) -> Launch | None:
    return Launch(name) if name and name in Launch.__members__ else None


def _described(own: OwnTask, ecs: Ecs) -> Mapping[str, Any] | ClientError:
    try:
        return ecs.describe_task(own.arn, own.cluster)
    except CredentialsProblem:
        raise
    except ClientError as error:
        return error


def _network(own: OwnTask, task: Mapping[str, Any] | ClientError, request: Request, ec2: Ec2) -> Network | Finding:
    """The subnet of the task's own network interface, and what EC2 tells of that.

    Source: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Attachment.html
    """
    given = Network(request.subnets, request.security_groups) if request.subnets else None
    if isinstance(task, ClientError):
        return given or _unknown(own, task)
    interfaces = [one for one in task.get("attachments", ()) if one.get("type") == "ElasticNetworkInterface"]
    details = [one for interface in interfaces for one in interface.get("details", ())]
    subnets, ids = _named("subnetId", details), _named("networkInterfaceId", details)
    if subnets and (request.security_groups or not ids):
        return Network(subnets, request.security_groups)
    if subnets:
        return _of_interface(subnets, ids[0], ec2)
    return given or skipped(
        "this task has no network interface of its own (its network mode is not awsvpc): give the subnet of its "
        "container instance with --subnets"
    )


def _named(name: str, details: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(one["value"]) for one in details if one.get("name") == name and one.get("value")))


def _of_interface(subnets: tuple[str, ...], id: str, ec2: Ec2) -> Network:
    """The security groups of a network interface, and whether it has a public address.

    The task role need not be allowed to ask that: `--security-groups` can tell the groups as well.
    """
    try:
        found = ec2.network_interface(id)
    except ClientError:
        return Network(subnets)
    groups = tuple(str(one["GroupId"]) for one in found.get("Groups", ()))
    return Network(subnets, groups, bool((found.get("Association") or {}).get("PublicIp")))


def _unknown(own: OwnTask, error: ClientError) -> Finding:
    """It was asked for, so it is unknown, not skipped."""
    cidr = f"; its subnet has the addresses {own.subnet_cidr}, but the id is not told" if own.subnet_cidr else ""
    return replace(
        error.finding(),
        summary=f"where this task runs is not known: {error.text}{cidr}",
        fix=Fix(f"Allow ecs:DescribeTasks on {own.arn} for the task role, or give --subnets."),
    )


def _service(task: Mapping[str, Any]) -> str | None:
    """The service that has started the task: the task's ``group`` is then ``service:NAME``."""
    kind, _, name = str(task.get("group") or "").partition(":")
    return name if name and kind == "service" else None
