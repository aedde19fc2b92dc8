"""``gmsa-doctor run``: look from outside, start the probes, and make one report of both."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from gmsa_doctor import engine
from gmsa_doctor import run as outside
from gmsa_doctor.clients.fargate import Fargate, Logs, ReportBucket
from gmsa_doctor.clients.services import Ecs
from gmsa_doctor.clients.ticket_cache import TicketCache
from gmsa_doctor.engine import Case
from gmsa_doctor.errors import UsageError
from gmsa_doctor.model import Finding, Report, Status, SubjectReport, skipped
from gmsa_doctor.one_off import ONLY_IN_RUN, CanaryTask, ProbeTasks
from gmsa_doctor.probe import sides
from gmsa_doctor.probe.launch import Launched, Pace, launch
from gmsa_doctor.probe.merge import Inside, merge, with_more
from gmsa_doctor.probe.plan import Plan
from gmsa_doctor.probe.planning import Wanted, make_plan, reason_against
from gmsa_doctor.registry import Registry
from gmsa_doctor.request import Request

LIVE_REASON = "asked from inside only, and no probe has told"


@dataclass(frozen=True)
class Conversation:
    """How the user is asked whether a plan may be carried out, told how far it is, and shown how the checks go."""

    agree: Callable[[Plan], bool]
    say: Callable[[str], None]
    watch: outside.Watch


def run(request: Request, wanted: Wanted, registry: Registry, user: Conversation, pace: Pace | None = None) -> Report:
    """Check the subjects that the request names from outside and from inside.

    ``request.seconds`` is for the whole. Raises UsageError for whatever the user has to mend first, and if the user
    does not agree.
    """
    started = time.monotonic()
    look = outside.look(
        replace(request, seconds=min(request.seconds, wanted.seconds)), registry, user.watch, live_reason=LIVE_REASON
    )
    selected = outside.selected(request, registry)
    required = registry.select(request.require)
    against = None if look.ended.interrupted else reason_against(look, registry)
    if look.ended.interrupted or against:
        more = _judged(
            registry, selected, len(look.cases), against or skipped("interrupted before a probe was started"), None
        )
        subjects = _with_vantage(with_more(look.subjects, _rooted(more, request)), ())
        return outside.report_of(subjects, required, look.ended.interrupted, started)
    plan = make_plan(look, wanted, registry, selected)
    if not user.agree(plan):
        raise UsageError("nothing was made, as you wished; `gmsa-doctor check` looks from outside alone")
    ends = started + request.seconds
    launched = launch(plan, _clients(look), ends=ends, say=user.say, pace=pace)
    subjects = _merged(look, plan, launched, registry, selected, request)
    return outside.report_of(subjects, required, launched.interrupted, started)


def _clients(look: outside.Look) -> tuple[Fargate, Logs, ReportBucket]:
    """With the session that the look from outside had."""
    ecs = look.cases[0].given[Ecs]
    assert isinstance(ecs, Ecs)  # noqa: S101 - reason_against has seen to it
    return Fargate(ecs.aws), Logs(ecs.aws), ReportBucket(ecs.aws)


def _merged(
    look: outside.Look,
    plan: Plan,
    launched: Launched,
    registry: Registry,
    selected: frozenset[str],
    request: Request,
) -> tuple[SubjectReport, ...]:
    inside = [Inside(one.task.subnet, one.message) for one in launched.probes if one.message]
    subjects = merge(look.subjects, inside, sides.inside(registry) & selected, request.fail_on_warning)
    probes = ProbeTasks(
        tuple(one.task for one in launched.probes),
        plan.image,
        plan.execution_role,
        plan.logs.group if plan.logs else None,
        plan.own_logs,
        plan.own_role,
        launched.left,
    )
    canary: CanaryTask | Finding | None = None
    if launched.canary:
        canary = CanaryTask(launched.canary.task, plan.image)
    elif plan.canary:
        canary = _no_canary(subjects)
    more = _rooted(_judged(registry, selected, len(subjects), probes, canary), request)
    found = launched.canary.message if launched.canary else None
    if found:
        seen = {each.name: each.findings for each in found.subjects}
        of_canary = sides.of_canary(registry) & selected
        canaries = [[one for one in seen.get(each.name, ()) if one.check in of_canary] for each in subjects]
        more = [
            [
                *(one for one in own if one.check not in {each.check for each in theirs}),
                *(replace(one, vantage="inside") for one in theirs),
            ]
            for own, theirs in zip(more, canaries, strict=True)
        ]
    return _with_vantage(with_more(subjects, more), tuple(one.subnet for one in inside))


def _no_canary(subjects: Sequence[SubjectReport]) -> Finding:
    """The canary would only fail for the same reason: that is not worth a task, or a second failed logon."""
    roots = (one.check for each in subjects for one in each.findings if one.root and one.status is not Status.WARN)
    because = tuple(dict.fromkeys(roots))
    if because:
        return skipped(f"no canary was started because of {', '.join(because)}", because=because)
    return skipped("no canary was started: no probe has shown that the logon works")


def _judged(
    registry: Registry,
    selected: frozenset[str],
    subjects: int,
    probes: ProbeTasks | Finding,
    canary: CanaryTask | Finding | None,
) -> list[list[Finding]]:
    """The findings of the checks of what became of the tasks, for each subject; none of a canary nobody asked for."""
    ids = frozenset(one.id for one in registry.checks)
    ours = ids - frozenset(one.id for one in registry.without(ONLY_IN_RUN).checks)
    if canary is None:
        ours &= frozenset(one.id for one in registry.without(frozenset({CanaryTask, TicketCache})).checks)
    mine = Registry([one for one in registry.checks if one.id in ours])
    not_there = canary if isinstance(canary, Finding) else skipped("not asked", because=("canary.task",))
    case = Case("run", {ProbeTasks: probes, CanaryTask: canary or not_there, TicketCache: not_there})
    ended = engine.run(mine, [case], seconds=60, selected=ours & selected)
    return [list(ended.findings[0]) for _ in range(subjects)]


def _rooted(more: list[list[Finding]], request: Request) -> list[list[Finding]]:
    return [
        [
            replace(one, vantage="outside", root=one.root or (request.fail_on_warning and one.status is Status.WARN))
            for one in each
        ]
        for each in more
    ]


def _with_vantage(subjects: Sequence[SubjectReport], subnets: tuple[str, ...]) -> tuple[SubjectReport, ...]:
    """The header's word for where all this was seen from."""
    word = f"outside, and from inside {', '.join(subnets)}" if subnets else "outside"
    return tuple(
        replace(one, facts=tuple((name, word if name == "vantage" else text) for name, text in one.facts))
        for one in subjects
    )
