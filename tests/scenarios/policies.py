"""Statements of policies, and the changes that give resources policies of their own."""

import json
from typing import Any

from tests.lab.aws import ACCOUNT, EmbeddedAws
from tests.lab.environment import EXECUTION_ROLE, Created, Environment
from tests.scenarios.lab import Change, Lab

Statement = dict[str, Any]
ROLE = f"arn:aws:iam::{ACCOUNT}:role/{EXECUTION_ROLE}"
ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}
OBJECT = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "{credspec_arn}"}
VALUE = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "{secret_arn}"}


def allow(*actions: str, resource: str = "*", **more: Any) -> Statement:
    """Give a statement that allows actions."""
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource, **more}


def deny(action: str, resource: str = "*", **more: Any) -> Statement:
    """Give a statement that denies an action."""
    return {"Effect": "Deny", "Action": action, "Resource": resource, **more}


def when(operator: str, key: str, value: str) -> dict[str, Any]:
    """Give the condition of a statement."""
    return {"Condition": {operator: {key: value}}}


def to(principal: str = "*") -> dict[str, Any]:
    """Give the principal of a statement: an ARN, an account, or everybody."""
    return {"Principal": principal if principal == "*" else {"AWS": principal}}


def document(*statements: Statement) -> str:
    """Give the JSON of a policy."""
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def bucket_policy(*statements: Statement) -> Change:
    """Give the CredSpec's bucket a policy."""
    return lambda it, lab: lab.aws.buckets.policies.update({it.bucket: document(*statements)})


def bucket_of(account: str) -> Change:
    """Let the CredSpec's bucket be another account's."""
    return lambda it, lab: lab.aws.buckets.owners.update({it.bucket: account})


def secret_policy(*statements: Statement) -> Change:
    """Give the secret a policy of its own."""

    def change(it: Environment, _: Lab) -> None:
        def put(aws: EmbeddedAws, made: Created) -> None:
            aws.client("secretsmanager", made.region).put_resource_policy(
                SecretId=made.secret_arn, ResourcePolicy=document(*statements)
            )

        it.after.append(put)

    return change
