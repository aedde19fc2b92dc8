"""The report for people: the steps to the ticket, the root cause, its fix, and the verdict."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gmsa_doctor.core.engine import NOT_SELECTED
from gmsa_doctor.core.model import Finding, Fix, Report, Status, SubjectReport, Verdict
from gmsa_doctor.core.printable import printable
from gmsa_doctor.core.severity import BAD, listed
from gmsa_doctor.report.findings import (
    OWNERS,
    VERDICTS,
    RootFinding,
    SharedFinding,
    all_findings,
    counted,
    daemon_texts,
    gaps,
    is_aside,
    is_bare,
    is_root_cause,
    merged,
    missing_proofs,
    not_using_gmsa,
    root_findings,
    same_for_others,
    skipped_because,
    skipped_together,
)
from gmsa_doctor.report.fingerprint import place
from gmsa_doctor.report.fix_steps import fix_steps
from gmsa_doctor.report.grouping import unit_word, units, without_names
from gmsa_doctor.report.steps import broken, grouped, states

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
"""The steps of more subjects than these are not listed."""
_NAMED_SUBJECTS = 4
_SUBJECTS_IN_LINES = 40
"""More services without a problem than these are counted."""
_OUR_SIGNS = str.maketrans({"…": "...", "→": "->"})
"""What our own words hold beyond ASCII. A name's characters are escaped instead: a dash may be the fault."""


@dataclass(frozen=True)
class Style:
    """How lines are drawn."""

    width: int
    color: bool
    ascii: bool

    def paint(self, text: str, code: str = "1") -> str:
        """The text in bold, or in a colour."""
        return f"\x1b[{code}m{text}\x1b[0m" if self.color else text

    def symbol(self, status: Status) -> str:
        """The symbol of a status."""
        return _STYLES[status][self.ascii]

    def code(self, status: Status) -> str:
        """The colour of a status."""
        return _STYLES[status][2]

    def mark(self, status: Status, text: str = "") -> str:
        """The symbol and the text, in the status's colour."""
        return self.paint(self.symbol(status) + text, _STYLES[status][2])

    def wrap(self, text: str, first: str, rest: str | None = None) -> Iterator[str]:
        """Lines of at most the width."""
        return wrapped(text, self.width, first, rest)

    def marked(self, status: Status, text: str) -> Iterator[str]:
        """Wrapped after the symbol, the first line in the status's colour."""
        first, *others = self.wrap(text, f"{self.symbol(status)} ")
        yield self.paint(first, _STYLES[status][2])
        yield from others

    def whole(self, blocks: Iterable[Iterable[str]]) -> str:
        """The report of these blocks of lines."""
        text = joined(blocks)
        return text.translate(_OUR_SIGNS).encode("ascii", "backslashreplace").decode() if self.ascii else text


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


def render(
    report: Report,
    *,
    width: int = 80,
    color: bool = False,
    verbose: bool = False,
    quiet: bool = False,
    ascii: bool = False,
    log: bool = False,
) -> str:
    """The report as text; no line is longer than ``width`` but those that hold a command or one long word.

    ``verbose`` lists every finding, ``quiet`` only the root causes and the verdict. In a ``log`` the verdict comes
    first as well.
    """
    style = Style(max(width, 40), color, ascii)
    report = printable(report)
    blocks: list[Iterable[str]] = [_verdict(report, style)] if log and not quiet else []
    if not quiet:
        blocks += [] if _is_long(report) else [_subject(subject, style) for subject in report.subjects]
        blocks += _every_finding(report, style) if verbose else []
    blocks += _roots(report, style)
    if not quiet:
        blocks += [_subjects(report, style)] if _is_long(report) else []
        blocks += [_warnings(report, style), _waived(report, style), _counts(report, style, verbose)]
    blocks += [_missing_proof(report, style), _verdict(report, style)]
    return style.whole(blocks)


# The subjects, with the steps to the ticket ------------------------------------------------------------


def _is_long(report: Report) -> bool:
    """Whether there are too many subjects to show the steps of each: the root causes come first, then a line each."""
    return len(report.subjects) > _DETAILED_SUBJECTS


def _subjects(report: Report, style: Style) -> Iterator[str]:
    """A line for each subject with what is wrong, then those where nothing is, as far as there is room."""
    well = [subject for subject in report.subjects if not any(finding.status in BAD for finding in subject.findings)]
    yield from (line for subject in report.subjects for line in _in_a_line(subject, style))
    lines = 0 if "service" not in dict(report.subjects[0].facts) else _SUBJECTS_IN_LINES
    yield from (style.mark(Status.PASS, f" {subject.name}") for subject in well[:lines])
    if number := len(well[lines:]):
        yield from style.wrap(f"{number} {'more ' if lines else ''}without a problem (-v lists them)", "")


def _in_a_line(subject: SubjectReport, style: Style) -> Iterator[str]:
    """A subject with what is wrong; nothing if nothing is."""
    problems = [finding for finding in subject.findings if finding.status in BAD]
    roots = [finding.check for finding in problems if finding.root] or [finding.check for finding in problems]
    if roots:
        status = min((finding.status for finding in problems), key=BAD.index)
        yield from style.marked(status, f"{subject.name}: {', '.join(dict.fromkeys(roots))}")


def _subject(subject: SubjectReport, style: Style) -> Iterator[str]:
    facts = dict(subject.facts)
    definition, vantage = facts.get("task_definition", subject.name), facts.get("vantage")
    place = ", ".join(facts[name] for name in ("account", "region") if name in facts)
    parts = (
        subject.name,
        f" ({definition})" if definition != subject.name else "",
        f" in {place}" if place else "",
        f", seen from {vantage}" if vantage else "",
    )
    yield from style.wrap("".join(parts), "", "  ")
    if any(finding.step for finding in subject.findings):
        yield ""
        yield from _path(subject, style)


def _path(subject: SubjectReport, style: Style) -> Iterator[str]:
    """The steps in their order, joined by arrows, wrapped between steps."""
    line, length = " ", 1
    steps = states(subject.findings)
    break_ = broken(steps)
    for number, step in enumerate(steps):
        status = step.status or Status.SKIPPED
        arrow = "" if number == len(steps) - 1 else " →"
        part = f" {style.symbol(status)} {step.name}"
        if length + len(part) + len(arrow) > style.width:
            yield line
            line, length = " ", 1
        text = f"{style.mark(status)} {style.paint(step.name) if step is break_ else step.name}"
        line, length = f"{line} {text}{arrow}", length + len(part) + len(arrow)
    yield line


# Every finding -------------------------------------------------------------------------------------------


def _every_finding(report: Report, style: Style) -> Iterator[Iterable[str]]:
    for subject in report.subjects:
        if len(report.subjects) > 1:
            yield [style.paint(subject.name)]
        together = skipped_together(subject)
        counted_only = {id for ids in together.values() for id in ids}
        shown = [finding for finding in subject.findings if finding.check not in counted_only]
        for heading, findings in grouped(finding for finding in shown if finding.summary != NOT_SELECTED):
            lines = [line for finding in findings for line in _finding(finding, style)]
            yield [style.paint(heading), *lines]
        for reason, ids in together.items():
            yield style.marked(Status.SKIPPED, f"{len(ids)} checks skipped: {reason.removeprefix('not checked: ')}")


def _finding(finding: Finding, style: Style) -> Iterator[str]:
    mark = style.mark(finding.status, f" {finding.status:<7}")
    seconds = f"  {finding.duration_ms} ms" if finding.duration_ms else ""
    yield f"  {mark} {finding.check}{style.paint(' (root cause)') if is_root_cause(finding) else ''}{seconds}"
    yield from style.wrap(finding.summary, " " * 12)
    yield from details(finding, style, " " * 12)
    for row in finding.rows:
        yield from style.wrap(f"{row.name}: {row.text}", f"{' ' * 12}{style.symbol(row.status)} ")
    if not is_root_cause(finding):
        yield from fix_lines(finding.fix, style, " " * 12)


def details(finding: Finding, style: Style, indent: str) -> Iterator[str]:
    """Where it is, what was observed and expected, and the evidence."""
    if finding.location:
        yield f"{indent}At:       {place(finding.location)}"
    for name, text in (("Observed:", finding.observed), ("Expected:", finding.expected)):
        if text:
            yield from style.wrap(text, f"{indent}{name} ")
    for evidence in finding.evidence:
        yield from style.wrap(evidence.sentence, f"{indent}Evidence: ")


def fix_lines(fix: Fix | None, style: Style, indent: str) -> Iterator[str]:
    """Each step with its commands, each of them on a line of its own, whole, to be copied."""
    heading = f"{indent}Fix:      "
    blank = " " * len(heading)
    steps = fix_steps(fix) if fix else ()
    below = blank + "   " if any(step.mark for step in steps) else blank
    for index, step in enumerate(steps):
        start = blank if step.mark else below
        yield from style.wrap(step.marked, start if index else heading, below)
        yield from (f"{indent}  {command}" for command in step.commands)


# The root causes -----------------------------------------------------------------------------------------


def _roots(report: Report, style: Style) -> Iterator[Iterable[str]]:
    roots = list(
        root_findings(  # open questions with the same words are one
            report.subjects,
            lambda subject, finding: (
                is_bare(finding) or finding.check,
                finding.summary,
                without_names(finding.fix, subject),
            ),
        ).values()
    )
    for root in sorted(roots, key=lambda root: not root.decides(report)):
        yield _root(root, report, style)


def _root(root: RootFinding[SubjectReport], report: Report, style: Style) -> Iterator[str]:
    finding = root.finding
    heading = "Root cause" if is_root_cause(finding) else "Unknown"
    yield from style.marked(finding.status, f"{heading}: {', '.join(root.ids)}")
    yield from style.wrap(finding.summary, "  ")
    if _is_long(report):
        all_names, own = units(report.subjects), units(root.subjects)
        of = f"{len(own)} of {len(all_names)} {unit_word(report.subjects)}: {listed(own, most=_NAMED_SUBJECTS - 1)}"
        yield from style.wrap(of, "  Stops:    " if finding.status is Status.FAIL else "  Of:       ")
    elif len(report.subjects) > 1:
        names = [subject.name for subject in root.subjects]
        yield from style.wrap(listed(names, most=_NAMED_SUBJECTS), "  Of:       ")
    yield from details(finding, style, "  ")
    for row in finding.rows if len(finding.rows) > 1 else ():
        yield from style.wrap(f"{row.name}: {row.text}", f"    {style.symbol(row.status)} ")
    if finding.owner and not is_bare(finding):
        yield f"  Owner:    {OWNERS[finding.owner]}"
    yield from fix_lines(finding.fix, style, "  ")
    if root.fixes[1:]:
        yield from style.wrap(same_for_others(root.subjects[0].name), "            ")
    if texts := daemon_texts(finding):
        yield from style.wrap(texts, "  Seen as:  ")
    if not is_bare(finding):
        skipped = root.skipped()
        number = len(skipped)
        behind = f" ({number} check{'' if number == 1 else 's'} skipped because of it)" if skipped else ""
        yield f"  More:     gmsa-doctor explain {root.ids[0]}{behind}"


# The rest in a line each ---------------------------------------------------------------------------------


def _warnings(report: Report, style: Style) -> Iterator[str]:
    for problem in merged(report):
        finding = problem.finding
        if (finding.status is Status.WARN and not finding.root) or is_aside(finding):
            yield from style.marked(finding.status, f"{finding.check}: {_where(problem)}{finding.summary}")


def _where(problem: SharedFinding) -> str:
    location = problem.finding.location
    return f"{place(location)}: " if location else ""


def _waived(report: Report, style: Style) -> Iterator[str]:
    waived = (finding for finding in all_findings(report.subjects) if finding.status is Status.WAIVED)
    for finding in dict.fromkeys(waived):
        yield from style.marked(Status.WAIVED, f"{finding.check}: {finding.summary}")


def _counts(report: Report, style: Style, verbose: bool) -> Iterator[str]:
    """What passed by step, and how much was skipped for another reason than a root cause."""
    findings = list(all_findings(report.subjects))
    passed = grouped(finding for finding in findings if finding.status is Status.PASS)
    if passed:
        yield from style.wrap(", ".join(f"{step} {len(of_step)}" for step, of_step in passed), "Passed:  ")
    roots = [finding.check for finding in findings if finding.root and finding.status is not Status.SKIPPED]
    behind = set(skipped_because(roots, findings))
    skipped = [finding for finding in findings if finding.status is Status.SKIPPED and finding.check not in behind]
    unselected = sum(finding.summary == NOT_SELECTED for finding in skipped)
    counts = {"for other reasons" if behind else "": len(skipped) - unselected, "not selected": unselected}
    parts = [f"{number} {reason}".rstrip() for reason, number in counts.items() if number]
    if parts:
        hint = "" if verbose or len(skipped) == unselected else " (-v lists them with their reasons)"
        yield from style.wrap(f"{', '.join(parts)}{hint}", "Skipped: ")


# The verdict -----------------------------------------------------------------------------------------------


def _missing_proof(report: Report, style: Style) -> Iterator[str]:
    if report.nothing_to_check:
        return
    for proof in missing_proofs(report):
        names = f" ({listed(proof.subjects, most=_NAMED_SUBJECTS)})" if len(report.subjects) > 1 else ""
        yield from style.marked(Status.WARN, f"{proof.sentence}{names}")
        if proof.fix:
            yield from style.wrap(proof.fix.text, "  Next:     ")
            yield from (f"    {command}" for command in proof.fix.commands)
        if proof.for_others:
            yield from style.wrap(proof.for_others, "            ")


def _verdict(report: Report, style: Style) -> Iterator[str]:
    """One line with the duration, after what else decides the exit code."""
    for unread in report.unread:
        yield from style.marked(Status.UNKNOWN, f"{place(unread.location)}: not read: {unread.reason}")
    for gap in gaps(report):
        yield from style.marked(Status.UNKNOWN, gap)
    for text in not_using_gmsa(report):
        yield from style.wrap(text, "")
    status, word = VERDICTS[report.verdict]
    if report.nothing_to_check:
        status, word = Status.SKIPPED, "NOTHING TO CHECK"
    yield from style.marked(status, f"{word}: {', '.join(_summary(report))}, in {report.duration_ms / 1000:.1f} s")


def _summary(report: Report) -> Iterator[str]:
    if report.nothing_to_check:
        yield "no gMSA found"
        return
    if report.verdict is Verdict.PASS:
        yield "the gMSA got its ticket"
    elif report.verdict is Verdict.UNPROVEN:
        yield "no failure found"
    if number := len(report.unread):
        yield f"{number} file{'' if number == 1 else 's'} not read"
    if len(report.subjects) > 1:
        yield f"{len(report.subjects)} subjects"
    if counts := counted(all_findings(report.subjects)):
        yield counts
