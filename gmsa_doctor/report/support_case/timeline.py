"""The events of a support case in the order of their times: what ECS recorded, what was changed, and this run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from gmsa_doctor.core.model import Report
from gmsa_doctor.formats.symptoms.reading import redacted
from gmsa_doctor.report.support_case.material import Document, Material

_MISSING = re.compile("NoSuch|NotFound")
"""An answer, not a failure: a bucket without a policy, for example."""


@dataclass(frozen=True, order=True)
class Event:
    """What happened when. Events at the same time are in the order of their texts."""

    time: datetime
    by: str
    text: str


def timeline(report: Report, material: Material) -> str:
    """A line for each event, oldest first, in UTC."""
    events = sorted({*_recorded(material), *_changes(report), *_of_run(report, material)})
    width = max((len(event.by) for event in events), default=0)
    lines = [f"{event.time:%Y-%m-%d %H:%M:%S} UTC  {event.by:<{width}}  {event.text}" for event in events]
    return "\n".join(lines) + "\n"


def _recorded(material: Material) -> Iterator[Event]:
    for definition in material.task_definitions:
        yield from _event(definition, "registeredAt", f"{_name(definition)} was registered")
    for service in material.services:
        for deployment in [*(service.get("taskSets") or ()), *(service.get("deployments") or ())]:
            what = f"deployment of {_last(deployment.get('taskDefinition'))} ({deployment.get('status')})"
            yield from _event(deployment, "createdAt", f"{what} was created")
            state = deployment.get("rolloutState")
            if state in ("FAILED", "COMPLETED"):
                yield from _event(
                    deployment, "updatedAt", f"{what}: {state} {deployment.get('rolloutStateReason') or ''}".rstrip()
                )
        for event in service.get("events") or ():
            yield from _event(event, "createdAt", str(event.get("message")))
    for task in material.tasks:
        name = f"task {_last(task.get('taskArn'))} of {_last(task.get('taskDefinitionArn'))}"
        yield from _event(task, "createdAt", f"{name} was created")
        yield from _event(task, "startedAt", f"{name} started")
        reason = task.get("stoppedReason") or task.get("stopCode") or "no reason given"
        yield from _event(task, "stoppedAt", f"{name} stopped: {reason}")
    for record in material.records:
        if record.by != "ECS":
            yield Event(_utc(record.time), "log", f"{record.by}: {redacted(record.lines[-1])}")


def _event(document: Document, key: str, text: str) -> Iterator[Event]:
    time: Any = document.get(key)
    if isinstance(time, datetime):
        yield Event(_utc(time), "ECS", redacted(" ".join(text.split())))


def _changes(report: Report) -> Iterator[Event]:
    """When what a check is about was last changed."""
    for subject in report.subjects:
        for finding in subject.findings:
            if time := _parsed(finding.changed):
                yield Event(time, "change", f"{finding.check}: what it checks was last changed")


def _of_run(report: Report, material: Material) -> Iterator[Event]:
    own = "gmsa-doctor"
    if started := _parsed(report.started):
        yield Event(started, own, f"the run started: {report.command}")
        ended = started + timedelta(milliseconds=report.duration_ms + 999)
        interrupted = " (interrupted)" if report.interrupted else ""
        yield Event(ended, own, f"the run ended: {report.verdict}{interrupted}")
    for call in material.calls:
        if not (call.result.isdigit() or _MISSING.search(call.result)):
            yield Event(_utc(call.started), own, f"{call.service} {call.operation} in {call.region}: {call.result}")


def _parsed(text: str) -> datetime | None:
    try:
        return _utc(datetime.fromisoformat(text)) if text else None
    except ValueError:
        return None


def _utc(time: datetime) -> datetime:
    return time.astimezone(UTC).replace(microsecond=0)


def _name(definition: Document) -> str:
    return _last(definition.get("taskDefinitionArn")) or str(definition.get("family") or "the task definition")


def _last(arn: object) -> str:
    return str(arn or "").rpartition("/")[2]
