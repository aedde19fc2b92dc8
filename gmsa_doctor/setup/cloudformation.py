"""Resources as a CloudFormation template."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from gmsa_doctor.core.quoting import posix
from gmsa_doctor.setup.parts import TaskDefinition
from gmsa_doctor.setup.resources import Document, Ref, Resource, capitalized
from gmsa_doctor.setup.task import container_lines

FILE = "gmsa.yaml"


def template(resources: Sequence[Resource]) -> str:
    """The template, in YAML."""
    return _yaml({"AWSTemplateFormatVersion": "2010-09-09", **fragment(resources)})


def text(resources: Sequence[Resource]) -> str:
    """The resources for a template that exists, in YAML."""
    return _yaml(fragment(resources))


def lines(part: TaskDefinition) -> str:
    """What the container needs in its task definition."""
    return _yaml({"ContainerDefinitions": [capitalized({"name": part.container, **container_lines(part)})]})


def fragment(resources: Sequence[Resource]) -> dict[str, Any]:
    """The section ``Resources``."""
    return {"Resources": {resource.id: _resource(resource) for resource in resources}}


def deploy(stack: str, at: str) -> tuple[str, ...]:
    """The command that creates the stack."""
    return (
        f"aws cloudformation deploy{at} --stack-name {posix(_stack_name(stack))} --template-file {FILE} "
        "--capabilities CAPABILITY_NAMED_IAM",
    )


def _stack_name(name: str) -> str:
    """As CloudFormation accepts it: letters, digits and hyphens, at most 128; the end stays, which is unique."""
    plain = re.sub(r"[^A-Za-z0-9-]", "-", name)
    return plain if len(plain) <= 128 else f"{plain[:121]}{plain[-7:]}"


def _resource(resource: Resource) -> dict[str, Any]:
    kept = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"} if resource.is_kept else {}
    return {"Type": resource.kind, **kept, "Properties": _value(resource.properties)}


def _value(value: Any) -> Any:
    if isinstance(value, Ref):
        return {"Fn::GetAtt": [value.id, value.attribute]} if value.attribute else {"Ref": value.id}
    if isinstance(value, Document):
        return value.value
    if isinstance(value, Mapping):
        return {key: _value(item) for key, item in value.items()}
    return [_value(item) for item in value] if isinstance(value, list) else value


def _yaml(document: Mapping[str, Any]) -> str:
    import yaml

    class Dumper(yaml.SafeDumper):  # type: ignore[misc]
        """Writes each value in full, without YAML's anchors, which CloudFormation refuses."""

        def ignore_aliases(self, data: Any) -> bool:
            return True

    dumped: str = yaml.dump(document, Dumper=Dumper, sort_keys=False, width=110, allow_unicode=True)
    return dumped
