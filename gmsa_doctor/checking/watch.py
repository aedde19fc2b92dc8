"""``--watch``: follows the deployment of a service until it is steady, or until something in it fails."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from gmsa_doctor.checking.retry import PAUSE_SECONDS
from gmsa_doctor.clients.aws.ecs import Ecs
from gmsa_doctor.core.errors import ClientError
from gmsa_doctor.formats.aws import stopped_task
from gmsa_doctor.formats.symptoms.reading import redacted
from gmsa_doctor.given.request import Request
from gmsa_doctor.subjects.discovery import session_of
from gmsa_doctor.subjects.registered import cluster_of, primary_of

_EARLIER = 10
"""Events from before the first look that are shown."""


@dataclass
class _Deployment:
    """What was seen of a deployment so far."""

    events: set[str] = field(default_factory=set)
    tasks: set[str] = field(default_factory=set)


def follow(request: Request, show: Callable[[str], None]) -> None:
    """Show each event of the service and each task that stops, as they come.

    Returns when the deployment is steady, at its first failure, after ``request.watch`` seconds, or if ECS does not
    answer: then the check reports why. Raises UsageError as the check does.
    """
    aws, cluster, service = session_of(request), cluster_of(request), str(request.service)
    ends = time.monotonic() + request.watch
    seen = _Deployment()
    while True:
        try:
            outcome = _look(Ecs(aws), cluster, service, seen, show)
        except ClientError as error:
            show(f"the deployment cannot be followed: {error.text}")
            return
        if outcome:
            show(outcome)
            return
        if time.monotonic() + PAUSE_SECONDS > ends:
            show(f"the deployment is not finished after {request.watch:g} s")
            return
        time.sleep(PAUSE_SECONDS)


def _look(ecs: Ecs, cluster: str, name: str, seen: _Deployment, show: Callable[[str], None]) -> str:
    """Show what is new. Returns how the deployment ended; empty if it goes on."""
    service = ecs.describe_service(name, cluster)
    primary = primary_of(service)
    began = primary.get("createdAt")
    events = [event for event in service.get("events", ()) if not began or event["createdAt"] >= began]
    unseen = [event for event in events if event["id"] not in seen.events]
    for event in reversed(unseen if seen.events else unseen[:_EARLIER]):
        show(f"{_clock(event['createdAt'])}  {redacted(str(event['message']))}")
    seen.events.update(event["id"] for event in events)
    arns = ecs.task_arns(cluster, name, "STOPPED")
    new = tuple(arn for arn in arns if arn not in seen.tasks)
    tasks = ecs.described_tasks(new, cluster) if new else []
    seen.tasks.update(new)
    failed = False
    for task in sorted(tasks, key=stopped_task.ended):
        if not began or stopped_task.ended(task) >= began:
            show(f"{_clock(stopped_task.ended(task))}  {_stopped(task)}")
            is_own = stopped_task.definition(task) == str(primary.get("taskDefinition", "")).rpartition("/")[2]
            failed = failed or (is_own and stopped_task.is_failure(task))
    if primary.get("rolloutState") == "FAILED":
        return f"the deployment failed: {redacted(str(primary.get('rolloutStateReason') or 'no reason given'))}"
    if failed:
        return "a task of the deployment failed"
    return "the deployment is steady" if _is_steady(primary) else ""


def _is_steady(primary: Mapping[str, Any]) -> bool:
    """Deployments of Amazon ECS have a state of their own; others have the numbers of their tasks."""
    if state := primary.get("rolloutState"):
        return bool(state == "COMPLETED")
    wanted = primary.get("computedDesiredCount", primary.get("desiredCount"))
    return wanted is not None and primary.get("runningCount") == wanted and not primary.get("pendingCount")


def _stopped(task: Mapping[str, Any]) -> str:
    name = str(task["taskArn"]).rpartition("/")[2]
    return f"task {name} stopped: {redacted('; '.join(stopped_task.reasons(task)))}"


def _clock(time: datetime) -> str:
    return f"{time.astimezone(UTC):%H:%M:%S} UTC"
