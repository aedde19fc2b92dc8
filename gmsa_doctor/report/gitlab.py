"""The report for GitLab's Code Quality widget: a JSON array with an entry a finding that is not well.

Source: https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format. Paths are relative to the
repository and do not begin with ``./``; an entry whose fingerprint is there already is not shown.
"""

from __future__ import annotations

from gmsa_doctor.core.model import Finding, Report, Status, UnreadFile
from gmsa_doctor.core.printable import json_document, printable
from gmsa_doctor.report.findings import SharedFinding, gaps, worst_first
from gmsa_doctor.report.fingerprint import file_and_line, fingerprint, path, placeholder

_SEVERITIES = {Status.ERROR: "major", Status.UNKNOWN: "major", Status.WARN: "minor"}
"""Below a failure; a root cause is a ``blocker``, another failure ``critical``."""
UNREAD, INCOMPLETE = "gmsa-doctor.unread", "gmsa-doctor.incomplete"
"""In the place of a check's id, for a file that could not be read, and for a run that is not whole."""


def render(report: Report) -> str:
    """The report as a JSON array, worst first."""
    report = printable(report)
    entries = [*map(_unread, report.unread), *map(_gap, gaps(report))]
    entries += map(_entry, worst_first(report))
    return json_document(entries) + "\n"


def _entry(problem: SharedFinding) -> dict[str, object]:
    finding, name = problem.finding, problem.subjects[0].name
    file, line = file_and_line(name, finding)
    end = "" if finding.summary.endswith((".", "!", "?")) else "."
    fix = f" Fix: {finding.fix.text}" if finding.fix else ""
    return {
        "description": f"{name}: {finding.summary}{end}{fix}",
        "check_name": finding.check,
        "fingerprint": fingerprint(name, finding),
        "severity": ("blocker" if finding.root else "critical") if finding.is_failure else _SEVERITIES[finding.status],
        "location": {"path": file, "lines": {"begin": line}},
    }


def _unread(unread: UnreadFile) -> dict[str, object]:
    file = unread.location.file
    return {
        "description": f"{file} could not be read: {unread.text}",
        "check_name": UNREAD,
        "fingerprint": fingerprint(file, Finding(Status.ERROR, unread.reason, check=UNREAD)),
        "severity": "blocker",
        "location": {"path": path(file), "lines": {"begin": unread.location.line or 1}},
    }


def _gap(reason: str) -> dict[str, object]:
    """Without it, what an interrupted run has not found would look as if it had been fixed."""
    return {
        "description": reason,
        "check_name": INCOMPLETE,
        "fingerprint": fingerprint("run", Finding(Status.ERROR, reason, check=f"{INCOMPLETE} {reason}")),
        "severity": "blocker",
        "location": {"path": placeholder("run"), "lines": {"begin": 1}},
    }
