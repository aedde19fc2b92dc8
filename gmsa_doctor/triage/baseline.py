"""Compares two reports: known failures of a baseline, and what broke or was fixed between two runs. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gmsa_doctor.core.model import Finding, Report, Status, SubjectReport
from gmsa_doctor.core.severity import worst

_KNOWN = "known in the baseline: was"
_WAS = re.compile(rf"{_KNOWN} (fail|warn): ")

Key = tuple[str, str]
"""Subject name and check id: they identify a finding across reports, whatever its text."""


@dataclass(frozen=True)
class Baseline:
    """The failures and warnings of an earlier report."""

    failed: frozenset[Key]
    warned: frozenset[Key]


def baseline_of(report: Report) -> Baseline:
    """The failures and warnings of a report.

    A finding that its own baseline waived keeps its original status, so that each report can be the baseline of the
    next. A finding that a waiver waived is not included: it must fail once the waiver expires.
    """
    statuses = [(key, _in_baseline(finding)) for key, finding in _by_key(report).items()]
    return Baseline(
        frozenset(key for key, status in statuses if status is Status.FAIL),
        frozenset(key for key, status in statuses if status is Status.WARN),
    )


def _in_baseline(finding: Finding) -> Status:
    was = _WAS.match(finding.summary) if finding.status is Status.WAIVED else None
    return Status(was[1]) if was else finding.status


def without_known(subjects: Sequence[SubjectReport], baseline: Baseline) -> tuple[SubjectReport, ...]:
    """The reports with known failures waived, so that only new ones fail.

    A warning is waived if it would fail the run (`--fail-on warn`). A failure that used to be a warning is new.
    `unknown` stays `unknown`, even if it was unknown before.
    """
    return tuple(
        replace(subject, findings=tuple(_known(f, (subject.name, f.check), baseline) for f in subject.findings))
        for subject in subjects
    )


def _known(finding: Finding, key: Key, baseline: Baseline) -> Finding:
    is_warning = finding.status is Status.WARN
    known = key in baseline.failed or (is_warning and key in baseline.warned)
    if not known or not finding.is_failure:
        return finding
    summary = f"{_KNOWN} {finding.status}: {finding.summary}"
    return replace(finding, status=Status.WAIVED, summary=summary, root=False)


# Two reports ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Change:
    """A finding before and after; None if a report does not have it."""

    subject: str
    check: str
    before: Finding | None
    after: Finding | None

    @property
    def differs(self) -> bool:
        """Whether the status changed, or whether the finding fails the run."""
        if not self.before or not self.after:
            return True
        return (self.before.status, self.before.is_failure) != (self.after.status, self.after.is_failure)

    @property
    def broke(self) -> bool:
        """Whether it fails now and did not before."""
        return bool(self.after and self.after.is_failure and not (self.before and self.before.is_failure))

    @property
    def fixed(self) -> bool:
        """Whether it failed before and passes or warns now."""
        if not self.before or not self.after or not self.before.is_failure or self.after.is_failure:
            return False
        return self.after.status in (Status.PASS, Status.WARN)


@dataclass(frozen=True)
class Difference:
    """The changes between two reports.

    ``broke``: fails now and did not before. ``fixed``: failed before, and now passes or is a warning that does not
    fail the run. ``changed``: all other changes of status. ``new`` and ``gone`` are subjects; ``new_checks`` and
    ``gone_checks`` belong to subjects in both reports, without those in ``broke``.
    """

    broke: tuple[Change, ...]
    fixed: tuple[Change, ...]
    changed: tuple[Change, ...]
    new: tuple[str, ...]
    gone: tuple[str, ...]
    new_checks: tuple[Change, ...]
    gone_checks: tuple[Change, ...]

    def __bool__(self) -> bool:
        """Whether anything changed."""
        return any(vars(self).values())


def compare(before: Report, after: Report) -> Difference:
    """The changes by subject and check, in the order of the reports."""
    old, new = _by_key(before), _by_key(after)
    old_names, new_names = (dict.fromkeys(subject.name for subject in report.subjects) for report in (before, after))
    changes = [change for key in {**old, **new} if (change := Change(*key, old.get(key), new.get(key))).differs]
    in_both = [change for change in changes if change.subject in old_names and change.subject in new_names]
    rest = [change for change in in_both if not change.broke and not change.fixed]
    return Difference(
        tuple(change for change in changes if change.broke),
        tuple(change for change in changes if change.fixed),
        tuple(change for change in rest if change.before and change.after),
        tuple(name for name in new_names if name not in old_names),
        tuple(name for name in old_names if name not in new_names),
        tuple(change for change in rest if not change.before),
        tuple(change for change in rest if not change.after),
    )


def _by_key(report: Report) -> Mapping[Key, Finding]:
    """Findings by subject and check; the worst if there are several."""
    found: dict[Key, Finding] = {}
    for subject in report.subjects:
        for finding in subject.findings:
            key = (subject.name, finding.check)
            found[key] = worst([found.get(key, finding), finding])
    return found
