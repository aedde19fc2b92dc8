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
from gmsa_doctor.report.markdown_text import code, fenced, fitted, prose

COMMENT_LIMIT = 65_536
"""What GitHub takes as a comment, in characters. Bytes are counted here: never more, whatever the names hold."""
_ROOTS = 5
_ROWS = 20
_NAMES = 5
_CELL = 300
_VERDICTS = {
    Verdict.PASS: "✅ gmsa-doctor: pass",
    Verdict.UNPROVEN: "⚠️ gmsa-doctor: unproven",
    Verdict.FAIL: "❌ gmsa-doctor: fail",
    Verdict.INCOMPLETE: "❔ gmsa-doctor: incomplete",
}
_SYMBOLS = {Status.FAIL: "❌", Status.ERROR: "💥", Status.UNKNOWN: "❔", Status.WARN: "⚠️"}


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
    return fitted(blocks, limit)


# What is read first ------------------------------------------------------------------------------------


def _head(report: Report) -> Iterator[str]:
    yield f"### {'⬜ gmsa-doctor: nothing to check' if report.nothing_to_check else _VERDICTS[report.verdict]}"
    subjects = code(report.subjects[0].name) if len(report.subjects) == 1 else f"{len(report.subjects)} subjects"
    yield f"{subjects}: {_counts(all_findings(report.subjects))}"
    for proof in missing_proofs(report):
        yield prose(proof.sentence)
        yield from _fix(proof.fix, "Next")
        if proof.for_others:
            yield prose(proof.for_others)
    notes = [f"- {code(place(unread.location))} could not be read: {prose(unread.reason)}" for unread in report.unread]
    notes += [f"- {prose(reason)}" for reason in gaps(report)]
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
    at = f" at {code(place(finding.location))}" if finding.location else ""
    yield f"**{heading}: {_linked(finding)}**{at} — {prose(finding.summary)}"
    if subjects > 1:
        yield f"Of {listed((code(subject.name) for subject in root.subjects), _NAMES)}"
    if finding.evidence:
        yield "  \n".join(f"Evidence: {prose(evidence.sentence)}" for evidence in finding.evidence)
    yield from _fix(finding.fix)
    if root.fixes_differ:
        yield prose(same_for_others(root.subjects[0].name))
    notes = [f"Owner: {OWNERS[finding.owner]}"] if finding.owner else []
    if text := daemon_texts(finding):
        notes.append(f"Seen as: {prose(text)}")
    if skipped := skipped_because([finding.check], all_findings(root.subjects)):
        notes.append(f"{checks_were(skipped)} skipped because of it.")
    if notes:
        yield "  \n".join(notes)


def _fix(fix: Fix | None, word: str = "Fix") -> Iterator[str]:
    """Each step with its commands in order, those of one language in a block."""
    for index, step in enumerate(fix_steps(fix) if fix else ()):
        begins = f"{word}: " if index == 0 else ""
        yield f"{begins}{prose(step.marked)}"
        for shell, commands in groupby(step.commands, language):
            yield fenced(tuple(commands), shell)


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
    cells = (status, _linked(finding), where, prose(_cut(finding.summary, _CELL)))
    return f"| {' | '.join(cells)} |"


# What is folded ----------------------------------------------------------------------------------------


def _details(problems: Sequence[SharedFinding], roots: Sequence[SharedFinding]) -> Iterator[str]:
    for problem in problems:
        finding = problem.finding
        texts = {"found": finding.summary, "observed": finding.observed, "expected": finding.expected}
        lines = [f"- {name}: {prose(text)}" for name, text in texts.items() if text]
        lines += [f"- {row.status}: {prose(f'{row.name}: {row.text}')}" for row in finding.rows]
        fix = () if problem in roots else _fix(finding.fix)
        parts = ["\n".join(lines), *fix]
        if len(lines) + len(parts) > 2 or len(finding.summary) > _CELL:  # else the table has said it all
            yield _folded(f"{finding.status}: {finding.check}", parts)


def _waived(report: Report) -> Iterator[str]:
    lines = [
        f"- {code(finding.check)} of {code(subject.name)}: {prose(finding.summary)}"
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
        f"- reason: {prose(reason)}; checks: {', '.join(dict.fromkeys(code(skip.check) for _, skip in skips))}"
        for reason, skips in reasons.items()
    ]
    if lines:
        yield _folded("skipped", ["\n".join(lines)])


def _subjects(report: Report) -> Iterator[str]:
    if len(report.subjects) > 1:
        lines = [f"- {code(subject.name)}: {_counts(subject.findings)}" for subject in report.subjects]
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
    lines = [f"- {name}: {prose(text)}" for name, text in facts.items() if text]
    if report.command:
        lines.insert(0, f"- command: {code(report.command)}")
    yield _folded("this run", ["\n".join(lines)])


def _counts(findings: Iterable[Finding]) -> str:
    return counted(findings) or "nothing was checked"


def _folded(title: str, parts: Sequence[str]) -> str:
    return "\n\n".join((f"<details><summary>{html.escape(title)}</summary>", *parts, "</details>"))


# Cells of a table -------------------------------------------------------------------------------------

_PAGE = re.compile(r"https://[\w.~:/?#@!$&'*+,;=%-]+", re.ASCII)


def _linked(finding: Finding) -> str:
    """The check's id, with a link to the page that it rests on."""
    id = _code_in_table(finding.check)
    if finding.docs and _PAGE.fullmatch(finding.docs):
        return f"[{id}]({finding.docs})"
    return id


def _code_in_table(text: str) -> str:
    """The same within a table, where a pipe ends a cell even of code."""
    return f"<code>{prose(text)}</code>" if "|" in text else code(text)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"
