"""What starts a task without a service: the targets of schedules and rules, and the states of state machines.

All of them call ecs:RunTask with the arguments that they contain. Sources:
https://docs.aws.amazon.com/scheduler/latest/APIReference/API_Target.html,
https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html,
https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_Target.html,
https://docs.aws.amazon.com/step-functions/latest/dg/connect-ecs.html (arguments in PascalCase),
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gmsa_doctor.formats.documents.located import Placeholder

_JSONATA = re.compile(r"\s*\{%.*%\}\s*", re.DOTALL)
"""A text that is computed at each start. Source: https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html."""
_OF_EVENT = re.compile(r"<[^<>]+>")
"""A variable of an input transformer, or a context attribute of a schedule."""
_RUN_TASK = re.compile(r"arn:[\w-]+:(states|scheduler):::(ecs|aws-sdk:ecs):runTask(\.sync(:2)?|\.waitForTaskToken)?")


@dataclass(frozen=True)
class TaskStart:
    """The arguments of ecs:RunTask, in the case of its API.

    ``part``: the ID of a rule's target, or the name of a state; for a schedule ``Input`` if that has them, otherwise
    empty. ``later``: the arguments that are
    not in ``arguments`` because only each start gives them, by their path (``overrides.taskRoleArn``), with the
    expression.
    """

    part: str
    arguments: Mapping[str, Any]
    later: Mapping[str, str] = field(default_factory=dict)
    role: str = ""
    """Whose permissions it needs; empty: those of the whole state machine."""

    def expression(self, path: str) -> str | None:
        """The expression that gives the argument, or what contains it, at each start; None if it does not vary."""
        names = path.split(".")
        parents = (".".join(names[: n + 1]) for n in range(len(names)))
        return next((self.later[parent] for parent in ("", *parents) if parent in self.later), None)

    def varies(self, name: str) -> bool:
        """Whether each start gives the argument, or a part of it."""
        return any(path.partition(".")[0] in ("", name) for path in self.later)


def tags_of(start: TaskStart) -> tuple[tuple[str, str], ...] | None:
    """The tags that it gives the task; None if only each start gives them, or ECS adds or copies others.

    Targets and the API name the members of a tag in different cases.
    """
    added = ("propagateTags", "enableECSManagedTags")
    if any(map(start.varies, ("tags", *added))) or any(start.arguments.get(name) for name in added):
        return None
    tags = [{str(key).lower(): value for key, value in tag.items()} for tag in start.arguments.get("tags") or ()]
    return tuple((str(tag.get("key")), str(tag.get("value") or "")) for tag in tags)


def of_schedule(target: Mapping[str, Any]) -> TaskStart | None:
    """The start of a schedule's target; None if it starts no task. A universal target has them as input."""
    text = str(target.get("Input") or "")
    if _RUN_TASK.fullmatch(str(target.get("Arn"))):
        return _start("Input", _json(text), target.get("RoleArn"))
    return _of_target("", target, text)


def of_rule(targets: Iterable[Mapping[str, Any]]) -> tuple[TaskStart, ...]:
    """The starts of a rule's targets."""
    found = (_of_target(str(target.get("Id")), target, _input(target)) for target in targets)
    return tuple(start for start in found if start)


def _input(target: Mapping[str, Any]) -> object:
    if target.get("InputPath"):
        return _Expression(str(target["InputPath"]))
    transformer = target.get("InputTransformer") or {}
    return str(transformer.get("InputTemplate") or target.get("Input") or "")


def _of_target(part: str, target: Mapping[str, Any], overrides: object) -> TaskStart | None:
    """The cluster is the target, and its input are the overrides."""
    parameters = target.get("EcsParameters")
    if not parameters:
        return None
    arguments = {key: value for key, value in parameters.items() if key != "TaskDefinitionArn"}
    arguments |= {"cluster": target.get("Arn"), "taskDefinition": parameters.get("TaskDefinitionArn")}
    if isinstance(overrides, str):
        overrides = _json(overrides) if overrides else None
    return _start(part, {**arguments, "overrides": overrides}, target.get("RoleArn"))


def of_state_machine(definition: str) -> tuple[TaskStart, ...]:
    """The starts of the states that run a task, also in parallel branches and maps. Raises ValueError for no JSON."""
    return tuple(
        _start(name, state.get("Arguments", state.get("Parameters", _Expression("the state's input"))), _role(state))
        for name, state in _states(json.loads(definition))
        if _RUN_TASK.fullmatch(str(state.get("Resource")))
    )


def _role(state: Mapping[str, Any]) -> str:
    """The role that the state assumes instead of the state machine's, which may be of another account.

    An expression stays as it is.
    Source: https://docs.aws.amazon.com/step-functions/latest/dg/concepts-access-cross-acct-resources.html
    """
    credentials = state.get("Credentials")
    if not isinstance(credentials, Mapping):
        return str(credentials or "")
    return str(credentials.get("RoleArn") or credentials.get("RoleArn.$") or "")


def _states(value: object) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(value, list):
        for item in value:
            yield from _states(item)
    elif isinstance(value, dict):
        states = value.get("States")
        for name, state in states.items() if isinstance(states, dict) else ():
            if isinstance(state, dict):
                yield str(name), state
                for nested in ("Branches", "ItemProcessor", "Iterator"):
                    yield from _states(state.get(nested))


# Arguments ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Expression:
    """A value that only each start gives."""

    text: str


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:  # the template of an input transformer, in which an event's variable stands for a whole value
        return _Expression(text)


def _start(part: str, arguments: object, role: object) -> TaskStart:
    later: dict[str, str] = {}
    known = _known(arguments, (), later)
    return TaskStart(part, known if isinstance(known, dict) else {}, later, str(role or ""))


def _known(value: object, path: tuple[str, ...], later: dict[str, str]) -> object:
    """The value with keys in the case of the API, without what is known later, which is added to ``later``."""
    if isinstance(value, _Expression):
        later[".".join(path)] = value.text
    elif isinstance(value, str):
        if not _JSONATA.fullmatch(value) and not _OF_EVENT.search(value):
            return value
        later[".".join(path)] = value.strip()
    elif isinstance(value, list):
        items = [_known(item, path, later) for item in value]
        return None if ".".join(path) in later else items
    elif isinstance(value, Mapping):
        return dict(_entries(value, path, later))
    else:
        return value
    return None


def _entries(value: Mapping[str, object], path: tuple[str, ...], later: dict[str, str]) -> Iterator[tuple[str, object]]:
    for key, item in value.items():
        name = key.removesuffix(".$")
        name = name[:1].lower() + name[1:]
        known = _known(_Expression(str(item)) if key.endswith(".$") else item, (*path, name), later)
        if known is not None:
            yield name, known


# Overrides ------------------------------------------------------------------------------------------

_ROLES = ("executionRoleArn", "taskRoleArn")


def overridden(definition: Mapping[str, Any], start: TaskStart) -> dict[str, Any]:
    """The task definition, as ECS describes it, with the overrides of a start.

    A role that only each start gives is a placeholder.
    """
    overrides = start.arguments.get("overrides") or {}
    result = dict(definition)
    for role in _ROLES:
        if expression := start.expression(f"overrides.{role}"):
            result[role] = Placeholder(f"{{{{ {expression} }}}}")
        elif overrides.get(role):
            result[role] = overrides[role]
    by_name = {entry.get("name"): entry for entry in overrides.get("containerOverrides") or ()}
    result["containerDefinitions"] = [
        _container(container, by_name[container.get("name")]) if container.get("name") in by_name else container
        for container in definition.get("containerDefinitions", ())
    ]
    return result


def _container(container: Mapping[str, Any], override: Mapping[str, Any]) -> dict[str, Any]:
    """ECS replaces the command, and adds the variables to those of the definition."""
    variables = {entry.get("name"): entry for entry in container.get("environment", ())}
    variables |= {entry.get("name"): entry for entry in override.get("environment") or () if "value" in entry}
    command = {"command": override["command"]} if override.get("command") else {}
    return {**container, **command, "environment": list(variables.values())}
