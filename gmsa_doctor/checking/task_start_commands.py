"""The commands that change a schedule, a rule or a state machine, where a service would be updated."""

from __future__ import annotations

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


def starts_with(option: str, subject: Subject) -> Iterator[str]:
    """The commands after which the task starts with another value of an option of ``aws ecs update-service``."""
    file = _FILES[subject.controller]
    if option not in _FIELDS:
        yield f"# the next task that {name_of(subject)} starts has it"
        return
    if subject.controller is Controller.SCHEDULE:
        group, _, name = subject.starter.rpartition(":schedule/")[2].rpartition("/")
        get = f"aws scheduler get-schedule --group-name {shlex.quote(group)} --name {shlex.quote(name)}"
        # what UpdateSchedule does not accept: https://docs.aws.amazon.com/scheduler/latest/APIReference/API_UpdateSchedule.html
        answer_only = shlex.quote("del(.Arn, .CreationDate, .LastModificationDate)")
        yield f"{get} --output json | jq {answer_only} > {file}"
        yield f'"${{EDITOR:-vi}}" {file}'
        yield f"aws scheduler update-schedule --cli-input-json file://{file}"
    elif subject.controller is Controller.RULE:
        bus, _, name = subject.starter.rpartition(":rule/")[2].rpartition("/")
        names = f"--rule {shlex.quote(name)} --event-bus-name {shlex.quote(bus or 'default')}"
        yield f"aws events list-targets-by-rule {names} --query Targets --output json > {file}"
        yield f'"${{EDITOR:-vi}}" {file}'
        yield f"aws events put-targets {names} --targets file://{file}"
    else:
        arn = f"--state-machine-arn {shlex.quote(_unversioned(subject.starter))}"
        yield f"aws stepfunctions describe-state-machine {arn} --query definition --output text > {file}"
        yield f'"${{EDITOR:-vi}}" {file}'
        yield f"aws stepfunctions update-state-machine {arn} --definition file://{file}"


def advice(option: str, value: str, subject: Subject) -> str:
    """What to edit; empty if nothing is edited."""
    name = _FIELDS.get(option)
    if not name:
        return ""
    if option == "task-definition":
        value = "the ARN of the new revision, unless it names none (then each task has the newest)"
    where = {
        Controller.SCHEDULE: "in Target",
        Controller.RULE: f"in the target {subject.part}",
        Controller.STATE_MACHINE: f"in the state {subject.part}",
    }[subject.controller]
    key = f"{name[0].upper()}{name[1:]}"
    if option == "task-definition" and subject.controller is not Controller.STATE_MACHINE:
        key = "TaskDefinitionArn"
    start, file = name_of(subject), _FILES[subject.controller]
    return f"{start[0].upper()}{start[1:]} starts the task: in {file}, {where}, set {key} to {value}."


def name_of(subject: Subject) -> str:
    """``the schedule default/nightly``."""
    name = re.sub(r"^.*?:(schedule/|rule/|stateMachine:)", "", subject.starter)
    return f"{subject.controller.words} {name}"


def _unversioned(arn: str) -> str:
    """The ARN of a state machine without version or alias: only the state machine itself can be updated."""
    return ":".join(arn.split(":")[:7])
