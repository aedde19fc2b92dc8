"""The ECS API's validation of the arguments of its operations on tasks, with its errors."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from tests.lab.aws_errors import Refused
from tests.lab.fargate_network import check_network
from tests.lab.fargate_task import Task

DEFINITION_LIMIT = 64 * 1024
"""Bytes of a task definition. Source: the ECS developer guide, service quotas."""
OVERRIDES_LIMIT = 8192
"""Characters of the overrides, as JSON. Source: the API reference of TaskOverride."""


def _invalid(text: str) -> Refused:
    return Refused("InvalidParameterException", text)


def cluster_arn(ecs: Any, arguments: Mapping[str, Any]) -> str:
    """Give the ARN of the cluster that the arguments name. Raises Refused for one that does not exist."""
    found = ecs.describe_clusters(clusters=[arguments.get("cluster") or "default"])["clusters"]
    if not found:
        raise Refused("ClusterNotFoundException", "Cluster not found.")
    return str(found[0]["clusterArn"])


def task_definition(ecs: Any, arguments: Mapping[str, Any]) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """Give the task definition to run, and the tags of its tasks. Raises Refused."""
    try:
        answer = ecs.describe_task_definition(taskDefinition=arguments["taskDefinition"], include=["TAGS"])
    except ClientError as error:
        raise Refused("ClientException", "TaskDefinition not found.") from error
    definition: dict[str, Any] = answer["taskDefinition"]
    if definition["status"] != "ACTIVE":
        raise Refused("ClientException", "TaskDefinition is inactive")
    inherited = answer.get("tags", ()) if arguments.get("propagateTags") == "TASK_DEFINITION" else ()
    return definition, [*inherited, *arguments.get("tags", ())]


def check_registration(body: bytes) -> None:
    """Check what moto does not validate. Raises Refused."""
    if len(body) > DEFINITION_LIMIT:
        text = f"Actual length: '{len(body)}'. Max allowed length is '{DEFINITION_LIMIT}' bytes."
        raise Refused("ClientException", text)
    arguments = json.loads(body)
    containers = arguments.get("containerDefinitions", ())
    drivers = {one.get("logConfiguration", {}).get("logDriver") for one in containers}
    fargate = "FARGATE" in arguments.get("requiresCompatibilities", ())
    if fargate and "awslogs" in drivers and not arguments.get("executionRoleArn"):
        text = "Fargate requires task definition to have execution role ARN to support log driver awslogs."
        raise Refused("ClientException", text)


def check_run_task(ec2: Any, arguments: Mapping[str, Any], definition: Mapping[str, Any]) -> Mapping[str, Any]:
    """Check the arguments of RunTask, and return the network of the task. Raises Refused."""
    _check_launch_type(arguments, definition)
    _check_overrides(arguments.get("overrides", {}), definition)
    if not re.fullmatch(r"[A-Za-z0-9_/-]{0,128}|AWS Step Functions", arguments.get("startedBy", "")):
        raise _invalid("startedBy must be up to 128 letters, numbers, hyphens, forward slashes and underscores.")
    if not 1 <= arguments.get("count", 1) <= 10:
        raise _invalid("Count should be between 1 and 10.")
    vpc: Mapping[str, Any] = arguments.get("networkConfiguration", {}).get("awsvpcConfiguration", {})
    if not vpc.get("subnets"):
        raise _invalid("Network Configuration must be provided when networkMode 'awsvpc' is specified.")
    check_network(ec2, vpc["subnets"], vpc.get("securityGroups", ()))
    return vpc


def _check_launch_type(arguments: Mapping[str, Any], definition: Mapping[str, Any]) -> None:
    kind, strategy = arguments.get("launchType"), arguments.get("capacityProviderStrategy")
    if kind and strategy:
        raise _invalid("Specify either Launch Type or Capacity Provider Strategy, but not both.")
    providers = [one["capacityProvider"] for one in strategy or ()]
    if kind != "FARGATE" and not any(one in ("FARGATE", "FARGATE_SPOT") for one in providers):
        raise _invalid("No Container Instances were found in your cluster.")
    if "FARGATE" not in definition.get("requiresCompatibilities", ()):
        raise _invalid("Task definition does not support launch_type FARGATE.")


def _check_overrides(overrides: Mapping[str, Any], definition: Mapping[str, Any]) -> None:
    if len(json.dumps(overrides, separators=(",", ":"), ensure_ascii=False)) > OVERRIDES_LIMIT:
        raise _invalid(f"Container Overrides length must be at most {OVERRIDES_LIMIT}")
    names = {one["name"] for one in definition["containerDefinitions"]}
    for one in overrides.get("containerOverrides", ()):
        if one.get("name") not in names:
            text = f"Override for container named {one.get('name')} is not a container in the TaskDefinition."
            raise _invalid(text)


def missing(name: str, cluster: str) -> dict[str, str]:
    """Give the failure of DescribeTasks for a task that there is not."""
    short = name.rpartition("/")[2]
    arn = name if name.startswith("arn:") else f"{cluster.replace(':cluster/', ':task/', 1)}/{short}"
    return {"arn": arn, "reason": "MISSING"}


def is_wanted(task: Task, arguments: Mapping[str, Any]) -> bool:
    """Return whether ListTasks with these arguments lists the task. Raises Refused."""
    if "startedBy" in arguments and ("family" in arguments or "serviceName" in arguments):
        raise _invalid("startedBy cannot be combined with family or serviceName.")
    service = arguments.get("serviceName")
    if "containerInstance" in arguments:
        return False
    if service and task.arguments.get("group") != f"service:{service.rpartition('/')[2]}":
        return False
    pairs = (
        (task.desired_status, arguments.get("desiredStatus", "RUNNING")),
        (task.family, arguments.get("family", task.family)),
        ("FARGATE", arguments.get("launchType", "FARGATE")),
        (task.arguments.get("startedBy"), arguments.get("startedBy", task.arguments.get("startedBy"))),
    )
    return all(has == asked for has, asked in pairs)


def page(tasks: Sequence[Task], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Give one page of ListTasks."""
    start, size = int(arguments.get("nextToken") or 0), arguments.get("maxResults") or 100
    answer: dict[str, Any] = {"taskArns": [task.arn for task in tasks[start : start + size]]}
    return {**answer, "nextToken": str(start + size)} if start + size < len(tasks) else answer
