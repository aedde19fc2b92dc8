"""Makes subjects of a task definition from any source: its containers, and where they run."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from gmsa_doctor.core.check_id import CheckId
from gmsa_doctor.core.deferral import deferred_to
from gmsa_doctor.core.errors import ClientError, UsageError
from gmsa_doctor.core.hidden import Hidden
from gmsa_doctor.core.model import Finding, Given, UnreadFile, passed, skipped
from gmsa_doctor.formats.documents.located import Located, LocatedError, read_json
from gmsa_doctor.formats.documents.task_definition import Container, Prefix, TaskDefinition, split_credential_spec
from gmsa_doctor.given.request import Request
from gmsa_doctor.given.shared_values import CredSpecObject
from gmsa_doctor.given.subject import (
    AwsPlace,
    ChosenContainer,
    Controller,
    Deployments,
    Launch,
    Network,
    Platform,
    StartRole,
    Subject,
)
from gmsa_doctor.subjects.source_positions import SourcePositions

_CREDENTIAL_SPECS = CheckId("task-definition.credentialspecs")
OFFLINE = "not checked: with --offline, no network requests are sent"

REGISTERED = CheckId("task-definition.registered")
"""The check that reports why a subject could not be read."""


@dataclass(frozen=True)
class FoundSubject:
    """A subject with its values for the graph; a Finding in place of a value says why it is missing."""

    subject: Subject
    place: AwsPlace
    values: Mapping[type, object]
    positions: SourcePositions = field(default_factory=SourcePositions)


@dataclass(frozen=True)
class NotChecked:
    """What was found and not checked: files that cannot be read, how many subjects use no gMSA, and secrets."""

    unread: tuple[UnreadFile, ...] = ()
    passed_over: int = 0
    """Task definitions in files."""
    services: int = 0
    secrets: frozenset[Hidden[str]] = frozenset()
    """The values of the templates' parameters that are secret: no archive may have them."""


@dataclass(frozen=True)
class SubjectSource:
    """A task definition, or the reason why there is none, and the facts from its source."""

    name: str
    definition: TaskDefinition | Finding
    place: AwsPlace
    launch: Launch | None = None
    network: Network | Finding | None = None
    platform_version: str | None = None
    cluster: str | None = None
    service: str | None = None
    file: str | None = None
    other_definitions: tuple[str, ...] = ()
    """Task definitions of the service's other running deployments."""
    definition_name: str | None = None
    """For a task definition that cannot be read, or that has no family."""
    located: Located | None = None
    credspec: CredSpecObject | None = None
    """From ``--credspec-file``, or from a file that is a CredSpec."""
    located_credspec: Located | None = None
    """Its positions, if it is a part of another document."""
    capacity_providers: tuple[str, ...] = ()
    controller: Controller = Controller.ECS
    deployment: str = ""
    starter: str = ""
    part: str = ""
    start_role: StartRole | None = None

    def subjects(self, request: Request) -> tuple[FoundSubject, ...]:
        """One subject for each container to check. Raises UsageError for an unknown ``--container``."""
        if isinstance(self.definition, Finding):
            return (self._subject(self.definition, None, request),)
        chosen = _chosen(self.definition, request.container)
        return tuple(self._subject(self.definition, container, request) for container in chosen)

    def _subject(
        self, definition: TaskDefinition | Finding, container: Container | None, request: Request
    ) -> FoundSubject:
        name = f"{self.name}/{container.name}" if container else self.name
        subject = Subject(
            name,
            self.cluster,
            self.service,
            self._name_of(definition),
            self.file,
            self.controller,
            self.deployment,
            self.starter,
            self.part,
        )
        values: dict[type, object] = {
            Subject: subject,
            AwsPlace: self.place,
            TaskDefinition: definition,
            Deployments: Deployments(self.other_definitions),
            StartRole: self.start_role or skipped("no schedule, rule or state machine is known to start the task"),
            ChosenContainer: definition if isinstance(definition, Finding) else ChosenContainer(container),
            Platform: self._platform(definition, request),
            Network: self.network or given_network(request) or (skipped(OFFLINE) if request.offline else _NO_NETWORK),
        }
        credspec = self.credspec and _with_mode(self.credspec, container)
        if credspec:
            values[CredSpecObject] = Given(credspec, passed(f"{credspec.location.name}, {credspec.size} bytes"))
        positions = SourcePositions(
            self.file,
            self.located,
            definition.containers.index(container) if isinstance(definition, TaskDefinition) and container else None,
            credspec.location.name if credspec else None,
            self.located_credspec or (_located(credspec.body) if credspec else None),
        )
        return FoundSubject(subject, self.place, values, positions)

    def _name_of(self, definition: TaskDefinition | Finding) -> str:
        if isinstance(definition, TaskDefinition) and definition.family:
            return f"{definition.family}:{definition.revision}" if definition.revision else definition.family
        return self.definition_name or self.name

    def _platform(self, definition: TaskDefinition | Finding, request: Request) -> Platform | Finding:
        """A CredSpec without a task definition is checked for every platform."""
        if isinstance(definition, Finding):
            return Platform(None, fetcher=request.fetcher) if self.credspec else definition
        compatible = definition.requires_compatibilities
        launch = self.launch or _required(request, compatible)
        if launch is Launch.EC2 and tuple(compatible) == (Launch.MANAGED_INSTANCES,):
            launch = Launch.MANAGED_INSTANCES  # a capacity provider does not show which instances it has
        looks_windows = launch is not Launch.FARGATE and any(entry.looks_windows for entry in definition.containers)
        family = definition.os_family
        windows = looks_windows if family is None else family.upper().startswith("WINDOWS")
        return Platform(launch, windows, request.fetcher, self.platform_version, self.capacity_providers)


def _required(request: Request, compatible: Sequence[str]) -> Launch | None:
    """The launch type of ``--launch-type``, otherwise the only one that the task definition is compatible with."""
    given = request.launch_type
    if given and compatible and given not in compatible:
        names = ", ".join(compatible)
        raise UsageError(f"--launch-type {given} contradicts requiresCompatibilities ({names}) of the task definition")
    return given or (launch_of(compatible[0]) if len(compatible) == 1 else None)


_NO_NETWORK = skipped("the task's subnets are unknown: add --subnets, or --cluster and --service")


def _with_mode(credspec: CredSpecObject, container: Container | None) -> CredSpecObject:
    """A CredSpec from a file, in the mode that the container's entry names."""
    entries = (*container.credential_specs, *container.docker_security_options) if container else ()
    meant = [mode for text in entries if (mode := split_credential_spec(text).meant)]
    domainless = meant[0] is Prefix.DOMAINLESS if meant else None
    return replace(credspec, location=replace(credspec.location, domainless=domainless))


def _chosen(definition: TaskDefinition, name: str | None) -> Sequence[Container | None]:
    """The containers with credentialSpecs; without any, the only essential one; otherwise the task itself."""
    containers = definition.containers
    if name:
        named = [container for container in containers if container.name == name]
        if not named:
            names = ", ".join(container.name for container in containers) or "none"
            raise UsageError(f"there is no container {name}; the task definition has {names}")
        return named
    with_credspecs = [container for container in containers if container.credential_specs]
    with_credspecs = with_credspecs or [container for container in containers if has_legacy_credspec(container)]
    near = {key.container for key in definition.near_keys}
    with_credspecs = with_credspecs or [entry for index, entry in enumerate(containers) if index in near]
    essential = [container for container in containers if container.essential]
    return with_credspecs or (essential if len(essential) == 1 else [None])


def is_of_gmsa(definition: TaskDefinition, request: Request) -> bool:
    """Whether to check one of many task definitions: it uses a gMSA, or has the container that the request names."""
    if request.container:
        return any(container.name == request.container for container in definition.containers)
    return (
        bool(definition.near_keys)
        or _CREDENTIAL_SPECS in request.require
        or any(
            container.credential_specs
            or has_legacy_credspec(container)
            or any("credentials-fetcher" in value for _, value in container.environment)
            for container in definition.containers
        )
    )


def has_legacy_credspec(container: Container) -> bool:
    """Whether ``dockerSecurityOptions`` names a CredSpec, which predates credentialSpecs."""
    return any(option.lower().startswith("credentialspec") for option in container.docker_security_options)


def _located(body: bytes) -> Located | None:
    try:
        return read_json(body.decode("utf-8-sig"), lenient=True)
    except (LocatedError, UnicodeDecodeError):
        return None  # the checks report the defect


def given_network(request: Request) -> Network | None:
    """The network from the command line."""
    public = request.assign_public_ip or None
    return Network(request.subnets, request.security_groups, public) if request.subnets else None


def interface_details(task: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The details of a task's network interface, as ECS describes the task.

    Source: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Attachment.html
    """
    return [
        (str(detail.get("name")), str(detail["value"]))
        for attachment in task.get("attachments", ())
        if attachment.get("type") == "ElasticNetworkInterface"
        for detail in attachment.get("details", ())
        if detail.get("value")
    ]


def launch_of(name: str | None) -> Launch | None:
    """The launch type of that name."""
    return Launch(name) if name and name in Launch.__members__ else None


def unreadable(error: ClientError) -> Finding:
    """The finding in place of a task definition that could not be read."""
    return deferred_to(REGISTERED, error.finding())


def place_of(arn: str | None, place: AwsPlace) -> AwsPlace:
    """The region and account in an ARN, otherwise those of the session."""
    match = re.match(r"arn:[^:]+:ecs:([^:]*):([^:]*):", arn or "")
    return AwsPlace(match[1] or place.region, match[2] or place.account) if match else place


def short_name(arn_or_name: str) -> str:
    """The last part of an ARN; a name stays as it is."""
    return arn_or_name.rpartition("/")[2]
