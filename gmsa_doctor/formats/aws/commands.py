"""AWS CLI commands that create what a task with a gMSA needs."""

from __future__ import annotations

import json

from gmsa_doctor.core.quoting import posix

ECS_TASKS = "ecs-tasks.amazonaws.com"


def trust_policy(service: str) -> dict[str, object]:
    """The trust policy of a role that the service may assume."""
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}


TRUST_POLICY = trust_policy(ECS_TASKS)
"""Of a role that ECS tasks may assume."""
_NOT_REGISTERED = (
    ".taskDefinitionArn, .revision, .status, .requiresAttributes, .compatibilities, .registeredAt, .registeredBy, "
    ".deregisteredAt, .deleteRequestedAt"
)
"""Fields that ecs:DescribeTaskDefinition returns and ecs:RegisterTaskDefinition rejects. Source: the API reference."""
_AS_REGISTERED = f".taskDefinition + ({{tags}} | map_values(select(. != null and . != []))) | del({_NOT_REGISTERED})"
"""The task definition with its tags, as ecs:RegisterTaskDefinition accepts it: without tags, not with an empty list."""


def create_role(
    name: str, partition: str, path: str = "/", managed: str = "", service: str = ECS_TASKS
) -> tuple[str, ...]:
    """The commands that create a role for a service; ``managed`` is an AWS managed policy to attach, or empty."""
    option = "" if path == "/" else f" --path {posix(path)}"
    create = (
        f"aws iam create-role --role-name {posix(name)}{option} --assume-role-policy-document "
        f"{posix(json.dumps(trust_policy(service)))}"
    )
    policy = f"arn:{partition}:iam::aws:policy/{managed}"
    attach = f"aws iam attach-role-policy --role-name {posix(name)} --policy-arn {policy}"
    return (create, attach) if managed else (create,)


def create_log_group(name: str, region_option: str = "") -> str:
    """The command that creates a log group."""
    return f"aws logs create-log-group{region_option} --log-group-name {posix(name)}"


def save_task_definition(name: str, file: str, region_option: str = "", edit: str = "") -> str:
    """The command that saves a task definition for its next revision; ``edit`` are filters of jq."""
    filters = f"{_AS_REGISTERED} | {edit}" if edit else _AS_REGISTERED
    return (
        f"aws ecs describe-task-definition{region_option} --task-definition {posix(name)} --include TAGS "
        f"--output json | jq {posix(filters)} > {posix(file)}"
    )
