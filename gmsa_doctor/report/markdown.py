"""The report as Markdown, for a comment on a pull request: one screen, with the rest folded.

It is written for GitHub and GitLab alike. Names come from files that anybody may send in, so nothing in them becomes
markup, a link, a mention or a command of the site.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from gmsa_doctor.core.engine import NOT_SELECTED
from gmsa_doctor.core.model import Finding, Fix, Report, Status, Verdict
from gmsa_doctor.core.printable import printable
from gmsa_doctor.core.severity import listed
from gmsa_doctor.report.findings import (
    OWNERS,
    SharedFinding,
    all_findings,
    checks_were,
    counted,
    daemon_texts,
    gaps,
    language,
    merged,
    missing_proofs,
    same_for_others,
    skipped_because,
    skipped_by_reason,
    vantages,
)
from gmsa_doctor.report.fingerprint import place
from gmsa_doctor.report.fix_steps import fix_steps

COMMENT_LIMIT = 65_536
"""What GitHub takes as a comment, in characters. Bytes are counted here: never more, whatever the names hold."""
_ROOTS = 5
_ROWS = 20
_NAMES = 5
_CELL = 300
_RESERVE = 200
"""Bytes for the line that says that something was left out."""
_VERDICTS = {
    Verdict.PASS: "✅ gmsa-doctor: pass",
    Verdict.UNPROVEN: "⚠️ gmsa-doctor: unproven",
    Verdict.FAIL: "❌ gmsa-doctor: fail",
    Verdict.INCOMPLETE: "❔ gmsa-doctor: incomplete",
}
_SYMBOLS = {Status.FAIL: "❌", Status.ERROR: "💥", Status.UNKNOWN: "❔", Status.WARN: "⚠️"}
_LEFT_OUT = "_What follows was too long for this page and is left out; the other reports have it all._"


def render(report: Report, *, limit: int = COMMENT_LIMIT) -> str:
    """The report in at most ``limit`` bytes: whole blocks, the most important first."""
    report = printable(report)
    problems = merged(report)
    roots = [problem for problem in problems if problem.finding.root and problem.finding.check in report.root_causes]
    blocks = [
        *_head(report),
        *_roots(roots, len(report.subjects)),
        *_table(problems),
        *_details(problems, roots[:_ROOTS]),
        *_waived(report),
        *_skipped(report),
        *_subjects(report),
        *_run(report),
    ]
    return _fitted(blocks, limit)


def _fitted(blocks: Sequence[str], limit: int) -> str:
    """As many blocks as there is room for; one that is too long on its own makes room for the shorter ones after it."""
    kept: list[str] = []
    room = limit - _RESERVE
    for block in blocks:
        size = len(block.encode()) + 2
        if size <= room:
            kept.append(block)
            room -= size
    if len(kept) < len(blocks):
        kept.append(_LEFT_OUT)
    return "\n\n".join(kept) + "\n"


# What is read first ------------------------------------------------------------------------------------


def _head(report: Report) -> Iterator[str]:
    yield f"### {'⬜ gmsa-doctor: nothing to check' if report.nothing_to_check else _VERDICTS[report.verdict]}"
    subjects = _code(report.subjects[0].name) if len(report.subjects) == 1 else f"{len(report.subjects)} subjects"
    yield f"{subjects}: {_counts(all_findings(report.subjects))}"
    for proof in missing_proofs(report):
        yield _text(proof.sentence)
        yield from _fix(proof.fix, "Next")
        if proof.for_others:
            yield _text(proof.for_others)
    notes = [f"- {_code(place(unread.location))} could not be read: {_text(unread.reason)}" for unread in report.unread]
    notes += [f"- {_text(reason)}" for reason in gaps(report)]
    if len(notes) > _ROWS:
        notes[_ROWS:] = [f"- and {len(notes) - _ROWS} more"]
    if notes:
        yield "\n".join(notes)


def _roots(roots: Sequence[SharedFinding], subjects: int) -> Iterator[str]:
    for root in roots[:_ROOTS]:
        yield "\n\n".join(_root(root, subjects))
    if len(roots) > _ROOTS:
        yield f"{len(roots) - _ROOTS} more of this kind are in the table."


def _root(root: SharedFinding, subjects: int) -> Iterator[str]:
    finding = root.finding
    heading = "Root cause" if finding.is_failure else "Unknown"
    at = f" at {_code(place(finding.location))}" if finding.location else ""
    yield f"**{heading}: {_linked(finding)}**{at} — {_text(finding.summary)}"
    if subjects > 1:
        yield f"Of {listed((_code(subject.name) for subject in root.subjects), _NAMES)}"
    if finding.evidence:
        yield "  \n".join(f"Evidence: {_text(evidence.sentence)}" for evidence in finding.evidence)
    yield from _fix(finding.fix)
    if root.fixes_differ:
        yield _text(same_for_others(root.subjects[0].name))
    notes = [f"Owner: {OWNERS[finding.owner]}"] if finding.owner else []
    if text := daemon_texts(finding):
        notes.append(f"Seen as: {_text(text)}")
    if skipped := skipped_because([finding.check], all_findings(root.subjects)):
        notes.append(f"{checks_were(skipped)} skipped because of it.")
    if notes:
        yield "  \n".join(notes)


def _fix(fix: Fix | None, word: str = "Fix") -> Iterator[str]:
    """Each step with its commands in order, those of one language in a block."""
    for index, step in enumerate(fix_steps(fix) if fix else ()):
        begins = f"{word}: " if index == 0 else ""
        yield f"{begins}{_text(step.marked)}"
        for shell, commands in groupby(step.commands, language):
            yield _fenced(tuple(commands), shell)


def _table(problems: Sequence[SharedFinding]) -> Iterator[str]:
    if not problems:
        return
    lines = ["| | check | where | finding |", "|---|---|---|---|", *map(_row, problems[:_ROWS])]
    if len(problems) > _ROWS:
        lines.append(f"| | | | and {len(problems) - _ROWS} more |")
    yield "\n".join(lines)


def _row(problem: SharedFinding) -> str:
    finding = problem.finding
    at = place(finding.location) if finding.location else problem.subjects[0].name
    more = len(problem.subjects) - 1
    also = f" and {more} more" if more and not finding.location else ""
    status = f"{_SYMBOLS[finding.status]} {finding.status}"
    where = f"{_code_in_table(_cut(at, _CELL))}{also}"
    cells = (status, _linked(finding), where, _text(_cut(finding.summary, _CELL)))
    return f"| {' | '.join(cells)} |"


# What is folded ----------------------------------------------------------------------------------------


def _details(problems: Sequence[SharedFinding], roots: Sequence[SharedFinding]) -> Iterator[str]:
    for problem in problems:
        finding = problem.finding
        texts = {"found": finding.summary, "observed": finding.observed, "expected": finding.expected}
        lines = [f"- {name}: {_text(text)}" for name, text in texts.items() if text]
        lines += [f"- {row.status}: {_text(f'{row.name}: {row.text}')}" for row in finding.rows]
        fix = () if problem in roots else _fix(finding.fix)
        parts = ["\n".join(lines), *fix]
        if len(lines) + len(parts) > 2 or len(finding.summary) > _CELL:  # else the table has said it all
            yield _folded(f"{finding.status}: {finding.check}", parts)


def _waived(report: Report) -> Iterator[str]:
    lines = [
        f"- {_code(finding.check)} of {_code(subject.name)}: {_text(finding.summary)}"
        for subject in report.subjects
        for finding in subject.findings
        if finding.status is Status.WAIVED
    ]
    if lines:
        yield _folded(f"{len(lines)} waived", ["\n".join(lines)])


def _skipped(report: Report) -> Iterator[str]:
    """What was skipped for a reason of its own, by reason; what was skipped because of a finding is counted there."""
    reasons = skipped_by_reason(report.subjects)
    reasons.pop(NOT_SELECTED, None)
    lines = [
        f"- reason: {_text(reason)}; checks: {', '.join(dict.fromkeys(_code(skip.check) for _, skip in skips))}"
        for reason, skips in reasons.items()
    ]
    if lines:
        yield _folded("skipped", ["\n".join(lines)])


def _subjects(report: Report) -> Iterator[str]:
    if len(report.subjects) > 1:
        lines = [f"- {_code(subject.name)}: {_counts(subject.findings)}" for subject in report.subjects]
        yield _folded(f"{len(lines)} subjects", ["\n".join(lines)])


def _run(report: Report) -> Iterator[str]:
    """When it ran, and how."""
    facts = {
        "started": report.started,
        "duration": f"{report.duration_ms / 1000:.1f} s",
        "seen from": vantages(report),
        "exit code": f"{report.exit_code:d}",
        "version": report.version,
    }
    lines = [f"- {name}: {_text(text)}" for name, text in facts.items() if text]
    if report.command:
        lines.insert(0, f"- command: {_code(report.command)}")
    yield _folded("this run", ["\n".join(lines)])


def _counts(findings: Iterable[Finding]) -> str:
    return counted(findings) or "nothing was checked"


def _folded(title: str, parts: Sequence[str]) -> str:
    return "\n\n".join((f"<details><summary>{html.escape(title)}</summary>", *parts, "</details>"))


# Names, made harmless ----------------------------------------------------------------------------------

_MARKUP = re.compile(r"[\\`*_\[\]|~$]")
"""Within a line, where all prose stands here: signs that mean something only at its beginning need no escape."""
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_BREAK = "<!-- -->"
_PAGE = re.compile(r"https://[\w.~:/?#@!$&'*+,;=%-]+", re.ASCII)
_LIVE = re.compile(r"(@)|(?<=[#!&%$~])(?=\d)|(?<=://)|(?<=www)(?=\.)", re.IGNORECASE)
"""Where a site would make a mention, a reference or a link of plain text, even of text that is escaped."""


def _text(text: str) -> str:
    """Prose: each sign of Markdown and HTML stands for itself."""
    pieces: list[str] = []
    end = 0
    for match in _LIVE.finditer(text):
        pieces += (_escaped(text[end : match.end()]), _BREAK)
        end = match.end()
    return "".join((*pieces, _escaped(text[end:])))


def _escaped(text: str) -> str:
    text = re.sub("[&<>]", lambda match: _ENTITIES[match[0]], text)
    return _MARKUP.sub(r"\\\g<0>", text)


def _code(text: str) -> str:
    """A name as code, in which nothing is markup."""
    ticks = "`" * (_longest_run(text) + 1)
    padding = " " if text.strip(" `") != text or not text else ""
    return f"{ticks}{padding}{text}{padding}{ticks}"


def _linked(finding: Finding) -> str:
    """The check's id, with a link to the page that it rests on."""
    id = _code_in_table(finding.check)
    if finding.docs and _PAGE.fullmatch(finding.docs):
        return f"[{id}]({finding.docs})"
    return id


def _code_in_table(text: str) -> str:
    """The same within a table, where a pipe ends a cell even of code."""
    return f"<code>{_text(text)}</code>" if "|" in text else _code(text)


def _fenced(commands: Sequence[str], shell: str) -> str:
    fence = "`" * max(3, _longest_run("\n".join(commands)) + 1)
    return "\n".join((f"{fence}{shell}", *commands, fence))


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"
