"""What is missing in AWS, in the form that the user asked for."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from gmsa_doctor.core.quoting import posix
from gmsa_doctor.setup import cdk, cloudformation, terraform
from gmsa_doctor.setup.answers import Answers, Form
from gmsa_doctor.setup.parts import Part, TaskDefinition
from gmsa_doctor.setup.resources import has_resource, resources, short_hash


@dataclass(frozen=True)
class Written:
    """A text with the parts that the form can express, the commands that apply it, and what to know of it.

    A later plan has fewer parts: it must not replace this text, or the tool deletes what is no longer in it.
    """

    parts: tuple[Part, ...]
    file: str
    language: str
    text: str
    commands: tuple[str, ...] = ()
    note: str = ""


def written(form: Form, parts: Collection[Part], answers: Answers) -> Written | None:
    """The file with the parts; None if the form can express none of them."""
    if form is Form.TERRAFORM:
        chosen = tuple(part for part in parts if terraform.has_resource(part, parts))
    else:
        chosen = tuple(part for part in parts if form is not Form.CLI and has_resource(part))
    if not chosen:
        return None
    if form is Form.TERRAFORM:
        text = terraform.configuration(chosen, answers.region, answers.account)
        note = (
            "Save each plan in a new directory. In the directory of an earlier plan, `terraform apply` would delete "
            "what that plan created."
        )
        return Written(chosen, terraform.FILE, "hcl", text, terraform.deploy(), note)
    if form is Form.CDK:
        made = cdk.stack(resources(chosen), answers.account, answers.region)
        note = f"Add it to your app: `new {made.name}(app, '{made.name}');`. {_OWN_STACK}"
        return Written(chosen, made.file, "typescript", made.text, cdk.deploy(made.name), note)
    text, at = cloudformation.template(resources(chosen)), f" --region {posix(answers.region)}"
    stack = f"gmsa-{answers.service}-{short_hash(text)}"
    return Written(chosen, cloudformation.FILE, "yaml", text, cloudformation.deploy(stack, at), _OWN_STACK)


_OWN_STACK = "Each plan is a stack of its own: in the stack of an earlier plan, it would delete what that plan created."


def task_definition(form: Form, part: TaskDefinition) -> Written | None:
    """The task definition for a file of the developer, or the lines that an existing one needs; None for the CLI."""
    if form is Form.CLI:
        return None
    if form is Form.TERRAFORM:
        text = terraform.lines(part) if part.exists else terraform.text((part,))
        return Written((part,), terraform.FILE, "hcl", text)
    if form is Form.CDK:
        text = cdk.lines(part) if part.exists else cdk.text(resources((part,)))
        return Written((part,), cdk.STACK_FILE, "typescript", text)
    text = cloudformation.lines(part) if part.exists else cloudformation.text(resources((part,)))
    return Written((part,), cloudformation.FILE, "yaml", text)
