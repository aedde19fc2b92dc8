"""CDK's cloud assembly (``cdk.out``): the templates in its manifest, with their target environments.

Source: https://docs.aws.amazon.com/cdk/api/v2/docs/aws-cdk-lib.cloud_assembly_schema.ArtifactManifest.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from gmsa_doctor.formats.documents.located import LocatedError, Position, read_json
from gmsa_doctor.formats.documents.walk import child, entries

MANIFEST = "manifest.json"

_STACK = "aws:cloudformation:stack"
_ENVIRONMENT = re.compile(r"aws://(?P<account>[0-9]{12}|unknown-account)/(?P<region>[a-z0-9-]+)")


@dataclass(frozen=True)
class Stack:
    """A stack's template, by its path in the manifest's directory.

    ``parameters`` are those in the manifest, ``AWS::StackName``, and ``AWS::AccountId`` and ``AWS::Region`` if the
    stack has a fixed environment.
    """

    name: str
    template: str
    parameters: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Assembly:
    """The stacks in a manifest. Stages have their own directories and manifests."""

    stacks: tuple[Stack, ...]


def is_manifest(value: object) -> bool:
    """Whether a document is the manifest of a cloud assembly."""
    artifacts = child(value, "artifacts")
    if not isinstance(artifacts, dict) or not isinstance(child(value, "version"), str):
        return False
    return all(isinstance(child(artifact, "type"), str) for artifact in artifacts.values())


def read_manifest(text: str) -> Assembly:
    """The stacks in a ``manifest.json``, in its order. Raises LocatedError."""
    located = read_json(text)
    if not is_manifest(located.value) or not isinstance(located.value, dict):
        raise LocatedError("this is not a manifest of a CDK assembly", located.at(()))
    stacks: list[Stack] = []
    for name, artifact in located.value["artifacts"].items():
        if artifact["type"] == _STACK:
            properties = entries(artifact.get("properties"))
            position = located.at(("artifacts", name, "properties", "templateFile"))
            template = _template_path(properties.get("templateFile"), position)
            stack = str(properties.get("stackName") or name)
            stacks.append(Stack(name, template, _parameters(properties, artifact.get("environment"), stack)))
    return Assembly(tuple(stacks))


def _template_path(name: object, position: Position | None) -> str:
    if not isinstance(name, str) or not name or "\0" in name:
        raise LocatedError("templateFile is missing", position)
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or re.match(r"[A-Za-z]:", name):
        raise LocatedError("templateFile is outside of the assembly's directory", position)
    return str(path)


def _parameters(properties: Mapping[str, object], environment: object, stack: str) -> tuple[tuple[str, str], ...]:
    given = entries(properties.get("parameters"))
    parameters = {"AWS::StackName": stack} | {key: value for key, value in given.items() if isinstance(value, str)}
    bound = _ENVIRONMENT.fullmatch(environment) if isinstance(environment, str) else None
    for part, name in (("account", "AWS::AccountId"), ("region", "AWS::Region")):
        if bound and not bound[part].startswith("unknown-"):
            parameters[name] = bound[part]
    return tuple(parameters.items())
