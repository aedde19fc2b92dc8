"""Whether the container has `credentialSpecs`."""

from __future__ import annotations

import json
from dataclasses import replace

from gmsa_doctor.authoring import Cause, Finding, Fix, Given, Outcome, Result, check, failed, fix_in_steps, passed
from gmsa_doctor.core.changes import Change
from gmsa_doctor.core.model import Location
from gmsa_doctor.formats.documents.located import NearKey
from gmsa_doctor.formats.documents.task_definition import Container, TaskDefinition
from gmsa_doctor.given.request import Intended
from gmsa_doctor.given.subject import ChosenContainer, Launch, Platform, Subject
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.task.revisions import register_again
from gmsa_doctor_checks.task.task_definition.lost_in_registration import lost
from gmsa_doctor_checks.values import CredentialSpec
from gmsa_doctor_checks.versions import judge_by_launch_type

_EXPECTED = '"credentialSpecs": ["credentialspecdomainless:arn:aws:s3:::<bucket>/<credspec>.json"]'
_LEGACY = "dockerSecurityOptions"


@check(
    "task-definition.credentialspecs",
    title="The container has credentialSpecs",
    cause=Cause.TASK_DEFINITION,
    docs=links.FARGATE_GMSA,
    about="container/credentialSpecs",
    shows=(texts.NO_MAPPING,),
)
def credential_specs(
    chosen: ChosenContainer,
    platform: Platform,
    subject: Subject,
    definition: Outcome[TaskDefinition],
    intended: Outcome[Intended],
) -> Result[CredentialSpec]:
    """Looks for exactly one entry in the container's `credentialSpecs`, and in files for keys that look like it.

    Why: without it, ECS starts the task without gMSA and reports no error. The older form in
    `dockerSecurityOptions` is not valid on Fargate.

    Fix: add `"credentialSpecs": ["credentialspecdomainless:<ARN of the S3 object>"]` to the container.
    """
    container = chosen.container
    family = definition.value.family if definition.value else None
    lost_entry = lost(intended.value, family, container.name if container else None)
    if near := _near(definition.value, container):
        index = definition.value.containers.index(container) if definition.value and container else None
        return _near_key(near, container, index, subject)
    if container is None:
        text = f"no container has credentialSpecs, {lost_entry or 'and several may need them'}"
        return _missing(text, "the task definition", subject)
    if platform.windows and platform.launch is Launch.FARGATE:
        return failed(
            "gMSA is not supported for Windows containers on Fargate",
            observed="a Windows operatingSystemFamily on FARGATE",
            expected="Linux on Fargate, or Windows on EC2",
            fix=Fix("Run the Windows container on EC2 instances, or move it to Linux."),
        )
    entries, name = container.credential_specs, container.name
    if len(entries) > 1:
        return failed(
            f"the container {name} has {len(entries)} credentialSpecs; ECS accepts one",
            observed=", ".join(entries),
            expected="one entry",
            fix=register_again("Keep one entry of credentialSpecs", subject),
        )
    if entries:
        return Given(CredentialSpec(entries[0]), passed(f"{name}: {entries[0]}"))
    return _legacy(container, platform, subject) or _missing(
        f"the container {name} has no credentialSpecs{f', {lost_entry}' if lost_entry else ''}",
        f"the container {name}",
        subject,
    )


def _near(definition: TaskDefinition | None, container: Container | None) -> NearKey | None:
    """The key that was meant as the container's credentialSpecs; None if the container has them."""
    if definition is None or (container and container.credential_specs):
        return None
    index = definition.containers.index(container) if container else None
    keys = (key for key in definition.near_keys if key.container in (index, None))
    return next(keys, None)


def _near_key(near: NearKey, container: Container | None, index: int | None, subject: Subject) -> Finding:
    name = f"the container {container.name}" if container else "the container that needs it"
    if not near.inside:
        summary = f"{near.key} is outside of the containers, where ECS does not accept it"
        text = f"Move {near.key} into {name}, as {near.right}"
        change = Change(near.key, near.right, into=index) if index is not None else None
    elif near.key != near.right:
        summary = f"{name} has the key {near.key}, which ECS does not accept: the key is {near.right}"
        text = f"Rename {near.key} in {name} to {near.right}"
        change = Change(near.key, near.right)
    else:
        summary = f"{near.right} of {name} is a text; ECS requires a list"
        text = f"Put the text of {near.right} into a list: {json.dumps([*near.texts])}"
        change = Change(json.dumps("".join(near.texts)), json.dumps([*near.texts]))
    entry = near.texts[0] if near.texts else ""
    finding = failed(
        summary,
        observed=f"{near.key}: {entry}",
        expected=f"in {name}: {json.dumps(near.right)}: {json.dumps([*near.texts])}",
        fix=replace(register_again(text, subject), change=change),
        shows_as=texts.NO_MAPPING,
    )
    position = near.position
    return replace(finding, location=Location("", position.line, position.column)) if position else finding


def _legacy(container: Container, platform: Platform, subject: Subject) -> Result[CredentialSpec] | None:
    """The finding about an entry in the older form; None if there is none."""
    for index, option in enumerate(container.docker_security_options):
        if option.lower().startswith("credentialspec"):
            form = "which Fargate does not support" if platform.launch is Launch.FARGATE else "the legacy form"
            failure = failed(
                f"the container {container.name} names its CredSpec in {_LEGACY}, {form}",
                observed=f"{_LEGACY}: {option}",
                expected=_EXPECTED,
                fix=register_again(f"Move the entry from {_LEGACY} to credentialSpecs", subject),
                shows_as=texts.NO_MAPPING,
            )
            failure = replace(failure, about=f"container/{_LEGACY}/{index}")
            return judge_by_launch_type(CredentialSpec(option), failure, platform)
    return None


def _missing(summary: str, place: str, subject: Subject) -> Finding:
    find = Fix("Find the CredSpec in S3.", (f"aws s3 ls {posix('s3://<bucket>/')} --recursive",))
    add = register_again(
        f"Add credentialSpecs with credentialspecdomainless:arn:aws:s3:::<bucket>/<key> to {place}", subject
    )
    keep = Fix(
        "If the field is missing again after a deployment, the infrastructure-as-code module drops it: update the "
        "module, or set the field in the task definition that it deploys."
    )
    fix = fix_in_steps(find, add, keep, owner=add.owner)
    return failed(
        f"{summary}: the task starts without gMSA",
        observed="no credentialSpecs",
        expected=f"in {place}: {_EXPECTED}",
        fix=fix,
        shows_as=texts.NO_MAPPING,
    )
