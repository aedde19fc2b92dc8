"""The report of a fleet as one JSON document; `schema-1.0.json` describes it. Each entry of a list is a line."""

from __future__ import annotations

from collections.abc import Iterator

from gmsa_doctor.core.printable import json_document
from gmsa_doctor.report.fleet.causes import FleetCause, causes_of
from gmsa_doctor.report.fleet.model import FleetReport, FleetSubject, Shard, TableFinding
from gmsa_doctor.report.json import finding_document

SCHEMA = "urn:gmsa-doctor:fleet:1.0"


def render(fleet: FleetReport, *, ascii: bool = False) -> str:
    """The report as JSON, with every key of the schema; ``ascii`` escapes all other characters."""
    return "".join(parts(fleet, ascii=ascii))


def parts(fleet: FleetReport, *, ascii: bool = False) -> Iterator[str]:
    """The same in parts."""
    head = json_document(_head(fleet), ascii=ascii)
    yield head.removesuffix("\n}")
    lists = {
        "causes": map(_cause, causes_of(fleet)),
        "shards": map(_shard, fleet.shards),
        "subjects": map(_subject, fleet.subjects),
        "findings": map(_finding, fleet.findings),
    }
    for name, entries in lists.items():
        lines = [json_document(entry, indent=None, ascii=ascii, separators=(",", ":")) for entry in entries]
        yield f',\n  "{name}": ['
        yield from (f"{',' if number else ''}\n    {line}" for number, line in enumerate(lines))
        yield "\n  ]" if lines else "]"
    yield "\n}\n"


def _head(fleet: FleetReport) -> dict[str, object]:
    return {
        "schema": SCHEMA,
        "tool": {"name": "gmsa-doctor", "version": fleet.version},
        "run": fleet.run,
        "command": fleet.command,
        "started": fleet.started,
        "duration_ms": fleet.duration_ms,
        "verdict": fleet.verdict,
        "exit_code": fleet.exit_code,
        "interrupted": fleet.interrupted,
        "nothing_to_check": fleet.nothing_to_check,
        "tolerated": fleet.tolerated,
        "services": fleet.services,
        "unchecked_shards": len(fleet.unchecked),
    }


def _cause(cause: FleetCause) -> dict[str, object]:
    finding = cause.finding
    return {
        "finding": cause.number,
        "check": finding.check,
        "status": finding.status,
        "owner": finding.owner,
        "summary": finding.summary,
        "services": len(cause.services),
        "accounts": cause.accounts,
        "regions": cause.regions,
        "subjects": cause.subjects,
    }


def _shard(shard: Shard) -> dict[str, object]:
    return {
        "account": shard.target.account,
        "region": shard.target.region,
        "name": shard.target.name,
        "status": shard.status,
        "reason": shard.reason,
        "fix": {"text": shard.fix.text, "commands": list(shard.fix.commands)} if shard.fix else None,
        "verdict": shard.verdict,
        "exit_code": shard.exit_code,
        "services": shard.services,
        "services_passed_over": shard.passed_over,
        "calls": shard.calls,
        "throttled": shard.throttled,
        "duration_ms": shard.duration_ms,
    }


def _subject(subject: FleetSubject) -> dict[str, object]:
    return {
        "shard": subject.shard,
        "name": subject.name,
        "facts": dict(subject.facts),
        "findings": list(subject.findings),
    }


def _finding(entry: TableFinding) -> dict[str, object]:
    document = finding_document(entry.finding)
    del document["duration_ms"]
    kept = {key: value for key, value in document.items() if value not in (None, "", [], False)}
    return {"template": True, **kept} if entry.is_template else kept
