"""The commands that change a schedule, a rule or a state machine, where a service would be updated."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator

from gmsa_doctor.given.subject import Controller, Subject

_FIELDS = {
    "task-definition": "taskDefinition",
    "network-configuration": "networkConfiguration",
    "platform-version": "platformVersion",
}
"""The argument of ecs:RunTask for an option of ``aws ecs update-service``."""
_FILES = {
    Controller.SCHEDULE: "schedule.json",
    Controller.RULE: "targets.json",
    Controller.STATE_MACHINE: "state-machine.json",
}


_DESCRIBE = re.compile(r"aws ecs describe-services( --region \S+)? .*")


def shown_by(command: str, subject: Subject) -> str:
    """The command that shows how the task starts, in place of one that describes a service."""
    return _read(subject) if subject.starter and _DESCRIBE.fullmatch(command) else command


def starts_with(option: str, subject: Subject) -> Iterator[str]:
    """The commands after which the task starts with another value of an option of ``aws ecs update-service``."""
    if option not in _FIELDS:
        yield f"# the next task that {name_of(subject)} starts has it"
        return
    file = _FILES[subject.controller]
    yield f"{_read(subject)} > {file}"
    yield f'"${{EDITOR:-vi}}" {file}'
    if subject.controller is Controller.SCHEDULE:
        yield f"aws scheduler update-schedule --cli-input-json file://{file}"
    elif subject.controller is Controller.RULE:
        yield f"aws events put-targets {_names(subject)} --targets file://{file}"
    else:
        yield f"aws stepfunctions update-state-machine {_names(subject)} --definition file://{file}"


def _read(subject: Subject) -> str:
    """The command that prints what a later one puts back.

    UpdateSchedule does not accept three fields of GetSchedule's answer:
    https://docs.aws.amazon.com/scheduler/latest/APIReference/API_UpdateSchedule.html
    """
    names = _names(subject)
    if subject.controller is Controller.SCHEDULE:
        answer_only = shlex.quote("del(.Arn, .CreationDate, .LastModificationDate)")
        return f"aws scheduler get-schedule {names} --output json | jq {answer_only}"
    if subject.controller is Controller.RULE:
        return f"aws events list-targets-by-rule {names} --query Targets --output json"
    return f"aws stepfunctions describe-state-machine {names} --query definition --output text"


def _names(subject: Subject) -> str:
    """The options that name what starts the task."""
    group, _, name = re.sub(r"^.*?:(schedule|rule)/", "", subject.starter).rpartition("/")
    if subject.controller is Controller.SCHEDULE:
        return f"--group-name {shlex.quote(group)} --name {shlex.quote(name)}"
    if subject.controller is Controller.RULE:
        return f"--rule {shlex.quote(name)} --event-bus-name {shlex.quote(group or 'default')}"
    return f"--state-machine-arn {shlex.quote(_unversioned(subject.starter))}"


def advice(option: str, value: str, subject: Subject) -> str:
    """What to edit; empty if nothing is edited."""
    name = _FIELDS.get(option)
    if not name:
        return ""
    if option == "task-definition":
        value = "the ARN of the new revision, unless it names none (then each task has the newest)"
    as_input = subject.controller is Controller.SCHEDULE and bool(subject.part)
    where = {
        Controller.SCHEDULE: "in the JSON text Target.Input" if as_input else "in Target.EcsParameters",
        Controller.RULE: f"in EcsParameters of the target {subject.part}",
        Controller.STATE_MACHINE: f"in Parameters or Arguments of the state {subject.part}",
    }[subject.controller]
    of_target = subject.controller is not Controller.STATE_MACHINE and not as_input
    key = f"{name[0].upper()}{name[1:]}"
    if option == "task-definition" and of_target:
        key = "TaskDefinitionArn"
    if option == "network-configuration":
        value = _as_json(value, "awsvpcConfiguration" if of_target else "AwsvpcConfiguration")
    start, file = name_of(subject), _FILES[subject.controller]
    return f"{start[0].upper()}{start[1:]} starts the task: in {file}, {where}, set {key} to {value}."


def _as_json(value: str, key: str) -> str:
    """The value of ``--network-configuration`` as targets and states have it, below ``key``.

    Sources: https://docs.aws.amazon.com/scheduler/latest/APIReference/API_NetworkConfiguration.html,
    https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_NetworkConfiguration.html
    """
    entries = re.findall(r"(\w+)=(\[[^\]]*\]|[^,{}\[\]]+)", value)
    found = {f"{name[0].upper()}{name[1:]}": _list_or_text(text) for name, text in entries}
    return json.dumps({key: found})


def _list_or_text(text: str) -> list[str] | str:
    return [item for item in text[1:-1].split(",") if item] if text.startswith("[") else text


def name_of(subject: Subject) -> str:
    """``the schedule default/nightly``."""
    name = re.sub(r"^.*?:(schedule/|rule/|stateMachine:)", "", subject.starter)
    return f"{subject.controller.words} {name}"


def _unversioned(arn: str) -> str:
    """The ARN of a state machine without version or alias: only the state machine itself can be updated."""
    return ":".join(arn.split(":")[:7])
