"""Which tasks stopped because of an error."""

from typing import Any

import pytest

from gmsa_doctor_checks.evidence import is_failure


def task(code: str | None, reason: str = "", exit_code: int | None = None, text: str | None = None) -> dict[str, Any]:
    return {"stopCode": code, "stoppedReason": reason, "containers": [{"exitCode": exit_code, "reason": text}]}


@pytest.mark.parametrize(
    "failed",
    [
        task("TaskFailedToStart", "ResourceInitializationError: …"),
        task("EssentialContainerExited", "Essential container in task exited", 1),
        task("EssentialContainerExited", "Essential container in task exited", 137, "OutOfMemoryError: …"),
        task("ServiceSchedulerInitiated", "Task failed ELB health checks in (target-group arn)"),
        task("SomethingNew", "a text"),
    ],
)
def test_a_task_that_failed_is_a_failure(failed: dict[str, Any]) -> None:
    assert is_failure(failed)


@pytest.mark.parametrize(
    "ended",
    [
        task(None),
        task("UserInitiated", "Task stopped by user", 143),
        task("ServiceSchedulerInitiated", "Scaling activity initiated by (deployment ecs-svc/1)"),
        task("SpotInterruption", "Your Spot Task was interrupted."),
        task("EssentialContainerExited", "Essential container in task exited", 0),
        task("EssentialContainerExited", "Essential container in task exited", 143),
    ],
)
def test_a_task_that_somebody_ended_is_none(ended: dict[str, Any]) -> None:
    assert not is_failure(ended)
