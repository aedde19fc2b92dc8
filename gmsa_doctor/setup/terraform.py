"""The parts in AWS as a Terraform configuration for the provider hashicorp/aws, version 5 or later.

Source: https://registry.terraform.io/providers/hashicorp/aws/latest/docs
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gmsa_doctor.formats.aws.commands import TRUST_POLICY
from gmsa_doctor.formats.documents.credspec_text import credspec_text
from gmsa_doctor.setup.parts import (
    DNS_PORTS,
    Bucket,
    Cluster,
    CredSpecObject,
    DhcpOptions,
    ForwardRule,
    Ingress,
    LogGroup,
    Part,
    Role,
    RolePolicy,
    Secret,
    TaskDefinition,
)
from gmsa_doctor.setup.resources import address_key, resource_name, two_of
from gmsa_doctor.setup.task import container_lines, new_task_definition

FILE = "gmsa.tf"
_SETTINGS = """\
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

provider "aws" {
  region              = %s
  allowed_account_ids = [%s]
}
"""
_SECRET = "aws_secretsmanager_secret.gmsa"


@dataclass(frozen=True)
class Expression:
    """An expression of Terraform, written as it is."""

    text: str


@dataclass(frozen=True)
class Block:
    """A nested block."""

    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Resource:
    """A resource. An argument may be a list of blocks."""

    kind: str
    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f'resource "{self.kind}" "{self.name}" {{\n{_body(self.arguments, 1)}}}\n'


def configuration(parts: Collection[Part], region: str, account: str) -> str:
    """The configuration, which Terraform applies in this account only."""
    return "\n".join((_SETTINGS % (json.dumps(region), json.dumps(account)), text(parts)))


def text(parts: Collection[Part]) -> str:
    """The resources for a configuration that exists."""
    return "\n".join(str(resource) for part in parts for resource in _of(part, parts))


def lines(part: TaskDefinition) -> str:
    """What the container needs in the argument ``container_definitions`` of its task definition."""
    container = {"name": part.container, **container_lines(part)}
    return f"container_definitions = jsonencode([\n  # …\n  {_object(container, 1)},\n])\n"


def has_resource(part: Part, parts: Collection[Part]) -> bool:
    """Whether Terraform can create the part together with the others, with what is known."""
    return any(True for _ in _of(part, parts))


def deploy() -> tuple[str, ...]:
    """The commands that create the resources."""
    return ("terraform init", "terraform apply")


def _of(part: Part, parts: Collection[Part]) -> Iterator[Resource]:
    for kind, make in _RESOURCES.items():
        if isinstance(part, kind):
            yield from make(part, parts)


def _has(kind: type[Part], parts: Collection[Part]) -> bool:
    return any(isinstance(part, kind) for part in parts)


def _cluster(part: Cluster, parts: Collection[Part]) -> Iterator[Resource]:
    yield Resource("aws_ecs_cluster", "gmsa", {"name": part.name})


def _log_group(part: LogGroup, parts: Collection[Part]) -> Iterator[Resource]:
    yield Resource("aws_cloudwatch_log_group", "gmsa", {"name": part.name})


def _secret(part: Secret, parts: Collection[Part]) -> Iterator[Resource]:
    """Without its value, which would otherwise be in the state."""
    if not part.is_empty:
        yield Resource("aws_secretsmanager_secret", "gmsa", {"name": part.name})


def _bucket(part: Bucket, parts: Collection[Part]) -> Iterator[Resource]:
    yield Resource("aws_s3_bucket", "gmsa", {"bucket": part.name})
    blocked = ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")
    access = {"bucket": Expression("aws_s3_bucket.gmsa.id"), **dict.fromkeys(blocked, True)}
    yield Resource("aws_s3_bucket_public_access_block", "gmsa", access)


def _credspec(part: CredSpecObject, parts: Collection[Part]) -> Iterator[Resource]:
    """With the ARN of the secret, if that is in the same configuration or exists; the AD must have been asked."""
    is_new = _has(Secret, parts)
    if part.identity is None or not (is_new or part.secret_arn):
        return
    mark = "<the secret's ARN>"
    document = json.loads(credspec_text(part.gmsa, part.identity, mark if is_new else part.secret_arn))
    content = _json(document).replace(json.dumps(mark), f"{_SECRET}.arn")
    bucket = Expression("aws_s3_bucket.gmsa.id") if _has(Bucket, parts) else part.bucket
    yield Resource("aws_s3_object", "gmsa", {"bucket": bucket, "key": part.key, "content": Expression(content)})


def _role(part: Role, parts: Collection[Part]) -> Iterator[Resource]:
    trust = Expression(_json(TRUST_POLICY))
    yield Resource("aws_iam_role", "execution", {"name": part.name, "path": part.path, "assume_role_policy": trust})


def _role_policy(part: RolePolicy, parts: Collection[Part]) -> Iterator[Resource]:
    role = Expression("aws_iam_role.execution.name") if _has(Role, parts) else part.role
    arguments = {"name": part.name, "role": role, "policy": Expression(_json(part.document))}
    yield Resource("aws_iam_role_policy", "gmsa", arguments)


def _forward_rule(part: ForwardRule, parts: Collection[Part]) -> Iterator[Resource]:
    name, endpoint = resource_name(part.domain, part.vpc), Expression("aws_route53_resolver_endpoint.gmsa.id")
    if not part.endpoint:
        group = Expression("aws_security_group.gmsa_dns.id")
        outbound = {"from_port": 0, "to_port": 0, "protocol": "-1", "cidr_blocks": ["0.0.0.0/0"]}
        outbound |= {"ipv6_cidr_blocks": ["::/0"]} if part.has_ipv6 else {}
        arguments = {"name": name, "description": f"Outbound DNS to {part.domain}", "vpc_id": part.vpc}
        yield Resource("aws_security_group", "gmsa_dns", {**arguments, "egress": [Block(outbound)]})
        for protocol, port in DNS_PORTS if part.admitted_by else ():
            yield _rule(f"gmsa_dns_{protocol}", part.admitted_by, group, protocol, port)
        addresses = [Block({"subnet_id": subnet}) for subnet in two_of(part.subnets)]
        place = {"security_group_ids": [group], "ip_address": addresses}
        place |= {"resolver_endpoint_type": "DUALSTACK"} if part.has_ipv6 else {}
        yield Resource("aws_route53_resolver_endpoint", "gmsa", {"name": name, "direction": "OUTBOUND", **place})
    rule = {
        "name": name,
        "domain_name": part.domain,
        "rule_type": "FORWARD",
        "resolver_endpoint_id": part.endpoint or endpoint,
        "target_ip": [Block({address_key(server).lower(): server, "port": 53}) for server in part.servers],
    }
    yield Resource("aws_route53_resolver_rule", "gmsa", rule)
    association = {"resolver_rule_id": Expression("aws_route53_resolver_rule.gmsa.id"), "vpc_id": part.vpc}
    yield Resource("aws_route53_resolver_rule_association", "gmsa", association)


def _dhcp_options(part: DhcpOptions, parts: Collection[Part]) -> Iterator[Resource]:
    values = {"domain_name": part.domain, "domain_name_servers": list(part.servers)}
    yield Resource("aws_vpc_dhcp_options", "gmsa", values)
    association = {"dhcp_options_id": Expression("aws_vpc_dhcp_options.gmsa.id"), "vpc_id": part.vpc}
    yield Resource("aws_vpc_dhcp_options_association", "gmsa", association)


def _ingress(part: Ingress, parts: Collection[Part]) -> Iterator[Resource]:
    for protocol, port in part.ports:
        name = f"gmsa_{part.source}_{protocol}_{port}".replace("-", "_")
        yield _rule(name, part.group, part.source, protocol, port)


def _rule(name: str, group: str, source: str | Expression, protocol: str, port: int) -> Resource:
    arguments = {"security_group_id": group, "referenced_security_group_id": source, "ip_protocol": protocol}
    return Resource("aws_vpc_security_group_ingress_rule", name, {**arguments, "from_port": port, "to_port": port})


def _task_definition(part: TaskDefinition, parts: Collection[Part]) -> Iterator[Resource]:
    if part.exists:
        return
    new = new_task_definition(part)
    platform = new["runtimePlatform"]
    arguments = {
        "family": new["family"],
        "requires_compatibilities": new["requiresCompatibilities"],
        "network_mode": new["networkMode"],
        "cpu": new["cpu"],
        "memory": new["memory"],
        "execution_role_arn": new["executionRoleArn"],
        "runtime_platform": [
            Block(
                {
                    "operating_system_family": platform["operatingSystemFamily"],
                    "cpu_architecture": platform["cpuArchitecture"],
                }
            )
        ],
        "container_definitions": Expression(_json(new["containerDefinitions"])),
    }
    yield Resource("aws_ecs_task_definition", "gmsa", arguments)


_RESOURCES: dict[type, Callable[[Any, Collection[Part]], Iterator[Resource]]] = {
    Cluster: _cluster,
    LogGroup: _log_group,
    Secret: _secret,
    Bucket: _bucket,
    CredSpecObject: _credspec,
    Role: _role,
    RolePolicy: _role_policy,
    ForwardRule: _forward_rule,
    DhcpOptions: _dhcp_options,
    Ingress: _ingress,
    TaskDefinition: _task_definition,
}


# Text -------------------------------------------------------------------------------------------------


def _body(arguments: Mapping[str, Any], depth: int) -> str:
    """The arguments, with aligned values, and the blocks after a blank line: the style of Terraform's documentation."""
    indent = "  " * depth
    blocks = {name: value for name, value in arguments.items() if _is_blocks(value)}
    texts = {name: _value(value, depth) for name, value in arguments.items() if name not in blocks}
    width = max((len(name) for name, text in texts.items() if "\n" not in text), default=0)
    padded = {name: name if "\n" in text else name.ljust(width) for name, text in texts.items()}
    lines = [f"{indent}{padded[name]} = {text}\n" for name, text in texts.items()]
    for name, value in blocks.items():
        lines += [
            "\n" if lines else "",
            *(f"{indent}{name} {{\n{_body(each.arguments, depth + 1)}{indent}}}\n" for each in value),
        ]
    return "".join(lines)


def _is_blocks(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], Block)


def _value(value: Any, depth: int) -> str:
    if isinstance(value, Expression):
        return value.text.replace("\n", f"\n{'  ' * depth}")
    if isinstance(value, list):
        return f"[{', '.join(_value(item, depth) for item in value)}]"
    return _quoted(json.dumps(value))


def _json(document: object) -> str:
    """The call that makes JSON of a value: Terraform's objects may be written as those of JSON."""
    return f"jsonencode({_object(document)})"


def _object(document: object, depth: int = 0) -> str:
    return _quoted(json.dumps(document, indent=2)).replace("\n", f"\n{'  ' * depth}")


def _quoted(text: str) -> str:
    """JSON as Terraform reads it: what begins an interpolation or a directive is doubled."""
    return text.replace("${", "$${").replace("%{", "%%{")
