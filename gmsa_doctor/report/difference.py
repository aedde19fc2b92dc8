"""The difference of two reports: for people, readable at 80 columns and without colour, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gmsa_doctor.core.model import Report
from gmsa_doctor.core.printable import json_document, printable
from gmsa_doctor.report.findings import all_findings, counted
from gmsa_doctor.report.text import joined, wrapped
from gmsa_doctor.triage.baseline import Change, Difference

SCHEMA_VERSION = "1.0"


@dataclass(frozen=True)
class ComparedReports:
    """The two reports, and what the user calls them."""

    before_name: str
    after_name: str
    before: Report
    after: Report


def text(difference: Difference, reports: ComparedReports, *, width: int = 80, ascii: bool = False) -> str:
    """For people. No line is longer than ``width`` but those that hold one long word."""
    text = joined(
        [
            _head(difference, reports, width),
            _changes("Broke", difference.broke, width, with_summary=True),
            _changes("Fixed", difference.fixed, width),
            _changes("Other changes", difference.changed, width),
            _changes("New checks", difference.new_checks, width),
            _changes("Removed checks", difference.gone_checks, width),
            _subjects("New subjects", difference.new, reports.after, width),
            _subjects("Removed subjects", difference.gone, reports.before, width),
        ]
    )
    return text.encode("ascii", "backslashreplace").decode() if ascii else text


def _head(difference: Difference, reports: ComparedReports, width: int) -> Iterator[str]:
    before, after = printable((reports.before_name, reports.after_name))
    yield from wrapped(f"{reports.before.verdict.upper()}, {before}", width, "before: ")
    yield from wrapped(f"{reports.after.verdict.upper()}, {after}", width, "after:  ")
    new_or_gone = (difference.new, difference.gone, difference.new_checks, difference.gone_checks)
    counts = {
        "broke": len(difference.broke),
        "fixed": len(difference.fixed),
        "changed": len(difference.changed),
        "new or removed": sum(map(len, new_or_gone)),
    }
    yield ", ".join(f"{number} {word}" for word, number in counts.items() if number) or "No check changed its status."


def _changes(title: str, changes: Sequence[Change], width: int, *, with_summary: bool = False) -> Iterator[str]:
    """By subject; with what was found out where somebody has to act."""
    if changes:
        yield title
    subject = None
    for change in changes:
        if change.subject != subject:
            subject = change.subject
            yield from wrapped(printable(subject), width, "  ")
        course = [
            f"{verb} {finding.status}" for verb, finding in (("was", change.before), ("is", change.after)) if finding
        ]
        yield from wrapped(f"{printable(change.check)}: {', '.join(course)}", width, "    ", "      ")
        if with_summary and change.after:
            yield from wrapped(printable(change.after.summary), width, "      ")


def _subjects(title: str, names: Sequence[str], report: Report, width: int) -> Iterator[str]:
    if names:
        yield title
    for name in names:
        counts = counted(all_findings(subject for subject in report.subjects if subject.name == name))
        yield from wrapped(f"{printable(name)}: {counts or 'no finding'}", width, "  ", "    ")


def json_text(difference: Difference, reports: ComparedReports, *, ascii: bool = False) -> str:
    """For programs. Keys are only added in later 1.x versions."""
    document = {
        "schema_version": SCHEMA_VERSION,
        "before": {"name": reports.before_name, "verdict": reports.before.verdict},
        "after": {"name": reports.after_name, "verdict": reports.after.verdict},
        "broke": list(map(_change, difference.broke)),
        "fixed": list(map(_change, difference.fixed)),
        "changed": list(map(_change, difference.changed)),
        "new_checks": list(map(_change, difference.new_checks)),
        "gone_checks": list(map(_change, difference.gone_checks)),
        "new_subjects": list(difference.new),
        "gone_subjects": list(difference.gone),
    }
    return json_document(document, ascii=ascii)


def _change(change: Change) -> dict[str, object]:
    finding = change.after or change.before
    return {
        "subject": change.subject,
        "check": change.check,
        "before": change.before.status if change.before else None,
        "after": change.after.status if change.after else None,
        "summary": finding.summary if finding else None,
    }
