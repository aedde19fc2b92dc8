"""Resources as a stack of the AWS CDK, in TypeScript.

The constructs of level 1 have the names of CloudFormation's properties, the first letter in lower case.
Source: https://docs.aws.amazon.com/cdk/v2/guide/constructs.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gmsa_doctor.setup.parts import TaskDefinition
from gmsa_doctor.setup.resources import Document, Ref, Resource, short_hash
from gmsa_doctor.setup.task import CACHE

STACK_FILE = "gmsa-stack.ts"
_INDENT = "  "


@dataclass(frozen=True)
class Stack:
    """A stack's class, whose name no other plan has, and its file."""

    name: str
    file: str
    text: str


def stack(resources: Sequence[Resource], account: str, region: str) -> Stack:
    """The stack, which the CDK deploys in this account and region only."""
    body = "\n".join(_body(resources))
    mark = short_hash(f"{account} {region}\n{body}")
    name = f"GmsaStack{mark}"
    return Stack(name, STACK_FILE.replace(".ts", f"-{mark}.ts"), _file(name, body, resources, account, region))


def _file(name: str, body: str, resources: Sequence[Resource], account: str, region: str) -> str:
    modules = sorted({_module(resource) for resource in resources})
    named = ", ".join(f"aws_{module} as {module}" for module in modules)
    return "\n".join(
        (
            "import * as cdk from 'aws-cdk-lib';",
            f"import {{ {named} }} from 'aws-cdk-lib';",
            "import { Construct } from 'constructs';",
            "",
            f"export class {name} extends cdk.Stack {{",
            "  constructor(scope: Construct, id: string, props?: cdk.StackProps) {",
            f"    super(scope, id, {{ ...props, env: {{ account: '{account}', region: '{region}' }} }});",
            body,
            "  }",
            "}",
            "",
        )
    )


def text(resources: Sequence[Resource]) -> str:
    """The constructs for a stack that exists."""
    return "\n".join(_body(resources)).lstrip("\n") + "\n"


def lines(part: TaskDefinition) -> str:
    """What the container's options need in ``addContainer`` of its task definition."""
    bucket, _, key = part.credspec_arn.partition(":::")[2].partition("/")
    return (
        f"const credspecs = s3.Bucket.fromBucketName(this, 'CredSpecs', {json.dumps(bucket)});\n"
        f"// in the options of the container {part.container}:\n"
        f"credentialSpecs: [ecs.DomainlessCredentialSpec.fromS3Bucket(credspecs, {json.dumps(key)})],\n"
        f"environment: {{ KRB5CCNAME: {json.dumps(CACHE)} }},\n"
    )


def deploy(name: str) -> tuple[str, ...]:
    """The command that creates the stack."""
    return (f"npx cdk deploy {name}",)


def _body(resources: Sequence[Resource]) -> Iterator[str]:
    referred = {found for resource in resources for found in _referred(resource.properties)}
    for resource in resources:
        kind = resource.kind.rpartition("::")[2]
        named = resource.id in referred or resource.is_kept
        head = f"const {_lower(resource.id)} = " if named else ""
        properties = _literal(resource.properties, 2)
        yield ""
        yield f"    {head}new {_module(resource)}.Cfn{kind}(this, '{resource.id}', {properties});"
        if resource.is_kept:
            yield f"    {_lower(resource.id)}.applyRemovalPolicy(cdk.RemovalPolicy.RETAIN);"


def _module(resource: Resource) -> str:
    return resource.kind.split("::")[1].lower()


def _referred(value: Any) -> Iterator[str]:
    if isinstance(value, Ref):
        yield value.id
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _referred(item)
    elif isinstance(value, list):
        for item in value:
            yield from _referred(item)


def _literal(value: Any, depth: int, as_written: bool = False) -> str:
    """The value in TypeScript, over several lines if it is not empty. ``as_written``: keys keep their case."""
    if isinstance(value, Ref):
        return f"{_lower(value.id)}.{f'attr{value.attribute}' if value.attribute else 'ref'}"
    if isinstance(value, Document):
        return _literal(value.value, depth, as_written=True)
    inner, outer = _INDENT * (depth + 1), _INDENT * depth
    if isinstance(value, Mapping):
        lines = (
            f"{inner}{_key(key, as_written)}: {_literal(item, depth + 1, as_written)},\n" for key, item in value.items()
        )
        return f"{{\n{''.join(lines)}{outer}}}"
    if isinstance(value, (list, tuple)):
        if all(isinstance(item, (str, Ref)) for item in value):
            return f"[{', '.join(_literal(item, depth) for item in value)}]"
        lines = (f"{inner}{_literal(item, depth + 1, as_written)},\n" for item in value)
        return f"[\n{''.join(lines)}{outer}]"
    return json.dumps(value)  # JSON's strings are those of TypeScript


def _key(key: str, as_written: bool) -> str:
    name = key if as_written else _lower(key)
    return name if re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII) else json.dumps(name)


def _lower(name: str) -> str:
    """The name of a property in the CDK: ``VPCId`` is ``vpcId``."""
    acronym = re.match(r"[A-Z]+(?=[A-Z][a-z])", name)
    return name[: acronym.end()].lower() + name[acronym.end() :] if acronym else name[:1].lower() + name[1:]
