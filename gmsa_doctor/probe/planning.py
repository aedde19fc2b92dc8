"""Makes a plan from the results of the checks outside, or gives the reason why no probe is started."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, replace
from typing import TypeVar

from gmsa_doctor import __version__
from gmsa_doctor.checking import check
from gmsa_doctor.clients.aws.ecs import Ecs
from gmsa_doctor.core.check_id import CheckId
from gmsa_doctor.core.deferral import deferred_to, root_ids
from gmsa_doctor.core.engine import Case
from gmsa_doctor.core.errors import UsageError
from gmsa_doctor.core.model import Finding, skipped
from gmsa_doctor.core.registry import Registry
from gmsa_doctor.formats.documents.task_definition import LogStreams, TaskDefinition
from gmsa_doctor.given.probe_tasks import SharedResources
from gmsa_doctor.given.subject import AwsPlace, ChosenContainer, Network, Platform
from gmsa_doctor.given.vantage import Caller, DnsServersInUse
from gmsa_doctor.probe import handover, sides
from gmsa_doctor.probe.handover import VARIABLE, Handover
from gmsa_doctor.probe.plan import Plan, TaskPlacement, definition, with_ticket
from gmsa_doctor.probe.published_image import published_image

T = TypeVar("T")

ROLE = CheckId("execution-role.present")
_WORTH_A_TASK = sides.INSIDE - {DnsServersInUse}


@dataclass(frozen=True)
class ProbeOptions:
    """The user's options for the probes."""

    image: str | None = None
    """None: the image of this release; without one, this version in the account's own registry (docs/image.md)."""
    each_subnet: bool = True
    execution_role: str | None = None
    log_group: str | None = None
    report_s3: str | None = None
    canary: bool = False
    public_address: bool = False
    """Used if no service sets it."""
    seconds: float = 60.0
    """Time limit of the checks, outside and in each probe."""


def reason_against(attempt: check.Attempt, registry: Registry, selected: frozenset[str]) -> Finding | None:
    """Why a probe would report nothing new; None if it would."""
    given = attempt.cases[0].given
    for kind in (Ecs, TaskDefinition):
        reason = given.get(kind)
        if isinstance(reason, Finding):
            return _because("no probe was started", [reason])
    if not _given(TaskDefinition, attempt.cases[0]).execution_role_arn:
        return deferred_to(ROLE, f"no probe was started because of {ROLE}: a probe requires an execution role")
    reasons: list[Finding] = []
    for case, values in zip(attempt.cases, attempt.execution.values, strict=True):
        possible, missing = _possible(registry, selected, {**values, **case.given})
        if possible:
            return None
        reasons += missing
    return _because("no probe was started: it would have nothing to check", reasons)


def _because(text: str, reasons: list[Finding]) -> Finding:
    ids = ", ".join(root_ids(reasons))
    return deferred_to(reasons, f"{text}, because of {ids}") if ids else skipped(text)


def _possible(registry: Registry, selected: frozenset[str], values: dict[type, object]) -> tuple[bool, list[Finding]]:
    """Whether any check inside has the values that it needs from outside, and the findings that block the others."""
    ids = sides.inside(registry) & selected
    checks = [declared for declared in registry.checks if declared.id in ids]
    known = sides.CLIENTS | {declared.gives for declared in checks}
    blocked: set[type | None] = set()
    reasons: list[Finding] = []
    possible = False
    for declared in checks:
        required = [need.type for need in declared.needs if not need.outcome]
        missing = [value for kind in required if kind not in known and isinstance(value := values.get(kind), Finding)]
        if missing or any(kind in blocked for kind in required):
            blocked.add(declared.gives)
            reasons += missing
        elif any(need.type in _WORTH_A_TASK for need in declared.needs):
            possible = True
    return possible, reasons


def make_plan(attempt: check.Attempt, options: ProbeOptions, registry: Registry, selected: frozenset[str]) -> Plan:
    """The plan. Raises UsageError for missing information that an option can provide."""
    case = attempt.cases[0]
    subject, place, chosen = _given(TaskDefinition, case), _given(AwsPlace, case), case.given.get(ChosenContainer)
    container = chosen.container if isinstance(chosen, ChosenContainer) else None
    network = case.given.get(Network)
    if not isinstance(network, Network) or not network.subnets:
        raise UsageError("the service's subnets are unknown: add --subnets and --security-groups")
    if network.groups_vary:
        raise UsageError("each start gives the task's security groups: add --security-groups")
    if attempt.found[0].subject.starter and not attempt.found[0].subject.cluster:
        raise UsageError("each start gives the cluster: add --cluster")
    if any(other.given.get(Network) != network for other in attempt.cases):
        raise UsageError("the tasks run in several networks: name one of them by --task-definition with --subnets")
    if options.canary and (len(attempt.cases) != 1 or not container or not container.credential_specs):
        raise UsageError("--canary requires one container with credentialSpecs: name it with --container")
    logs = _logs(subject, options, place.region)
    if logs is None and not options.report_s3:
        raise UsageError("the task definition has no log group for the probe to use: add --log-group or --report-s3")
    run = f"gmsa-doctor-{secrets.token_hex(5)}"
    role = str(subject.execution_role_arn)
    inside = selected & sides.inside(registry)
    text = handover.write(_handover(run, attempt, options, registry, inside))
    roles = (role, options.execution_role or role)
    image = options.image or published_image() or own_image(place)
    probe = definition(run, image, subject, roles, logs, {VARIABLE: text}, ("probe",))
    canary = None
    if options.canary and container:
        ids = selected & registry.with_needs(selected & sides.of_canary(registry))
        canary = with_ticket(probe, container, handover.write(_handover(run, attempt, options, registry, ids)))
    return Plan(
        run=run,
        subject=_title(attempt),
        image=image,
        task_role=roles[0],
        execution_role=roles[1],
        shared=_shared(subject, image, options, logs),
        place=TaskPlacement(
            attempt.found[0].subject.cluster or "default",
            place.region,
            network.subnets if options.each_subnet else network.subnets[:1],
            network.security_groups,
            network.public_address or options.public_address,
            _given(Platform, case).version,
        ),
        logs=logs,
        report_s3=options.report_s3,
        definition=probe,
        canary=canary,
        owed={case.name: inside for case in attempt.cases},
        owed_by_canary={case.name: selected & sides.of_canary(registry) for case in attempt.cases},
    )


def _title(attempt: check.Attempt) -> str:
    subject = attempt.found[0].subject
    if subject.starter:
        return f"{subject.cluster or 'default'}/{subject.name}"
    return f"{subject.cluster or 'default'}/{subject.service}" if subject.service else subject.task_definition


def own_image(place: AwsPlace) -> str:
    """The image of this version in the account's own registry. Raises UsageError if its address is not known."""
    if not place.account or not place.region:
        raise UsageError(
            "the account's registry is not known: give --image, or set GMSA_DOCTOR_IMAGE, to gmsa-doctor's image in a "
            "registry that ECS can pull from (docs/image.md)"
        )
    return f"{place.account}.dkr.ecr.{place.region}.{place.dns_suffix}/gmsa-doctor:{__version__}"


_ECR = re.compile(r"\d+\.dkr[.-]ecr")


def _shared(subject: TaskDefinition, image: str, options: ProbeOptions, logs: LogStreams | None) -> SharedResources:
    """A log group that the service's log driver creates does not exist before the service has started."""
    role = options.execution_role is None
    images = (container.image or "" for container in subject.containers)
    return SharedResources(
        role=role,
        logs=role and options.log_group is None and logs is not None and not logs.made,
        registry=role and bool(_ECR.match(image)) and any(map(_ECR.match, images)),
    )


def _handover(
    run: str, attempt: check.Attempt, options: ProbeOptions, registry: Registry, ids: frozenset[str]
) -> Handover:
    """The values found outside, but with the execution role as the caller: the probe uses its credentials."""
    kinds = sides.to_hand_over(registry, ids | sides.inside(registry))
    cases: list[Case] = []
    for case, found in zip(attempt.cases, attempt.execution.values, strict=True):
        role = str(_given(TaskDefinition, case).execution_role_arn)
        caller = Caller(_given(AwsPlace, case).account or "", role, is_execution_role=True)
        values = {**found, **case.given, Caller: caller}
        cases.append(Case(case.name, {kind: value for kind, value in values.items() if kind in kinds}))
    region = _given(AwsPlace, attempt.cases[0]).region
    return Handover(run, tuple(sorted(ids)), options.seconds, region, options.report_s3, tuple(cases))


def _logs(subject: TaskDefinition, options: ProbeOptions, region: str | None) -> LogStreams | None:
    """The named log group, otherwise that of the container with credentialSpecs, otherwise any container's."""
    if options.log_group:
        return LogStreams(options.log_group, region)
    containers = sorted(subject.containers, key=lambda container: not container.credential_specs)
    logs = next((container.logs for container in containers if container.logs), None)
    return replace(logs, region=logs.region or region) if logs else None


def _given(kind: type[T], case: Case) -> T:
    value = case.given[kind]
    assert isinstance(value, kind)  # noqa: S101 - reason_against has checked it
    return value
