"""A JSON report of a fleet read again: all that `json.py` writes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from gmsa_doctor.core.evidence import Evidence
from gmsa_doctor.core.model import Cause, Finding, Fix, Location, Owner, Row, ShowsAs, Status, Step, Verdict
from gmsa_doctor.report.fleet.json import SCHEMA
from gmsa_doctor.report.fleet.model import FleetReport, FleetSubject, Shard, ShardStatus, TableFinding, Target
from gmsa_doctor.report.reader import ReportError

_SERIES = SCHEMA.rpartition(".")[0] + "."


def read(text: str | bytes) -> FleetReport:
    """The report. Keys that are not known are ignored. Raises ReportError."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ReportError("it is not valid JSON") from error
    schema = document.get("schema") if isinstance(document, dict) else None
    if not isinstance(schema, str) or not schema.startswith(_SERIES):
        raise ReportError(f"it is not a report of `gmsa-doctor fleet`: schema is not {SCHEMA}")
    try:
        fleet = _fleet(document)
        _require_numbers(fleet)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise ReportError("it is not a whole report of `gmsa-doctor fleet`: see `gmsa-doctor schema`") from error
    return fleet


def targets(text: str | bytes) -> tuple[Target, ...]:
    """The accounts and regions of a plan. Raises ReportError."""
    try:
        return tuple(
            Target(_text(entry["account"]), _text(entry["region"]), _text(entry.get("name", "")))
            for entry in json.loads(text)
        )
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise ReportError("it is not a plan: an array of objects with account and region") from error


def plan_text(planned: tuple[Target, ...]) -> str:
    """The plan as JSON: the items that a Distributed Map of Step Functions reads."""
    lines = [
        json.dumps({"account": target.account, "region": target.region, "name": target.name}) for target in planned
    ]
    return "[\n  " + ",\n  ".join(lines) + "\n]\n" if lines else "[]\n"


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _fleet(document: Mapping[str, Any]) -> FleetReport:
    return FleetReport(
        run=_text(document["run"]),
        version=_text(document["tool"]["version"]),
        shards=tuple(map(_shard, document["shards"])),
        findings=tuple(map(_entry, document["findings"])),
        subjects=tuple(map(_subject, document["subjects"])),
        started=_text(document["started"]),
        command=_text(document["command"]),
        duration_ms=int(document["duration_ms"]),
        interrupted=document["interrupted"] is True,
        tolerated=float(document["tolerated"]),
    )


def _require_numbers(fleet: FleetReport) -> None:
    for subject in fleet.subjects:
        numbers = (*subject.findings, subject.shard)
        if (
            min(numbers) < 0
            or subject.shard >= len(fleet.shards)
            or max(subject.findings, default=-1) >= len(fleet.findings)
        ):
            raise ValueError


def _shard(entry: Mapping[str, Any]) -> Shard:
    return Shard(
        Target(_text(entry["account"]), _text(entry["region"]), _text(entry["name"])),
        ShardStatus(entry["status"]),
        _text(entry["reason"]),
        _fix(entry["fix"]),
        Verdict(entry["verdict"]) if entry["verdict"] else None,
        int(entry["exit_code"]),
        int(entry["services"]),
        int(entry["services_passed_over"]),
        int(entry["calls"]),
        int(entry["throttled"]),
        int(entry["duration_ms"]),
    )


def _subject(entry: Mapping[str, Any]) -> FleetSubject:
    facts = tuple((_text(name), _text(text)) for name, text in entry["facts"].items())
    return FleetSubject(int(entry["shard"]), _text(entry["name"]), facts, tuple(map(int, entry["findings"])))


def _entry(entry: Mapping[str, Any]) -> TableFinding:
    shows, location, docs = entry.get("shows_as"), entry.get("location"), entry.get("docs") or {}
    finding = Finding(
        status=Status(entry["status"]),
        summary=_text(entry.get("summary", "")),
        observed=entry.get("observed"),
        expected=entry.get("expected"),
        fix=_fix(entry.get("fix")),
        shows_as=ShowsAs(shows["2.x"], shows["1.3"]) if shows else None,
        rows=tuple(Row(row["name"], Status(row["status"]), row["text"]) for row in entry.get("rows", ())),
        because=tuple(map(_text, entry.get("because", ()))),
        check=_text(entry["check"]),
        cause=Cause(entry["cause"]) if entry.get("cause") else None,
        step=Step(entry["step"]) if entry.get("step") else None,
        owner=Owner(entry["owner"]) if entry.get("owner") else None,
        origin="gmsa-doctor" if docs.get("check") else "plug-in",
        docs=docs.get("source"),
        root=entry.get("root") is True,
        vantage=entry.get("vantage"),
        location=Location(**location) if location else None,
        evidence=tuple(Evidence(**one) for one in entry.get("evidence", ())),
    )
    return TableFinding(finding, entry.get("template") is True)


def _fix(entry: Mapping[str, Any] | None) -> Fix | None:
    return Fix(_text(entry["text"]), tuple(map(_text, entry["commands"]))) if entry else None
