"""The parts in AWS as resources of CloudFormation, of which the CDK's constructs are made as well.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gmsa_doctor.formats.aws.commands import TRUST_POLICY
from gmsa_doctor.setup.parts import (
    DNS_PORTS,
    Bucket,
    Cluster,
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
from gmsa_doctor.setup.task import new_task_definition


@dataclass(frozen=True)
class Ref:
    """A reference to another resource of the template: to its id, or to an attribute."""

    id: str
    attribute: str = ""


@dataclass(frozen=True)
class Document:
    """A policy: its keys are the same in each language."""

    value: Mapping[str, Any]


@dataclass(frozen=True)
class Resource:
    """A resource. ``is_kept``: it stays when the stack is deleted."""

    id: str
    kind: str
    properties: Mapping[str, Any]
    is_kept: bool = False


def resources(parts: Collection[Part]) -> tuple[Resource, ...]:
    """The resources of the parts that CloudFormation can create. The secret has no value yet."""
    return tuple(resource for part in parts for resource in _of(part, parts))


def has_resource(part: Part) -> bool:
    """Whether CloudFormation can create the part."""
    return any(True for _ in _of(part, (part,)))


def _of(part: Part, parts: Collection[Part]) -> Iterator[Resource]:  # noqa: C901 - one case for each kind
    match part:
        case Cluster(name):
            yield Resource("Cluster", "AWS::ECS::Cluster", {"ClusterName": name})
        case LogGroup(name):
            yield Resource("LogGroup", "AWS::Logs::LogGroup", {"LogGroupName": name}, is_kept=True)
        case Secret(is_empty=False):
            text = f"The AD user {part.user}, as which Credentials Fetcher reads the password of the gMSA"
            yield Resource(
                "Secret", "AWS::SecretsManager::Secret", {"Name": part.name, "Description": text}, is_kept=True
            )
        case Bucket(name):
            blocked = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
            access = {"PublicAccessBlockConfiguration": dict.fromkeys(blocked, True)}
            yield Resource("Bucket", "AWS::S3::Bucket", {"BucketName": name, **access}, is_kept=True)
        case Role():
            properties = {
                "RoleName": part.name,
                "Path": part.path,
                "AssumeRolePolicyDocument": Document(TRUST_POLICY),
            }
            yield Resource("ExecutionRole", "AWS::IAM::Role", properties)
        case RolePolicy():
            is_new = any(isinstance(other, Role) for other in parts)
            properties = {
                "RoleName": Ref("ExecutionRole") if is_new else part.role,
                "PolicyName": part.name,
                "PolicyDocument": Document(part.document),
            }
            yield Resource("ExecutionRolePolicy", "AWS::IAM::RolePolicy", properties)
        case ForwardRule():
            yield from _forward_rule(part)
        case DhcpOptions():
            properties = {"DomainName": part.domain, "DomainNameServers": list(part.servers)}
            yield Resource("DhcpOptions", "AWS::EC2::DHCPOptions", properties)
            properties = {"DhcpOptionsId": Ref("DhcpOptions"), "VpcId": part.vpc}
            yield Resource("DhcpOptionsAssociation", "AWS::EC2::VPCDHCPOptionsAssociation", properties)
        case Ingress():
            for protocol, port in part.ports:
                number = [other for other in parts if isinstance(other, Ingress)].index(part) or ""
                yield _ingress(f"From{protocol.capitalize()}{port}{number}", part.group, part.source, protocol, port)
        case TaskDefinition(exists=False):
            yield Resource("TaskDefinition", "AWS::ECS::TaskDefinition", capitalized(new_task_definition(part)))


def _forward_rule(part: ForwardRule) -> Iterator[Resource]:
    name = resource_name(part.domain, part.vpc)
    if not part.endpoint:
        group = {"GroupName": name, "GroupDescription": f"Outbound DNS to {part.domain}", "VpcId": part.vpc}
        yield Resource("DnsGroup", "AWS::EC2::SecurityGroup", group)
        for protocol, port in DNS_PORTS if part.admitted_by else ():
            source = Ref("DnsGroup", "GroupId")
            yield _ingress(f"Dns{protocol.capitalize()}", part.admitted_by, source, protocol, port)
        endpoint = {
            "Name": name,
            "Direction": "OUTBOUND",
            "SecurityGroupIds": [Ref("DnsGroup", "GroupId")],
            "IpAddresses": [{"SubnetId": subnet} for subnet in two_of(part.subnets)],
            **({"ResolverEndpointType": "DUALSTACK"} if part.has_ipv6 else {}),
        }
        yield Resource("ResolverEndpoint", "AWS::Route53Resolver::ResolverEndpoint", endpoint)
    rule = {
        "Name": name,
        "RuleType": "FORWARD",
        "DomainName": part.domain,
        "ResolverEndpointId": part.endpoint or Ref("ResolverEndpoint", "ResolverEndpointId"),
        "TargetIps": [{address_key(server): server, "Port": "53"} for server in part.servers],
    }
    yield Resource("ResolverRule", "AWS::Route53Resolver::ResolverRule", rule)
    association = {"ResolverRuleId": Ref("ResolverRule", "ResolverRuleId"), "VPCId": part.vpc}
    yield Resource("ResolverRuleAssociation", "AWS::Route53Resolver::ResolverRuleAssociation", association)


def _ingress(id: str, group: str, source: str | Ref, protocol: str, port: int) -> Resource:
    ports = {"IpProtocol": protocol, "FromPort": port, "ToPort": port}
    return Resource(id, "AWS::EC2::SecurityGroupIngress", {"GroupId": group, "SourceSecurityGroupId": source, **ports})


def capitalized(value: Any) -> Any:
    """The keys of ECS's API as CloudFormation writes them. Those of log options have a hyphen, and stay."""
    if isinstance(value, list):
        return [capitalized(item) for item in value]
    if isinstance(value, dict):
        return {key if "-" in key else key[:1].upper() + key[1:]: capitalized(item) for key, item in value.items()}
    return value


def resource_name(domain: str, vpc: str) -> str:
    """The name of what forwards the domain from the VPC: at most 64 characters, which Route 53 Resolver accepts.

    Source: https://docs.aws.amazon.com/Route53/latest/APIReference/API_route53resolver_CreateResolverRule.html
    """
    return f"gmsa-{domain.replace('.', '-')}"[: 63 - len(vpc)] + f"-{vpc}"


def short_hash(text: str) -> str:
    """Six characters that differ between plans with different contents."""
    return hashlib.sha256(text.encode()).hexdigest()[:6]


def address_key(server: str) -> str:
    """The member of Route 53 Resolver's TargetAddress that takes this address."""
    return "Ipv6" if ":" in server else "Ip"


def two_of(subnets: tuple[str, ...]) -> tuple[str, ...]:
    """The subnets of an endpoint's two addresses, which a Resolver endpoint requires; both in one if there is one."""
    return (subnets * 2)[:2]
