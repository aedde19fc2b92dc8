"""The report for people: what is wrong, why, and what to do, readable at 80 columns and without colour."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from gmsa_doctor.core.check_id import CheckId
from gmsa_doctor.core.engine import NOT_SELECTED
from gmsa_doctor.core.model import Finding, Report, Status, SubjectReport, Verdict
from gmsa_doctor.core.printable import printable
from gmsa_doctor.core.severity import BAD
from gmsa_doctor.report.findings import (
    UNPROVEN,
    VERDICTS,
    RootFinding,
    all_findings,
    checks_were,
    counted,
    daemon_texts,
    is_bare,
    is_root_cause,
    is_unproven,
    not_selected,
    root_findings,
    skipped_because,
    skipped_by_reason,
)
from gmsa_doctor.report.groups import grouped

_STYLES = {
    Status.PASS: ("✓", "+", "32"),
    Status.WARN: ("!", "!", "33"),
    Status.FAIL: ("✗", "x", "1;31"),
    Status.UNKNOWN: ("?", "?", "35"),
    Status.SKIPPED: ("-", "-", "2"),
    Status.ERROR: ("✗", "x", "1;31"),
    Status.WAIVED: ("~", "~", "36"),
}
"""A status's symbol, the same in ASCII, and its colour."""
_DETAILED_SUBJECTS = 3
"""With more subjects than these, those without a problem get one line."""
_OUR_SIGNS = str.maketrans({"…": "...", "→": "->"})
"""What our own words hold beyond ASCII. A name's characters are escaped instead: a dash may be the fault."""
_CREDENTIAL_SPECS = CheckId("task-definition.credentialspecs")
_INDENT = " " * 12


@dataclass(frozen=True)
class _Style:
    width: int
    color: bool
    verbose: bool
    ascii: bool

    def paint(self, text: str, code: str = "1") -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.color else text

    def symbol(self, status: Status) -> str:
        return _STYLES[status][self.ascii]

    def mark(self, status: Status, text: str) -> str:
        """The symbol and the text, in the status's colour."""
        return self.paint(self.symbol(status) + text, _STYLES[status][2])

    def wrap(self, text: str, first: str, rest: str | None = None) -> Iterator[str]:
        return wrapped(text, self.width, first, rest)


def wrapped(text: str, width: int, first: str, rest: str | None = None) -> Iterator[str]:
    """Lines of at most ``width``, the first after ``first``; long words (ARNs, links) stay whole."""
    lines = textwrap.wrap(
        text,
        width,
        initial_indent=first,
        subsequent_indent=" " * len(first) if rest is None else rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
    yield from lines or [first.rstrip()]


def joined(blocks: Iterable[Iterable[str]]) -> str:
    """Blocks of lines with an empty line between them; those without a line are left out."""
    return "\n\n".join("\n".join(lines) for lines in map(list, blocks) if lines) + "\n"


def render(report: Report, *, width: int = 80, color: bool = False, verbose: bool = False, ascii: bool = False) -> str:
    """The report as text; no line is longer than ``width`` but those that hold a command or one long word."""
    style = _Style(max(width, 40), color, verbose, ascii)
    report = printable(report)
    text = joined([*_subjects(report, style), _ending(report, style)])
    return text.translate(_OUR_SIGNS).encode("ascii", "backslashreplace").decode() if ascii else text


# A subject ------------------------------------------------------------------------------------------


def _subjects(report: Report, style: _Style) -> Iterator[Iterable[str]]:
    quiet = []
    for subject in report.subjects:
        if (
            style.verbose
            or len(report.subjects) <= _DETAILED_SUBJECTS
            or any(finding.status in BAD for finding in subject.findings)
        ):
            yield from _subject(subject, style)
        else:
            quiet.append(subject)
    if quiet:
        column = max(len(subject.name) for subject in quiet)
        lines = [style.paint("No failure and no warning")]
        for subject in quiet:
            passes = any(finding.status is Status.PASS for finding in subject.findings)
            mark = style.mark(Status.PASS if passes else Status.SKIPPED, "")
            lines.append(f"  {mark} {subject.name:<{column}}  {counted(subject.findings)}".rstrip())
        yield lines
        yield _not_asked(quiet, style)


def _subject(subject: SubjectReport, style: _Style) -> Iterator[Iterable[str]]:
    facts = (_FACTS.get(name, f"{name} {{}}").format(text) for name, text in subject.facts)
    listed = (
        finding
        for finding in subject.findings
        if finding.status is not Status.SKIPPED or (style.verbose and finding.summary != NOT_SELECTED)
    )
    yield [style.paint(subject.name), *style.wrap(", ".join(filter(None, facts)), "  ")]
    for heading, findings in grouped(listed):
        yield [style.paint(heading), *_group(findings, style)]
    yield _not_asked([subject], style)


_FACTS = {"subject": "", "container": "", "region": "{}", "vantage": "seen from {}"}
"""How a fact is written where its name alone would be clumsy; the first two are in the subject's own name."""


def _group(findings: Sequence[Finding], style: _Style) -> Iterator[str]:
    column = max(len(finding.check) for finding in findings)
    for finding in findings:
        yield from _finding(finding, column, style)
        if finding.status in BAD and not is_bare(finding) and finding is not findings[-1]:
            yield ""


def _finding(finding: Finding, column: int, style: _Style) -> Iterator[str]:
    """The line of a check; what was found out in full only where there is something to do."""
    head = f"  {style.mark(finding.status, f' {finding.status:<7}')} {finding.check}"
    room = style.width - column - 14
    padding = " " * (column - len(finding.check))
    if finding.status is Status.WAIVED and not style.verbose:
        yield head
        yield from style.wrap(finding.summary, _INDENT)
    elif finding.status not in BAD and not style.verbose:
        summary = style.paint(_cut(finding.summary, room, style), "2") if room > 12 else ""
        yield f"{head}{padding}  {summary}".rstrip()
    elif is_bare(finding) and not style.verbose and len(finding.summary) <= room:
        yield f"{head}{padding}  {finding.summary}"
    else:
        mark = style.paint(" (root cause)") if is_root_cause(finding) else ""
        yield head + mark + (f"  {finding.duration_ms} ms" if style.verbose else "")
        yield from style.wrap(finding.summary, _INDENT)
        yield from _details(finding, style)


def _cut(text: str, room: int, style: _Style) -> str:
    if _columns(text) <= room:
        return text
    ellipsis = "..." if style.ascii else "…"
    while text and _columns(text) > room - len(ellipsis):
        text = text[:-1]
    return text.rstrip() + ellipsis


def _columns(text: str) -> int:
    """How wide a terminal draws it: East Asian characters take two columns."""
    if text.isascii():
        return len(text)
    return len(text) + sum(unicodedata.east_asian_width(character) in "WF" for character in text)


def _details(finding: Finding, style: _Style) -> Iterator[str]:
    for name, text in (("observed", finding.observed), ("expected", finding.expected)):
        if text:
            yield from style.wrap(text, f"{_INDENT}{name}: ", _INDENT + " " * 10)
    if len(finding.rows) > 1 or style.verbose:
        for row in finding.rows:
            yield from style.wrap(f"{row.name}: {row.text}", f"{_INDENT}{style.symbol(row.status)} ", f"{_INDENT}  ")
    if is_root_cause(finding):
        yield f"{_INDENT}fix: at the end"
    else:
        yield from _fix(finding, style, f"{_INDENT}fix: ", f"{_INDENT}  ")
        yield from _daemon_texts(finding, style, _INDENT)
    if finding.docs and finding.status in BAD and not is_bare(finding):
        yield f"{_INDENT}see: {finding.docs}"


def _not_asked(subjects: Sequence[SubjectReport], style: _Style) -> Iterator[str]:
    """What was skipped for a reason of its own, by reason; what was skipped because of a finding stands at the end."""
    reasons = skipped_by_reason(subjects)
    reasons.pop(NOT_SELECTED, None)
    if reasons:
        yield style.paint("Not asked")
    for reason, skips in reasons.items():
        ids = [id for subject, skip in skips for id in (skip.check, *skipped_because([skip.check], subject.findings))]
        yield from style.wrap(reason, f"  {style.symbol(Status.SKIPPED)} ")
        yield from style.wrap(", ".join(dict.fromkeys(ids)), "    checks: ")
        yield from _fix(skips[0][1], style, "    ", "      ", rest="    ")


def _fix(finding: Finding, style: _Style, first: str, indent: str, rest: str | None = None) -> Iterator[str]:
    """The fix's sentence, and each command on a line of its own, whole, to be copied."""
    if finding.fix:
        yield from style.wrap(finding.fix.text, first, rest)
        yield from (f"{indent}{command}" for command in finding.fix.commands)


def _daemon_texts(finding: Finding, style: _Style, indent: str) -> Iterator[str]:
    if texts := daemon_texts(finding):
        yield from style.wrap(texts, f"{indent}Credentials Fetcher shows it as: ", f"{indent}  ")


# The end: what an engineer reads first ----------------------------------------------------------------


def _ending(report: Report, style: _Style) -> Iterator[str]:
    status, word = VERDICTS[report.verdict]
    counts = counted(all_findings(report.subjects)) + not_selected(report)
    yield f"{style.mark(status, f' {word}')}: {counts}"
    if report.interrupted:
        yield "Interrupted: what had not ended is unknown."
    if number := report.passed_over:
        definitions = "1 task definition has" if number == 1 else f"{number} task definitions have"
        text = f"{definitions} nothing of gMSA; --require {_CREDENTIAL_SPECS} judges all."
        yield from style.wrap(text, "")
    if report.missing:
        yield from style.wrap(f"{', '.join(report.missing)} was required, and was skipped.", "")
    roots = root_findings(  # open questions with the same words are one
        report.subjects, lambda finding: (is_bare(finding) or finding.check, finding.summary, finding.fix)
    ).values()
    for root in roots:
        if root.decides(report):
            yield ""
            yield from _root(root, report, style)
    yield from _other_problems(report, [root for root in roots if not root.decides(report)], style)
    yield from _next(report, style)


def _root(root: RootFinding[SubjectReport], report: Report, style: _Style) -> Iterator[str]:
    finding = root.finding
    heading = "Root cause" if is_root_cause(finding) else "Not known"
    if len(root.ids) == 1:
        yield style.paint(f"{heading}: {root.ids[0]}")
    else:
        yield from style.wrap(", ".join(root.ids), f"{heading}: ", "  ")
    yield from style.wrap(finding.summary, "  ")
    if len(report.subjects) > 1:
        yield from style.wrap(", ".join(subject.name for subject in root.subjects), "  of: ")
    yield from _fix(finding, style, "  Fix: ", "    ")
    yield from _daemon_texts(finding, style, "  ")
    if ids := root.skipped():
        yield from style.wrap(f"{checks_were(ids)} skipped because of it: {', '.join(ids)}", "  ")


def _other_problems(report: Report, roots: Sequence[RootFinding[SubjectReport]], style: _Style) -> Iterator[str]:
    """What stands in full above, and would be missed by a reader of the end alone."""
    if roots:
        yield ""
        yield from style.wrap(", ".join(id for root in roots for id in root.ids), "Not known besides: ", "  ")
        if ids := list(dict.fromkeys(id for root in roots for id in root.skipped())):
            yield from style.wrap(f"skipped because of that: {', '.join(ids)}", "  ")
    warnings = {finding.check for finding in all_findings(report.subjects) if finding.status is Status.WARN}
    if ids := sorted(warnings - set(report.root_causes)):
        yield ""
        yield from style.wrap(", ".join(ids), f"Warning{'' if len(ids) == 1 else 's'} above: ", "  ")


def _next(report: Report, style: _Style) -> Iterator[str]:
    if report.interrupted and report.verdict is Verdict.INCOMPLETE:
        yield from ("", "Next: run the same command again.")
    elif report.root_causes:
        yield from ("", f"Next: gmsa-doctor explain {report.root_causes[0]}")
    elif is_unproven(report):
        yield ""
        yield from style.wrap(UNPROVEN, "")
