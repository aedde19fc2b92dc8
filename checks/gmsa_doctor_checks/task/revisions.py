"""Revisions of the task definition: how to register a changed one, and let the service use it."""

from __future__ import annotations

from gmsa_doctor.authoring import Finding, Fix, skipped, unknown
from gmsa_doctor.given.subject import Deployments, Subject
from gmsa_doctor_checks.commands import posix

_NOT_REGISTERED = (
    ".taskDefinitionArn, .revision, .status, .requiresAttributes, .compatibilities, .registeredAt, .registeredBy, "
    ".deregisteredAt, .deleteRequestedAt"
)
"""What ecs:DescribeTaskDefinition gives and ecs:RegisterTaskDefinition refuses. Source: both in ECS's API reference."""


def register_again(change: str, subject: Subject) -> Fix:
    """How to change the task definition: in its file, or by a new revision that the service then uses."""
    if subject.file:
        return Fix(f"{change} in {subject.file}.")
    family = subject.task_definition.rpartition("/")[2].partition(":")[0]  # stands for its newest active revision
    commands = (
        f"aws ecs describe-task-definition --task-definition {posix(subject.task_definition)} --query taskDefinition "
        f"--output json | jq {posix(f'del({_NOT_REGISTERED})')} > td.json",
        "aws ecs register-task-definition --cli-input-json file://td.json",
        *update_service(subject, f"--task-definition {posix(family)}"),
    )
    return Fix(f"{change} in a new revision of the task definition, and let the service use it.", commands)


def update_service(subject: Subject, options: str) -> tuple[str, ...]:
    """The command that changes the service; none where there is no service."""
    if not (subject.cluster and subject.service):
        return ()
    names = f"--cluster {posix(subject.cluster)} --service {posix(subject.service)}"
    return (f"aws ecs update-service {names} {options}",)


def also_running(deployments: Deployments) -> str:
    """What to add to a summary where other deployments of the service run as well."""
    return f"; {', '.join(deployments.others)} still runs beside it" if deployments.others else ""


def not_known_yet(setting: str, text: str) -> Finding:
    """The finding about a text that only the deployment completes."""
    return skipped(f"{setting} is not known before it is deployed: {text}")


def unknown_yet(setting: str, text: str) -> Finding:
    """As :func:`not_known_yet`, for a text without which little can be checked."""
    return unknown(
        not_known_yet(setting, text).summary,
        observed=text,
        expected="a text that the file tells",
        fix=Fix(
            "Give what it depends on (--parameter NAME=VALUE), or check what is registered, after the deployment.",
            (f"gmsa-doctor check --cluster {posix('<cluster>')} --service {posix('<service>')}",),
        ),
    )
