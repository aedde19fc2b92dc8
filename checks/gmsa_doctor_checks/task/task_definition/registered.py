"""Whether the registered task definition can be read and is active."""

from __future__ import annotations

from dataclasses import replace

from gmsa_doctor.authoring import Finding, Fix, Outcome, check, passed, warned
from gmsa_doctor.formats.documents.task_definition import TaskDefinition
from gmsa_doctor.given.subject import Deployments, Subject
from gmsa_doctor_checks import links
from gmsa_doctor_checks.task.revisions import also_running, register_again


@check(
    "task-definition.registered",
    title="The task definition can be read and is active",
    docs=links.TASK_PARAMETERS,
    about="task",
)
def registered(definition: Outcome[TaskDefinition], deployments: Deployments, subject: Subject) -> Finding:
    """Reads the registered task definition of the service's PRIMARY deployment, or the one given on the command line.

    Why: ECS uses what is registered. Some infrastructure-as-code modules drop `credentialSpecs` silently, and during a
    deployment two task definitions are in use.

    Fix: allow `ecs:DescribeServices` and `ecs:DescribeTaskDefinition`; register a new revision to replace a
    deregistered one.
    """
    if definition.value is None:
        return replace(definition.finding, check="")
    others = also_running(deployments)
    name = subject.task_definition
    if definition.value.status not in (None, "ACTIVE"):
        return warned(
            f"the task definition {name} is {definition.value.status}: no new service can use it{others}",
            expected="an ACTIVE task definition",
            fix=Fix(
                "Register it again, and update the service to the new revision.", register_again("", subject).commands
            ),
        )
    return passed(f"{name}{f' from {subject.file}' if subject.file else ''}{others}")
