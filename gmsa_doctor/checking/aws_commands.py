"""Completes the AWS CLI commands of fixes: names of the subject, its region, and its deployment controller.

No check has to remember them.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from itertools import accumulate

from gmsa_doctor.checking.task_start_commands import advice, shown_by, starts_with
from gmsa_doctor.core.fix_in_steps import REFERENCE
from gmsa_doctor.core.model import Fix
from gmsa_doctor.formats.aws.partitions import partition_of
from gmsa_doctor.given.subject import Controller, Subject


def with_aws_commands(fix: Fix, subject: Subject, region: str | None) -> Fix:
    """The fix with commands that work when pasted."""
    named = [shown_by(_named(command, subject), subject) for command in fix.commands]
    updates = [command for command in named if _UPDATE.match(command)]
    deployed = [list(_deployed(command, subject)) for command in named]
    commands = tuple(in_region(command, region) if region else command for commands in deployed for command in commands)
    text = _renumbered(fix.text, [len(commands) for commands in deployed])
    text = f"{text} {_advice(updates[-1], subject)}".rstrip() if updates else text
    return replace(fix, text=text, commands=commands)


def _renumbered(text: str, counts: list[int]) -> str:
    """The text with references to the commands that each of its commands has become."""
    if set(counts) <= {1}:
        return text
    ends = list(accumulate(counts))

    def reference(match: re.Match[str]) -> str:
        first, last = int(match[1]), int(match[3] or match[1])
        start, end = ends[first - 1] - counts[first - 1] + 1, ends[last - 1]
        if start == end:
            return f"command {start}"
        return f"commands {start} {'and' if end == start + 1 else 'to'} {end}"

    return REFERENCE.sub(reference, text)


# Names ----------------------------------------------------------------------------------------------


def _named(command: str, subject: Subject) -> str:
    """The command with the names that are known instead of placeholders."""
    if subject.file:
        return command
    definition = subject.task_definition
    if _UPDATE.match(command):  # to the newest revision, which is registered just before
        definition = definition.rpartition("/")[2].partition(":")[0]
    known = {"<cluster>": subject.cluster, "<service>": subject.service, "<task definition>": definition}
    for placeholder, name in known.items():
        if name and (subject.service or placeholder != "<cluster>"):
            command = command.replace(shlex.quote(placeholder), shlex.quote(name))
    return command


# Region ---------------------------------------------------------------------------------------------

_CALL = re.compile(
    r"""'[^']*'|"[^"]*"|(?P<call>(?:^|(?<=[|&;(] )|(?<=[(]))aws (?P<service>[a-z0-9-]+) (?P<operation>[a-z0-9-]+))"""
)
"""A quoted text, or a call of the AWS CLI at the start of a command."""
_WITHOUT_REGION = {"configure", "sso"}
_GLOBAL = {"iam", "organizations", "route53", "cloudfront"}
"""Services with one endpoint in each partition, which the AWS CLI finds without a region in the partition ``aws``.

Source: https://docs.aws.amazon.com/general/latest/gr/rande.html#global-endpoints
"""


def in_region(command: str, region: str) -> str:
    """The command with ``--region`` in each call of the AWS CLI that lacks it.

    An ARN of the called service has its own region, which takes precedence.
    """

    def complete(match: re.Match[str]) -> str:
        service, call = match["service"], match["call"]
        if not call or service in _WITHOUT_REGION or (service in _GLOBAL and partition_of(region).name == "aws"):
            return match[0]
        options = command[match.end() :].partition(" aws ")[0]
        if re.search(r"(^| )--region[ =]", options):
            return match[0]
        named = re.search(rf"arn:aws[a-z-]*:{service}:([a-z0-9-]+):", options)
        return f"{call} --region {shlex.quote(named[1] if named else region)}"

    return _CALL.sub(complete, command)


# Deployment controllers -----------------------------------------------------------------------------

_UPDATE = re.compile(r"aws ecs update-service (?!.*--desired-count)(?=.*--)")
"""The desired count can be changed with any deployment controller."""


def _deployed(command: str, subject: Subject) -> Iterator[str]:
    """The commands that deploy what ``aws ecs update-service`` deploys with the rolling update.

    With CodeDeploy or an external controller, ECS rejects a new task definition, platform version or network.
    Source: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html
    """
    if not _UPDATE.match(command) or subject.controller is Controller.ECS:
        yield command
    elif subject.starter:
        yield from starts_with(_changed(command)[0], subject)
    elif subject.controller is Controller.CODE_DEPLOY:
        deployment = f"--deployment-id {shlex.quote(subject.deployment or '<deployment ID>')}"
        get = f"aws deploy get-deployment {deployment} --query deploymentInfo"
        yield f"app=$({get}.applicationName --output text)"
        yield f"group=$({get}.deploymentGroupName --output text)"
        yield f"{get}.revision --output json | jq 'del(.. | .sha256?)' > revision.json"
        yield '"${EDITOR:-vi}" revision.json'
        create = 'aws deploy create-deployment --application-name "$app" --deployment-group-name "$group"'
        yield f"{create} --revision file://revision.json"
    else:
        names = f"--cluster {shlex.quote(subject.cluster or '')} --service {shlex.quote(subject.service or '')}"
        yield f"aws ecs describe-task-sets {names} --query 'taskSets[0]' --output json | jq {_TASK_SET} > task-set.json"
        yield '"${EDITOR:-vi}" task-set.json'
        yield f"aws ecs create-task-set {names} --cli-input-json file://task-set.json"
        new = shlex.quote("<ARN of the new task set>")
        yield f"aws ecs update-service-primary-task-set {names} --primary-task-set {new}"


_TASK_SET = shlex.quote(
    "{externalId, taskDefinition, networkConfiguration, loadBalancers, serviceRegistries, launchType, "
    "capacityProviderStrategy, platformVersion, scale} | with_entries(select(.value != null and .value != []))"
)
"""The fields of a task set that ecs:CreateTaskSet accepts."""


def _advice(update: str, subject: Subject) -> str:
    """What to edit, and who deploys; empty for the rolling update."""
    if subject.controller is Controller.ECS:
        return ""
    option, value = _changed(update)
    if subject.starter:
        return advice(option, value, subject)
    field = {
        "task-definition": "taskDefinition",
        "network-configuration": "networkConfiguration",
        "platform-version": "platformVersion",
    }.get(option, "")
    value = "the ARN of the new revision" if option == "task-definition" else value
    if subject.controller is Controller.CODE_DEPLOY:
        change = f"set {field[0].upper()}{field[1:]} to {value}" if field else "change nothing"
        return (
            f"CodeDeploy deploys {subject.service}, and ECS rejects such an update: in the AppSpec in revision.json, "
            f"{change}."
        )
    change = f"set {field} to {value}" if field else "change nothing"
    return (
        f"An external controller deploys {subject.service}, and ECS rejects such an update: in task-set.json, "
        f"{change}, or change it in that controller."
    )


_OF_ANY = ("cluster", "service", "region")


def _changed(update: str) -> tuple[str, str]:
    """The option of ``aws ecs update-service`` that changes something, and its value."""
    words = shlex.split(update)
    places = [n for n, word in enumerate(words) if word.startswith("--")]
    options = {words[n][2:]: words[n + 1] if n + 1 < len(words) else "" for n in places}
    return next(((name, value) for name, value in options.items() if name not in _OF_ANY), ("", ""))
