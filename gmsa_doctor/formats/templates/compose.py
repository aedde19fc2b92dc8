"""Compose files: what ECS would be told of the services that carry a CredSpec.

Compose knows two ways to name a CredSpec, both of Docker for Windows: ``credential_spec`` (``file``, ``registry`` or
``config``) and ``security_opt: ["credentialspec:…"]``. Most such files never reach ECS, so a service counts only where
the file or the service has an ``x-aws-…`` extension, or where its CredSpec is named by an ARN.

What is reported, and why:

- With an ``x-aws-…`` extension the file is meant for Docker's ECS integration (retired in November 2023), which made
  a task definition of each service: for Fargate, or for EC2 where GPUs are reserved; ``awsvpc``; an execution role;
  ``security_opt`` as ``dockerSecurityOptions``. It dropped ``credential_spec``: such a container has no
  ``credentialSpecs``, and no Compose key gives it any.
- Without one it is meant for the Amazon ECS CLI, which takes ``security_opt``, does not take ``credential_spec``,
  and has the launch type elsewhere (``ecs-params.yml``).

``extends``, ``include`` and override files are not followed. Texts with ``${…}`` are :class:`Open`.

Sources: https://github.com/compose-spec/compose-spec/blob/main/05-services.md#credential_spec;
docs/ecs-compose-features.md of docker/compose and ecs/convert.go of docker-archive/compose-cli;
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/cmd-ecs-cli-compose.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from gmsa_doctor.formats.documents.located import Definition, Located, Open, Path, Position
from gmsa_doctor.formats.documents.task_definition import KEPT_ENVIRONMENT
from gmsa_doctor.formats.documents.walk import child, entries, items

_EXTENSION = "x-aws-"
_VARIABLE = re.compile(r"\$\$|\$\{|\$(?=[A-Za-z_])(?P<name>\w+)", re.ASCII)
_ROLE = Open("${TaskExecutionRole}")
"""The integration made an execution role for each service."""


def is_compose(value: object) -> bool:
    """Whether the document is a Compose file: ``services``, each a mapping or empty, and nothing of CloudFormation."""
    services = child(value, "services")
    if not isinstance(value, dict) or not isinstance(services, dict) or "Resources" in value:
        return False
    return all(service is None or isinstance(service, dict) for service in services.values())


def definitions(located: Located) -> tuple[Definition, ...]:
    """One task definition for each service that carries a CredSpec and is meant for ECS; often none."""
    everywhere = _extended(located.value)
    definitions = []
    for name, service in entries(child(located.value, "services")).items():
        if not isinstance(service, dict):
            continue
        extended = everywhere or _extended(service) or _extended(service.get("deploy"))
        carries = bool(_specs(service) or service.get("credential_spec"))
        if (extended and carries) or _names_arn(service):
            definitions.append(Definition(name, _task(located, ("services", name), service, extended)))
    return tuple(definitions)


def _extended(value: object) -> bool:
    return any(isinstance(key, str) and key.startswith(_EXTENSION) for key in entries(value))


def _names_arn(service: Mapping[str, object]) -> bool:
    spec = service.get("credential_spec")
    named = [*spec.values()] if isinstance(spec, dict) else [spec]
    return any(isinstance(text, str) and "arn:" in text for text in (*named, *_specs(service).values()))


def _specs(service: Mapping[str, object]) -> dict[int, str]:
    """The entries of ``security_opt`` that name a CredSpec, by their indexes."""
    options = enumerate(items(service.get("security_opt")))
    texts = ((index, option) for index, option in options if isinstance(option, str))
    return {index: text for index, text in texts if text.lower().startswith("credentialspec")}


def _task(located: Located, path: Path, service: Mapping[str, object], extended: bool) -> Located:
    name = str(path[-1])
    container: dict[str, object] = {"name": name, "essential": True}
    for key in ("image", "user"):
        scalar = service.get(key)
        if isinstance(scalar, str | int) and not isinstance(scalar, bool):
            container[key] = _text(str(scalar))
    specs = _specs(service)
    if specs:
        container["dockerSecurityOptions"] = [*map(_text, specs.values())]
    if environment := _environment(service.get("environment")):
        container["environment"] = environment
    value: dict[str, object] = {"family": name, "containerDefinitions": [container]}
    if extended:
        launch = "EC2" if _reserves_gpus(service) else "FARGATE"
        value |= {"requiresCompatibilities": [launch], "networkMode": "awsvpc", "executionRoleArn": _ROLE}
    return Located(value, _positions(located, path, specs))


def _positions(located: Located, path: Path, specs: Mapping[int, str]) -> dict[Path, Position]:
    """``credentialSpecs``, which is never there, gets the position of what names the CredSpec instead."""
    container: Path = ("containerDefinitions", 0)
    places: dict[Path, Path] = {(): path, container: path}
    places |= {(*container, key): (*path, key) for key in ("image", "user", "environment")}
    instead = ("security_opt", next(iter(specs))) if specs else ("credential_spec",)
    places[*container, "credentialSpecs"] = (*path, *instead)
    for number, index in enumerate(specs):
        places[*container, "dockerSecurityOptions", number] = (*path, "security_opt", index)
    return {key: position for key, place in places.items() if (position := located.at(place))}


def _environment(value: object) -> list[dict[str, object]]:
    """Of :data:`KEPT_ENVIRONMENT` alone; a mapping, or a list of ``NAME=value``."""
    pairs = value.items() if isinstance(value, dict) else _pairs(value)
    kept = ((name, text) for name, text in pairs if name in KEPT_ENVIRONMENT)
    return [{"name": name, "value": _text(str(text))} for name, text in kept if text is not None]


def _pairs(value: object) -> Iterator[tuple[object, object]]:
    for variable in items(value):
        if isinstance(variable, str) and "=" in variable:
            name, _, text = variable.partition("=")
            yield name, text


def _text(text: str) -> str:
    """What Compose makes of it; Open where it waits for a variable."""
    found = _VARIABLE.sub(_braced, text)
    unknown = any(match[0] != "$$" for match in _VARIABLE.finditer(text))
    return Open(found) if unknown else found


def _braced(match: re.Match[str]) -> str:
    if match[0] == "$$":
        return "$"
    return f"${{{match['name']}}}" if match["name"] else match[0]


def _reserves_gpus(service: Mapping[str, object]) -> bool:
    reservations = child(service, "deploy", "resources", "reservations")
    kinds = (
        child(resource, "discrete_resource_spec", "kind")
        for resource in items(child(reservations, "generic_resources"))
    )
    capabilities = (items(child(device, "capabilities")) for device in items(child(reservations, "devices")))
    return "gpus" in kinds or any("gpu" in names for names in capabilities)
