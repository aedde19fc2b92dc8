"""The report for people: what is wrong, why, and what to do, readable at 80 columns and without colour."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from gmsa_doctor.model import Cause, Finding, Report, Status, SubjectReport, Verdict

NOT_SELECTED = "not selected"

_GROUPS: tuple[tuple[Cause | None, str], ...] = (
    (Cause.TASK_DEFINITION, "Cause 1: the task definition"),
    (Cause.CREDSPEC, "Cause 2: the CredSpec and its secret"),
    (Cause.CREDENTIALS, "Cause 3: the credentials in the secret"),
    (Cause.DHCP_OPTIONS, "Cause 4: the DHCP options"),
    (None, "Around them, and the live flow"),
)
_SYMBOLS = {
    Status.PASS: ("✓", "+"),
    Status.WARN: ("!", "!"),
    Status.FAIL: ("✗", "x"),
    Status.UNKNOWN: ("?", "?"),
    Status.SKIPPED: ("-", "-"),
    Status.ERROR: ("✗", "x"),
    Status.WAIVED: ("~", "~"),
}
_COLOURS = {
    Status.PASS: "32",
    Status.WARN: "33",
    Status.FAIL: "1;31",
    Status.UNKNOWN: "35",
    Status.SKIPPED: "2",
    Status.ERROR: "1;31",
    Status.WAIVED: "36",
}
_VERDICTS = {
    Verdict.PASS: (Status.PASS, "PASS"),
    Verdict.FAIL: (Status.FAIL, "FAIL"),
    Verdict.INCOMPLETE: (Status.UNKNOWN, "INCOMPLETE"),
}
_IN_FULL = (Status.FAIL, Status.WARN, Status.UNKNOWN, Status.ERROR)
_PROOF = "kerberos.gmsa-ticket"
"""The check whose pass proves that the container would get its ticket."""
_DETAILED_SUBJECTS = 3
"""With more subjects than these, those that pass get one line."""


@dataclass(frozen=True)
class _Style:
    width: int
    color: bool
    verbose: bool
    ascii: bool

    def paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.color else text

    def symbol(self, status: Status) -> str:
        return _SYMBOLS[status][self.ascii]

    def wrap(self, text: str, first: str, rest: str | None = None) -> Iterator[str]:
        """Lines of at most the width; long words (ARNs, links) stay whole."""
        indent = " " * len(first) if rest is None else rest
        wrapper = textwrap.TextWrapper(
            self.width,
            initial_indent=first,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
        yield from wrapper.wrap(text) or [first.rstrip()]


def render(report: Report, *, width: int = 80, color: bool = False, verbose: bool = False, ascii: bool = False) -> str:
    """The report as text; no line is longer than ``width`` but those that hold a command or one long word."""
    style = _Style(max(width, 40), color, verbose, ascii)
    blocks = [*_subjects(report, style), _ending(report, style)]
    text = "\n\n".join("\n".join(block) for block in blocks if block) + "\n"
    return text.encode("ascii", "backslashreplace").decode() if ascii else text


# A subject ------------------------------------------------------------------------------------------


def _subjects(report: Report, style: _Style) -> Iterator[list[str]]:
    many = len(report.subjects) > _DETAILED_SUBJECTS and not style.verbose
    fine = [one for one in report.subjects if many and not any(f.status in _IN_FULL for f in one.findings)]
    for subject in report.subjects:
        if subject not in fine:
            yield from _subject(subject, style)
    if fine:
        word = "subject" if len(fine) == 1 else "subjects"
        yield [
            f"Nothing to report of {len(fine)} {word}:",
            *(f"  {style.symbol(Status.PASS)} {one.name}" for one in fine),
        ]


def _subject(subject: SubjectReport, style: _Style) -> Iterator[list[str]]:
    yield [style.paint(subject.name, "1"), *_facts(subject, style)]
    for cause, title in _GROUPS:
        findings = [one for one in subject.findings if one.cause == cause and _is_listed(one, style)]
        if findings:
            yield [style.paint(title, "1"), *_group(findings, style)]
    yield from _not_asked(subject, style)


_FACTS = {"subject": "", "container": "", "region": "{}", "vantage": "seen from {}"}
"""How a fact is told where its name alone would be clumsy; the first two are in the subject's own name."""


def _facts(subject: SubjectReport, style: _Style) -> Iterator[str]:
    told = (_FACTS.get(name, f"{name} {{}}").format(text) for name, text in subject.facts)
    yield from style.wrap(", ".join(filter(None, told)), "  ")


def _is_listed(finding: Finding, style: _Style) -> bool:
    return finding.status is not Status.SKIPPED or (style.verbose and finding.summary != NOT_SELECTED)


def _group(findings: Sequence[Finding], style: _Style) -> list[str]:
    lines: list[str] = []
    column = max(len(one.check) for one in findings)
    for finding in findings:
        lines += _finding(finding, column, style)
        if finding.status in _IN_FULL and finding is not findings[-1]:
            lines.append("")
    return lines


def _finding(finding: Finding, column: int, style: _Style) -> Iterator[str]:
    """The line of a check; what was found out in full only where there is something to do."""
    word = f"{style.symbol(finding.status)} {finding.status:<7}"
    head = f"  {style.paint(word, _COLOURS[finding.status])} {finding.check}"
    if finding.status not in _IN_FULL and not style.verbose:
        room = style.width - column - 14
        summary = style.paint(_cut(finding.summary, room, style), "2") if room > 12 else ""
        yield f"{head}{' ' * (column - len(finding.check))}  {summary}".rstrip()
        return
    mark = style.paint(" (root cause)", "1") if _is_root_cause(finding) else ""
    yield head + mark + (f"  {finding.duration_ms} ms" if style.verbose else "")
    yield from style.wrap(finding.summary, " " * 12)
    yield from _details(finding, style, " " * 12)


def _cut(text: str, room: int, style: _Style) -> str:
    more = "..." if style.ascii else "…"
    return text if len(text) <= room else text[: room - len(more)].rstrip() + more


def _is_root_cause(finding: Finding) -> bool:
    return finding.root and finding.status is Status.FAIL


def _details(finding: Finding, style: _Style, indent: str) -> Iterator[str]:
    pairs = (("observed", finding.observed), ("expected", finding.expected))
    for name, text in pairs:
        if text:
            yield from style.wrap(text, f"{indent}{name}: ", indent + " " * 10)
    if finding.rows and (len(finding.rows) > 1 or style.verbose):
        for row in finding.rows:
            yield from style.wrap(f"{row.name}: {row.text}", f"{indent}{style.symbol(row.status)} ", f"{indent}  ")
    if _is_root_cause(finding):
        yield f"{indent}fix: at the end"
    elif finding.fix:
        yield from style.wrap(finding.fix.text, f"{indent}fix: ", indent + " " * 5)
        yield from (f"{indent}  {one}" for one in finding.fix.commands)
    if finding.docs and finding.status in _IN_FULL:
        yield f"{indent}see: {finding.docs}"


def _not_asked(subject: SubjectReport, style: _Style) -> Iterator[list[str]]:
    """What was skipped for a reason of its own, by reason; what stands behind a finding is told at the end."""
    own: dict[str, list[Finding]] = {}
    for one in subject.findings:
        if one.status is Status.SKIPPED and not one.because and one.summary != NOT_SELECTED:
            own.setdefault(one.summary, []).append(one)
    if not own:
        return
    lines = [style.paint("Not asked", "1")]
    for reason, findings in own.items():
        behind = [one.check for one in subject.findings if set(one.because) & {f.check for f in findings}]
        lines += style.wrap(reason, f"  {style.symbol(Status.SKIPPED)} ")
        lines += style.wrap(", ".join([one.check for one in findings] + behind), "    checks: ")
        lines += _fix(findings[0], style)
    yield lines


def _fix(finding: Finding, style: _Style) -> Iterator[str]:
    if finding.fix:
        yield from style.wrap(finding.fix.text, "    ")
        yield from (f"      {one}" for one in finding.fix.commands)


# The end: what an engineer reads first ----------------------------------------------------------------


def _ending(report: Report, style: _Style) -> list[str]:
    status, word = _VERDICTS[report.verdict]
    lines = [style.paint(f"{style.symbol(status)} {word}", _COLOURS[status]) + f": {_counts(report)}"]
    if report.interrupted:
        lines.append("Interrupted: what had not ended is unknown.")
    if report.missing:
        lines += style.wrap(f"{', '.join(report.missing)} was required, and was skipped.", "")
    for finding, subjects in _roots(report):
        lines += ["", *_root(finding, subjects, report, style)]
    return [*lines, *_next(report, style)]


def _counts(report: Report) -> str:
    counts = dict(report.counts)
    hidden = sum(one.summary == NOT_SELECTED for each in report.subjects for one in each.findings)
    words = [f"{counts[status]} {status}" for status in Status if counts.get(status)]
    return ", ".join(words) + (f" ({hidden} of them not selected)" if hidden else "")


def _roots(report: Report) -> Iterable[tuple[Finding, list[SubjectReport]]]:
    """Each root cause once, with the subjects that it stands in the way of."""
    found: dict[tuple[str, str], tuple[Finding, list[SubjectReport]]] = {}
    for subject in report.subjects:
        for one in subject.findings:
            if one.root and one.check in report.root_causes:
                found.setdefault((one.check, one.summary), (one, []))[1].append(subject)
    return found.values()


def _root(finding: Finding, subjects: list[SubjectReport], report: Report, style: _Style) -> Iterator[str]:
    what = "Root cause" if finding.status in (Status.FAIL, Status.WARN) else "Not known"
    yield style.paint(f"{what}: {finding.check}", "1")
    yield from style.wrap(finding.summary, "  ")
    if len(report.subjects) > 1:
        yield from style.wrap(", ".join(one.name for one in subjects), "  of: ")
    if finding.fix:
        yield from style.wrap(finding.fix.text, "  Fix: ")
        yield from (f"    {one}" for one in finding.fix.commands)
    yield from _shows_as(finding, style)
    behind = [one.check for each in subjects for one in each.findings if finding.check in one.because]
    if behind:
        names = tuple(dict.fromkeys(behind))
        word = "check was" if len(names) == 1 else "checks were"
        yield from style.wrap(f"{len(names)} {word} skipped because of it: {', '.join(names)}", "  ")


def _shows_as(finding: Finding, style: _Style) -> Iterator[str]:
    shows = finding.shows_as
    if shows is None or not (shows.v2 or shows.v1_3):
        return
    texts = {"2.x": shows.v2, "1.3": shows.v1_3}
    if shows.v2 == shows.v1_3:
        texts = {"": shows.v2}
    words = "; ".join(f'{name}{": " if name else ""}"{text}"' for name, text in texts.items() if text)
    yield from style.wrap(words, "  Credentials Fetcher shows it as: ", "    ")


def _next(report: Report, style: _Style) -> Iterator[str]:
    if report.root_causes:
        yield ""
        yield f"Next: gmsa-doctor explain {report.root_causes[0]}"
    elif report.verdict is Verdict.PASS and any(
        one.status is Status.SKIPPED and one.check == "kerberos.gmsa-ticket"
        for each in report.subjects
        for one in each.findings
    ):
        yield ""
        yield from style.wrap("The live flow was not run: that the gMSA gets its ticket is not proven.", "")
