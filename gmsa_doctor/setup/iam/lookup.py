"""Finds the resources for a policy from the subjects: their roles, objects, keys, images and log groups."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from functools import partial
from typing import Any, TypeVar

from gmsa_doctor.checking import check
from gmsa_doctor.clients.aws.ec2 import Ec2
from gmsa_doctor.clients.aws.iam import Iam
from gmsa_doctor.clients.aws.kms import Kms
from gmsa_doctor.clients.aws.secrets_manager import SecretsManager
from gmsa_doctor.core.errors import ClientError, NotFound, UsageError
from gmsa_doctor.core.limits import each
from gmsa_doctor.core.model import Finding
from gmsa_doctor.core.registry import Registry
from gmsa_doctor.formats.aws import value_from
from gmsa_doctor.formats.aws.arn import (
    Arn,
    ArnError,
    SsmParameterArn,
    parse_arn,
    parse_role_arn,
    parse_s3_object_arn,
    parse_secret_arn,
    parse_ssm_parameter_arn,
)
from gmsa_doctor.formats.aws.arn import SecretArn as ParsedSecret
from gmsa_doctor.formats.aws.image_name import ecr_repository
from gmsa_doctor.formats.documents.task_definition import LogStreams, TaskDefinition
from gmsa_doctor.given.request import Live, Request
from gmsa_doctor.given.shared_values import (
    ContainerInstances,
    CredSpecLocation,
    CredSpecObject,
    ExecutionRole,
    LinkedSecret,
)
from gmsa_doctor.given.subject import AwsPlace, Launch, Platform, StartRole
from gmsa_doctor.setup.iam.scope import Scope
from gmsa_doctor.subjects.source import REGISTERED

T = TypeVar("T")
_LOOKED_FOR = (ExecutionRole, CredSpecLocation, CredSpecObject, LinkedSecret)
ROLE, INSTANCE_ROLE, CREDSPEC, SECRET = "--execution-role", "--instance-role", "--credspec", "--secret"
KEY, REPOSITORY, LOG_GROUP = "--kms-key", "--repository", "--log-group"


@dataclass(frozen=True)
class Gap:
    """An unknown resource, the option to set it, and the reason."""

    option: str
    resource: str
    reason: str


@dataclass(frozen=True)
class FoundScope:
    """The scope of the subjects, and its gaps."""

    scope: Scope
    gaps: tuple[Gap, ...] = ()


def look_up(request: Request, registry: Registry, options: Scope, *, for_role: bool) -> FoundScope:
    """The scope of a request's subjects. ``options`` sets their region and account if nothing else does.

    ``for_role``: for the execution role, including the keys of the containers' own secrets; otherwise for gmsa-doctor,
    including the roles of container instances. Secrets are described, not read; nothing is sent to DNS or AD. Raises
    UsageError as ``check.attempt`` does.
    """
    kinds = _LOOKED_FOR if for_role else (*_LOOKED_FOR, ContainerInstances)
    only = (REGISTERED, *dict.fromkeys(registry.giver[kind].id for kind in kinds))
    subject = check.attempt(replace(request, live=Live.NEVER, only=only), registry, lambda progress: None)
    if unread := subject.not_checked.unread:
        raise UsageError("; ".join(f"{file.location.file}: {file.text}" for file in unread))
    if not subject.found:
        named = ", ".join(request.files or request.services)
        raise UsageError(f"{named}: no task definition with credentialSpecs found")
    subjects = [
        _CheckedSubject(
            found.subject.cluster,
            found.subject.starter,
            case.given,
            values,
            {finding.check: finding for finding in findings},
        )
        for found, case, values, findings in zip(
            subject.found, subject.cases, subject.execution.values, subject.execution.findings, strict=True
        )
    ]
    found = each(subjects, partial(_scope_of, options=options, for_role=for_role))
    return _together([scope for _, scope in found if isinstance(scope, FoundScope)])


def _together(parts: list[FoundScope]) -> FoundScope:
    """The union of the scopes, with the region and account of the first. Raises UsageError for several clusters."""
    scopes = [part.scope for part in parts]
    if len(clusters := {scope.cluster for scope in scopes}) > 1:
        named = ", ".join(sorted(map(str, clusters)))
        raise UsageError(f"the services are in several clusters ({named}): name those of one cluster")
    several: dict[str, Any] = {
        field.name: tuple(dict.fromkeys(item for scope in scopes for item in getattr(scope, field.name)))
        for field in fields(Scope)
        if field.default == ()
    }
    without_secret = all(scope.without_secret for scope in scopes)
    gaps = tuple(dict.fromkeys(gap for part in parts for gap in part.gaps))
    return FoundScope(replace(scopes[0], without_secret=without_secret, **several), gaps)


@dataclass(frozen=True)
class _CheckedSubject:
    """A subject after its checks; ``given`` and ``values`` may hold a finding in place of a value."""

    cluster: str | None
    starter: str
    given: Mapping[type, object]
    values: Mapping[type, object]
    findings: Mapping[str, Finding]
    gaps: list[Gap] = field(default_factory=list)

    @property
    def place(self) -> AwsPlace:
        """The region and account of the task."""
        place = self.given[AwsPlace]
        return place if isinstance(place, AwsPlace) else AwsPlace(None, None)

    @property
    def launch(self) -> Launch | None:
        """The launch type of the task, if known."""
        platform = self.given[Platform]
        return platform.launch if isinstance(platform, Platform) else None

    def client(self, kind: type[T]) -> T:
        """The client. Raises ClientError with the reason if there is none."""
        client = self.given[kind]
        if isinstance(client, kind):
            return client
        raise ClientError(client.summary if isinstance(client, Finding) else "")

    def get(self, kind: type[T], option: str, resource: str) -> T | None:
        """The value. If there is none, the reason becomes a gap."""
        found = self.values.get(kind, self.given.get(kind))
        if isinstance(found, kind):
            return found
        if isinstance(found, Finding):
            self.miss(option, resource, self._reason(found))
        return None

    def miss(self, option: str, resource: str, reason: str) -> None:
        """Add a gap."""
        self.gaps.append(Gap(option, resource, reason))

    def _reason(self, finding: Finding) -> str:
        """The summary of the finding's root cause."""
        chain = [finding]
        while (cause := self.findings.get(next(iter(chain[-1].because), ""))) and cause not in chain:
            chain.append(cause)
        return chain[-1].summary


def _scope_of(subject: _CheckedSubject, *, options: Scope, for_role: bool) -> FoundScope:
    place = subject.place
    scope = Scope(
        partition=place.partition or "aws",
        region=place.region or options.region,
        account=place.account or options.account,
        cluster=subject.cluster.rpartition("/")[2] if subject.cluster else None,
        execution_roles=tuple(_role(subject)),
        starters=(subject.starter,) if subject.starter else (),
        start_roles=() if for_role else tuple(_start_role(subject)),
        instance_roles=() if for_role else tuple(_instance_roles(subject)),
    )
    scope = _with_secret(_with_credspec(scope, subject), subject)
    scope = replace(scope, kms_keys=tuple(dict.fromkeys((*_key_of_object(subject), *_key_of_secret(subject)))))
    scope = _with_start(scope, subject, for_role=for_role)
    return FoundScope(_with_keys_of_containers(scope, subject) if for_role else scope, tuple(subject.gaps))


def _role(subject: _CheckedSubject) -> Iterator[str]:
    role = subject.get(ExecutionRole, ROLE, "the execution role")
    if role is None:
        return
    try:
        yield str(parse_role_arn(role.arn))
    except ArnError as error:
        subject.miss(ROLE, "the execution role", f"{role.arn} is not the ARN of a role: {error.reason}")


def _start_role(subject: _CheckedSubject) -> Iterator[str]:
    start = subject.given.get(StartRole)
    if isinstance(start, StartRole) and start.arn.startswith("arn:"):
        yield start.arn


def _instance_roles(subject: _CheckedSubject) -> Iterator[str]:
    """The roles of the container instances' profiles; none if the task does not run on EC2."""
    resource = "the role of the container instances"
    if subject.launch in (Launch.FARGATE, Launch.EXTERNAL):
        return
    instances = subject.get(ContainerInstances, INSTANCE_ROLE, resource)
    ids = tuple(member.ec2 for member in instances.members if member.ec2) if instances else ()
    if not ids:
        return
    try:
        iam, described = subject.client(Iam), subject.client(Ec2).instances(ids)
        profiles = {str(instance.get("IamInstanceProfile", {}).get("Arn", "")) for instance in described}
    except ClientError as error:
        subject.miss(INSTANCE_ROLE, resource, error.text)
        return
    for _, role in each(sorted(profiles - {""}), iam.role_of_profile):
        if isinstance(role, ClientError):
            subject.miss(INSTANCE_ROLE, resource, role.text)
        elif role:
            yield role


def _with_credspec(scope: Scope, subject: _CheckedSubject) -> Scope:
    location = subject.get(CredSpecLocation, CREDSPEC, "the location of the CredSpec")
    if location is None:
        return scope
    if location.is_open:
        subject.miss(CREDSPEC, "the location of the CredSpec", f"only known at deployment: {location.arn}")
        return scope
    parse = parse_ssm_parameter_arn if location.parameter else parse_s3_object_arn
    return replace(scope, credspecs=(parse(location.arn),), without_secret=not location.domainless)


# The secret, and keys -------------------------------------------------------------------------------


def _with_secret(scope: Scope, subject: _CheckedSubject) -> Scope:
    if scope.without_secret:
        return scope
    secret = subject.get(LinkedSecret, SECRET, "the secret")
    if secret is None:
        return scope
    described = _described(subject, secret.text)
    if isinstance(described, NotFound):
        subject.miss(SECRET, "the secret", f"{secret.text}: {described.text}")
        return scope
    if isinstance(described, Mapping) and described.get("ARN"):
        return replace(scope, full_secrets=(parse_secret_arn(str(described["ARN"])),))
    return replace(scope, secrets=(parse_secret_arn(secret.text),))


def _described(subject: _CheckedSubject, arn: str) -> Mapping[str, object] | ClientError:
    try:
        return subject.client(SecretsManager).describe(arn)
    except ClientError as error:
        return error


def _key_of_object(subject: _CheckedSubject) -> Iterator[str]:
    found = subject.get(CredSpecObject, KEY, "the KMS key of the CredSpec, if it has one")
    if found and found.key:
        yield from _customer_managed("the CredSpec", found.key, subject)


def _key_of_secret(subject: _CheckedSubject) -> Iterator[str]:
    secret = subject.values.get(LinkedSecret)
    if not isinstance(secret, LinkedSecret):
        return
    described = _described(subject, secret.text)
    if not isinstance(described, NotFound):  # a gap already
        yield from _key_in(described, "the secret", subject)


def _key_in(described: Mapping[str, object] | ClientError, resource: str, subject: _CheckedSubject) -> Iterator[str]:
    if isinstance(described, ClientError):
        subject.miss(KEY, f"the KMS key of {resource}, if it has one", described.text)
    elif key := described.get("KmsKeyId"):
        yield from _customer_managed(resource, str(key), subject)


def _customer_managed(resource: str, name: str, subject: _CheckedSubject) -> Iterator[str]:
    """The ARN of a customer managed key. AWS managed keys, always of the own account, need no permission."""
    is_key_arn, foreign = False, ""
    with suppress(ArnError):
        arn, place = parse_arn(name), subject.place
        is_key_arn = arn.resource.startswith("key/")  # IAM compares key ARNs, not aliases
        if (arn.region, arn.account) != (place.region, place.account):
            foreign = f"account {arn.account} in {arn.region} was not checked"
    try:
        if foreign:
            raise ClientError(foreign)
        key = subject.client(Kms).key(name)
    except NotFound as error:
        subject.miss(KEY, f"the KMS key of {resource}", error.text)
    except ClientError as error:
        if not is_key_arn:
            subject.miss(KEY, f"the KMS key {name} of {resource}", error.text)
        elif not foreign:
            subject.miss(KEY, f"whether the KMS key of {resource} is an AWS managed key", error.text)
        if is_key_arn:
            yield name
    else:
        if not key.managed_by_aws:
            yield key.arn


# What starts the task -------------------------------------------------------------------------------


def _with_start(scope: Scope, subject: _CheckedSubject, *, for_role: bool) -> Scope:
    """Secrets, images and log groups. On EC2 the execution role does not need the last two."""
    definition = subject.given[TaskDefinition]
    if not isinstance(definition, TaskDefinition):
        reason = definition.summary if isinstance(definition, Finding) else ""
        subject.miss(REPOSITORY, "the images", reason)
        subject.miss(LOG_GROUP, "the log groups", reason)
        return scope
    scope = _with_secrets_of_containers(scope, definition)
    if for_role and subject.launch is Launch.EC2:
        return scope
    images = (ecr_repository(container.image) for container in definition.containers if container.image)
    containers = sorted(definition.containers, key=lambda container: not container.credential_specs)
    logs = [container.logs for container in containers if container.logs]  # the probe's first
    return replace(
        scope,
        repositories=tuple(
            f"arn:{scope.partition}:ecr:{image.region}:{image.account}:repository/{image.name}"
            for image in images
            if image
        ),
        log_groups=tuple(_log_group(streams, scope) for streams in logs),
        made_log_groups=tuple(_log_group(streams, scope) for streams in logs if streams.made),
    )


def _with_secrets_of_containers(scope: Scope, definition: TaskDefinition) -> Scope:
    """Without references that ECS cannot read in any case."""
    here = Arn(scope.partition, "ecs", scope.region or "<REGION>", scope.account or "<ACCOUNT>", "")
    secrets: list[ParsedSecret] = []
    parameters: list[SsmParameterArn] = []
    for reference in (reference for container in definition.containers for reference in container.references):
        with suppress(ArnError):
            arn = value_from.named(reference.text, here, registry=reference.registry)
            if isinstance(arn, ParsedSecret):
                secrets.append(arn)
            else:
                parameters.append(arn)
    return replace(scope, task_secrets=tuple(dict.fromkeys(secrets)), task_parameters=tuple(dict.fromkeys(parameters)))


def _with_keys_of_containers(scope: Scope, subject: _CheckedSubject) -> Scope:
    """Adds the keys of the containers' secrets, but not those of parameters."""
    keys = list(scope.kms_keys)
    here = [secret for secret in scope.task_secrets if secret.region == scope.region]
    for secret, described in each(here, lambda secret: _described(subject, str(secret))):
        keys += _key_in(described, f"the secret {secret.friendly_name}", subject)
    return replace(scope, kms_keys=tuple(dict.fromkeys(keys)))


def _log_group(logs: LogStreams, scope: Scope) -> str:
    if logs.region in (None, scope.region) or not re.fullmatch(r"[a-z0-9-]+", logs.region):
        return logs.group
    return f"arn:{scope.partition}:logs:{logs.region}:{scope.account or '<ACCOUNT>'}:log-group:{logs.group}"
