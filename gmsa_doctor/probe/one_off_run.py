"""``gmsa-doctor run``: look from outside, start the probes, and make one report of both."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from gmsa_doctor.checking import check as outside
from gmsa_doctor.checking.selection import ONLY_IN_RUN, Selection
from gmsa_doctor.clients.aws.ecs import Ecs
from gmsa_doctor.clients.aws.fargate import Fargate, ReportBucket
from gmsa_doctor.clients.kerberos.ticket_cache import TicketCache
from gmsa_doctor.core import engine
from gmsa_doctor.core.engine import Case
from gmsa_doctor.core.errors import UsageError
from gmsa_doctor.core.model import Finding, Report, Status, SubjectReport, skipped
from gmsa_doctor.core.registry import Registry
from gmsa_doctor.given.probe_tasks import CanaryTask, ProbeTasks
from gmsa_doctor.given.request import Request
from gmsa_doctor.probe import sides
from gmsa_doctor.probe.launch import Clients, Launched, Pace, launch
from gmsa_doctor.probe.mail import logs_by_region
from gmsa_doctor.probe.merge import ProbeReport, merge
from gmsa_doctor.probe.plan import Plan
from gmsa_doctor.probe.planning import RunRequest, make_plan, reason_against
from gmsa_doctor.triage.apply import Triage, applied

LIVE_REASON = "asked from inside only, and no probe has told"


@dataclass(frozen=True)
class Conversation:
    """How the user is asked whether a plan may be carried out, told how far it is, and shown how the checks go."""

    agree: Callable[[Plan], bool]
    say: Callable[[str], None]
    watch: outside.Watch


def run(
    request: Request,
    wanted: RunRequest,
    registry: Registry,
    user: Conversation,
    *,
    policy: Triage | None = None,
    pace: Pace | None = None,
) -> Report:
    """Check the subjects that the request names from outside and from inside.

    ``request.seconds`` is for the whole, but for the time that the user thinks. Raises UsageError for whatever the
    user has to mend first.
    """
    started = time.monotonic()
    selection = Selection(request, registry)
    selected, after = selection.selected, selection.with_afterwards
    required = registry.select(request.require)
    registry = selection.applicable(registry)
    if not selected & sides.inside(registry):
        raise UsageError("--only and --skip leave nothing that is asked from inside: `gmsa-doctor check` does the rest")
    seconds = min(request.seconds, wanted.seconds)
    look = outside.attempt(replace(request, seconds=seconds), registry, user.watch, live_reason=LIVE_REASON)
    against = reason_against(look, registry, selected)
    if look.execution.interrupted:
        against = skipped("interrupted before a probe was started")
    if against is None:
        plan = make_plan(look, wanted, registry, selected)
        asked = time.monotonic()
        if user.agree(plan):
            ends = started + request.seconds + time.monotonic() - asked
            sound = _sound_outside(look, registry)
            launched = launch(plan, _clients(look, request), ends=ends, say=user.say, pace=pace, canary=sound)
            subjects = _merged(look, plan, launched, registry, selected, request)
            subjects = applied(subjects, policy or Triage(), registry, after, request.fail_on_warning)
            return outside.report_of(subjects, required, launched.interrupted, started)
        against = skipped("no probe was started, as you wished")
    more = _rooted(_judged(registry, selected, against, None), request)
    subjects = _with_vantage(_with_more(look.subjects, more), ())
    subjects = applied(subjects, policy or Triage(), registry, after, request.fail_on_warning)
    return outside.report_of(subjects, required, look.execution.interrupted, started)


def _clients(look: outside.Attempt, request: Request) -> Clients:
    """With the session that the look from outside had."""
    ecs = look.cases[0].given[Ecs]
    assert isinstance(ecs, Ecs)  # noqa: S101 - reason_against has seen to it
    return Fargate(ecs.aws), logs_by_region(ecs.aws, request.profile), ReportBucket(ecs.aws)


def _sound_outside(look: outside.Attempt, registry: Registry) -> bool:
    """Whether nothing has failed of what the inside does not ask again, or may contradict."""
    ids = sides.inside(registry)
    found = (one for each in look.subjects for one in each.findings)
    return not any(one.status is Status.FAIL and one.check not in ids and not one.overruled_by for one in found)


def _merged(
    look: outside.Attempt,
    plan: Plan,
    launched: Launched,
    registry: Registry,
    selected: frozenset[str],
    request: Request,
) -> tuple[SubjectReport, ...]:
    reports = [ProbeReport(one.task.subnet, one.message) for one in launched.probes if one.message]
    subjects = merge(look.subjects, reports, sides.inside(registry) & selected, request.fail_on_warning)
    probes = ProbeTasks(
        tuple(one.task for one in launched.probes),
        plan.image,
        plan.execution_role,
        plan.logs.group if plan.logs else None,
        plan.shared,
        launched.left,
        _clean(plan, request),
        frozenset(one.check for each in look.subjects for one in each.findings if one.status is Status.FAIL),
    )
    canary: CanaryTask | Finding | None = None
    if launched.canary:
        canary = CanaryTask(launched.canary.task, plan.image)
    elif plan.canary:
        canary = _no_canary(subjects)
    more = _judged(registry, selected, probes, canary)
    if launched.canary and launched.canary.message:
        (seen,) = launched.canary.message.subjects
        theirs = {one.check: replace(one, vantage="inside") for one in seen.findings}
        more = [theirs.get(one.check, one) for one in more]
    return _with_vantage(_with_more(subjects, _rooted(more, request)), tuple(one.subnet for one in reports))


def _clean(plan: Plan, request: Request) -> str:
    """The command that looks for what this run has left."""
    options = {"--cluster": plan.place.cluster, "--region": plan.place.region, "--profile": request.profile}
    return " ".join(
        ["gmsa-doctor run --clean", *(f"{name} {shlex.quote(one)}" for name, one in options.items() if one)]
    )


def _no_canary(subjects: Sequence[SubjectReport]) -> Finding:
    """The canary would only fail for the same reason: that is not worth a task, or a second failed logon."""
    roots = (one.check for each in subjects for one in each.findings if one.root and one.status is not Status.WARN)
    because = tuple(dict.fromkeys(roots))
    if because:
        return skipped(f"no canary was started because of {', '.join(because)}", because=because)
    return skipped("no canary was started: no probe has shown that the logon works")


def _judged(
    registry: Registry, selected: frozenset[str], probes: ProbeTasks | Finding, canary: CanaryTask | Finding | None
) -> list[Finding]:
    """The findings of the checks of what became of the tasks; none of a canary that nobody asked for.

    Whether the tasks ran and have reported is judged whatever is selected: without that, nothing is known.
    """
    ours = registry.needing(ONLY_IN_RUN)
    if canary is None:
        ours -= registry.needing(frozenset({CanaryTask, TicketCache}))
    mine = Registry([one for one in registry.checks if one.id in ours])
    not_there = canary if isinstance(canary, Finding) else skipped("not asked", because=("canary.task",))
    case = Case("run", {ProbeTasks: probes, CanaryTask: canary or not_there, TicketCache: not_there})
    always = ours - sides.of_canary(registry)
    return list(engine.execute(mine, [case], seconds=60, selected=always | (ours & selected)).findings[0])


def _rooted(more: list[Finding], request: Request) -> list[Finding]:
    return [
        replace(
            one,
            vantage=one.vantage or "outside",
            root=one.root or (request.fail_on_warning and one.status is Status.WARN),
        )
        for one in more
    ]


def _with_more(subjects: Sequence[SubjectReport], more: list[Finding]) -> tuple[SubjectReport, ...]:
    """What became of the tasks is told once, with the first subject."""
    first, *others = subjects
    return (replace(first, findings=(*first.findings, *more)), *others)


def _with_vantage(subjects: Sequence[SubjectReport], subnets: tuple[str, ...]) -> tuple[SubjectReport, ...]:
    """The header's word for where all this was seen from."""
    word = f"outside, and from inside {', '.join(subnets)}" if subnets else "outside"
    return tuple(
        replace(one, facts=tuple((name, word if name == "vantage" else text) for name, text in one.facts))
        for one in subjects
    )
