"""Enforces the policies of callers, which moto does not."""

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs

from tests.lab.aws_errors import Problem, denied, iam_action
from tests.lab.aws_requests import Request
from tests.lab.iam_simulator import Statement, allowed

_ALWAYS = ("sts:GetCallerIdentity",)
"""Nobody can be denied these. Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html"""
_CONTEXT = {"aws:securetransport": ["true"]}


def refusal(request: Request, statements: Sequence[Statement], account: str) -> Problem | None:
    """Give IAM's answer to a call that the statements do not allow."""
    action, resource = iam_action(request), _resource(request, account)
    if action in _ALWAYS or allowed(statements, action, resource, _context(request, account)):
        return None
    return denied(request, resource or "*")


def hides_what_is_missing(request: Request, statements: Sequence[Statement], account: str) -> bool:
    """Return whether S3 says "denied" for an object that does not exist, because the caller cannot list the bucket.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
    """
    if request.service != "s3" or request.operation not in ("GetObject", "HeadObject"):
        return False
    bucket = f"arn:aws:s3:::{_path(request).partition('/')[0]}"
    return not allowed(statements, "s3:ListBucket", bucket, _context(request, account))


def _context(request: Request, account: str) -> dict[str, list[str]]:
    cluster = _body(request).get("cluster") if request.service == "ecs" else None
    named = {"ecs:cluster": [_ecs(request, account, "cluster", str(cluster))]} if cluster else {}
    return {**_CONTEXT, **named}


def _path(request: Request) -> str:
    return request.text.partition("\n")[0].partition("?")[0].strip("/")


def _body(request: Request) -> dict[str, Any]:
    if request.protocol == "json":
        found: dict[str, Any] = json.loads(request.body or b"{}")
        return found
    return {key: values[0] for key, values in parse_qs(request.body.decode(errors="replace")).items()}


def _resource(request: Request, account: str) -> str | None:
    """Give the ARN that IAM compares; None if the lab does not know it: then any resource matches."""
    where = f"{request.region}:{account}"
    body = _body(request)
    match request.service:
        case "s3":
            path = _path(request)
            return f"arn:aws:s3:::{path if 'Object' in request.operation else path.partition('/')[0]}"
        case "secretsmanager":
            return str(body["SecretId"]) if "SecretId" in body else None
        case "ssm":
            return f"arn:aws:ssm:{where}:parameter/{str(body['Name']).strip('/')}" if "Name" in body else None
        case "iam":
            if "InstanceProfileName" in body:
                return f"arn:aws:iam::{account}:instance-profile/{body['InstanceProfileName']}"
            return str(
                body.get("PolicySourceArn")
                or body.get("PolicyArn")
                or f"arn:aws:iam::{account}:role/{body.get('RoleName')}"
            )
        case "kms":
            return f"arn:aws:kms:{where}:key/{str(body['KeyId']).rpartition('/')[2]}" if "KeyId" in body else None
        case "ecr":
            name = body.get("repositoryName")
            return f"arn:aws:ecr:{where}:repository/{name}" if name else "*"
        case "ecs":
            return _of_ecs(request, account, body)
        case _:
            return None


def _of_ecs(request: Request, account: str, body: dict[str, Any]) -> str | None:
    cluster = str(body.get("cluster", "default")).rpartition("/")[2]
    match request.operation:
        case "DescribeServices":
            service = str(body["services"][0]).rpartition("/")[2]
            return _ecs(request, account, "service", f"{cluster}/{service}")
        case "DescribeTasks":
            return _ecs(request, account, "task", f"{cluster}/{str(body['tasks'][0]).rpartition('/')[2]}")
        case "DescribeClusters":
            return _ecs(request, account, "cluster", str(body["clusters"][0]))
        case "DescribeTaskDefinition":
            return "*"
        case _:
            return None


def _ecs(request: Request, account: str, kind: str, name: str) -> str:
    return name if name.startswith("arn:") else f"arn:aws:ecs:{request.region}:{account}:{kind}/{name}"
