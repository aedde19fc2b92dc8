"""The report as one JSON document, for programs; `schema-1.0.json` describes it."""

from __future__ import annotations

import json
from dataclasses import asdict

from gmsa_doctor.core.model import Finding, Report, Status

SCHEMA_VERSION = "1.0"


def render(report: Report, *, ascii: bool = False) -> str:
    """The report as JSON, with every key of the schema, in its order; ``ascii`` escapes all else."""
    counts = dict(report.counts)
    document = {
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "gmsa-doctor", "version": report.version},
        "verdict": report.verdict,
        "root_causes": list(report.root_causes),
        "missing": list(report.missing),
        "unread": [{"file": file, "reason": reason} for file, reason in report.unread],
        "passed_over": report.passed_over,
        "interrupted": report.interrupted,
        "duration_ms": report.duration_ms,
        "subjects": [
            {"name": subject.name, "facts": dict(subject.facts), "findings": list(map(_finding, subject.findings))}
            for subject in report.subjects
        ],
        "counts": {str(status): counts.get(status, 0) for status in Status},
    }
    return json.dumps(document, indent=2, ensure_ascii=ascii)


def _finding(finding: Finding) -> dict[str, object]:
    shows = finding.shows_as
    return {
        "check": finding.check,
        "status": finding.status,
        "root": finding.root,
        "because": list(finding.because),
        "cause": finding.cause,
        "summary": finding.summary,
        "observed": finding.observed,
        "expected": finding.expected,
        "fix": {"text": finding.fix.text, "commands": list(finding.fix.commands)} if finding.fix else None,
        "shows_as": {"2.x": shows.v2, "1.3": shows.v1_3} if shows else None,
        "rows": [asdict(row) for row in finding.rows],
        "vantage": finding.vantage,
        "location": asdict(finding.location) if finding.location else None,
        "docs": finding.docs,
        "duration_ms": finding.duration_ms,
    }
