"""Subjects of a fleet as in the ordinary report of `check`."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from gmsa_doctor.checking.check import report_of
from gmsa_doctor.core.errors import UsageError, did_you_mean
from gmsa_doctor.core.model import Report, Status, SubjectReport
from gmsa_doctor.core.severity import BAD
from gmsa_doctor.report.fleet.model import FleetReport, FleetSubject
from gmsa_doctor.report.fleet.table import subject_report

_NOT_WELL = (*BAD, Status.WAIVED)
"""The statuses of findings whose words a comparison shows."""


@dataclass(frozen=True)
class Filter:
    """Which subjects. ``subject`` may be a pattern."""

    subject: str | None = None
    account: str | None = None
    region: str | None = None

    def fits(self, fleet: FleetReport, subject: FleetSubject) -> bool:
        """Whether the subject is one of these."""
        target = fleet.shards[subject.shard].target
        named = self.subject is None or subject.name == self.subject or fnmatchcase(subject.name, self.subject)
        return named and self.account in (None, target.account) and self.region in (None, target.region)


def expanded(fleet: FleetReport, wanted: Filter | None = None) -> Report:
    """The report of all subjects, or of some. Raises UsageError if there is none of these."""
    subjects = [subject for subject in fleet.subjects if wanted is None or wanted.fits(fleet, subject)]
    if wanted and not subjects:
        name = wanted.subject or ""
        raise UsageError(
            f"the report has no such subject{did_you_mean(name, [subject.name for subject in fleet.subjects])}"
        )
    return _report(fleet, tuple(subject_report(fleet, subject) for subject in subjects))


def compared(fleet: FleetReport) -> Report:
    """The report to compare with another one: names of subjects begin with their account and region."""
    subjects = (
        replace(
            subject_report(fleet, subject, only=_NOT_WELL), name=f"{fleet.shards[subject.shard].target} {subject.name}"
        )
        for subject in fleet.subjects
    )
    return replace(_report(fleet, tuple(subjects)), verdict=fleet.verdict)


def _report(fleet: FleetReport, subjects: tuple[SubjectReport, ...]) -> Report:
    passed_over = sum(shard.passed_over for shard in fleet.shards)
    report = report_of(subjects, frozenset(), fleet.interrupted, time.monotonic(), static=fleet.is_static)
    return replace(
        report,
        version=fleet.version,
        started=fleet.started,
        command=fleet.command,
        duration_ms=fleet.duration_ms,
        services_passed_over=passed_over,
    )
