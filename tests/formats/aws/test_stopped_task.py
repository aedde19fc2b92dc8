"""Which tasks stopped because of an error."""

from typing import Any

import pytest

from gmsa_doctor.formats.aws.stopped_task import is_failure, reasons


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


def test_its_reasons_are_those_of_the_task_and_of_its_containers() -> None:
    failed = task("EssentialContainerExited", "Essential container in task exited", 137, "OutOfMemoryError: …")
    failed["containers"][0] |= {"name": "web", "healthStatus": "UNHEALTHY"}
    assert reasons(failed) == (
        "Essential container in task exited",
        "container web: OutOfMemoryError: …",
        "container web: exit code 137",
        "container web: UNHEALTHY",
    )
