"""Whether the registered task definition can be read and is active."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from gmsa_doctor.authoring import Finding, Fix, Outcome, check, failed, passed, warned
from gmsa_doctor.formats.documents.task_definition import TaskDefinition
from gmsa_doctor.given.subject import Deployments, Subject
from gmsa_doctor_checks import links
from gmsa_doctor_checks.task.revisions import also_running, register_again

_GRACE = timedelta(minutes=10)
"""Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deregister-task-definition-v2.html."""


@check(
    "task-definition.registered",
    title="The task definition can be read and is active",
    docs=links.TASK_PARAMETERS,
    about="task",
)
def registered(definition: Outcome[TaskDefinition], deployments: Deployments, subject: Subject) -> Finding:
    """Reads the registered task definition of the service's PRIMARY deployment, or the one given on the command line.

    Why: ECS uses what is registered. Some infrastructure-as-code modules drop `credentialSpecs` silently, and during a
    deployment two task definitions are in use. A service keeps running with a deregistered one; a schedule, a rule or a
    state machine starts no task with it.

    Fix: allow `ecs:DescribeServices` and `ecs:DescribeTaskDefinition`; register a new revision to replace a
    deregistered one.
    """
    if definition.value is None:
        return replace(definition.finding, check="")
    others = also_running(deployments)
    name = subject.task_definition
    if definition.value.status not in (None, "ACTIVE") and subject.starter:
        return _starts_no_task(definition.value, subject)
    if definition.value.status not in (None, "ACTIVE"):
        return warned(
            f"the task definition {name} is {definition.value.status}: no new service can use it{others}",
            expected="an ACTIVE task definition",
            fix=Fix(
                "Register it again, and update the service to the new revision.", register_again("", subject).commands
            ),
        )
    return passed(f"{name}{f' from {subject.file}' if subject.file else ''}{others}")


def _starts_no_task(definition: TaskDefinition, subject: Subject) -> Finding:
    """A failure, except in the first minutes, when ECS may still accept it."""
    words, name = subject.controller.words, subject.task_definition
    failure = failed(
        f"the task definition {name} is {definition.status}: {words} cannot start a task with it",
        observed=definition.status,
        expected="an ACTIVE task definition",
        fix=register_again("Register it again", subject),
    )
    since = definition.deregistered
    if since and datetime.now(UTC) - since > _GRACE:
        return failure
    return failure.to_warning(" (for up to 10 minutes after the deregistration it may still start some)")
