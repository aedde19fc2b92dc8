"""Applies waivers and severities of the configuration to findings. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from fnmatch import fnmatchcase

from gmsa_doctor.core.model import Finding, Location, Status, SubjectReport

WAIVABLE = (Status.FAIL, Status.WARN, Status.UNKNOWN)
"""Statuses that can be waived. A bug in gmsa-doctor (`error`) cannot."""

_UNDECIDED = (Status.UNKNOWN, Status.SKIPPED, Status.ERROR)


class Severity(StrEnum):
    """How a failure or a warning of a check counts."""

    OFF = "off"
    FAIL = "fail"
    WARN = "warn"


@dataclass(frozen=True)
class Waiver:
    """A known finding that is accepted until a date, with a reason.

    ``check``: an id or an area. ``subject``: a glob for subject names, in which ``*`` also matches a slash.
    ``expires``: the last day on which the waiver is valid (UTC).
    """

    check: str
    subject: str
    reason: str
    expires: date
    location: Location

    def __str__(self) -> str:
        return f"{self.check} of {self.subject}"

    def is_about(self, subject: str) -> bool:
        """Whether the glob matches the subject."""
        return fnmatchcase(subject, self.subject)

    def names(self, check: str) -> bool:
        """Whether the waiver names the check or its area."""
        return self.check in (check, check.partition(".")[0])


class WaiverUse(StrEnum):
    """Whether a run needed a waiver."""

    USED = "used"
    UNUSED = "unused"
    """Its checks passed for all of its subjects."""
    UNDECIDED = "undecided"
    """Nothing was waived, but some of its checks were skipped or have no result."""
    ELSEWHERE = "elsewhere"
    """None of its subjects is in this run."""


@dataclass(frozen=True)
class WaiverOutcome:
    """A waiver, whether the run needed it, and whether it has expired."""

    waiver: Waiver
    use: WaiverUse
    expired: bool


@dataclass(frozen=True)
class WaiverState:
    """All waivers of the configuration after a run, for `config.waivers`."""

    waivers: tuple[WaiverOutcome, ...]


def waived(
    subjects: Sequence[SubjectReport], waivers: Sequence[Waiver], today: date
) -> tuple[tuple[SubjectReport, ...], WaiverState]:
    """The reports with waivers applied, and the outcome of each waiver.

    An expired waiver has no effect. Checks that were skipped because of a waived finding stay skipped.
    """
    valid = [waiver for waiver in waivers if waiver.expires >= today]
    if not waivers:
        return tuple(subjects), WaiverState(())
    outcomes = tuple(WaiverOutcome(waiver, _use(waiver, subjects), waiver.expires < today) for waiver in waivers)
    return tuple(
        replace(subject, findings=tuple(_waived(finding, subject.name, valid) for finding in subject.findings))
        for subject in subjects
    ), WaiverState(outcomes)


def _waived(finding: Finding, subject: str, waivers: Sequence[Waiver]) -> Finding:
    matching = (waiver for waiver in waivers if waiver.names(finding.check) and waiver.is_about(subject))
    waiver = next(matching, None)
    if waiver is None or finding.status not in WAIVABLE:
        return finding
    summary = f"waived until {waiver.expires}: {waiver.reason}; was {finding.status}: {finding.summary}"
    return replace(finding, status=Status.WAIVED, summary=summary, root=False)


def _use(waiver: Waiver, subjects: Sequence[SubjectReport]) -> WaiverUse:
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
    """The findings with failures turned into warnings, or warnings into failures, by check id."""
    if not severities:
        return tuple(findings)
    return tuple(_with_severity(finding, severities.get(finding.check), fail_on_warning) for finding in findings)


def _with_severity(finding: Finding, severity: Severity | None, fail_on_warning: bool) -> Finding:
    if severity is Severity.WARN and finding.status is Status.FAIL:
        return replace(finding, status=Status.WARN, root=finding.root and fail_on_warning)
    if severity is Severity.FAIL and finding.status is Status.WARN:
        return replace(finding, status=Status.FAIL, root=not finding.because)
    return finding
