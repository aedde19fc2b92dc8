"""Waivers and changes of severity: what the configuration makes of the findings of a run. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from fnmatch import fnmatchcase

from gmsa_doctor.core.model import Finding, Location, Status, SubjectReport

WAIVABLE = (Status.FAIL, Status.WARN, Status.UNKNOWN)
"""What a waiver can be for. A bug of ours (`error`) is none of the user's to waive."""

_UNDECIDED = (Status.UNKNOWN, Status.SKIPPED, Status.ERROR)


class Severity(StrEnum):
    """What a failure or a warning of a check counts as."""

    OFF = "off"
    FAIL = "fail"
    WARN = "warn"


@dataclass(frozen=True)
class Waiver:
    """A finding that is known and put up with, for a reason and for a time.

    ``check`` is an id or an area, ``subject`` a glob on the subject's name in which ``*`` matches a slash too,
    ``expires`` the last day on which it holds (UTC).
    """

    check: str
    subject: str
    reason: str
    expires: date
    location: Location

    def __str__(self) -> str:
        return f"{self.check} of {self.subject}"

    def is_about(self, subject: str) -> bool:
        """Whether the subject is one of those meant."""
        return fnmatchcase(subject, self.subject)

    def names(self, check: str) -> bool:
        """Whether the check is the one meant, or of the area meant."""
        return self.check in (check, check.partition(".")[0])


class WaiverUse(StrEnum):
    """What became of a waiver in a run."""

    USED = "used"
    UNUSED = "unused"
    """Its checks passed for all of its subjects: there is nothing left to waive."""
    UNDECIDED = "undecided"
    """Nothing was waived, and some of its checks could not be or were not asked."""
    ELSEWHERE = "elsewhere"
    """None of its subjects is in this run."""


@dataclass(frozen=True)
class WaiverOutcome:
    """A waiver, what became of it, and whether its time is over."""

    waiver: Waiver
    use: WaiverUse
    expired: bool


@dataclass(frozen=True)
class WaiverState:
    """All waivers of the configuration after a run: what `config.waivers` judges."""

    waivers: tuple[WaiverOutcome, ...]


def waived(
    subjects: Sequence[SubjectReport], waivers: Sequence[Waiver], today: date
) -> tuple[tuple[SubjectReport, ...], WaiverState]:
    """The same with each finding waived that a waiver is for, and what became of the waivers.

    An expired waiver waives nothing. What was skipped because of a finding stays skipped because of it.
    """
    valid = [waiver for waiver in waivers if waiver.expires >= today]
    outcomes = tuple(WaiverOutcome(waiver, _use(waiver, subjects), waiver.expires < today) for waiver in waivers)
    return tuple(
        replace(subject, findings=tuple(_waived(finding, subject.name, valid) for finding in subject.findings))
        for subject in subjects
    ), WaiverState(outcomes)


def _waived(finding: Finding, subject: str, waivers: Sequence[Waiver]) -> Finding:
    found = (waiver for waiver in waivers if waiver.names(finding.check) and waiver.is_about(subject))
    waiver = next(found, None)
    if waiver is None or finding.status not in WAIVABLE:
        return finding
    summary = f"waived until {waiver.expires}: {waiver.reason}; was {finding.status}: {finding.summary}"
    return replace(finding, status=Status.WAIVED, summary=summary, root=False)


def _use(waiver: Waiver, subjects: Sequence[SubjectReport]) -> WaiverUse:
    """Judged by the findings as they were before any waiver."""
    here = [subject for subject in subjects if waiver.is_about(subject.name)]
    if not here:
        return WaiverUse.ELSEWHERE
    statuses = {finding.status for subject in here for finding in subject.findings if waiver.names(finding.check)}
    if statuses & set(WAIVABLE):
        return WaiverUse.USED
    return WaiverUse.UNDECIDED if not statuses or statuses & set(_UNDECIDED) else WaiverUse.UNUSED


def with_severities(
    findings: Sequence[Finding], severities: Mapping[str, Severity], fail_on_warning: bool
) -> tuple[Finding, ...]:
    """The same with failures that count as warnings, and the other way round, by the check's id."""
    return tuple(_with_severity(finding, severities.get(finding.check), fail_on_warning) for finding in findings)


def _with_severity(finding: Finding, severity: Severity | None, fail_on_warning: bool) -> Finding:
    if severity is Severity.WARN and finding.status is Status.FAIL:
        return replace(finding, status=Status.WARN, root=finding.root and fail_on_warning)
    if severity is Severity.FAIL and finding.status is Status.WARN:
        return replace(finding, status=Status.FAIL, root=not finding.because)
    return finding
