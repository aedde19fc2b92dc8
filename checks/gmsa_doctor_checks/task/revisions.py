"""Revisions of the task definition: how to register a new one and update the service to it."""

from __future__ import annotations

from gmsa_doctor.authoring import Finding, Fix, Owner, skipped, unknown
from gmsa_doctor.formats.aws.commands import save_task_definition
from gmsa_doctor.formats.documents.located import Open, Placeholder
from gmsa_doctor.formats.documents.placeholders import EXAMPLE_ACCOUNT, placeholder_in
from gmsa_doctor.given.subject import AwsPlace, Deployments, Subject
from gmsa_doctor_checks.commands import posix


def register_again(change: str, subject: Subject, edit: str = '"${EDITOR:-vi}" td.json') -> Fix:
    """How to change the task definition: in its file, or in a new revision to which what starts it is updated.

    ``edit``: the command that changes ``td.json``, where it is to be registered again.
    """
    if subject.file:
        return Fix(f"{change} in {subject.file}.", owner=Owner.DEVELOPER)
    family = subject.task_definition.rpartition("/")[2].partition(":")[0]  # ECS uses its newest active revision
    update = update_service(subject, f"--task-definition {posix(family)}")
    commands = (
        save_task_definition(subject.task_definition, "td.json"),
        edit,
        "aws ecs register-task-definition --cli-input-json file://td.json",
        *update,
    )
    then = f", and update {subject.controller.words} to it" if update else ""
    return Fix(f"{change} in a new revision of the task definition{then}.", commands, Owner.DEVELOPER)


def update_service(subject: Subject, options: str) -> tuple[str, ...]:
    """The command that changes the service; none if there is none.

    The run replaces it with what changes the schedule, rule or state machine that starts the task.
    """
    if not (subject.starter or (subject.cluster and subject.service)):
        return ()
    names = f"--cluster {posix(subject.cluster or '<cluster>')} --service {posix(subject.service or '<service>')}"
    return (f"aws ecs update-service {names} {options}",)


def also_running(deployments: Deployments) -> str:
    """The end of a summary if other deployments of the service are still running."""
    return f"; still running: {', '.join(deployments.others)}" if deployments.others else ""


def not_known_yet(setting: str, text: str) -> Finding:
    """The finding about a setting that is only known at deployment."""
    return skipped(f"{setting} is only known at deployment: {text}")


def unknown_yet(setting: str, text: str) -> Finding:
    """The finding about a setting that contains a placeholder: unknown, unless the deployment itself fills it in."""
    if isinstance(text, Open) and not isinstance(text, Placeholder):
        return not_known_yet(setting, text)
    return unknown(
        f"{setting} contains the placeholder {placeholder_in(text) or text}: {text}",
        observed=text,
        expected="the real value",
        fix=Fix(
            "Replace the placeholder. If another tool replaces it, check that tool's output, or the service after the "
            "deployment.",
            (f"gmsa-doctor check --cluster {posix('<cluster>')} --service {posix('<service>')}",),
        ),
    )


def example_account(setting: str, arn: str, place: AwsPlace) -> Finding | None:
    """The finding about an ARN in a file with the account id of AWS's examples; None for another account."""
    if f":{EXAMPLE_ACCOUNT}:" not in arn or place.account:
        return None
    return unknown(
        f"{setting} is in the account {EXAMPLE_ACCOUNT}, which AWS's documentation uses as an example",
        observed=arn,
        expected="your account's id",
        fix=Fix("Set the id of your account.", ("aws sts get-caller-identity --query Account --output text",)),
    )
