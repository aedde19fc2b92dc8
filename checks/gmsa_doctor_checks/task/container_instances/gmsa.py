"""EC2: whether the cluster's container instances support gMSA."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gmsa_doctor.authoring import (
    Finding,
    Fix,
    Given,
    Owner,
    Result,
    Row,
    Status,
    check,
    failed,
    fix_in_steps,
    listed,
    passed,
    skipped,
    warned,
)
from gmsa_doctor.clients.aws.ecs import Ecs
from gmsa_doctor.formats.documents.task_definition import TaskDefinition
from gmsa_doctor.given.shared_values import ContainerInstance, ContainerInstances
from gmsa_doctor.given.subject import AwsPlace, Launch, Platform, Subject
from gmsa_doctor_checks import links
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.values import PrefixedArn
from gmsa_doctor_checks.versions import LAUNCH_UNKNOWN, on_ec2

_MOST_NAMES = 5
DOMAINLESS, JOINED = "ecs.capability.gmsa-domainless", "ecs.capability.gmsa"
"""Attributes that the ECS agent registers if `ECS_GMSA_SUPPORTED` is set. Source: the agent's agent_capability.go."""


@check("container-instances.gmsa", title="The cluster's container instances support gMSA", docs=links.EC2_GMSA)
def gmsa(
    prefixed: PrefixedArn, platform: Platform, definition: TaskDefinition, subject: Subject, place: AwsPlace, ecs: Ecs
) -> Result[ContainerInstances]:
    """Looks for the attribute `ecs.capability.gmsa-domainless` (or `ecs.capability.gmsa`) of the container instances.

    For the launch type EXTERNAL (ECS Anywhere), it checks the cluster's external instances; for EC2, the others. If the
    service has capacity providers, it checks only their instances. If the registered task definition requires
    the attribute, ECS places tasks only on instances that have it. ECS Managed Instances are a warning: AWS documents
    gMSA for Fargate and for EC2 container instances only. If the launch type is unknown, what is wrong with the
    cluster's instances is a warning.

    Why: the ECS agent passes a CredSpec to Credentials Fetcher only if `ECS_GMSA_SUPPORTED=true` is set. It then
    registers the attribute.

    Fix: install credentials-fetcher on the instances, set `ECS_GMSA_SUPPORTED=true` in `/etc/ecs/ecs.config`, and
    restart the ECS agent.
    """
    if platform.launch is Launch.MANAGED_INSTANCES:
        return Given(ContainerInstances(), _on_managed_instances())
    if platform.launch is Launch.FARGATE:
        return Given(ContainerInstances(), passed(f"not on EC2: {platform.launch}"))
    if not subject.cluster:
        if platform.launch is None:
            return LAUNCH_UNKNOWN
        return skipped("the task's cluster is unknown: set --cluster")
    instances = [
        instance for instance in ecs.container_instances(subject.cluster) if _may_be_chosen(instance, platform)
    ]
    providers = f" of {', '.join(platform.providers)}" if platform.providers else ""
    if not instances:
        text = f"the cluster {subject.cluster} has no Linux container instance{providers} at the moment"
        return skipped(text, fix=_support("a new instance"))
    attribute = DOMAINLESS if prefixed.domainless else JOINED
    able = [instance for instance in instances if _value(instance, attribute) is not None]
    lacking = [_name(instance) for instance in instances if instance not in able]
    required = attribute in definition.requires_attributes
    avoided = Status.PASS if required and able else Status.WARN  # no task is placed there
    rows = tuple(
        Row(_name(instance), Status.PASS, attribute)
        if instance in able
        else Row(_name(instance), avoided, f"lacks {attribute}")
        for instance in instances
    )
    value = ContainerInstances(tuple(ContainerInstance(_name(instance), _ec2_id(instance)) for instance in able))
    if not lacking:
        return Given(value, passed(f"{len(instances)} with {attribute}", rows=rows))
    share = f"{len(able)} of {len(instances)}"
    if able and required:
        text = f"{share} with {attribute}; ECS places tasks only on these, since the task definition requires it"
        return Given(value, passed(text, rows=rows))
    names = listed(lacking, most=_MOST_NAMES)
    command = (
        f"aws ecs list-attributes --cluster {posix(subject.cluster)} "
        f"--target-type container-instance --attribute-name {attribute}"
    )
    if able:
        warning = warned(
            f"{names} of {len(instances)} container instances {'lack' if lacking[1:] else 'lacks'} {attribute}; tasks "
            "placed there start without the gMSA",
            observed=f"{attribute} on {share}",
            expected=f"{attribute} on each",
            fix=_support(names, command),
            rows=rows,
        )
        return Given(value, on_ec2(warning, platform))
    may_scale_out = bool(platform.providers or not subject.service)  # a capacity provider may start others
    summary = f"no container instance{providers or f' of {subject.cluster}'} has {attribute}"
    if required:
        until = " until one with it is started" if may_scale_out else ""
        summary = f"{summary}, which the task definition requires: ECS places no task{until}"
    else:
        summary = f"{summary}: tasks placed there start without the gMSA"
    finding = (failed if required and not may_scale_out else warned)(
        summary, observed=names, expected=f"{attribute} on each", fix=_support("the instances", command), rows=rows
    )
    return on_ec2(finding, platform)


def _on_managed_instances() -> Finding:
    """AWS documents gMSA for Fargate and for EC2 only.

    Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/linux-gmsa.html and fargate-linux-gmsa.html
    """
    return warned(
        "the task runs on ECS Managed Instances, for which AWS does not document gMSA",
        observed="MANAGED_INSTANCES",
        expected="FARGATE, or EC2 with credentials-fetcher on the container instances",
        fix=Fix(
            "Run the task on Fargate or on EC2 container instances, or ask AWS Support whether Managed Instances "
            "support credentialSpecs.",
            owner=Owner.DEVELOPER,
        ),
    )


def _may_be_chosen(instance: Mapping[str, Any], platform: Platform) -> bool:
    """ECS places tasks of a service with capacity providers only on their instances.

    It places tasks of the launch type EXTERNAL only on external instances, and those of EC2 only on the others.
    Sources: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/asg-capacity-providers.html and
    ecs-anywhere.html
    """
    if platform.launch and (platform.launch is Launch.EXTERNAL) is bool(_ec2_id(instance)):
        return False
    chosen = not platform.providers or instance.get("capacityProviderName") in platform.providers
    return chosen and _value(instance, "ecs.os-type") != "windows"


def _support(instances: str, *commands: str) -> Fix:
    install = Fix(
        f"On {instances}, install and start credentials-fetcher, set ECS_GMSA_SUPPORTED=true in /etc/ecs/ecs.config, "
        "and restart the ECS agent.",
        (
            "sudo dnf install -y credentials-fetcher && sudo systemctl enable --now credentials-fetcher",
            "echo ECS_GMSA_SUPPORTED=true | sudo tee -a /etc/ecs/ecs.config && sudo systemctl restart ecs",
        ),
    )
    return fix_in_steps(install, Fix("On your computer, list the instances that now have it.", commands))


def _name(instance: Mapping[str, Any]) -> str:
    return str(instance.get("ec2InstanceId") or instance.get("containerInstanceArn", "")).rpartition("/")[2]


def _ec2_id(instance: Mapping[str, Any]) -> str | None:
    """The EC2 id; None for an external instance (ECS Anywhere), which has a Systems Manager id such as mi-0123.

    Source: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerInstance.html
    """
    id = str(instance.get("ec2InstanceId") or "")
    return id if id.startswith("i-") else None


def _value(instance: Mapping[str, Any], attribute: str) -> str | None:
    """An attribute's value, empty if it has none; None if the instance lacks the attribute."""
    attributes = {item.get("name"): str(item.get("value") or "") for item in instance.get("attributes", ())}
    return attributes.get(attribute)
