"""The trust policies of roles, which moto does not enforce for AssumeRole.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

import json
from typing import Any
from urllib.parse import parse_qs

from tests.lab.aws_errors import Problem, denied
from tests.lab.aws_requests import Request
from tests.lab.iam_simulator import allowed


def refusal(request: Request, organization: str) -> Problem | None:
    """Give the answer to a role that assumes another one which does not exist, or does not trust it.

    All accounts are in the organization of this id.
    """
    if (request.service, request.operation) != ("sts", "AssumeRole") or not request.role:
        return None
    given = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
    arn = f"arn:aws:iam::{request.account}:role/{request.role}"
    context = {"aws:principalarn": [arn], "aws:principalorgid": [organization]}
    if "ExternalId" in given:
        context["sts:externalid"] = [given["ExternalId"]]
    principals = {request.account, arn, f"arn:aws:iam::{request.account}:root"}
    trusting = [
        {"Resource": "*", **{name: one[name] for name in ("Effect", "Action", "Condition") if name in one}}
        for one in _trust(given["RoleArn"])
        if principals & set(_many(one["Principal"].get("AWS", [])))
    ]
    return None if allowed(trusting, "sts:AssumeRole", "*", context) else denied(request, given["RoleArn"])


def _trust(arn: str) -> list[dict[str, Any]]:
    """Give the statements of a role's trust policy; none if there is no such role."""
    from moto.iam.models import iam_backends

    _, partition, _, _, account, resource = arn.split(":", 5)
    name = resource.rpartition("/")[2]
    roles = [one for one in iam_backends[account][partition].roles.values() if one.name == name]
    documents = [one.assume_role_policy_document for one in roles]
    parsed = [json.loads(one) if isinstance(one, str) else one for one in documents]
    return [statement for one in parsed for statement in _many(one["Statement"])]


def _many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
