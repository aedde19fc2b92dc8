"""The task definition with a gMSA, and the lines that one needs.

Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-linux-gmsa.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gmsa_doctor.setup.parts import TaskDefinition

CACHE = "/var/credentials-fetcher/krbdir/krb5cc"
"""Where the container finds its ticket: KRB5CCNAME."""


def container_lines(part: TaskDefinition) -> dict[str, Any]:
    """What the container's definition needs for its gMSA."""
    return {
        "credentialSpecs": [f"credentialspecdomainless:{part.credspec_arn}"],
        "environment": [{"name": "KRB5CCNAME", "value": CACHE}],
    }


def with_lines(registered: Mapping[str, Any], part: TaskDefinition) -> dict[str, Any]:
    """A registered task definition with what it needs, as the commands of the plan edit it."""
    lines = container_lines(part)
    described = registered.get("taskDefinition", registered)
    containers = [
        {
            **container,
            "credentialSpecs": lines["credentialSpecs"],
            "environment": [
                *(pair for pair in container.get("environment", ()) if pair.get("name") != "KRB5CCNAME"),
                *lines["environment"],
            ],
        }
        if container.get("name") == part.container
        else container
        for container in described.get("containerDefinitions", ())
    ]
    return {"executionRoleArn": part.role_arn, **described, "containerDefinitions": containers}


def new_task_definition(part: TaskDefinition) -> dict[str, Any]:
    """A small task definition for Fargate, as ecs:RegisterTaskDefinition takes it."""
    logs = {
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {
                "awslogs-group": part.log_group,
                "awslogs-region": part.region,
                "awslogs-stream-prefix": part.container,
            },
        }
    }
    return {
        "family": part.family,
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": "512",
        "memory": "1024",
        "executionRoleArn": part.role_arn,
        "runtimePlatform": {"operatingSystemFamily": "LINUX", "cpuArchitecture": "X86_64"},
        "containerDefinitions": [
            {
                "name": part.container,
                "image": part.image,
                "essential": True,
                **container_lines(part),
                **(logs if part.log_group else {}),
            }
        ],
    }
