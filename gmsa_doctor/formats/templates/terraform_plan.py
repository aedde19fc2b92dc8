"""Terraform plans, as `terraform show -json` prints them: their task definitions, in the keys of ECS.

A plan holds what is planned (``planned_values``), what is not known before it is applied (``after_unknown`` in
``resource_changes``), and which other resources an expression refers to (``configuration``). OpenTofu writes the same.

Source: https://developer.hashicorp.com/terraform/internals/json-format
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gmsa_doctor.formats.documents.json_text import type_name
from gmsa_doctor.formats.documents.located import Definition, Located, LocatedError, Open, Path, Position
from gmsa_doctor.formats.documents.task_definition import DNS_SETTINGS

_TASK_DEFINITION = "aws_ecs_task_definition"
_SERVICE = "aws_ecs_service"

_TEXTS = {
    "family": "family",
    "execution_role_arn": "executionRoleArn",
    "task_role_arn": "taskRoleArn",
    "network_mode": "networkMode",
    "cpu": "cpu",
    "memory": "memory",
}
"""The arguments of aws_ecs_task_definition that are texts, and ECS's keys."""

_CONTAINER_KEYS = {
    key.casefold(): key
    for key in (
        "name",
        "essential",
        "image",
        "user",
        "credentialSpecs",
        "dockerSecurityOptions",
        "environment",
        "logConfiguration",
        *DNS_SETTINGS,
    )
}
"""The provider decodes the containers with Go's encoding/json, which does not look at the case of keys.

Source: expandContainerDefinitions in internal/service/ecs of hashicorp/terraform-provider-aws, 2.x to 5.x.
"""


def is_plan(value: object) -> bool:
    """Whether the JSON is a plan (not a state, which has ``values`` in place of ``planned_values``)."""
    return isinstance(value, dict) and "format_version" in value and "planned_values" in value


def definitions(located: Located) -> tuple[Definition, ...]:
    """The task definitions that there will be, by their addresses. Raises LocatedError for a plan that is none.

    The containers of a definition are :class:`Open` where all of ``container_definitions`` is not known yet.
    Its parts stand where the plan has them; what is in ``container_definitions``, which is JSON in a text, where that
    text stands.
    """
    plan = located.value
    if not isinstance(plan, dict):
        raise LocatedError("a Terraform plan is an object", located.at(()))
    _require_version(located)
    resources = tuple(_resources(plan.get("planned_values"), ("planned_values",), "root_module"))
    unknown = _unknown(plan)
    references = dict(_references(_at(plan, "configuration", "root_module"), ""))
    launches = _Launches(tuple(one for one in resources if one.type == _SERVICE), references)
    return tuple(
        _PlanReader(located, one, unknown.get(one.address, {}), references).definition(launches.of(one))
        for one in resources
        if one.type == _TASK_DEFINITION
    )


def _require_version(located: Located) -> None:
    version = located.value["format_version"] if isinstance(located.value, dict) else None
    major = str(version).partition(".")[0]
    if major not in ("0", "1"):
        reason = f"format_version {version} of a Terraform plan is not known here: 1.x is"
        raise LocatedError(reason, located.at(("format_version",)))


# The parts of a plan --------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Resource:
    """A planned resource. ``module`` is the address of the module it is in; empty for the root module."""

    type: str
    address: str
    module: str
    values: Mapping[str, object]
    path: Path

    @property
    def configured(self) -> str:
        """The address in the configuration: without the keys of count and for_each."""
        return _without_keys(self.address)


_KEYS = re.compile(r'\["(?:[^"\\]|\\.)*"\]|\[[^\]]*\]')


def _without_keys(address: str) -> str:
    return _KEYS.sub("", address)


def _at(value: object, *keys: str) -> object:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _objects(value: object) -> Iterator[tuple[int, dict[str, object]]]:
    for index, one in enumerate(value if isinstance(value, list) else ()):
        if isinstance(one, dict):
            yield index, one


def _resources(around: object, path: Path, key: str) -> Iterator[_Resource]:
    """The managed resources of a module and of those in it, in the plan's order."""
    waiting: list[tuple[object, Path]] = [(_at(around, key), (*path, key))]
    while waiting:
        module, where = waiting.pop(0)
        for index, one in _objects(_at(module, "resources")):
            if one.get("mode", "managed") == "managed":
                yield _resource(one, _at(module, "address"), (*where, "resources", index))
        children = _objects(_at(module, "child_modules"))
        waiting.extend((one, (*where, "child_modules", index)) for index, one in children)


def _resource(one: dict[str, object], module: object, path: Path) -> _Resource:
    values = one.get("values")
    return _Resource(
        str(one.get("type", "")),
        str(one.get("address", "")),
        module if isinstance(module, str) else "",
        values if isinstance(values, dict) else {},
        path,
    )


def _unknown(plan: dict[str, object]) -> dict[str, Mapping[str, object]]:
    """By address, what is not known before the plan is applied."""
    changes = ((str(one.get("address", "")), one) for _, one in _objects(plan.get("resource_changes")))
    found = ((address, _at(one, "change", "after_unknown")) for address, one in changes)
    return {address: unknown for address, unknown in found if isinstance(unknown, dict)}


def _references(module: object, around: str) -> Iterator[tuple[str, Mapping[str, object]]]:
    """The expressions of each resource, by its address in the configuration."""
    for _, one in _objects(_at(module, "resources")):
        expressions = one.get("expressions")
        if isinstance(expressions, dict):
            yield around + str(one.get("address", "")).removeprefix(around), expressions
    calls = _at(module, "module_calls")
    for name, call in calls.items() if isinstance(calls, dict) else ():
        yield from _references(_at(call, "module"), f"{around}module.{name}.")


def _referred(expressions: Mapping[str, object], argument: str) -> tuple[str, ...]:
    found = _at(expressions.get(argument), "references")
    return tuple(one for one in found if isinstance(one, str)) if isinstance(found, list) else ()


# Where the services start it ------------------------------------------------------------------------


@dataclass(frozen=True)
class _Launches:
    """The planned services, and what they refer to."""

    services: tuple[_Resource, ...]
    references: Mapping[str, Mapping[str, object]]

    def of(self, definition: _Resource) -> str | None:
        """FARGATE or EC2, where all services that use the task definition say the same."""
        found = {_launch(one.values) for one in self.services if self._uses(one, definition)}
        return found.pop() if len(found) == 1 else None

    def _uses(self, service: _Resource, definition: _Resource) -> bool:
        named = service.values.get("task_definition")
        if named and named in (definition.values.get(key) for key in ("arn", "arn_without_revision", "family")):
            return True
        if service.module != definition.module:
            return False  # how modules hand on an ARN is not followed
        inside = f"{_without_keys(service.module)}." if service.module else ""
        referred = _referred(self.references.get(service.configured, {}), "task_definition")
        return any(
            definition.configured == f"{inside}{'.'.join(_without_keys(one).split('.')[:2])}" for one in referred
        )


def _launch(service: Mapping[str, object]) -> str | None:
    strategy = [one.get("capacity_provider") for _, one in _objects(service.get("capacity_provider_strategy"))]
    if strategy:
        fargate = [one in ("FARGATE", "FARGATE_SPOT") for one in strategy]
        if None in strategy or any(fargate) is not all(fargate):
            return None
        return "FARGATE" if all(fargate) else "EC2"
    launch = service.get("launch_type")
    return launch if launch in ("FARGATE", "EC2") and isinstance(launch, str) else None


# A task definition ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _PlanReader:
    """Turns one planned task definition into ECS's keys."""

    plan: Located
    resource: _Resource
    unknown: Mapping[str, object]
    references: Mapping[str, Mapping[str, object]]

    def definition(self, launch: str | None) -> Definition:
        found: dict[tuple[str, str], object] = {}
        for argument, key in _TEXTS.items():
            found[argument, key] = self._text(argument)
        found["requires_compatibilities", "requiresCompatibilities"] = self._compatibilities()
        found["runtime_platform", "runtimePlatform"] = self._platform()
        found["container_definitions", "containerDefinitions"] = self._containers()
        told = {names: one for names, one in found.items() if one is not None}
        places: dict[Path, Position | None] = {(): self.plan.at(self.resource.path)}
        places |= {(key,): self._position(argument) for argument, key in told}
        positions = {path: position for path, position in places.items() if position}
        return Definition(
            self.resource.address, Located({key: one for (_, key), one in told.items()}, positions), launch
        )

    def _position(self, argument: str) -> Position | None:
        return self.plan.at((*self.resource.path, "values", argument))

    def _text(self, argument: str) -> str | None:
        if self.unknown.get(argument) is True:
            return self._open(argument)
        found = self.resource.values.get(argument)
        if found is None or isinstance(found, str):
            return found
        raise self._wrong(argument, f"is {type_name(found)}, not a string")

    def _open(self, argument: str) -> Open:
        """Named by what it waits for, as far as the configuration tells."""
        referred = _referred(self.references.get(self.resource.configured, {}), argument)
        return Open(f"${{{referred[0] if referred else f'{self.resource.address}.{argument}'}}}")

    def _compatibilities(self) -> list[object] | None:
        found = self.resource.values.get("requires_compatibilities")
        if found is None or isinstance(found, list):
            return [one for one in found or () if one is not None] or None
        raise self._wrong("requires_compatibilities", f"is {type_name(found)}, not an array")

    def _platform(self) -> dict[str, object] | None:
        block = next((one for _, one in _objects(self.resource.values.get("runtime_platform"))), {})
        keys = {"operating_system_family": "operatingSystemFamily", "cpu_architecture": "cpuArchitecture"}
        return {key: block[name] for name, key in keys.items() if block.get(name) is not None} or None

    def _containers(self) -> list[object] | Open:
        text = self._text("container_definitions")
        if text is None:  # the argument is required: a plan without it was cut down
            return self._open("container_definitions")
        if isinstance(text, Open):
            return text
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            raise self._wrong("container_definitions", "is no JSON") from None
        if not isinstance(found, list):
            raise self._wrong("container_definitions", f"is {type_name(found)}, not an array")
        return [_container(one) for one in found]

    def _wrong(self, argument: str, what: str) -> LocatedError:
        return LocatedError(f"{argument} of {self.resource.address} {what}", self._position(argument))


def _container(value: object) -> object:
    """The container, with its keys as ECS spells them."""
    if not isinstance(value, dict):
        return value
    container = {_CONTAINER_KEYS.get(key.casefold(), key): one for key, one in value.items()}
    environment = container.get("environment")
    if isinstance(environment, list):
        container["environment"] = [_pair(one) for one in environment]
    return container


def _pair(value: object) -> object:
    if not isinstance(value, dict):
        return value
    return {key.casefold() if key.casefold() in ("name", "value") else key: one for key, one in value.items()}
