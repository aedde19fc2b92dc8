"""Two reports compared: what a baseline knows already, and what broke and was mended between two runs. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gmsa_doctor.core.model import Finding, Report, Status, SubjectReport
from gmsa_doctor.core.severity import worst

_KNOWN = "known in the baseline: was"
_WAS = re.compile(rf"{_KNOWN} (fail|warn): ")

Key = tuple[str, str]
"""The name of a subject and the id of a check: what makes a finding the same one in two reports. Not its text."""


@dataclass(frozen=True)
class Baseline:
    """What failed and what was warned of in an earlier report."""

    failed: frozenset[Key]
    warned: frozenset[Key]


def baseline_of(report: Report) -> Baseline:
    """What a report knows.

    What it had waived because of a baseline of its own counts as what it was, so that each report may be the baseline
    of the next. What a waiver had waived does not: when the waiver expires it is to fail.
    """
    statuses = [(key, _in_baseline(one)) for key, one in _by_key(report).items()]
    return Baseline(
        frozenset(key for key, status in statuses if status is Status.FAIL),
        frozenset(key for key, status in statuses if status is Status.WARN),
    )


def _in_baseline(finding: Finding) -> Status:
    was = _WAS.match(finding.summary) if finding.status is Status.WAIVED else None
    return Status(was[1]) if was else finding.status


def without_known(subjects: Sequence[SubjectReport], baseline: Baseline) -> tuple[SubjectReport, ...]:
    """The same with each failure that the baseline knows waived, so that only what is new fails.

    A warning counts where it would fail the run (`--fail-on warn`); a failure that was but a warning is new. What could
    not be answered stays `unknown`: that it was so before makes it no pass.
    """
    return tuple(
        replace(each, findings=tuple(_known(one, (each.name, one.check), baseline) for one in each.findings))
        for each in subjects
    )


def _known(finding: Finding, key: Key, baseline: Baseline) -> Finding:
    is_warning = finding.status is Status.WARN
    known = key in baseline.failed or (is_warning and key in baseline.warned)
    if not known or not is_failure(finding):
        return finding
    summary = f"{_KNOWN} {finding.status}: {finding.summary}"
    return replace(finding, status=Status.WAIVED, summary=summary, root=False)


def is_failure(finding: Finding) -> bool:
    """Whether it makes a run fail: a failure, or a warning where the run was to fail on these."""
    return finding.status is Status.FAIL or (finding.status is Status.WARN and finding.root)


# Two reports ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Change:
    """A finding whose status differs between two reports; None where one of them has no such finding."""

    subject: str
    check: str
    before: Finding | None
    after: Finding | None


@dataclass(frozen=True)
class Difference:
    """What changed from one report to a later one.

    ``broke`` fails now and did not; ``mended`` failed, and now passes or is at most a warning that fails nothing.
    ``changed`` are all other changes of status. ``new`` and ``gone`` are subjects; ``new_checks`` and ``gone_checks``
    are of subjects that both reports have, without those that broke.
    """

    broke: tuple[Change, ...]
    mended: tuple[Change, ...]
    changed: tuple[Change, ...]
    new: tuple[str, ...]
    gone: tuple[str, ...]
    new_checks: tuple[Change, ...]
    gone_checks: tuple[Change, ...]

    def __bool__(self) -> bool:
        """Whether anything changed."""
        parts = (self.broke, self.mended, self.changed, self.new, self.gone, self.new_checks, self.gone_checks)
        return any(parts)


def compare(before: Report, after: Report) -> Difference:
    """What changed, by subject and check, in the order of the reports."""
    old, new = _by_key(before), _by_key(after)
    names = [dict.fromkeys(one.name for one in report.subjects) for report in (before, after)]
    both = names[0].keys() & names[1].keys()
    changes = [Change(*key, old.get(key), new.get(key)) for key in {**old, **new}]
    changes = [one for one in changes if _differs(one)]
    rest = [one for one in changes if one.subject in both and not _broke(one) and not _mended(one)]
    return Difference(
        tuple(one for one in changes if _broke(one)),
        tuple(one for one in changes if _mended(one)),
        tuple(one for one in rest if one.before and one.after),
        tuple(name for name in names[1] if name not in names[0]),
        tuple(name for name in names[0] if name not in names[1]),
        tuple(one for one in rest if not one.before),
        tuple(one for one in rest if not one.after),
    )


def _by_key(report: Report) -> Mapping[Key, Finding]:
    """Findings by subject and check; of two with the same, the worse."""
    found: dict[Key, Finding] = {}
    for each in report.subjects:
        for one in each.findings:
            key = (each.name, one.check)
            found[key] = worst([found.get(key, one), one])
    return found


def _differs(change: Change) -> bool:
    if not change.before or not change.after:
        return True
    return change.before.status is not change.after.status or is_failure(change.before) != is_failure(change.after)


def _broke(change: Change) -> bool:
    return bool(change.after and is_failure(change.after) and not (change.before and is_failure(change.before)))


def _mended(change: Change) -> bool:
    if not change.before or not change.after or not is_failure(change.before) or is_failure(change.after):
        return False
    return change.after.status in (Status.PASS, Status.WARN)
