"""Task definitions in CloudFormation templates: written by hand, for SAM, or synthesized by CDK.

Each ``AWS::ECS::TaskDefinition`` becomes a request of RegisterTaskDefinition, as far as the template specifies it:

- An unknown text is :class:`Open`; an unknown list of texts is a list with one such text.
- Unknown objects, lists of objects and booleans are omitted, and so are keys that nothing reads.
- A container with an unknown condition is included.
- A resource is omitted if its ``Condition`` is known to be false.
- The output of a transform (``Fn::ForEach``, macros) is unknown, and is listed in ``Template.left_out``.
- Nested stacks are separate files.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecs-taskdefinition.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from gmsa_doctor.formats.documents.located import Definition, Located, LocatedError, Open, Path, Position
from gmsa_doctor.formats.documents.near_keys import is_meant, near_keys
from gmsa_doctor.formats.documents.walk import child, entries, items, launch_type
from gmsa_doctor.formats.templates.intrinsics import Intrinsics
from gmsa_doctor.formats.templates.template_part import Part, as_text

_TASK_DEFINITION = "AWS::ECS::TaskDefinition"
_RUNS_ONE = ("AWS::ECS::Service", "AWS::ECS::TaskSet")


@dataclass(frozen=True)
class LeftOut:
    """A part of a template that may contain a task definition, and the reason why it is unknown.

    ``until_deployed``: the deployment itself gives the value (a parameter, an attribute of a resource); otherwise a
    transform makes it.
    """

    name: str
    reason: str
    position: Position | None
    until_deployed: bool = False


@dataclass(frozen=True)
class Template:
    """The task definitions in a template."""

    definitions: tuple[Definition, ...]
    left_out: tuple[LeftOut, ...] = ()


def is_template(value: object) -> bool:
    """Whether a document is a CloudFormation or SAM template: it has ``Resources`` with types."""
    resources = child(value, "Resources")
    if not isinstance(value, dict) or not isinstance(resources, dict):
        return False
    declared = "AWSTemplateFormatVersion" in value or "Transform" in value
    return declared or any("::" in _type(resource) for resource in resources.values())


def read_template(
    located: Located, parameters: Mapping[str, str], imported: Callable[[str], str | None] = lambda _name: None
) -> Template:
    """The task definitions in a template that :func:`is_template`, in its order.

    ``parameters`` override the defaults; they may include pseudo parameters such as ``AWS::Region``. ``imported`` is
    the value of another template's export, if it is known. Raises LocatedError for a template that CloudFormation would
    not accept.
    """
    try:
        return _TemplateReader(located, parameters, imported).template()
    except RecursionError:
        raise LocatedError("the template's functions are nested too deeply") from None


def exports(located: Located, parameters: Mapping[str, str], imported: Callable[[str], str | None]) -> dict[str, str]:
    """The exported texts of a template, by the names of the exports. Raises nothing."""
    template = entries(located.value)
    intrinsics = Intrinsics(template, parameters, imported)
    found = {}
    for name, output in entries(template.get("Outputs")).items():
        with suppress(LocatedError, RecursionError):
            path: Path = ("Outputs", name)
            parts = [
                intrinsics.part(value, path) for value in (child(output, "Export", "Name"), child(output, "Value"))
            ]
            export, value = (as_text(part.value) if part else None for part in parts)
            if export and not isinstance(export, Open) and value:
                found[export] = value
    return found


class _TemplateReader:
    def __init__(self, located: Located, parameters: Mapping[str, str], imported: Callable[[str], str | None]) -> None:
        template = entries(located.value)
        self.located = located
        self.resources = entries(template.get("Resources"))
        self.intrinsics = Intrinsics(template, parameters, imported)
        self.left_out: list[LeftOut] = []
        self.launches: dict[str, set[str]] = {}
        """The launch types of the services, by task definition."""

    def template(self) -> Template:
        for definition, launch in self._services():
            self.launches.setdefault(definition, set()).add(launch)
        definitions = tuple(self._definitions())
        return Template(definitions, tuple(self.left_out))

    def _definitions(self) -> Iterator[Definition]:
        for name, resource in self.resources.items():
            if name.startswith("Fn::") and not _may_make_one(resource):
                continue
            if name.startswith("Fn::"):
                self._leave_out(name, f"the output of {name.split('::')[1]} is unknown")
            elif _type(resource) == _TASK_DEFINITION and isinstance(resource, dict):
                condition = resource.get("Condition")
                if not isinstance(condition, str) or self.intrinsics.holds(condition) is not False:
                    yield from self._definition(name, resource)

    def _leave_out(self, name: str, reason: str, value: object = None, path: Path = ()) -> None:
        until_deployed = isinstance(value, Open) and not value.startswith("${Fn::Transform")
        position = self.located.at(path or ("Resources", name))
        self.left_out.append(LeftOut(name, reason, position, until_deployed))

    def _definition(self, name: str, resource: dict[str, object]) -> Iterator[Definition]:
        path: Path = ("Resources", name, "Properties")
        part = self.intrinsics.part(resource.get("Properties", {}), path)
        if not part or not isinstance(part.value, dict):
            self._leave_out(name, "its properties are unknown before deployment", part.value if part else None)
            return
        containers = part.value.get("ContainerDefinitions")
        if unknown := _unknown_container(containers):
            self._leave_out(name, f"a container depends on {unknown.value}", unknown.value, unknown.path)
            return
        request = _TemplateRequest(self.located)
        value = request.value(part, ())
        place = self.located.at(path[:2])
        positions = request.positions | ({(): place} if place else {})
        family = as_text(part.value["Family"].value) if "Family" in part.value else None
        near = near_keys(self.located, path, "ContainerDefinitions", "CredentialSpecs")
        yield Definition(name, Located(value, positions), self._launch(name, family), near)

    # Launch types

    def _launch(self, name: str, family: str | None) -> str | None:
        """FARGATE or EC2, if all services in this template that run it agree."""
        ours = (f"${{{name}}}", f"${{{name}.TaskDefinitionArn}}", family)
        launches = set[str]().union(*(self.launches.get(name, ()) for name in ours if name))
        return launches.pop() if len(launches) == 1 else None

    def _services(self) -> Iterator[tuple[str, str]]:
        """The task definition and the launch type of each service that has both."""
        for name, resource in self.resources.items():
            properties = child(resource, "Properties")
            if _type(resource) in _RUNS_ONE and isinstance(properties, dict):
                path: Path = ("Resources", name, "Properties")
                definition = as_text(self._known(path, properties, "TaskDefinition"))
                launch = self._launch_of(path, properties)
                if definition and launch:
                    yield definition, launch

    def _launch_of(self, path: Path, properties: dict[str, object]) -> str | None:
        strategy = self._known(path, properties, "CapacityProviderStrategy")
        if not isinstance(strategy, list):
            launch = self._known(path, properties, "LaunchType")
            return str(launch) if launch in ("FARGATE", "EC2") else None
        parts = [entries(item.value).get("CapacityProvider") for item in strategy]
        names = [part.value for part in parts if isinstance(part, Part)]
        known = all(isinstance(name, str) and not isinstance(name, Open) for name in names)
        return launch_type(names) if known else None

    def _known(self, path: Path, properties: dict[str, object], key: str) -> object:
        part = self.intrinsics.part(properties.get(key), (*path, key))
        return part.value if part else None


def _unknown_container(containers: object) -> Part | None:
    """A container that is unknown (or all of them), if no other one has a CredSpec; that one is checked otherwise."""
    if not isinstance(containers, Part) or isinstance(containers.value, Open):
        return containers if isinstance(containers, Part) else None
    listed = [item for item in items(containers.value) if isinstance(item, Part)]
    if any({"CredentialSpecs", "DockerSecurityOptions"} & entries(item.value).keys() for item in listed):
        return None
    return next((item for item in listed if isinstance(item.value, Open)), None)


def _type(resource: object) -> str:
    name = child(resource, "Type")
    return name if isinstance(name, str) else ""


# From CloudFormation's spelling to the API's --------------------------------------------------------

_KEYS = (
    *("Command", "ContainerDefinitions", "CpuArchitecture", "CredentialSpecs", "CredentialsParameter"),
    *("DnsSearchDomains", "DnsServers", "DockerSecurityOptions", "EntryPoint", "Environment", "Essential"),
    *("ExecutionRoleArn", "ExtraHosts", "Family"),
    *("Image", "LogConfiguration", "LogDriver", "Name", "NetworkMode", "OperatingSystemFamily", "Options"),
    *("RepositoryCredentials", "RequiresCompatibilities", "RuntimePlatform", "SecretOptions", "Secrets", "User"),
    *("Value", "ValueFrom"),
)
_SPELT = {key.casefold(): key for key in _KEYS}
"""The keys that are read, by their casefolded form. CloudFormation refuses any other case. Other keys are omitted."""

_FREE = "options"
"""An object with the user's own keys."""
_TEXTS = frozenset(
    {"command", "credentialSpecs", "dnsSearchDomains", "dnsServers", "dockerSecurityOptions", "entryPoint"}
    | {"requiresCompatibilities"}
)
"""Lists of texts."""
_OBJECTS = frozenset(
    {"containerDefinitions", "environment", "extraHosts", "logConfiguration", "repositoryCredentials"}
    | {"runtimePlatform", "secretOptions", "secrets"}
)
"""Objects, and lists of objects."""
_BOOLEAN = "essential"


class _TemplateRequest:
    """Translates resolved properties to a request of RegisterTaskDefinition, with positions."""

    def __init__(self, located: Located) -> None:
        self.located = located
        self.positions: dict[Path, Position] = {}

    def value(self, part: Part, path: Path) -> object:
        key = path[-1] if path else ""
        if isinstance(part.value, dict):
            value: object = self._object(part.value, path, free=key == _FREE)
        elif isinstance(part.value, list):
            known = [item for item in part.value if not (key in _OBJECTS and isinstance(item.value, Open))]
            value = [self.value(item, (*path, index)) for index, item in enumerate(known)]
        elif key in _TEXTS and isinstance(part.value, Open):
            value = [part.value]
        else:
            value = _scalar(part.value, path)
        position = self.located.at(part.path)
        if position:
            self.positions[path] = position
        return value

    def _object(self, parts: dict[str, Part], path: Path, *, free: bool) -> dict[str, object]:
        named = ((key if free else self._name(key, part), part) for key, part in parts.items())
        known = ((name, part) for name, part in named if name and not _is_left_out(part.value, name))
        return {name: self.value(part, (*path, name)) for name, part in known}

    def _name(self, key: str, part: Part) -> str | None:
        right = _SPELT.get(key.casefold())
        if right and right != key:
            if is_meant(key):  # reported by a check, as a near key
                return None
            raise LocatedError(f"{key}: CloudFormation's spelling of this key is {right}", self.located.at(part.path))
        return key[:1].lower() + key[1:] if right else None


def _may_make_one(value: object) -> bool:
    """Whether the output of a transform may be a task definition: it has such a type, an unknown type, or no type."""
    kinds = list(_kinds(value))
    return not kinds or any(not isinstance(kind, str) or kind == _TASK_DEFINITION or "${" in kind for kind in kinds)


def _kinds(value: object) -> Iterator[object]:
    for key, entry in entries(value).items():
        if key == "Type":
            yield entry
        elif key != "Properties":
            yield from _kinds(entry)
    for item in items(value):
        yield from _kinds(item)


def _is_left_out(value: object, name: str) -> bool:
    """Whether a value is omitted: null, or an unknown value that is not a text."""
    return value is None or (isinstance(value, Open) and (name in _OBJECTS or name == _BOOLEAN))


def _scalar(value: object, path: Path) -> object:
    """CloudFormation accepts a text for a boolean, and vice versa."""
    text = as_text(value)
    if text is None or isinstance(text, Open):
        return value
    return {"true": True, "false": False}.get(text.lower(), text) if path and path[-1] == _BOOLEAN else text
