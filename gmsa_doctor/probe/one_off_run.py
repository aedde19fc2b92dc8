"""``gmsa-doctor run``: runs checks from outside, starts the probes, and makes one report of both."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from gmsa_doctor.checking import check
from gmsa_doctor.checking.own_commands import with_own_commands
from gmsa_doctor.checking.selection import ONLY_IN_RUN, Selection
from gmsa_doctor.clients.aws.ecs import Ecs
from gmsa_doctor.clients.aws.fargate import Fargate, ReportBucket
from gmsa_doctor.clients.kerberos.ticket_cache import TicketCache
from gmsa_doctor.core import engine
from gmsa_doctor.core.check_id import CheckId
from gmsa_doctor.core.deferral import deferred_to
from gmsa_doctor.core.engine import Case
from gmsa_doctor.core.errors import UsageError
from gmsa_doctor.core.model import Finding, Report, Status, SubjectReport, skipped
from gmsa_doctor.core.registry import Registry
from gmsa_doctor.given.probe_tasks import CanaryTask, ProbeTasks
from gmsa_doctor.given.records import InstanceJournals
from gmsa_doctor.given.request import Request
from gmsa_doctor.probe import sides
from gmsa_doctor.probe.launch import Launched, Pace, launch
from gmsa_doctor.probe.mail import logs_by_region
from gmsa_doctor.probe.merge import ProbeReport, merge
from gmsa_doctor.probe.plan import Plan
from gmsa_doctor.probe.planning import ProbeOptions, make_plan, reason_against
from gmsa_doctor.probe.removal import ProbeClients
from gmsa_doctor.triage.apply import Triage, applied

_CANARY = CheckId("canary.task")
REMOVAL_SECONDS = 75.0
"""Of the time of a run, for the removal of its tasks: Fargate needs half a minute to stop one. At most a quarter."""
NOT_CONFIRMED = skipped("no probe was started: not confirmed")
LIVE_REASON = "only checked from inside, and no probe has reported it"


@dataclass(frozen=True)
class Conversation:
    """The user interface: asks for confirmation of a plan, shows its progress, and shows that of the checks."""

    agree: Callable[[Plan], bool]
    say: Callable[[str], None]
    watch: check.Watch
    hold: Callable[[], None] = lambda: None
    """Makes signals wait until the command ends."""


def run(
    request: Request,
    options: ProbeOptions,
    registry: Registry,
    user: Conversation,
    *,
    triage: Triage | None = None,
    pace: Pace | None = None,
    keep: check.Keep | None = None,
) -> Report:
    """Check the subjects of the request from outside and from inside.

    ``request.seconds`` limits the whole run with its removal, without the time until the user confirms. Raises
    UsageError for what the user must fix first.
    """
    started = time.monotonic()
    selection = Selection(request, registry)
    selected = selection.selected
    required = registry.select(request.require)
    registry = selection.applicable(registry)
    if not selected & sides.inside(registry):
        raise UsageError("--only and --skip select no check that runs inside: use `gmsa-doctor check`")
    seconds = min(request.seconds, options.seconds)
    attempt = check.attempt(replace(request, seconds=seconds), registry, user.watch, live_reason=LIVE_REASON)
    if keep:
        keep(attempt)
    interrupted = attempt.execution.interrupted
    against = reason_against(attempt, registry, selected)
    if interrupted:
        against = skipped("interrupted before a probe was started")
    subjects: tuple[SubjectReport, ...] | None = None
    if against is None:
        plan = make_plan(attempt, options, registry, selected)
        prompted = time.monotonic()
        if user.agree(plan):
            ends = started + request.seconds + time.monotonic() - prompted
            canary = _allows_canary(attempt, registry)
            clients = clients_of(attempt)
            launched = launch(
                plan,
                clients,
                ends=ends - min(REMOVAL_SECONDS, request.seconds / 4),
                removed_by=ends,
                say=user.say,
                pace=pace,
                canary=canary,
                hold=user.hold,
            )
            interrupted = launched.interrupted
            subjects = merged(attempt, plan, launched, registry, selected, request)
    if subjects is None:
        subjects = unprobed(attempt, against or NOT_CONFIRMED, registry, selected, request)
    subjects = check.with_evidence(attempt, subjects, request.fail_on_warning)
    subjects = applied(subjects, triage or Triage(), registry, selection.with_afterwards, request.fail_on_warning)
    return check.report_of(subjects, required, interrupted, started, static=selection.static_only)


def clients_of(attempt: check.Attempt) -> ProbeClients:
    """The clients that start and follow tasks, with the credentials of the attempt."""
    ecs = attempt.cases[0].given[Ecs]
    assert isinstance(ecs, Ecs)  # noqa: S101 - reason_against has checked it
    return Fargate(ecs.aws), logs_by_region(ecs.aws), ReportBucket(ecs.aws)


def _allows_canary(attempt: check.Attempt, registry: Registry) -> bool:
    """Whether nothing failed outside except checks that run inside too, or that an observation can overrule."""
    ids = sides.inside(registry)
    return not any(finding.check not in ids and not finding.overruled_by for finding in _failures(attempt))


def _failures(attempt: check.Attempt) -> list[Finding]:
    findings = [finding for subject in attempt.subjects for finding in subject.findings]
    return [finding for finding in findings if finding.status is Status.FAIL]


def unprobed(
    attempt: check.Attempt, against: Finding, registry: Registry, selected: frozenset[str], request: Request
) -> tuple[SubjectReport, ...]:
    """The reports without a probe, for the reason ``against``."""
    return _with_findings_of_run(attempt.subjects, _findings_of_run(registry, selected, against, None), (), request)


def merged(
    attempt: check.Attempt,
    plan: Plan,
    launched: Launched,
    registry: Registry,
    selected: frozenset[str],
    request: Request,
    same: Mapping[str, Sequence[str]] | None = None,
) -> tuple[SubjectReport, ...]:
    """The reports from outside and inside as one. ``same``: the subjects of which a probed one has the findings."""
    reports = [
        ProbeReport(probe.task.subnet, probe.message.for_all(same or {})) for probe in launched.probes if probe.message
    ]
    subjects = merge(attempt.subjects, reports, sides.inside(registry) & selected, request.fail_on_warning)
    probes = ProbeTasks(
        tuple(probe.task for probe in launched.probes),
        plan.image,
        plan.execution_role,
        plan.logs.group if plan.logs else None,
        plan.shared,
        launched.left,
        _clean_command(plan, request),
        frozenset(finding.check for finding in _failures(attempt)),
    )
    canary: CanaryTask | Finding | None = None
    if launched.canary:
        canary = CanaryTask(launched.canary.task, plan.image)
    elif plan.canary:
        canary = _no_canary(subjects)
    findings = _findings_of_run(registry, selected, probes, canary)
    if launched.canary and launched.canary.message:
        seen = {finding.check: replace(finding, vantage="inside") for finding in launched.canary.message.findings}
        findings = [seen.get(finding.check, finding) for finding in findings]
    findings = [with_own_commands(finding, attempt.found[0], request) for finding in findings]
    return _with_findings_of_run(subjects, findings, tuple(report.subnet for report in reports), request)


def _clean_command(plan: Plan, request: Request) -> str:
    """The command that removes leftovers of this run."""
    options = {"--cluster": plan.place.cluster, "--region": plan.place.region, "--profile": request.profile}
    given = (f" {name} {shlex.quote(value)}" for name, value in options.items() if value)
    return "gmsa-doctor run --clean" + "".join(given)


def _no_canary(subjects: Sequence[SubjectReport]) -> Finding:
    """Why no canary was started: it would fail for the same reason, with a second failed logon."""
    findings = [finding for subject in subjects for finding in subject.findings]
    roots = [finding for finding in findings if finding.root and finding.status is not Status.WARN]
    if not roots:
        return skipped("no canary was started: no probe has shown that the logon works")
    ids = ", ".join(dict.fromkeys(root.check for root in roots))
    return deferred_to(roots, f"no canary was started because of {ids}")


def _findings_of_run(
    registry: Registry, selected: frozenset[str], probes: ProbeTasks | Finding, canary: CanaryTask | Finding | None
) -> list[Finding]:
    """The findings of `probe.*`, and of `canary.*` if a canary was requested.

    Whether the tasks ran and reported is checked even if those checks are not selected.
    """
    ours = registry.needing(ONLY_IN_RUN) - registry.needing(frozenset({InstanceJournals}))
    if canary is None:
        ours -= registry.needing(frozenset({CanaryTask, TicketCache}))
    checks = Registry([declared for declared in registry.checks if declared.id in ours])
    no_cache = canary if isinstance(canary, Finding) else deferred_to(_CANARY, "not checked: the canary did not report")
    case = Case("run", {ProbeTasks: probes, CanaryTask: canary or no_cache, TicketCache: no_cache})
    always = ours - sides.of_canary(registry)
    return list(engine.execute(checks, [case], seconds=60, selected=always | (ours & selected)).findings[0])


def _with_findings_of_run(
    subjects: Sequence[SubjectReport], findings: list[Finding], subnets: tuple[str, ...], request: Request
) -> tuple[SubjectReport, ...]:
    """Adds the findings about the tasks to the first subject only, and the vantage to the header of each."""
    added = [
        replace(finding, vantage=finding.vantage or "outside").rooted(request.fail_on_warning) for finding in findings
    ]
    first, *others = subjects
    vantage = f"outside, and from inside {', '.join(subnets)}" if subnets else "outside"
    return tuple(
        replace(subject, facts=tuple((name, vantage if name == "vantage" else text) for name, text in subject.facts))
        for subject in (replace(first, findings=(*first.findings, *added)), *others)
    )
