"""The fix of most findings about a task definition: to register it again, changed."""

from __future__ import annotations

from gmsa_doctor.authoring import Fix
from gmsa_doctor.given.subject import Subject
from gmsa_doctor_checks.commands import posix

_NOT_REGISTERED = (
    ".taskDefinitionArn, .revision, .status, .requiresAttributes, .compatibilities, .registeredAt, .registeredBy, "
    ".deregisteredAt, .deleteRequestedAt"
)
"""What ecs:DescribeTaskDefinition gives and ecs:RegisterTaskDefinition refuses. Source: both in ECS's API reference."""


def register_again(what: str, subject: Subject) -> Fix:
    """How to change the task definition: in its file, or by a new revision that the service then uses."""
    if subject.file:
        return Fix(f"{what} in {subject.file}.")
    commands = (
        f"aws ecs describe-task-definition --task-definition {posix(subject.task_definition)} --query taskDefinition "
        f"--output json | jq {posix(f'del({_NOT_REGISTERED})')} > td.json",
        "aws ecs register-task-definition --cli-input-json file://td.json",
        *_use_new_revision(subject),
    )
    return Fix(f"{what} in a new revision of the task definition, and let the service use it.", commands)


def _use_new_revision(subject: Subject) -> tuple[str, ...]:
    """A family without a revision stands for its newest active one."""
    if not (subject.cluster and subject.service):
        return ()
    where = f"--cluster {posix(subject.cluster)} --service {posix(subject.service)}"
    family = subject.task_definition.rpartition("/")[2].partition(":")[0]
    return (f"aws ecs update-service {where} --task-definition {posix(family)}",)
