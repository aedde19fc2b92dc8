"""Why a task stopped, as DescribeTasks returns it.

Source: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

_NO_FAULT = ("UserInitiated", "SpotInterruption", "TerminationNotice", "InfrastructureHealth")
"""Stop codes of tasks that somebody or the platform ended. Source: ``stopCode`` in the API reference."""
_ENDED_ON_REQUEST = (0, 143)
"""Exit codes of a container that ended well, or because of SIGTERM."""


def is_failure(task: Mapping[str, Any]) -> bool:
    """Whether the task stopped because of an error."""
    code, reason = task.get("stopCode"), str(task.get("stoppedReason") or "")
    containers = task.get("containers", ())
    if not code or code in _NO_FAULT:
        return False
    if code == "ServiceSchedulerInitiated":
        return "failed" in reason.lower()  # health checks; otherwise the service scales in, or replaces the task
    if code == "EssentialContainerExited":
        return any(one.get("reason") or one.get("exitCode") not in (None, *_ENDED_ON_REQUEST) for one in containers)
    return True


def reasons(task: Mapping[str, Any]) -> tuple[str, ...]:
    """``stoppedReason``, then the containers' reasons, exit codes and health."""
    reason = str(task.get("stoppedReason") or task.get("stopCode") or "")
    lines = [reason]
    for container in task.get("containers", ()):
        name, own, code = container.get("name"), container.get("reason"), container.get("exitCode")
        if own and own != reason:
            lines.append(f"container {name}: {own}")
        if code not in (None, *_ENDED_ON_REQUEST):
            lines.append(f"container {name}: exit code {code}")
        if container.get("healthStatus") == "UNHEALTHY":
            lines.append(f"container {name}: UNHEALTHY")
    return tuple(line for line in lines if line)


def ended(task: Mapping[str, Any]) -> datetime:
    """When it stopped, or began to."""
    times = (task.get(name) for name in ("stoppedAt", "stoppingAt", "executionStoppedAt", "createdAt"))
    time = next((time for time in times if time), datetime.fromtimestamp(0, UTC))
    return time.astimezone(UTC)


def definition(task: Mapping[str, Any]) -> str:
    """Its task definition, FAMILY:REVISION."""
    return str(task.get("taskDefinitionArn", "")).rpartition("/")[2]
