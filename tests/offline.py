"""`gmsa-doctor check --offline` on files, in the tests' own process."""

from functools import cache
from typing import Any

from gmsa_doctor.checking import check
from gmsa_doctor.core.model import Finding, Report, Status
from gmsa_doctor.core.registry import load
from gmsa_doctor.given.request import Request

NOT_WELL = (Status.FAIL, Status.WARN, Status.UNKNOWN, Status.ERROR)
_registry = cache(load)


def offline(*files: str, **options: Any) -> Report:
    """The report of `check --offline FILES` in the working directory."""
    request = Request(files=files, offline=True, **options)
    return check.check(request, _registry(), lambda _progress: None)


def problems(report: Report, *statuses: Status) -> list[Finding]:
    """The findings that are not well, or that have one of the statuses."""
    wanted = statuses or NOT_WELL
    return [finding for subject in report.subjects for finding in subject.findings if finding.status in wanted]


def roots(report: Report) -> list[tuple[str, str, int | None]]:
    """The status, the check and the line of each root cause."""
    found = [finding for finding in problems(report) if finding.root]
    return [(finding.status, finding.check, finding.location.line if finding.location else None) for finding in found]
