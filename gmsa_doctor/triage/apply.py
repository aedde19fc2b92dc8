"""Applies severities, waivers and a baseline to the findings of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

from gmsa_doctor.core import engine
from gmsa_doctor.core.model import SubjectReport
from gmsa_doctor.core.registry import Registry
from gmsa_doctor.triage.baseline import Baseline, without_known
from gmsa_doctor.triage.waivers import Severity, Waiver, WaiverState, waived, with_severities


@dataclass(frozen=True)
class Triage:
    """``file``: path of the configuration; findings about its waivers are reported under this name.

    ``severities``: by check id.
    """

    file: str = ""
    severities: Mapping[str, Severity] = field(default_factory=dict)
    waivers: tuple[Waiver, ...] = ()
    baseline: Baseline | None = None
    today: date = field(default_factory=lambda: datetime.now(UTC).date())


def applied(
    subjects: Sequence[SubjectReport],
    triage: Triage,
    registry: Registry,
    selected: frozenset[str],
    fail_on_warning: bool,
) -> tuple[SubjectReport, ...]:
    """The reports with changed severities, then with waivers, then with the baseline applied.

    If there are waivers, the configuration is an additional subject, the last one, with the finding of
    `config.waivers`. A baseline does not hide that finding.
    """
    triaged = tuple(
        replace(subject, findings=with_severities(subject.findings, triage.severities, fail_on_warning))
        for subject in subjects
    )
    triaged, state = waived(triaged, triage.waivers, triage.today)
    if triage.baseline:
        triaged = without_known(triaged, triage.baseline)
    if not triage.waivers:
        return triaged
    return (*triaged, *_of_configuration(triage, state, registry, selected, fail_on_warning))


def _of_configuration(
    triage: Triage, state: WaiverState, registry: Registry, selected: frozenset[str], fail_on_warning: bool
) -> Sequence[SubjectReport]:
    judges = Registry(check for check in registry.checks if any(need.type is WaiverState for need in check.needs))
    ids = judges.ids & selected
    if not ids:
        return ()
    case = engine.Case(triage.file, {WaiverState: state})
    (findings,) = engine.execute(judges, [case], seconds=60, selected=ids).findings
    findings = with_severities(findings, triage.severities, fail_on_warning)
    facts = (("subject", triage.file), ("waivers", str(len(triage.waivers))))
    return (SubjectReport(triage.file, facts, tuple(finding.rooted(fail_on_warning) for finding in findings)),)
