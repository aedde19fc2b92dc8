"""The report as one JSON document, for programs; `schema-2.1.json` describes it."""

from __future__ import annotations

from dataclasses import asdict

from gmsa_doctor.core.model import Finding, Report, Status, SubjectReport
from gmsa_doctor.core.printable import json_document
from gmsa_doctor.report.findings import check_page, missing_proofs

SCHEMA_VERSION = "2.1"


def render(report: Report, *, ascii: bool = False) -> str:
    """The report as JSON, with every key of the schema, in its order; ``ascii`` escapes all other characters."""
    counts = dict(report.counts)
    document = {
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
        "subjects": [
            {"name": subject.name, "facts": dict(subject.facts), "findings": list(map(_finding, subject.findings))}
            for subject in report.subjects
        ],
        "counts": {str(status): counts.get(status, 0) for status in Status},
    }
    return json_document(document, ascii=ascii)


def _root_causes(subject: SubjectReport, report: Report) -> list[dict[str, object]]:
    return [
        {"check": finding.check, "subject": subject.name, "owner": finding.owner, "summary": finding.summary}
        for finding in sorted(subject.findings, key=lambda finding: not finding.has_evidence)
        if finding.root and finding.check in report.root_causes
    ]


def _finding(finding: Finding) -> dict[str, object]:
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
