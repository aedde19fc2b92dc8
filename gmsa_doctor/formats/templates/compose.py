"""Compose files: the task definitions in ECS for services with a CredSpec.

Compose has two options for a CredSpec, both from Docker for Windows: ``credential_spec`` (``file``, ``registry`` or
``config``) and ``security_opt: ["credentialspec:…"]``. Most such files are not for ECS, so a service is read only if
the file or the service has an ``x-aws-…`` extension, or if its CredSpec is an ARN.

- With an ``x-aws-…`` extension the file is for Docker's ECS integration (retired in November 2023), which created a
  task definition for each service: for Fargate, or for EC2 if GPUs are reserved; ``awsvpc``; an execution role;
  ``security_opt`` as ``dockerSecurityOptions``. It dropped ``credential_spec``: such a container has no
  ``credentialSpecs``, and no Compose key sets them.
- Without one it is for the Amazon ECS CLI, which accepts ``security_opt`` but not ``credential_spec``, and has the
  launch type in another file (``ecs-params.yml``).

``extends``, ``include`` and override files are not read. Texts with ``${…}`` are :class:`Placeholder`: their values are
in the shell or in another file.

Sources: https://github.com/compose-spec/compose-spec/blob/main/05-services.md#credential_spec;
docs/ecs-compose-features.md of docker/compose and ecs/convert.go of docker-archive/compose-cli;
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/cmd-ecs-cli-compose.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from gmsa_doctor.formats.documents.located import Definition, Located, Open, Path, Placeholder, Position
from gmsa_doctor.formats.documents.task_definition import KEPT_ENVIRONMENT
from gmsa_doctor.formats.documents.walk import child, entries, items

_EXTENSION = "x-aws-"
_VARIABLE = re.compile(r"\$\$|\$\{|\$(?=[A-Za-z_])(?P<name>\w+)", re.ASCII)
_ROLE = Open("${TaskExecutionRole}")
"""The integration created an execution role for each service."""


def is_compose(value: object) -> bool:
    """Whether the document is a Compose file: ``services``, each a mapping or empty, and no ``Resources``."""
    services = child(value, "services")
    if not isinstance(value, dict) or not isinstance(services, dict) or "Resources" in value:
        return False
    return all(service is None or isinstance(service, dict) for service in services.values())


def definitions(located: Located) -> tuple[Definition, ...]:
    """One task definition for each service that has a CredSpec and is for ECS; often none."""
    everywhere = _extended(located.value)
    definitions = []
    for name, service in entries(child(located.value, "services")).items():
        if not isinstance(service, dict):
            continue
        extended = everywhere or _extended(service) or _extended(service.get("deploy"))
        spec = service.get("credential_spec")
        options = _specs(service).values()
        named = [*spec.values(), *options] if isinstance(spec, dict) else [spec, *options]
        names_arn = any(isinstance(text, str) and "arn:" in text for text in named)
        if names_arn or (extended and (spec or options)):
            definitions.append(Definition(name, _task(located, ("services", name), service, extended)))
    return tuple(definitions)


def _extended(value: object) -> bool:
    return any(isinstance(key, str) and key.startswith(_EXTENSION) for key in entries(value))


def _specs(service: Mapping[str, object]) -> dict[int, str]:
    """The entries of ``security_opt`` for a CredSpec, by their indexes."""
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
    """``credentialSpecs``, which never exists, has the position of the key that names the CredSpec."""
    container: Path = ("containerDefinitions", 0)
    places: dict[Path, Path] = {(): path, container: path}
    places |= {(*container, key): (*path, key) for key in ("image", "user", "environment")}
    instead = ("security_opt", next(iter(specs))) if specs else ("credential_spec",)
    places[*container, "credentialSpecs"] = (*path, *instead)
    for number, index in enumerate(specs):
        places[*container, "dockerSecurityOptions", number] = (*path, "security_opt", index)
    return {key: position for key, place in places.items() if (position := located.at(place))}


def _environment(value: object) -> list[dict[str, object]]:
    """The variables in :data:`KEPT_ENVIRONMENT`, from a mapping or a list of ``NAME=value``."""
    variables = (item.partition("=") for item in items(value) if isinstance(item, str) and "=" in item)
    pairs = value.items() if isinstance(value, dict) else ((name, text) for name, _, text in variables)
    kept = ((name, text) for name, text in pairs if name in KEPT_ENVIRONMENT)
    return [{"name": name, "value": _text(str(text))} for name, text in kept if text is not None]


def _text(text: str) -> str:
    """The text after Compose's substitution; Open if it has a variable."""
    found = _VARIABLE.sub(_braced, text)
    unknown = any(match[0] != "$$" for match in _VARIABLE.finditer(text))
    return Placeholder(found) if unknown else found


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
