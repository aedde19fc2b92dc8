"""What each owner has to do, as plain text to be sent to them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from gmsa_doctor.core.model import Owner, Report, Status
from gmsa_doctor.report.details import LANGUAGES
from gmsa_doctor.report.findings import SharedFinding, is_bare, language, merged
from gmsa_doctor.report.fix_steps import fix_steps
from gmsa_doctor.report.tags import Html, tag

_NAMES = {
    Owner.AD: "the AD administrator",
    Owner.AWS: "the AWS administrator",
    Owner.DEVELOPER: "the developer",
}


def draw(report: Report) -> Html | None:
    """For each owner with something to do: the text, folded, to which the script adds a button that copies it."""
    problems = [
        problem
        for problem in merged(report)
        if problem.finding.status is not Status.ERROR and not is_bare(problem.finding)
    ]
    parts = []
    for owner, name in _NAMES.items():
        if own := [problem for problem in problems if problem.finding.owner is owner]:
            number = f"{len(own)} finding{'' if len(own) == 1 else 's'}"
            text = tag("pre", "\n".join(_text(own, f"{number} for {name}", report)), class_="command", data_copy=name)
            parts.append(tag("details", tag("summary", f"{number} for {name}, as text"), text))
    return tag("div", *parts, class_="owners") if parts else None


def _text(problems: Sequence[SharedFinding], title: str, report: Report) -> Iterator[str]:
    yield f"gmsa-doctor {report.version}: {title}"
    for number, problem in enumerate(problems, 1):
        yield ""
        yield f"{number}. {problem.finding.status.upper()} {problem.finding.check}: {problem.finding.summary}"
        yield from (f"   {line}" if line else "" for line in _details(problem))


def _details(problem: SharedFinding) -> Iterator[str]:
    finding = problem.finding
    texts = {
        "Subject" if len(problem.subjects) == 1 else "Subjects": ", ".join(it.name for it in problem.subjects),
        "File": str(finding.location or ""),
        "Observed": finding.observed,
        "Expected": finding.expected,
    }
    yield from (f"{name}: {text}" for name, text in texts.items() if text)
    for index, step in enumerate(fix_steps(finding.fix) if finding.fix else ()):
        yield f"{'' if index else 'Fix: '}{step.marked}"
        for shell, commands in groupby(step.commands, language):
            yield f"{LANGUAGES[shell]}:"
            yield from (f"  {command}" for command in commands)
