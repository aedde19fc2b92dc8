"""EventBridge Scheduler, EventBridge and Step Functions, as far as they start tasks."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

from gmsa_doctor.clients.aws.session import Aws, AwsClient, operation


def _names(api: Any, call: str, key: str, **arguments: Any) -> Iterator[tuple[str, ...]]:
    """Names in a list, page by page."""
    pages = iter(api.get_paginator(call).paginate(**arguments))
    first = next(pages)  # here, where its errors become ours
    return (
        tuple(str(entry.get("name") or entry.get("Name")) for entry in page[key]) for page in chain((first,), pages)
    )


class Scheduler(AwsClient):
    """Amazon EventBridge Scheduler."""

    service = "scheduler"

    @operation("scheduler:GetSchedule")
    def schedule(self, name: str, group: str) -> dict[str, Any]:
        """A schedule with its target. Raises NotFound, also for an unknown group."""
        return dict(self.api.get_schedule(Name=name, GroupName=group))

    @operation("scheduler:ListSchedules", fresh=True)
    def schedules(self, group: str) -> Iterator[tuple[str, ...]]:
        """Names of a group's schedules."""
        return _names(self.api, "list_schedules", "Schedules", GroupName=group)


class EventRules(AwsClient):
    """Amazon EventBridge."""

    service = "events"

    @operation("events:DescribeRule")
    def rule(self, name: str, bus: str) -> dict[str, Any]:
        """A rule, without its targets. Raises NotFound, also for an unknown event bus."""
        return dict(self.api.describe_rule(Name=name, EventBusName=bus))

    @operation("events:ListTargetsByRule")
    def targets(self, name: str, bus: str) -> list[dict[str, Any]]:
        """The targets of a rule."""
        return self.pages("list_targets_by_rule", "Targets", Rule=name, EventBusName=bus)

    @operation("events:ListRules", fresh=True)
    def rules(self, bus: str) -> Iterator[tuple[str, ...]]:
        """Names of an event bus's rules."""
        return _names(self.api, "list_rules", "Rules", EventBusName=bus)


class StepFunctions(AwsClient):
    """AWS Step Functions."""

    service = "stepfunctions"

    @operation("states:DescribeStateMachine")
    def state_machine(self, arn: str) -> dict[str, Any]:
        """A state machine with its definition. Raises NotFound."""
        return dict(self.api.describe_state_machine(stateMachineArn=arn))

    @operation("states:ListStateMachines", fresh=True)
    def state_machines(self) -> Iterator[tuple[str, ...]]:
        """Names of state machines."""
        return _names(self.api, "list_state_machines", "stateMachines")


STARTER_CLIENTS = (Scheduler, EventRules, StepFunctions)


class TaskStarters:
    """The clients of one session."""

    def __init__(self, aws: Aws) -> None:
        self.scheduler, self.rules, self.step_functions = Scheduler(aws), EventRules(aws), StepFunctions(aws)
