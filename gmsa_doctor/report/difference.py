"""The difference of two reports: for people, readable at 80 columns and without colour, and as JSON."""

from __future__ import annotations

import json
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gmsa_doctor.core.model import Finding, Report, Status
from gmsa_doctor.core.printable import printable
from gmsa_doctor.triage.baseline import Change, Difference

SCHEMA_VERSION = "1.0"


@dataclass(frozen=True)
class Sides:
    """The two reports, and what the user calls them."""

    before_name: str
    after_name: str
    before: Report
    after: Report


def text(found: Difference, sides: Sides, *, width: int = 80, ascii: bool = False) -> str:
    """For people. No line is longer than ``width`` but those that hold one long word."""
    blocks = [
        _head(found, sides, width),
        _changes("Broke", found.broke, width, told=True),
        _changes("Mended", found.mended, width),
        _changes("Changed otherwise", found.changed, width),
        _changes("Checks that are new", found.new_checks, width),
        _changes("Checks that are gone", found.gone_checks, width),
        _subjects("Subjects that are new", found.new, sides.after, width),
        _subjects("Subjects that are gone", found.gone, sides.before, width),
    ]
    whole = "\n\n".join("\n".join(lines) for lines in map(list, blocks) if lines) + "\n"
    return whole.encode("ascii", "backslashreplace").decode() if ascii else whole


def _head(found: Difference, sides: Sides, width: int) -> Iterator[str]:
    names = printable((sides.before_name, sides.after_name))
    verdicts = (sides.before.verdict, sides.after.verdict)
    for what, name, verdict in zip(("before", "after"), names, verdicts, strict=True):
        yield from _wrap(f"{verdict.upper()}, {name}", f"{what + ':':<8}", width)
    counts = {
        "broke": len(found.broke),
        "mended": len(found.mended),
        "changed otherwise": len(found.changed),
        "new or gone": sum(map(len, (found.new, found.gone, found.new_checks, found.gone_checks))),
    }
    told = ", ".join(f"{number} {what}" for what, number in counts.items() if number)
    yield told or "No check has another status."


def _changes(title: str, changes: Sequence[Change], width: int, *, told: bool = False) -> Iterator[str]:
    """By subject; with what was found out where somebody has to act."""
    if changes:
        yield title
    subject = None
    for one in changes:
        if one.subject != subject:
            subject = one.subject
            yield from _wrap(printable(subject), "  ", width)
        yield from _wrap(f"{printable(one.check)}: {_course(one)}", "    ", width, "      ")
        if told and one.after:
            yield from _wrap(printable(one.after.summary), "      ", width)


def _course(change: Change) -> str:
    if change.before and change.after:
        return f"was {change.before.status}, is {change.after.status}"
    return f"is {change.after.status}" if change.after else f"was {_status(change.before)}"


def _subjects(title: str, names: Sequence[str], report: Report, width: int) -> Iterator[str]:
    if names:
        yield title
    counts: dict[str, Counter[Status]] = {}
    for subject in report.subjects:
        counts.setdefault(subject.name, Counter()).update(one.status for one in subject.findings)
    for name in names:
        of = counts.get(name, Counter())
        told = ", ".join(f"{of[status]} {status}" for status in Status if of[status])
        yield from _wrap(f"{printable(name)}: {told or 'no finding'}", "  ", width, "    ")


def _wrap(words: str, first: str, width: int, rest: str | None = None) -> Iterator[str]:
    indent = " " * len(first) if rest is None else rest
    lines = textwrap.wrap(
        words,
        width,
        initial_indent=first,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    yield from lines or [first.rstrip()]


def json_text(found: Difference, sides: Sides, *, ascii: bool = False) -> str:
    """For programs. Keys are only added in later 1.x versions."""
    document = {
        "schema_version": SCHEMA_VERSION,
        "before": {"name": sides.before_name, "verdict": sides.before.verdict},
        "after": {"name": sides.after_name, "verdict": sides.after.verdict},
        "broke": list(map(_change, found.broke)),
        "mended": list(map(_change, found.mended)),
        "changed": list(map(_change, found.changed)),
        "new_checks": list(map(_change, found.new_checks)),
        "gone_checks": list(map(_change, found.gone_checks)),
        "new_subjects": list(found.new),
        "gone_subjects": list(found.gone),
    }
    return json.dumps(document, indent=2, ensure_ascii=ascii)


def _change(change: Change) -> dict[str, object]:
    told = change.after or change.before
    return {
        "subject": change.subject,
        "check": change.check,
        "before": _status(change.before),
        "after": _status(change.after),
        "summary": told.summary if told else None,
    }


def _status(finding: Finding | None) -> Status | None:
    return finding.status if finding else None
