"""The report for people: what is wrong, why, and what to do, readable at 80 columns and without colour."""

from __future__ import annotations

import textwrap
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from gmsa_doctor.core.model import Finding, Report, Status, SubjectReport, Verdict
from gmsa_doctor.core.printable import printable
from gmsa_doctor.report.groups import grouped
from gmsa_doctor.report.told import VERDICTS, is_unproven

NOT_SELECTED = "not selected"

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
_IN_FULL = (Status.FAIL, Status.WARN, Status.UNKNOWN, Status.ERROR)
_DETAILED_SUBJECTS = 3
"""With more subjects than these, those that have nothing to tell get one line."""
_OUR_SIGNS = str.maketrans({"…": "...", "→": "->"})
"""What our own words hold beyond ASCII. A name's characters are escaped instead: a dash may be the fault."""


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
    report = printable(report)
    blocks = [*_subjects(report, style), _ending(report, style)]
    text = "\n\n".join("\n".join(block) for block in blocks if block) + "\n"
    return text.translate(_OUR_SIGNS).encode("ascii", "backslashreplace").decode() if ascii else text


# A subject ------------------------------------------------------------------------------------------


def _subjects(report: Report, style: _Style) -> Iterator[list[str]]:
    many = len(report.subjects) > _DETAILED_SUBJECTS and not style.verbose
    quiet = [one for one in report.subjects if many and not any(f.status in _IN_FULL for f in one.findings)]
    for subject in report.subjects:
        if subject not in quiet:
            yield from _subject(subject, style)
    if quiet:
        yield [style.paint("No failure and no warning", "1"), *_lines_of(quiet, style)]
        yield from _not_asked(quiet, style)


def _lines_of(subjects: Sequence[SubjectReport], style: _Style) -> Iterator[str]:
    """A line a subject; the tick is only for one of which something was asked."""
    column = max(len(one.name) for one in subjects)
    for one in subjects:
        counts = Counter(f.status for f in one.findings)
        status = Status.PASS if counts[Status.PASS] else Status.SKIPPED
        mark = style.paint(style.symbol(status), _COLOURS[status])
        yield f"  {mark} {one.name:<{column}}  {_told(counts)}".rstrip()


def _subject(subject: SubjectReport, style: _Style) -> Iterator[list[str]]:
    yield [style.paint(subject.name, "1"), *_facts(subject, style)]
    for heading, findings in grouped(one for one in subject.findings if _is_listed(one, style)):
        yield [style.paint(heading, "1"), *_group(findings, style)]
    yield from _not_asked([subject], style)


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
        if finding.status in _IN_FULL and not _is_bare(finding) and finding is not findings[-1]:
            lines.append("")
    return lines


def _finding(finding: Finding, column: int, style: _Style) -> Iterator[str]:
    """The line of a check; what was found out in full only where there is something to do."""
    word = f"{style.symbol(finding.status)} {finding.status:<7}"
    head = f"  {style.paint(word, _COLOURS[finding.status])} {finding.check}"
    if finding.status is Status.WAIVED and not style.verbose:
        yield head
        yield from style.wrap(finding.summary, " " * 12)
        return
    if finding.status not in _IN_FULL and not style.verbose:
        room = style.width - column - 14
        summary = style.paint(_cut(finding.summary, room, style), "2") if room > 12 else ""
        yield f"{head}{' ' * (column - len(finding.check))}  {summary}".rstrip()
        return
    if _is_bare(finding) and not style.verbose and len(finding.summary) <= style.width - column - 14:
        yield f"{head}{' ' * (column - len(finding.check))}  {finding.summary}"
        return
    mark = style.paint(" (root cause)", "1") if _is_root_cause(finding) else ""
    yield head + mark + (f"  {finding.duration_ms} ms" if style.verbose else "")
    yield from style.wrap(finding.summary, " " * 12)
    yield from _details(finding, style, " " * 12)


def _cut(text: str, room: int, style: _Style) -> str:
    if _columns(text) <= room:
        return text
    more = "..." if style.ascii else "…"
    while text and _columns(text) > room - len(more):
        text = text[:-1]
    return text.rstrip() + more


def _columns(text: str) -> int:
    """How wide a terminal draws it: East Asian characters take two columns."""
    if text.isascii():
        return len(text)
    return len(text) + sum(unicodedata.east_asian_width(one) in "WF" for one in text if not one.isascii())


def _is_root_cause(finding: Finding) -> bool:
    return finding.root and finding.status in (Status.FAIL, Status.WARN)


def _is_bare(finding: Finding) -> bool:
    """An open question of which no more is known than that: not finished, interrupted."""
    more = (finding.observed, finding.expected, finding.fix, finding.rows)
    return finding.status is Status.UNKNOWN and not any(more)


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
    else:
        yield from _fix(finding, style, f"{indent}fix: ", f"{indent}  ")
        yield from _shows_as(finding, style, indent)
    if finding.docs and finding.status in _IN_FULL and not _is_bare(finding):
        yield f"{indent}see: {finding.docs}"


def _not_asked(subjects: Sequence[SubjectReport], style: _Style) -> Iterator[list[str]]:
    """What was skipped for a reason of its own, by reason; what stands behind a finding is told at the end."""
    reasons: dict[str, list[str]] = {}
    examples: dict[str, Finding] = {}
    for subject in subjects:
        for one in subject.findings:
            if one.status is Status.SKIPPED and not one.because and one.summary != NOT_SELECTED:
                reasons.setdefault(one.summary, []).extend([one.check, *_behind(one, subject)])
                examples.setdefault(one.summary, one)
    lines: list[str] = []
    for reason, checks in reasons.items():
        lines += style.wrap(reason, f"  {style.symbol(Status.SKIPPED)} ")
        lines += style.wrap(", ".join(dict.fromkeys(checks)), "    checks: ")
        lines += _fix(examples[reason], style, "    ", "      ", rest="    ")
    if lines:
        yield [style.paint("Not asked", "1"), *lines]


def _behind(finding: Finding, subject: SubjectReport) -> list[str]:
    """Ids of what was not asked because of a finding."""
    return [one.check for one in subject.findings if finding.check in one.because]


def _fix(finding: Finding, style: _Style, first: str, indent: str, rest: str | None = None) -> Iterator[str]:
    """The fix's sentence, and each command on a line of its own, whole, to be copied."""
    if finding.fix:
        yield from style.wrap(finding.fix.text, first, rest)
        yield from (f"{indent}{one}" for one in finding.fix.commands)


# The end: what an engineer reads first ----------------------------------------------------------------


_Root = tuple[list[str], Finding, list[SubjectReport]]
"""Ids of checks, a finding that speaks for them, and the subjects that it stands in the way of."""


def _ending(report: Report, style: _Style) -> list[str]:
    status, word = VERDICTS[report.verdict]
    lines = [style.paint(f"{style.symbol(status)} {word}", _COLOURS[status]) + f": {_counts(report)}"]
    if report.interrupted:
        lines.append("Interrupted: what had not ended is unknown.")
    if report.passed_over:
        count = report.passed_over
        told = "1 task definition has" if count == 1 else f"{count} task definitions have"
        lines += style.wrap(f"{told} nothing of gMSA; --require task-definition.credentialspecs judges all.", "")
    if report.missing:
        lines += style.wrap(f"{', '.join(report.missing)} was required, and was skipped.", "")
    roots = list(_roots(report))
    for root in roots:
        if set(root[0]) & set(report.root_causes):
            lines += ["", *_root(root, report, style)]
    lines += _besides(report, roots, style)
    return [*lines, *_next(report, style)]


def _counts(report: Report) -> str:
    hidden = sum(one.summary == NOT_SELECTED for each in report.subjects for one in each.findings)
    return _told(dict(report.counts)) + (f" ({hidden} of them not selected)" if hidden else "")


def _told(counts: Mapping[Status, int]) -> str:
    return ", ".join(f"{counts[status]} {status}" for status in Status if counts.get(status))


def _roots(report: Report) -> Iterable[_Root]:
    """Each root cause once; open questions with the same words are one."""
    found: dict[object, _Root] = {}
    for subject in report.subjects:
        for one in subject.findings:
            if one.root:
                key = (_is_bare(one) or one.check, one.summary, one.fix)
                ids, _, subjects = found.setdefault(key, ([], one, []))
                ids += [] if one.check in ids else [one.check]
                subjects += [] if subject in subjects else [subject]
    return found.values()


def _root(root: _Root, report: Report, style: _Style) -> Iterator[str]:
    ids, finding, subjects = root
    what = "Root cause" if _is_root_cause(finding) else "Not known"
    if len(ids) == 1:
        yield style.paint(f"{what}: {ids[0]}", "1")
    else:
        yield from style.wrap(", ".join(ids), f"{what}: ", "  ")
    yield from style.wrap(finding.summary, "  ")
    if len(report.subjects) > 1:
        yield from style.wrap(", ".join(one.name for one in subjects), "  of: ")
    yield from _fix(finding, style, "  Fix: ", "    ")
    yield from _shows_as(finding, style, "  ")
    names = _all_behind(root)
    if names:
        word = "check was" if len(names) == 1 else "checks were"
        yield from style.wrap(f"{len(names)} {word} skipped because of it: {', '.join(names)}", "  ")


def _all_behind(root: _Root) -> list[str]:
    ids, _, subjects = root
    names = (one.check for each in subjects for one in each.findings if set(ids) & set(one.because))
    return list(dict.fromkeys(names))


def _shows_as(finding: Finding, style: _Style, indent: str) -> Iterator[str]:
    shows = finding.shows_as
    if shows is None or not (shows.v2 or shows.v1_3):
        return
    texts = {"2.x": shows.v2, "1.3": shows.v1_3}
    if shows.v2 == shows.v1_3:
        texts = {"": shows.v2}
    words = "; ".join(f'{name}{": " if name else ""}"{text}"' for name, text in texts.items() if text)
    yield from style.wrap(words, f"{indent}Credentials Fetcher shows it as: ", f"{indent}  ")


def _besides(report: Report, roots: Sequence[_Root], style: _Style) -> Iterator[str]:
    """What is told in full above, and would be missed by who reads the end alone."""
    rest = [one for one in roots if not set(one[0]) & set(report.root_causes)]
    if rest:
        yield ""
        yield from style.wrap(", ".join(id for ids, *_ in rest for id in ids), "Not known besides: ", "  ")
        names = list(dict.fromkeys(id for one in rest for id in _all_behind(one)))
        if names:
            yield from style.wrap(f"skipped because of that: {', '.join(names)}", "  ")
    warnings = {one.check for each in report.subjects for one in each.findings if one.status is Status.WARN}
    warned = sorted(warnings - set(report.root_causes))
    if warned:
        yield ""
        yield from style.wrap(", ".join(warned), f"{'Warning' if len(warned) == 1 else 'Warnings'} above: ", "  ")


def _next(report: Report, style: _Style) -> Iterator[str]:
    if report.interrupted and report.verdict is Verdict.INCOMPLETE:
        yield from ("", "Next: run the same command again.")
    elif report.root_causes:
        yield from ("", f"Next: gmsa-doctor explain {report.root_causes[0]}")
    elif is_unproven(report):
        yield ""
        yield from style.wrap("The live flow was not run: that the gMSA gets its ticket is not proven.", "")
