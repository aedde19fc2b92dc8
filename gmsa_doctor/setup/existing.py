"""What an existing service answers: its names, and those in its CredSpec and its secret."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from gmsa_doctor.clients.aws.ec2 import Ec2
from gmsa_doctor.clients.aws.ecs import Ecs
from gmsa_doctor.clients.aws.s3 import S3
from gmsa_doctor.clients.aws.session import Aws
from gmsa_doctor.core.errors import ClientError, NotFound, UsageError
from gmsa_doctor.formats.aws.arn import ArnError, parse_role_arn, parse_s3_object_arn, parse_secret_arn
from gmsa_doctor.formats.documents import json_text
from gmsa_doctor.formats.documents.credspec import CredSpecDocument, read_credspec
from gmsa_doctor.formats.documents.task_definition import (
    Container,
    TaskDefinition,
    TaskDefinitionError,
    read_task_definition,
)
from gmsa_doctor.given.subject import Controller, Launch
from gmsa_doctor.setup import parts
from gmsa_doctor.setup.parts import Part
from gmsa_doctor.setup.plan import EXISTS, MISSING, Known, State
from gmsa_doctor.subjects.registered import controller_of, deployment_of, primary_of

Values = dict[str, Any]
"""Answers by the name of their field."""


@dataclass(frozen=True)
class Existing:
    """What there is of the service. ``known``: whether it, its cluster and its task definition exist.

    ``registered``: the task definition as ECS describes it. ``launch``: where the service runs. ``controller``: what
    deploys it, and ``deployment`` the id of CodeDeploy's last one.
    """

    values: Values
    known: Mapping[type[Part], Known]
    registered: Mapping[str, Any] | None = None
    launch: Launch | None = None
    controller: Controller = Controller.ECS
    deployment: str = ""

    @property
    def revision(self) -> str:
        """The task definition's family and revision, as ``web:3``; empty if there is none."""
        described = (self.registered or {}).get("taskDefinition", self.registered or {})
        return str(described.get("taskDefinitionArn", "")).rpartition("/")[2]

    @property
    def has_gmsa(self) -> bool:
        """Whether the service exists, with credentialSpecs."""
        found = (self.known[parts.Service], self.known[parts.TaskDefinition])
        return all(known.state is State.EXISTS for known in found)


def find(aws: Aws, cluster: str, service: str, family: str, container: str | None) -> Existing:
    """What exists. ``family``: the task definition to look for if there is no service.

    Raises UsageError if the task definition has no such container.
    """
    ecs = Ecs(aws)
    described = _service(ecs, cluster, service)
    known: dict[type[Part], Known] = {parts.Cluster: _cluster(ecs, cluster), parts.Service: MISSING}
    values: Values = {}
    if isinstance(described, ClientError):
        known[parts.Service] = Known(State.UNKNOWN, described.text)
    elif described:
        known[parts.Service] = EXISTS
        family = str(described.get("taskDefinition", family))
        values |= _network(described)
    registered = _registered(ecs, family)
    definition = _definition(registered)
    if isinstance(definition, TaskDefinition):
        chosen = _container(definition, container)
        if container and not chosen:
            names = ", ".join(found.name for found in definition.containers)
            raise UsageError(f"--container {container}: the task definition {definition.family} has {names}")
        known[parts.TaskDefinition] = EXISTS if chosen and chosen.credential_specs else MISSING
        values |= {"family": definition.family or family, **_of_task(definition, chosen)}
        values |= _of_credspec(aws, chosen)
    else:
        known[parts.TaskDefinition] = definition
    if values.get("subnets") and (vpc := vpc_of(aws, values["subnets"])):
        values["vpc"] = vpc
    found = described if isinstance(described, dict) else {}
    return Existing(
        values,
        known,
        None if isinstance(registered, Known) else registered,
        _launch(found),
        controller_of(found),
        deployment_of(primary_of(found)),
    )


def vpc_of(aws: Aws, subnets: tuple[str, ...]) -> str:
    """The VPC of the subnets; empty if it is not known."""
    with suppress(ClientError):
        return next((str(subnet["VpcId"]) for subnet in Ec2(aws).subnets(subnets[:1])), "")
    return ""


def _service(ecs: Ecs, cluster: str, service: str) -> dict[str, Any] | ClientError | None:
    try:
        found = ecs.describe_service(service, cluster)
    except NotFound:
        return None
    except ClientError as error:
        return error
    return None if found.get("status") == "INACTIVE" else found


def _cluster(ecs: Ecs, cluster: str) -> Known:
    try:
        found = ecs.describe_cluster(cluster)
    except NotFound:
        return MISSING
    except ClientError as error:
        return Known(State.UNKNOWN, error.text)
    return MISSING if found.get("status") == "INACTIVE" else EXISTS


def _registered(ecs: Ecs, family: str) -> Mapping[str, Any] | Known:
    try:
        return ecs.describe_task_definition(family)
    except NotFound:
        return MISSING
    except ClientError as error:
        missing = "Unable to describe task definition" in error.text
        return MISSING if missing else Known(State.UNKNOWN, error.text)


def _definition(registered: Mapping[str, Any] | Known) -> TaskDefinition | Known:
    if isinstance(registered, Known):
        return registered
    try:
        return read_task_definition(registered)
    except TaskDefinitionError as error:
        return Known(State.UNKNOWN, str(error))


def _launch(service: Mapping[str, Any]) -> Launch | None:
    """Where the service runs, if it says so itself: by its launch type, or its capacity providers."""
    name = service.get("launchType")
    if name in tuple(Launch):
        return Launch(name)
    providers = [str(item.get("capacityProvider")) for item in service.get("capacityProviderStrategy", ())]
    if not providers:
        return None
    return Launch.FARGATE if providers[0].startswith("FARGATE") else Launch.EC2


def _network(service: Mapping[str, Any]) -> Values:
    network = service.get("networkConfiguration", {}).get("awsvpcConfiguration", {})
    found = {
        "subnets": tuple(network.get("subnets", ())),
        "security_groups": tuple(network.get("securityGroups", ())),
    }
    known: Values = {name: value for name, value in found.items() if value}
    return {**known, "public_address": network.get("assignPublicIp") == "ENABLED"} if known else known


def _container(definition: TaskDefinition, name: str | None) -> Container | None:
    """The container that is named, or the one with credentialSpecs, or the first essential one."""
    if name:
        return next((container for container in definition.containers if container.name == name), None)
    by_rank = sorted(definition.containers, key=lambda found: (not found.credential_specs, not found.essential))
    return next(iter(by_rank), None)


def _of_task(definition: TaskDefinition, container: Container | None) -> Values:
    found: Values = {}
    with suppress(ArnError):
        role = parse_role_arn(definition.execution_role_arn or "")
        found["execution_role"] = f"{role.path}{role.name}".removeprefix("/")
    if container:
        group = container.logs.group if container.logs and not container.logs.made else ""
        found |= {"container": container.name, "image": container.image or "", "log_group": group}
    return found


def _of_credspec(aws: Aws, container: Container | None) -> Values:
    """What the container's CredSpec names, as far as it can be read."""
    found: Values = {}
    text = next(iter(container.credential_specs), "") if container else ""
    with suppress(ArnError, ClientError):
        arn = parse_s3_object_arn(text.partition(":")[2])
        found |= {"bucket": arn.bucket, "key": arn.key}
        credspec = _document(S3(aws).get(arn.bucket, arn.key).body)
        if credspec is None:
            return found
        found |= {"gmsa": credspec.gmsa_name, "domain": credspec.dns_name}
        found["secret"] = parse_secret_arn(credspec.credential_arn).friendly_name
    return found


def _document(body: bytes) -> CredSpecDocument | None:
    text = json_text.decode(body)
    parsed = json_text.parse(text.text) if isinstance(text, json_text.Text) else None
    credspec = read_credspec(parsed.value) if isinstance(parsed, json_text.Document) else None
    return credspec if isinstance(credspec, CredSpecDocument) else None
