"""The report as one JSON document, for programs; `schema-2.1.json` describes it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from textwrap import indent

from gmsa_doctor.core.model import Finding, Report, Status, SubjectReport
from gmsa_doctor.core.printable import json_document
from gmsa_doctor.report.findings import check_page, missing_proofs

SCHEMA_VERSION = "2.1"


def render(report: Report, *, ascii: bool = False) -> str:
    """The report as JSON, with every key of the schema, in its order; ``ascii`` escapes all other characters."""
    return "".join(parts(report, ascii=ascii)).rstrip("\n")


def parts(report: Report, *, ascii: bool = False) -> Iterator[str]:
    """As :func:`render`, subject by subject: of thousands, the text has hundreds of megabytes."""
    head, middle, tail = json_document(_without_subjects(report), ascii=ascii).rpartition('\n  "subjects": [],\n')
    if not report.subjects:
        yield head + middle + tail + "\n"
        return
    texts: dict[int, str] = {}
    yield head + '\n  "subjects": [\n'
    for number, subject in enumerate(report.subjects):
        if number:
            yield ",\n"
        yield from _subject(subject, ascii, texts)
    yield "\n  ],\n" + tail + "\n"


def _subject(subject: SubjectReport, ascii: bool, texts: dict[int, str]) -> Iterator[str]:
    """``texts``: of the findings so far, by their identity; many subjects share what was skipped."""
    document = {"name": subject.name, "facts": dict(subject.facts), "findings": []}
    around = indent(json_document(document, ascii=ascii), " " * 4)
    if not subject.findings:
        yield around
        return
    head, _, tail = around.rpartition("[]")
    yield head + "[\n"
    for number, finding in enumerate(subject.findings):
        if id(finding) not in texts:
            texts[id(finding)] = indent(json_document(finding_document(finding), ascii=ascii), " " * 8)
        if number:
            yield ",\n"
        yield texts[id(finding)]
    yield "\n      ]" + tail


def _without_subjects(report: Report) -> dict[str, object]:
    counts = dict(report.counts)
    return {
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "gmsa-doctor", "version": report.version},
        "command": report.command,
        "started": report.started,
        "duration_ms": report.duration_ms,
        "verdict": report.verdict,
        "exit_code": report.exit_code,
        "nothing_to_check": report.nothing_to_check,
        "not_proven": [
            {
                "reason": proof.reason,
                "commands": [command for fix in proof.fixes for command in fix.commands],
                "subjects": list(proof.subjects),
            }
            for proof in missing_proofs(report)
        ],
        "root_causes": [cause for subject in report.subjects for cause in _root_causes(subject, report)],
        "missing": list(report.missing),
        "unread": [{**asdict(unread.location), "reason": unread.reason} for unread in report.unread],
        "passed_over": report.passed_over,
        "services_passed_over": report.services_passed_over,
        "interrupted": report.interrupted,
        "subjects": [],
        "counts": {str(status): counts.get(status, 0) for status in Status},
    }


def _root_causes(subject: SubjectReport, report: Report) -> list[dict[str, object]]:
    return [
        {"check": finding.check, "subject": subject.name, "owner": finding.owner, "summary": finding.summary}
        for finding in sorted(subject.findings, key=lambda finding: not finding.has_evidence)
        if finding.root and finding.check in report.root_causes
    ]


def finding_document(finding: Finding) -> dict[str, object]:
    """A finding, with every key of the schema."""
    shows = finding.shows_as
    return {
        "check": finding.check,
        "status": finding.status,
        "root": finding.root,
        "because": list(finding.because),
        "step": finding.step,
        "cause": finding.cause,
        "owner": finding.owner,
        "summary": finding.summary,
        "observed": finding.observed,
        "expected": finding.expected,
        "fix": {"text": finding.fix.text, "commands": list(finding.fix.commands)} if finding.fix else None,
        "shows_as": {"2.x": shows.v2, "1.3": shows.v1_3} if shows else None,
        "rows": [asdict(row) for row in finding.rows],
        "evidence": [asdict(evidence) for evidence in finding.evidence],
        "vantage": finding.vantage,
        "location": asdict(finding.location) if finding.location else None,
        "docs": {"check": check_page(finding), "source": finding.docs},
        "duration_ms": finding.duration_ms,
    }
