"""The task role: faults of its trust policy, and right ones."""

import json
from typing import Any

from tests.lab.aws import ACCOUNT, EmbeddedAws
from tests.lab.environment import Created, trust
from tests.scenarios.changes import after, all_of, task, trusted_by
from tests.scenarios.lab import Change, Scenario
from tests.scenarios.policies import ROLE, when

_CHECK, _ECS, _NAME = "task-role.trust", "ecs-tasks.amazonaws.com", "webapp"
_CLUSTER = f"arn:aws:ecs:us-east-1:{ACCOUNT}:cluster/demo"
_ALL = f"arn:aws:ecs:us-east-1:{ACCOUNT}:*"


def task_role(document: dict[str, Any] | None) -> Change:
    """Name a task role with this trust policy; None: it does not exist."""

    def make(aws: EmbeddedAws, created: Created) -> None:
        if document:
            iam = aws.client("iam", created.region)
            iam.create_role(RoleName=_NAME, AssumeRolePolicyDocument=json.dumps(document))

    return all_of(task(taskRoleArn=f"arn:aws:iam::{ACCOUNT}:role/{_NAME}"), after(make))


FAULTS = (
    Scenario("a task role that does not exist", _CHECK, task_role(None), "the task role webapp does not exist"),
    Scenario(
        "a task role with a wildcard that StringEquals takes as it is",
        _CHECK,
        task_role(trust(_ECS, **when("StringEquals", "aws:SourceArn", _ALL))),
        "aws:SourceArn in its trust policy is not true",
    ),
    Scenario("a task role for instances", _CHECK, task_role(trust("ec2.amazonaws.com")), "names ec2.amazonaws.com"),
    Scenario(
        "a task role for one cluster",
        _CHECK,
        task_role(trust(_ECS, **when("ArnLike", "aws:SourceArn", _CLUSTER))),
        "does not support one cluster",
    ),
    Scenario(
        "an execution role for one cluster",
        "execution-role.trust",
        trusted_by(trust(_ECS, **when("ArnEquals", "aws:SourceArn", _CLUSTER))),
        "aws:SourceArn in its trust policy is not true",
    ),
)

HEALTHY = (
    Scenario("a task role", "", task_role(trust(_ECS))),
    Scenario("a task role for all clusters", "", task_role(trust(_ECS, **when("ArnLike", "aws:SourceArn", _ALL)))),
    Scenario("the execution role as the task role", "", task(taskRoleArn=ROLE)),
)

DOUBTS = (
    Scenario(
        "a task role with an external id",
        _CHECK,
        task_role(trust(_ECS, **when("StringEquals", "sts:ExternalId", "x"))),
        "sts:ExternalId",
    ),
)
