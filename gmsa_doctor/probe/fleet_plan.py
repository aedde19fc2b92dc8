"""Which one-off tasks a fleet starts: one plan for the services that a task checks equally. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from gmsa_doctor.checking import check
from gmsa_doctor.core.errors import UsageError
from gmsa_doctor.core.model import Finding, skipped
from gmsa_doctor.core.registry import Registry
from gmsa_doctor.core.severity import listed
from gmsa_doctor.formats.documents.task_definition import TaskDefinition
from gmsa_doctor.given.subject import Network, Platform, Subject
from gmsa_doctor.probe import sides
from gmsa_doctor.probe.handover import TooLong
from gmsa_doctor.probe.plan import Plan
from gmsa_doctor.probe.planning import ProbeOptions, make_plan, reason_against
from gmsa_doctor.report.fleet.model import Target

_NAMED = 3


@dataclass(frozen=True)
class ProbeGroup:
    """Subjects with the same subnets, security groups, execution role and platform: the same tasks check them.

    ``same``: the names of the subjects with equal values, by the name of the one that is probed. ``plan``, or
    ``against``: why no task is started.
    """

    attempt: check.Attempt
    same: Mapping[str, Sequence[str]]
    plan: Plan | None = None
    against: Finding | None = None


def groups_of(
    attempt: check.Attempt, options: ProbeOptions, registry: Registry, selected: frozenset[str]
) -> Iterator[ProbeGroup]:
    """The groups of a shard, with their plans."""
    numbers: dict[object, list[int]] = {}
    for number in range(len(attempt.cases)):
        numbers.setdefault(_key(attempt, number), []).append(number)
    kinds = sorted(
        sides.to_hand_over(registry, selected & sides.inside(registry)) - {Subject}, key=lambda kind: kind.__qualname__
    )
    for group in numbers.values():
        equal: dict[object, list[int]] = {}
        for number in sorted(group, key=lambda number: not _logs(attempt, number)):  # the first one's log is used
            values = {**attempt.execution.values[number], **attempt.cases[number].given}
            equal.setdefault(tuple(values.get(kind) for kind in kinds), []).append(number)
        yield from _planned(attempt, list(equal.values()), options, registry, selected)


def _planned(
    attempt: check.Attempt,
    equal: Sequence[Sequence[int]],
    options: ProbeOptions,
    registry: Registry,
    selected: frozenset[str],
) -> Iterator[ProbeGroup]:
    """One group, or several, if the values of all are too many for one task definition."""
    names = {attempt.cases[numbers[0]].name: [attempt.cases[number].name for number in numbers] for numbers in equal}
    group = ProbeGroup(_part(attempt, [number for numbers in equal for number in numbers]), names)
    probed = _part(attempt, [numbers[0] for numbers in equal])
    if against := reason_against(probed, registry, selected):
        yield replace(group, against=against)
        return
    try:
        yield replace(group, plan=make_plan(probed, options, registry, selected))
    except UsageError as error:
        if isinstance(error, TooLong) and len(equal) > 1:
            half = len(equal) // 2
            for part in (equal[:half], equal[half:]):
                yield from _planned(attempt, part, options, registry, selected)
        else:
            yield replace(group, against=skipped(f"no probe was started: {error}"))


def _key(attempt: check.Attempt, number: int) -> object:
    given = attempt.cases[number].given
    definition, network, platform = (given.get(kind) for kind in (TaskDefinition, Network, Platform))
    if not isinstance(definition, TaskDefinition) or not isinstance(network, Network):
        return number
    version = platform.version if isinstance(platform, Platform) else None
    return network, version, definition.execution_role_arn, definition.cpu_architecture


def _logs(attempt: check.Attempt, number: int) -> bool:
    definition = attempt.cases[number].given.get(TaskDefinition)
    return isinstance(definition, TaskDefinition) and any(container.logs for container in definition.containers)


def _part(attempt: check.Attempt, numbers: Sequence[int]) -> check.Attempt:
    """The attempt with some of its subjects."""
    ended = attempt.execution

    def look_up(types: Iterable[type]) -> tuple[Mapping[type, object], ...]:
        found = ended.look_up(types)
        return tuple(found[number] for number in numbers)

    return replace(
        attempt,
        found=tuple(attempt.found[number] for number in numbers),
        cases=tuple(attempt.cases[number] for number in numbers),
        subjects=tuple(attempt.subjects[number] for number in numbers),
        execution=replace(ended, findings=tuple(ended.findings[number] for number in numbers), look_up=look_up),
    )


def describe(groups: Mapping[Target, Sequence[ProbeGroup]]) -> Iterator[tuple[int, str]]:
    """All tasks as text for the user to confirm: lines with their indentation."""
    plans = [(target, group, group.plan) for target, found in groups.items() for group in found if group.plan]
    tasks = sum(len(plan.place.subnets) for _, _, plan in plans)
    subjects = sum(len(group.attempt.cases) for _, group, _ in plans)
    words = f"{tasks} Fargate task{'' if tasks == 1 else 's'}"
    yield (
        0,
        f"To check {subjects} containers from inside their networks, gmsa-doctor starts {words}, one plan after the",
    )
    yield 0, "other, and then removes them, their task definitions and their logs:"
    seen: Target | None = None
    for target, group, plan in plans:
        if target != seen:
            yield 2, f"account {target.account}, {target.region}"
            seen = target
        names = listed([case.name for case in group.attempt.cases], most=_NAMED)
        subnets = ", ".join(plan.place.subnets)
        yield 4, f"cluster {plan.place.cluster}, a task in each of {subnets}: for {names}"
        yield 6, f"with the permissions of {plan.task_role}, and the image {plan.image}"
    yield 0, "All resources have the tag gmsa-doctor. AWS charges for the tasks while they run."
