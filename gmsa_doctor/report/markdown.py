"""The report as Markdown, for a comment on a pull request: one screen, with the rest folded.

It is written for GitHub and GitLab alike. Names come from files that anybody may send in, so nothing in them becomes
markup, a link, a mention or a command of the site.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterator, Sequence

from gmsa_doctor.core.model import Finding, Report, Status, SubjectReport, Verdict
from gmsa_doctor.core.printable import printable
from gmsa_doctor.report.fingerprint import place
from gmsa_doctor.report.text import NOT_SELECTED
from gmsa_doctor.report.told import Told, counted, is_failure, is_unproven, outside_of_checks, shows_as, together

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
    Verdict.FAIL: "❌ gmsa-doctor: fail",
    Verdict.INCOMPLETE: "❔ gmsa-doctor: incomplete",
}
_SYMBOLS = {Status.FAIL: "❌", Status.ERROR: "💥", Status.UNKNOWN: "❔", Status.WARN: "⚠️"}
_LEFT_OUT = "_What follows was too long for this page and is left out; the other reports have it all._"


def render(report: Report, *, limit: int = COMMENT_LIMIT) -> str:
    """The report in at most ``limit`` bytes: whole blocks, the most important first."""
    report = printable(report)
    told = together(report)
    roots = [one for one in told if one.finding.root and one.finding.check in report.root_causes]
    folded = [*_details(told, roots[:_ROOTS]), *_waived(report), *_not_asked(report), *_subjects(report)]
    return _fitted([*_head(report), *_roots(roots, len(report.subjects)), *_table(told), *folded], limit)


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
    yield f"### {_VERDICTS[report.verdict]}"
    many = len(report.subjects)
    subjects = _code(report.subjects[0].name) if many == 1 else f"{many} subjects"
    yield f"{subjects}: {counted(dict(report.counts)) or 'nothing was checked'}"
    if is_unproven(report):
        yield "The live flow was not run: that the gMSA gets its ticket is not proven."
    notes = [f"- {_code(file)} could not be read: {_text(reason)}" for file, reason in report.unread]
    notes += [f"- {_text(reason)}" for reason in outside_of_checks(report)]
    more = len(notes) - _ROWS
    if notes:
        yield "\n".join([*notes[:_ROWS], *([f"- and {more} more"] if more > 0 else [])])


def _roots(roots: Sequence[Told], subjects: int) -> Iterator[str]:
    for one in roots[:_ROOTS]:
        yield "\n\n".join(_root(one, subjects))
    if len(roots) > _ROOTS:
        yield f"{len(roots) - _ROOTS} more of this kind are in the table."


def _root(told: Told, subjects: int) -> Iterator[str]:
    finding = told.finding
    what = "Root cause" if is_failure(finding) else "Not known"
    at = f" at {_code(place(finding.location))}" if finding.location else ""
    yield f"**{what}: {_linked(finding)}**{at} — {_text(finding.summary)}"
    if subjects > 1:
        more = len(told.subjects) - _NAMES
        named = ", ".join(_code(one.name) for one in told.subjects[:_NAMES])
        yield f"Of {named}{f' and {more} more' if more > 0 else ''}"
    yield from _fix(finding)
    behind = {one.check for each in told.subjects for one in each.findings if finding.check in one.because}
    notes = [f"Credentials Fetcher shows it as: {_text(shown)}"] if (shown := shows_as(finding)) else []
    if behind:
        word = "check was" if len(behind) == 1 else "checks were"
        notes.append(f"{len(behind)} {word} skipped because of it.")
    if notes:
        yield "  \n".join(notes)


def _fix(finding: Finding) -> Iterator[str]:
    if finding.fix:
        yield f"Fix: {_text(finding.fix.text)}"
        if finding.fix.commands:
            yield _fenced(finding.fix.commands)


def _table(told: Sequence[Told]) -> Iterator[str]:
    if not told:
        return
    lines = ["| | check | where | finding |", "|---|---|---|---|", *map(_row, told[:_ROWS])]
    if len(told) > _ROWS:
        lines.append(f"| | | | and {len(told) - _ROWS} more |")
    yield "\n".join(lines)


def _row(told: Told) -> str:
    finding = told.finding
    at = place(finding.location) if finding.location else told.subjects[0].name
    more = len(told.subjects) - 1
    also = f" and {more} more" if more and not finding.location else ""
    status = f"{_SYMBOLS[finding.status]} {finding.status}"
    where = f"{_code_in_table(_cut(at, _CELL))}{also}"
    cells = (status, _linked(finding), where, _text(_cut(finding.summary, _CELL)))
    return f"| {' | '.join(cells)} |"


# What is folded ----------------------------------------------------------------------------------------


def _details(told: Sequence[Told], above: Sequence[Told]) -> Iterator[str]:
    for one in told:
        finding = one.finding
        seen = (("found", finding.summary), ("observed", finding.observed), ("expected", finding.expected))
        lines = [f"- {name}: {_text(text)}" for name, text in seen if text]
        lines += [f"- {row.status}: {_text(f'{row.name}: {row.text}')}" for row in finding.rows]
        fix = () if one in above else _fix(finding)
        parts = ["\n".join(lines), *fix]
        if len(lines) + len(parts) > 2 or len(finding.summary) > _CELL:  # else the table has said it all
            yield _folded(f"{finding.status}: {finding.check}", parts)


def _waived(report: Report) -> Iterator[str]:
    waived = [(each, one) for each in report.subjects for one in each.findings if one.status is Status.WAIVED]
    if waived:
        lines = [f"- {_code(one.check)} of {_code(each.name)}: {_text(one.summary)}" for each, one in waived]
        yield _folded(f"{len(waived)} waived", ["\n".join(lines)])


def _not_asked(report: Report) -> Iterator[str]:
    """What was skipped for a reason of its own, by reason; what stands behind a finding is counted there."""
    reasons: dict[str, dict[str, None]] = {}
    for each in report.subjects:
        for one in each.findings:
            if one.status is Status.SKIPPED and not one.because and one.summary != NOT_SELECTED:
                reasons.setdefault(one.summary, {})[one.check] = None
    if reasons:
        lines = [f"- reason: {_text(reason)}; checks: {', '.join(map(_code, ids))}" for reason, ids in reasons.items()]
        yield _folded("not asked", ["\n".join(lines)])


def _subjects(report: Report) -> Iterator[str]:
    lines = [f"- {_code(one.name)}: {_counts(one)}" for one in report.subjects]
    if len(lines) > 1:
        yield _folded(f"{len(lines)} subjects", ["\n".join(lines)])


def _counts(subject: SubjectReport) -> str:
    return counted(Counter(one.status for one in subject.findings)) or "nothing was checked"


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


def _fenced(commands: Sequence[str]) -> str:
    fence = "`" * max(3, _longest_run("\n".join(commands)) + 1)
    return "\n".join((f"{fence}sh", *commands, fence))


def _longest_run(text: str) -> int:
    return max((len(one) for one in re.findall("`+", text)), default=0)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"
