"""What the user has agreed on beforehand, laid over the findings of a run: severities, waivers, a baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

from gmsa_doctor.core import engine
from gmsa_doctor.core.model import SubjectReport
from gmsa_doctor.core.registry import Registry
from gmsa_doctor.triage.baseline import Baseline, without_known
from gmsa_doctor.triage.waivers import Severity, Waiver, WaiverState, waived, with_severities


def _today() -> date:
    return datetime.now(UTC).date()


@dataclass(frozen=True)
class Triage:
    """``file`` is the configuration's, the subject of what is to be said of its waivers; ``severities`` are by id."""

    file: str = ""
    severities: Mapping[str, Severity] = field(default_factory=dict)
    waivers: tuple[Waiver, ...] = ()
    baseline: Baseline | None = None
    today: date = field(default_factory=_today)


def applied(
    subjects: Sequence[SubjectReport],
    policy: Triage,
    registry: Registry,
    selected: frozenset[str],
    fail_on_warning: bool,
) -> tuple[SubjectReport, ...]:
    """The same with severities changed, then waived what a waiver is for, then what the baseline knows.

    Where there are waivers, the configuration is a subject of its own, last, with the finding of `config.waivers`:
    a baseline does not hide it.
    """
    judged = tuple(
        replace(one, findings=with_severities(one.findings, policy.severities, fail_on_warning)) for one in subjects
    )
    judged, state = waived(judged, policy.waivers, policy.today)
    if policy.baseline:
        judged = without_known(judged, policy.baseline)
    if not policy.waivers:
        return judged
    return (*judged, *_of_configuration(policy, state, registry, selected, fail_on_warning))


def _of_configuration(
    policy: Triage, state: WaiverState, registry: Registry, selected: frozenset[str], fail_on_warning: bool
) -> Sequence[SubjectReport]:
    """One subject; none where its checks are not selected."""
    mine = Registry([one for one in registry.checks if any(need.type is WaiverState for need in one.needs)])
    ids = frozenset(one.id for one in mine.checks) & selected
    if not ids:
        return ()
    (findings,) = engine.execute(
        mine, [engine.Case(policy.file, {WaiverState: state})], seconds=60, selected=ids
    ).findings
    findings = with_severities(findings, policy.severities, fail_on_warning)
    rooted = (replace(one, root=one.root or (fail_on_warning and one.status == "warn")) for one in findings)
    facts = (("subject", policy.file), ("waivers", str(len(policy.waivers))))
    return (SubjectReport(policy.file, facts, tuple(rooted)),)
