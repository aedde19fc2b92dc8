"""Task definitions in Terraform plans, as `terraform show -json` prints them, with the keys of ECS.

A plan has the planned values (``planned_values``), the values that are unknown before it is applied (``after_unknown``
in ``resource_changes``), and the references in expressions (``configuration``). OpenTofu writes the same format.

Source: https://developer.hashicorp.com/terraform/internals/json-format
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from gmsa_doctor.formats.documents.json_stream import Wanted, read_parts
from gmsa_doctor.formats.documents.json_text import type_name
from gmsa_doctor.formats.documents.located import Definition, Located, LocatedError, Open, Path, Position
from gmsa_doctor.formats.documents.near_keys import near_keys
from gmsa_doctor.formats.documents.task_definition import DNS_SETTINGS
from gmsa_doctor.formats.documents.walk import child, entries, items, launch_type

_TASK_DEFINITION = "aws_ecs_task_definition"
_SERVICE = "aws_ecs_service"

TEXTS = {
    "family": "family",
    "execution_role_arn": "executionRoleArn",
    "task_role_arn": "taskRoleArn",
    "network_mode": "networkMode",
}
"""The text arguments of aws_ecs_task_definition that are read, and the keys of ECS."""

_CONTAINER_KEYS = {
    key.casefold(): key
    for key in (
        *("name", "essential", "image", "user", "environment", "logConfiguration"),
        *("credentialSpecs", "dockerSecurityOptions", *DNS_SETTINGS),
    )
}
"""The provider decodes the containers with Go's encoding/json, which ignores the case of keys.

Source: expandContainerDefinitions in internal/service/ecs of hashicorp/terraform-provider-aws, 2.x to 5.x.
"""


_WALKED = frozenset(
    {"planned_values", "configuration", "root_module", "child_modules", "module_calls", "module"}
    | {"resources", "resource_changes"}
)
_RESOURCES = ("resources", "resource_changes")


def _walks_into(path: Path) -> bool:
    return not path or path[-1] in _WALKED or path[-2:-1] in (("child_modules",), ("module_calls",))


def _keeps(path: Path, value: object) -> bool:
    """Keeps the resources that are read, and scalars such as addresses."""
    if path[-2:-1] and path[-2] in _RESOURCES:
        return child(value, "type") in (_TASK_DEFINITION, _SERVICE, None)
    return not isinstance(value, (dict, list))


def read_plan(chunks: Iterator[str]) -> Located | None:
    """What is read of a plan: task definitions and services, without the other resources. None for other documents.

    The plan may be long: ``chunks`` are read one after the other. It may stand between the lines that the wrapper of
    hashicorp/setup-terraform prints. Raises LocatedError.

    Source: https://github.com/hashicorp/setup-terraform, ``terraform_wrapper``.
    """
    first = next(chunks, "")
    is_wrapped = first.startswith("[command]")
    rest = chain([first], chunks)
    located = read_parts(_from_the_plan(rest) if is_wrapped else rest, _PARTS, is_alone=not is_wrapped)
    return located if is_plan(located.value) else None


def _from_the_plan(chunks: Iterator[str]) -> Iterator[str]:
    """The text without what precedes the first line that is an object; its lines keep their numbers."""
    text = ""
    for chunk in chunks:
        *lines, text = (text + chunk).split("\n")
        for number, line in enumerate((*lines, text)):
            if line.startswith("{"):
                yield "\n" * number + "\n".join([*lines, text][number:])
                yield from chunks
                return
        text = text[:1]  # no object begins in this line
        yield "\n" * len(lines)


def _depth(path: Path) -> int:
    """Findings point to planned resources, and to their arguments in ``values``."""
    return 2 if path[:1] == ("planned_values",) else 0


_PARTS = Wanted(_walks_into, _keeps, _depth)


KEYS = ("format_version", "planned_values")
"""The keys of a plan. A state has ``values`` instead of ``planned_values``."""


def is_plan(value: object) -> bool:
    """Whether the JSON is a plan."""
    return isinstance(value, dict) and all(key in value for key in KEYS)


def definitions(located: Located) -> tuple[Definition, ...]:
    """The planned task definitions, by their addresses. Raises LocatedError for an invalid plan.

    The containers of a definition are :class:`Open` if ``container_definitions`` is unknown. The parts in
    ``container_definitions``, which is JSON in a text, all have the position of that text.
    """
    plan = located.value
    if not isinstance(plan, dict):
        raise LocatedError("a Terraform plan must be an object", located.at(()))
    version = plan["format_version"]
    if str(version).partition(".")[0] not in ("0", "1"):
        reason = f"format_version {version} of a Terraform plan is not supported; 1.x is"
        raise LocatedError(reason, located.at(("format_version",)))
    resources = tuple(_resources(plan.get("planned_values"), ("planned_values",), "root_module"))
    unknown = _unknown(plan)
    references = dict(_references(child(plan, "configuration", "root_module"), ""))
    services = [resource for resource in resources if resource.type == _SERVICE]
    definitions = []
    for resource in resources:
        if resource.type == _TASK_DEFINITION:
            launches = {_launch(service.values) for service in services if _uses(service, resource, references)}
            reader = _PlanReader(located, resource, unknown.get(resource.address, {}), references)
            definitions.append(reader.definition(launches.pop() if len(launches) == 1 else None))
    return tuple(definitions)


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
        """The address in the configuration, without the keys of count and for_each."""
        return _without_keys(self.address)


_KEYS = re.compile(r'\["(?:[^"\\]|\\.)*"\]|\[[^\]]*\]')


def _without_keys(address: str) -> str:
    return _KEYS.sub("", address)


def _objects(value: object) -> Iterator[tuple[int, dict[str, object]]]:
    for index, item in enumerate(items(value)):
        if isinstance(item, dict):
            yield index, item


def _resources(around: object, path: Path, key: str) -> Iterator[_Resource]:
    """The managed resources of a module and its child modules, in the plan's order."""
    waiting: list[tuple[object, Path]] = [(child(around, key), (*path, key))]
    while waiting:
        module, where = waiting.pop(0)
        for index, planned in _objects(child(module, "resources")):
            if planned.get("mode", "managed") == "managed":
                yield _resource(planned, child(module, "address"), (*where, "resources", index))
        children = _objects(child(module, "child_modules"))
        waiting.extend((inner, (*where, "child_modules", index)) for index, inner in children)


def _resource(planned: dict[str, object], module: object, path: Path) -> _Resource:
    kind, address = str(planned.get("type", "")), str(planned.get("address", ""))
    return _Resource(kind, address, module if isinstance(module, str) else "", entries(planned.get("values")), path)


def _unknown(plan: dict[str, object]) -> dict[str, Mapping[str, object]]:
    """The values that are unknown before the plan is applied, by address."""
    changes = (change for _, change in _objects(plan.get("resource_changes")))
    return {str(change.get("address", "")): entries(child(change, "change", "after_unknown")) for change in changes}


def _references(module: object, around: str) -> Iterator[tuple[str, Mapping[str, object]]]:
    """The expressions of each resource, by its address in the configuration."""
    for _, resource in _objects(child(module, "resources")):
        expressions = resource.get("expressions")
        if isinstance(expressions, dict):
            yield around + str(resource.get("address", "")).removeprefix(around), expressions
    for name, call in entries(child(module, "module_calls")).items():
        yield from _references(child(call, "module"), f"{around}module.{name}.")


def _referred(expressions: Mapping[str, object], argument: str) -> tuple[str, ...]:
    references = items(child(expressions.get(argument), "references"))
    return tuple(reference for reference in references if isinstance(reference, str))


# Launch types ---------------------------------------------------------------------------------------


def _uses(service: _Resource, definition: _Resource, references: Mapping[str, Mapping[str, object]]) -> bool:
    named = service.values.get("task_definition")
    if named and named in (definition.values.get(key) for key in ("arn", "arn_without_revision", "family")):
        return True
    if service.module != definition.module:
        return False  # ARNs that modules pass to each other are not followed
    inside = f"{_without_keys(service.module)}." if service.module else ""
    referred = _referred(references.get(service.configured, {}), "task_definition")
    names = (".".join(_without_keys(reference).split(".")[:2]) for reference in referred)
    return any(definition.configured == f"{inside}{name}" for name in names)


def _launch(service: Mapping[str, object]) -> str | None:
    strategy = [item.get("capacity_provider") for _, item in _objects(service.get("capacity_provider_strategy"))]
    if strategy:
        return None if None in strategy else launch_type(strategy)
    launch = service.get("launch_type")
    return launch if launch in ("FARGATE", "EC2") and isinstance(launch, str) else None


# A task definition ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _PlanReader:
    """Translates one planned task definition to the keys of ECS."""

    plan: Located
    resource: _Resource
    unknown: Mapping[str, object]
    references: Mapping[str, Mapping[str, object]]

    def definition(self, launch: str | None) -> Definition:
        arguments: dict[tuple[str, str], object] = {
            **{(argument, key): self._text(argument) for argument, key in TEXTS.items()},
            ("requires_compatibilities", "requiresCompatibilities"): self._compatibilities(),
            ("runtime_platform", "runtimePlatform"): self._platform(),
            ("container_definitions", "containerDefinitions"): self._containers(),
        }
        known = {names: value for names, value in arguments.items() if value is not None}
        places: dict[Path, Position | None] = {(): self.plan.at(self.resource.path)}
        places |= {(key,): self._position(argument) for argument, key in known}
        positions = {path: position for path, position in places.items() if position}
        value = {key: value for (_, key), value in known.items()}
        located = Located(value, positions)
        return Definition(self.resource.address, located, launch, near_keys(located))

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
        """The reference in the configuration, otherwise the address of the argument."""
        referred = _referred(self.references.get(self.resource.configured, {}), argument)
        return Open(f"${{{referred[0] if referred else f'{self.resource.address}.{argument}'}}}")

    def _compatibilities(self) -> list[object] | None:
        found = self.resource.values.get("requires_compatibilities")
        if found is None or isinstance(found, list):
            return [name for name in found or () if name is not None] or None
        raise self._wrong("requires_compatibilities", f"is {type_name(found)}, not an array")

    def _platform(self) -> dict[str, object] | None:
        block = next((block for _, block in _objects(self.resource.values.get("runtime_platform"))), {})
        keys = {"operating_system_family": "operatingSystemFamily", "cpu_architecture": "cpuArchitecture"}
        return {key: block[name] for name, key in keys.items() if block.get(name) is not None} or None

    def _containers(self) -> list[object] | Open:
        text = self._text("container_definitions")
        if text is None:  # the argument is required, so the plan is incomplete
            return self._open("container_definitions")
        if isinstance(text, Open):
            return text
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            raise self._wrong("container_definitions", "is not JSON") from None
        if not isinstance(found, list):
            raise self._wrong("container_definitions", f"is {type_name(found)}, not an array")
        return [container(entry) for entry in found]

    def _wrong(self, argument: str, reason: str) -> LocatedError:
        return LocatedError(f"{argument} of {self.resource.address} {reason}", self._position(argument))


def container(value: object) -> object:
    """The container with the keys of ECS."""
    if not isinstance(value, dict):
        return value
    known = {_CONTAINER_KEYS.get(key.casefold(), key): entry for key, entry in value.items()}
    environment = known.get("environment")
    if isinstance(environment, list):
        known["environment"] = [_pair(variable) for variable in environment]
    return known


def _pair(value: object) -> object:
    if not isinstance(value, dict):
        return value
    return {key.casefold() if key.casefold() in ("name", "value") else key: entry for key, entry in value.items()}
