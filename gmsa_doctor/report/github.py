"""The report for GitHub Actions: annotations as workflow commands on standard output, and the summary of the step.

Sources: https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions (the commands);
actions/toolkit, ``docs/problem-matchers.md`` (at most 10 annotations of a level a step); its ``command.ts`` (what is
escaped); https://docs.github.com/en/actions/reference/limits (1 MiB of summary a step).
"""

from __future__ import annotations

from gmsa_doctor.core.model import Location, Report, Status
from gmsa_doctor.core.printable import printable
from gmsa_doctor.core.severity import listed
from gmsa_doctor.report import markdown
from gmsa_doctor.report.findings import SharedFinding, detail_lines, gaps, merged
from gmsa_doctor.report.fingerprint import path

ANNOTATIONS = 10
"""What GitHub shows of each level in a step; the rest it leaves out without a word."""
MESSAGE_LIMIT = 4000
"""Characters of an annotation's message; the runner cuts at 4096."""
SUMMARY_LIMIT = 1_000_000
"""Bytes of the summary that are ours. GitHub drops all of a summary beyond 1 MiB, which other commands share."""
_NAMES = 5


def render(report: Report) -> str:
    """The annotations, worst first, a line each; empty if there is no problem.

    What is the same for several subjects is one annotation. Without a file an annotation stands on the run's page.
    """
    report = printable(report)
    errors = [_command("error", "gmsa-doctor: not read", unread.reason, unread.location) for unread in report.unread]
    errors += [_command("error", "gmsa-doctor: incomplete", reason) for reason in gaps(report)]
    warnings = []
    for problem in merged(report):
        if problem.finding.is_failure or problem.finding.status is Status.ERROR:
            errors.append(_annotation("error", problem))
        else:
            warnings.append(_annotation("warning", problem))
    lines = [*errors[:ANNOTATIONS], *warnings[:ANNOTATIONS]]
    counts = ((len(errors) - ANNOTATIONS, "error"), (len(warnings) - ANNOTATIONS, "warning"))
    more = " and ".join(f"{count} {level}{'s' if count > 1 else ''}" for count, level in counts if count > 0)
    if more:
        text = f"{more} more than GitHub shows; the summary and the other reports have them all"
        lines.append(_command("notice", "gmsa-doctor", text))
    return "".join(f"{line}\n" for line in lines)


def summary(report: Report) -> str:
    """The Markdown for the file that ``GITHUB_STEP_SUMMARY`` names."""
    return markdown.render(report, limit=SUMMARY_LIMIT)


def _annotation(level: str, problem: SharedFinding) -> str:
    finding = problem.finding
    names = listed((subject.name for subject in problem.subjects), _NAMES)
    message = "\n".join((finding.summary, f"of: {names}", *detail_lines(finding)))
    return _command(level, f"{finding.check}: {finding.status}", message, finding.location)


def _command(level: str, title: str, message: str, location: Location | None = None) -> str:
    properties: dict[str, object] = {"title": title}
    if location:
        properties = {"file": path(location.file), "line": location.line, "col": location.column, **properties}
    texts = (
        f"{name}={_escaped(str(value)).replace(':', '%3A').replace(',', '%2C')}"
        for name, value in properties.items()
        if value is not None
    )
    if len(message) > MESSAGE_LIMIT:
        message = f"{message[: MESSAGE_LIMIT - 1]}…"
    return f"::{level} {','.join(texts)}::{_escaped(message)}"


def _escaped(text: str) -> str:
    """All on one line, so that no name can begin a command of its own."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
