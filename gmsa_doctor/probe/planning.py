"""From a look from outside to a plan, or to the reason why no probe is started."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from gmsa_doctor.checking import check as outside
from gmsa_doctor.clients.aws.ecs import Ecs
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
from gmsa_doctor.probe.plan import Plan, definition, place_of, with_ticket

T = TypeVar("T")

ROLE = "execution-role.present"
_ASKED = sides.INSIDE - {DnsServersInUse}
"""What is worth a task: the DNS servers alone are not."""


@dataclass(frozen=True)
class RunRequest:
    """What the user asks of the probes."""

    image: str
    each_subnet: bool = True
    execution_role: str | None = None
    log_group: str | None = None
    report_s3: str | None = None
    canary: bool = False
    public_address: bool = False
    """Where no service tells."""
    seconds: float = 60.0
    """For the checks, outside and in each probe."""


def reason_against(look: outside.Attempt, registry: Registry, selected: frozenset[str]) -> Finding | None:
    """Why a probe could tell nothing more; None if it could."""
    case = look.cases[0]
    for kind in (Ecs, TaskDefinition):
        in_the_way = case.given.get(kind)
        if isinstance(in_the_way, Finding):
            return _because("no probe was started", (in_the_way,))
    if not _the(TaskDefinition, case).execution_role_arn:
        return skipped(
            f"no probe was started because of {ROLE}: there is no execution role that it could act as", because=(ROLE,)
        )
    in_the_way_of_all: list[Finding] = []
    for one, values in zip(look.cases, look.execution.values, strict=True):
        possible, reasons = _possible(registry, selected, {**values, **one.given})
        if possible:
            return None
        in_the_way_of_all += reasons
    return _because("no probe was started, since it would have nothing to ask", tuple(in_the_way_of_all))


def _because(text: str, findings: tuple[Finding, ...]) -> Finding:
    ids = [id for one in findings for id in (one.because or ((one.check,) if one.check else ()))]
    because = tuple(dict.fromkeys(ids))
    return skipped(f"{text}, because of {', '.join(because)}" if because else text, because=because)


def _possible(registry: Registry, selected: frozenset[str], values: dict[type, object]) -> tuple[bool, list[Finding]]:
    """Whether a check of the inside has what it needs of the outside; the findings in the way of those that do not."""
    ids = sides.inside(registry) & selected
    blocked: set[type] = set()
    reasons: list[Finding] = []
    possible = False
    gives = {one.gives for one in registry.checks if one.id in ids}
    for one in registry.checks:
        if one.id not in ids:
            continue
        found = [
            values.get(need.type) for need in one.needs if not need.outcome and need.type not in gives | sides.CLIENTS
        ]
        stopped = [value for value in found if isinstance(value, Finding)]
        if stopped or any(need.type in blocked and not need.outcome for need in one.needs):
            blocked |= {one.gives} if one.gives else set()
            reasons += stopped
        elif any(need.type in _ASKED for need in one.needs):
            possible = True
    return possible, reasons


def make_plan(look: outside.Attempt, wanted: RunRequest, registry: Registry, selected: frozenset[str]) -> Plan:
    """All that the run will make. Raises UsageError for what is not known and can be told by an option."""
    case = look.cases[0]
    subject = _the(TaskDefinition, case)
    network = case.given.get(Network)
    if not isinstance(network, Network) or not network.subnets:
        raise UsageError("where the service runs is not known: give --subnets and --security-groups")
    if wanted.canary and (len(look.cases) != 1 or not _has_specs(case)):
        raise UsageError("--canary wants one container with credentialSpecs: name it with --container")
    run = f"gmsa-doctor-{secrets.token_hex(5)}"
    place = place_of(look.found[0].subject.cluster, _the(AwsPlace, case).region, network, _the(Platform, case))
    place = replace(place, public_address=place.public_address or wanted.public_address)
    place = place if wanted.each_subnet else replace(place, subnets=place.subnets[:1])
    logs = _logs(subject, wanted, place.region)
    if logs is None and not wanted.report_s3:
        raise UsageError(
            "the task definition writes to no log group that the probe could use: give --log-group or --report-s3"
        )
    role = str(subject.execution_role_arn)
    roles = (role, wanted.execution_role or role)
    ids = selected & sides.inside(registry)
    text = handover.write(_handover(run, look, wanted, registry, ids))
    probe = definition(run, wanted.image, subject, roles, logs, {VARIABLE: text}, ("probe",))
    canary = None
    if wanted.canary:
        ids = selected & registry.with_needs(selected & sides.of_canary(registry))
        text = handover.write(_handover(run, look, wanted, registry, ids))
        canary = with_ticket(probe, _the(ChosenContainer, case), text)
    return Plan(
        run,
        _title(look),
        wanted.image,
        *roles,
        _shared(subject, wanted, logs),
        place,
        logs,
        wanted.report_s3,
        probe,
        canary,
    )


def _title(look: outside.Attempt) -> str:
    """The service or the task definition, whichever was named."""
    subject = look.found[0].subject
    return f"{subject.cluster or 'default'}/{subject.service}" if subject.service else subject.task_definition


_ECR = re.compile(r"\d+\.dkr[.-]ecr")


def _shared(subject: TaskDefinition, wanted: RunRequest, logs: LogStreams | None) -> SharedResources:
    """A group that the driver makes for the service is not there before the service has started."""
    role = wanted.execution_role is None
    images = (one.image or "" for one in subject.containers)
    return SharedResources(
        role=role,
        logs=role and wanted.log_group is None and logs is not None and not logs.made,
        registry=role and bool(_ECR.match(wanted.image)) and any(map(_ECR.match, images)),
    )


def _handover(run: str, look: outside.Attempt, wanted: RunRequest, registry: Registry, ids: frozenset[str]) -> Handover:
    kinds = sides.to_hand_over(registry, ids | sides.inside(registry))
    cases = tuple(
        Case(case.name, {kind: value for kind, value in _values(case, values).items() if kind in kinds})
        for case, values in zip(look.cases, look.execution.values, strict=True)
    )
    region = _the(AwsPlace, look.cases[0]).region
    return Handover(run, tuple(sorted(ids)), wanted.seconds, region, wanted.report_s3, cases)


def _values(case: Case, gave: Any) -> dict[type, object]:
    """What was found outside; the probe acts as the execution role, whoever we are."""
    subject = _the(TaskDefinition, case)
    caller = Caller(_the(AwsPlace, case).account or "", str(subject.execution_role_arn), is_execution_role=True)
    return {**gave, **case.given, Caller: caller}


def _logs(subject: TaskDefinition, wanted: RunRequest, region: str | None) -> LogStreams | None:
    """The log group that was named; else the one of the container with credentialSpecs, else of any."""
    if wanted.log_group:
        return LogStreams(wanted.log_group, region)
    containers = sorted(subject.containers, key=lambda one: not one.credential_specs)
    found = next((one.logs for one in containers if one.logs), None)
    return replace(found, region=found.region or region) if found else None


def _has_specs(case: Case) -> bool:
    chosen = case.given.get(ChosenContainer)
    return isinstance(chosen, ChosenContainer) and bool(chosen.container and chosen.container.credential_specs)


def _the(kind: type[T], case: Case) -> T:
    value = case.given[kind]
    assert isinstance(value, kind)  # noqa: S101 - the reasons against a probe have been looked at
    return value
