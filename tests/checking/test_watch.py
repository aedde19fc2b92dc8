"""`--watch`: what is shown of a deployment, and when it is no longer followed."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gmsa_doctor.checking import watch
from gmsa_doctor.core.errors import Denied
from gmsa_doctor.given.request import Request

BEGAN = datetime(2026, 1, 2, 12, tzinfo=UTC)
DEFINITION = "arn:aws:ecs:us-east-1:123456789012:task-definition/web:3"


def at(minutes: int) -> datetime:
    return BEGAN + timedelta(minutes=minutes)


def service(*events: str, state: str = "IN_PROGRESS", **more: Any) -> dict[str, Any]:
    """As DescribeServices returns it: the newest event first."""
    found = [{"id": text, "createdAt": at(1), "message": f"(service web) {text}"} for text in reversed(events)]
    primary = {"status": "PRIMARY", "createdAt": BEGAN, "taskDefinition": DEFINITION, "rolloutState": state}
    return {"events": found, "deployments": [{**primary, **more}]}


def task(number: int, text: str, definition: str = DEFINITION, minutes: int = 2) -> dict[str, Any]:
    return {
        "taskArn": f"arn:aws:ecs:us-east-1:123456789012:task/demo/{number}",
        "taskDefinitionArn": definition,
        "stopCode": "TaskFailedToStart",
        "stoppedReason": text,
        "stoppedAt": at(minutes),
    }


class Deployments:
    """Answers of ECS, one for each look."""

    def __init__(self, *looks: tuple[dict[str, Any], list[dict[str, Any]]]) -> None:
        self.looks: Iterator[tuple[dict[str, Any], list[dict[str, Any]]]] = iter(looks)
        self.tasks: list[dict[str, Any]] = []

    def describe_service(self, name: str, cluster: str) -> dict[str, Any]:
        found, self.tasks = next(self.looks)
        return found

    def task_arns(self, cluster: str, service: str, status: str) -> tuple[str, ...]:
        return tuple(task["taskArn"] for task in self.tasks)

    def described_tasks(self, arns: tuple[str, ...], cluster: str) -> list[dict[str, Any]]:
        return [task for task in self.tasks if task["taskArn"] in arns]


def followed(monkeypatch: pytest.MonkeyPatch, ecs: object, seconds: float = 3600) -> list[str]:
    monkeypatch.setattr(watch, "Ecs", lambda _: ecs)
    monkeypatch.setattr(watch, "session_of", lambda _: None)
    monkeypatch.setattr(watch, "PAUSE_SECONDS", 0.001)
    shown: list[str] = []
    watch.follow(Request(services=("web",), cluster="demo", watch=seconds), shown.append)
    return shown


def test_events_are_shown_once_until_the_deployment_is_steady(monkeypatch: pytest.MonkeyPatch) -> None:
    ecs = Deployments(
        (service("has started 1 tasks."), []),
        (service("has started 1 tasks."), []),
        (service("has started 1 tasks.", "has reached a steady state.", state="COMPLETED"), []),
    )
    assert followed(monkeypatch, ecs) == [
        "12:01:00 UTC  (service web) has started 1 tasks.",
        "12:01:00 UTC  (service web) has reached a steady state.",
        "the deployment is steady",
    ]


def test_the_first_task_that_fails_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    ecs = Deployments((service(), []), (service(), [task(1, "username not found in secret")]))
    assert followed(monkeypatch, ecs) == [
        "12:02:00 UTC  task 1 stopped: username not found in secret",
        "a task of the deployment failed",
    ]


def test_tasks_of_another_revision_and_of_before_do_not_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = [task(1, "old", f"{DEFINITION}7"), task(2, "before", minutes=-5)]
    ecs = Deployments((service(), tasks), (service(state="COMPLETED"), tasks))
    assert followed(monkeypatch, ecs) == ["12:02:00 UTC  task 1 stopped: old", "the deployment is steady"]


def test_a_deployment_that_the_circuit_breaker_ended_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    ecs = Deployments((service(state="FAILED", rolloutStateReason="tasks failed to start."), []))
    assert followed(monkeypatch, ecs) == ["the deployment failed: tasks failed to start."]


def test_without_a_state_the_numbers_of_tasks_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    more = {"computedDesiredCount": 2, "pendingCount": 0}
    ecs = Deployments((service(state="", runningCount=1, **more), []), (service(state="", runningCount=2, **more), []))
    assert followed(monkeypatch, ecs) == ["the deployment is steady"]


def test_it_ends_after_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    ecs = Deployments((service(), []))
    assert followed(monkeypatch, ecs, seconds=0) == ["the deployment is not finished after 0 s"]


def test_a_denied_call_ends_it_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed:
        def describe_service(self, name: str, cluster: str) -> dict[str, Any]:
            raise Denied("ecs:DescribeServices", name)

    assert followed(monkeypatch, Closed()) == [
        "the deployment cannot be followed: access denied: ecs:DescribeServices on web"
    ]
