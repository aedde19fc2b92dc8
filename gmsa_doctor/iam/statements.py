"""The IAM policy that lets somebody run gmsa-doctor, made of what the clients declare. Pure.

Each declared action has a place: the statement it goes to, limited to the resources it is needed for. Which actions
can be limited, and how: the service authorization reference, such as
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from gmsa_doctor.clients.aws.event_bridge import EventBridge
from gmsa_doctor.clients.aws.fargate import FAMILIES, RUN_CLIENTS, TAG
from gmsa_doctor.clients.aws.services import AWS_CLIENTS
from gmsa_doctor.clients.aws.session import AwsClient, operations
from gmsa_doctor.formats.aws.arn import S3ObjectArn, SecretArn, SsmParameterArn
from gmsa_doctor.iam.scope import Scope as Scope
from gmsa_doctor.probe.plan import CONTAINER

VERSION = "2012-10-17"
"""Of IAM's policy language."""
NAMES = (
    "ACCOUNT", "REGION", "CLUSTER", "EXECUTION_ROLE", "LOG_GROUP", "CREDSPEC_BUCKET", "CREDSPEC_KEY",
    "CREDSPEC_PARAMETER", "SECRET",
)  # fmt: skip
"""Of the placeholders. Others are part of a name."""
PLACEHOLDER = re.compile(f"<({'|'.join(NAMES)})>")


class Purpose(StrEnum):
    """Who the policy is for."""

    RUN = "run"
    DOCTOR = "doctor"
    EXECUTION_ROLE = "execution-role"
    """The role with which ECS and Credentials Fetcher start the task."""


Condition = Callable[[Scope], dict[str, Any]]


@dataclass(frozen=True)
class _StatementSlot:
    """A statement of the policy. One whose resources are none is left out."""

    sid: str
    resources: Callable[[Scope], Iterable[str]]
    condition: Condition | None = None


def policy(purpose: Purpose, scope: Scope) -> dict[str, Any]:
    """The policy document. Raises KeyError for a declared action that has no place yet."""
    chosen: dict[_StatementSlot, set[str]] = {}
    for action, place in _wanted(purpose):
        chosen.setdefault(place, set()).add(action)
    statements = [_statement(place, actions, scope) for place, actions in chosen.items()]
    return {"Version": VERSION, "Statement": [one for one in statements if one["Resource"]]}


def placeholders(document: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the placeholders that are left in a policy, in their order."""
    found = [
        name
        for statement in document["Statement"]
        for text in (*statement["Resource"], str(statement.get("Condition", "")))
        for name in PLACEHOLDER.findall(text)
    ]
    return tuple(dict.fromkeys(found))


def declared(clients: Iterable[type[AwsClient]]) -> tuple[str, ...]:
    """The IAM actions that the methods of clients need, sorted."""
    return tuple(sorted({one.action for client in clients for one in operations(client)}))


def _wanted(purpose: Purpose) -> Iterable[tuple[str, _StatementSlot]]:
    if purpose is Purpose.EXECUTION_ROLE:
        yield from _STARTING
        return
    reading = [*(one for one in declared(AWS_CLIENTS) if one not in _OF_EVERYBODY), *_WITH_READING]
    yield from ((action, _READING[action]) for action in reading)
    yield from ((f"secretsmanager:{one}", _OF_CONTAINERS) for one in ("DescribeSecret", "GetResourcePolicy"))
    yield from ((action, _SENDING[action]) for action in declared((EventBridge,)))
    if purpose is Purpose.RUN:
        running = [one for one in declared(RUN_CLIENTS) if one not in _OF_THE_PROBE]
        yield from ((action, _RUNNING[action]) for action in (*running, *_WITH_RUNNING))


def _statement(place: _StatementSlot, actions: set[str], scope: Scope) -> dict[str, Any]:
    statement: dict[str, Any] = {
        "Sid": place.sid,
        "Effect": "Allow",
        "Action": sorted(actions),
        "Resource": list(dict.fromkeys(place.resources(scope))),
    }
    if place.condition:
        statement["Condition"] = place.condition(scope)
    return statement


# Resources ------------------------------------------------------------------------------------------


def _literal(text: str) -> str:
    """A name in a resource that may hold what IAM takes for a wildcard or a variable.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
    """
    return re.sub(r"[$*?]", lambda match: f"${{{match[0]}}}", text)


def _everything(scope: Scope) -> Iterable[str]:
    return ["*"]


def _cluster(scope: Scope) -> Iterable[str]:
    return [scope.arn("ecs", f"cluster/{scope.cluster_name}")]


def _container_instances(scope: Scope) -> Iterable[str]:
    return [scope.arn("ecs", f"container-instance/{scope.cluster_name}/*")]


def _services(scope: Scope) -> Iterable[str]:
    return [scope.arn("ecs", f"service/{scope.cluster_name}/*")]


def _tasks(scope: Scope) -> Iterable[str]:
    return [scope.arn("ecs", f"task/{scope.cluster_name}/*")]


def _task_definitions(scope: Scope) -> Iterable[str]:
    return [scope.arn("ecs", f"task-definition/{family}:*") for family in FAMILIES]


def _credspec_objects(scope: Scope) -> Iterable[str]:
    if not scope.credspecs:
        return [f"arn:{scope.partition}:s3:::<CREDSPEC_BUCKET>/<CREDSPEC_KEY>"]
    return [_literal(str(one)) for one in scope.credspecs if isinstance(one, S3ObjectArn)]


def _credspec_buckets(scope: Scope) -> Iterable[str]:
    if not scope.credspecs:
        return [f"arn:{scope.partition}:s3:::<CREDSPEC_BUCKET>"]
    return [f"arn:{one.partition}:s3:::{one.bucket}" for one in scope.credspecs if isinstance(one, S3ObjectArn)]


def _credspec_parameters(scope: Scope) -> Iterable[str]:
    if not scope.credspecs:
        return [scope.arn("ssm", "parameter/<CREDSPEC_PARAMETER>")]
    return [_literal(str(one)) for one in scope.credspecs if isinstance(one, SsmParameterArn)]


def _secrets(scope: Scope) -> Iterable[str]:
    """IAM compares with the full ARN, so what Secrets Manager appends has to match too.

    Whether a written ARN has it, nobody can tell: ``gmsa-secret`` may be a whole name. There both may be meant.
    """
    if not (scope.secrets or scope.full_secrets):
        return [] if scope.without_secret else [scope.arn("secretsmanager", "secret:<SECRET>-??????")]
    return [*map(str, scope.full_secrets), *_written_secrets(scope.secrets)]


def _written_secrets(secrets: Iterable[SecretArn]) -> Iterable[str]:
    return (
        form
        for one in secrets
        for form in (*((_literal(str(one)),) if one.suffix else ()), f"{_literal(str(one))}-??????")
    )


def _task_secrets(scope: Scope) -> Iterable[str]:
    return _written_secrets(scope.task_secrets)


def _task_parameters(scope: Scope) -> Iterable[str]:
    return [_literal(str(one)) for one in scope.task_parameters]


def _kms_keys(scope: Scope) -> Iterable[str]:
    return map(_literal, scope.kms_keys)


def _any_key(scope: Scope) -> Iterable[str]:
    """What a key is, is asked before it is known whether it is AWS's own."""
    return [scope.arn("kms", "key/*")]


def _repositories(scope: Scope) -> Iterable[str]:
    return list(map(_literal, scope.repositories)) or [scope.arn("ecr", "repository/*")]


def _execution_roles(scope: Scope) -> Iterable[str]:
    account = scope.account or "<ACCOUNT>"
    return list(map(_literal, scope.execution_roles)) or [f"arn:{scope.partition}:iam::{account}:role/<EXECUTION_ROLE>"]


def _roles(scope: Scope) -> Iterable[str]:
    return [*_execution_roles(scope), *map(_literal, scope.instance_roles)]


def _instance_profiles(scope: Scope) -> Iterable[str]:
    return [f"arn:{scope.partition}:iam::{scope.account or '<ACCOUNT>'}:instance-profile/*"]


def _databases(scope: Scope) -> Iterable[str]:
    return [scope.arn("rds", "db:*")]


def _log_streams(scope: Scope) -> Iterable[str]:
    """Those of probes only: the log group may be the service's."""
    return [f"{one}:log-stream:*/{CONTAINER}/*" for one in _groups(scope)]


def _log_group(scope: Scope) -> Iterable[str]:
    """With the ending that CloudWatch Logs asks for in policies.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html
    """
    return [f"{one}:*" for one in _groups(scope)]


def _groups(scope: Scope) -> Iterable[str]:
    return _group_arns(scope.log_groups or ("<LOG_GROUP>",), scope)


def _group_arns(names: Iterable[str], scope: Scope) -> Iterable[str]:
    return [_literal(one if one.startswith("arn:") else scope.arn("logs", f"log-group:{one}")) for one in names]


def _pulled(scope: Scope) -> Iterable[str]:
    return map(_literal, scope.repositories)


def _token(scope: Scope) -> Iterable[str]:
    """IAM cannot limit it."""
    return ["*"] if scope.repositories else []


def _written(scope: Scope) -> Iterable[str]:
    return _log_group(scope) if scope.log_groups else []


def _made(scope: Scope) -> Iterable[str]:
    return [f"{one}:*" for one in _group_arns(scope.made_log_groups, scope)]


def _started_with(scope: Scope) -> Iterable[str]:
    """A parameter, where that is what holds the CredSpec: on EC2."""
    return _credspec_parameters(scope) if scope.credspecs else []


def _report_objects(scope: Scope) -> Iterable[str]:
    if not scope.report:
        return []
    bucket, prefix = scope.report
    return [f"arn:{scope.partition}:s3:::{bucket}/{_literal(prefix)}{'/' if prefix else ''}*"]


def _report_bucket(scope: Scope) -> Iterable[str]:
    return [f"arn:{scope.partition}:s3:::{scope.report[0]}"] if scope.report else []


def _event_bus(scope: Scope) -> Iterable[str]:
    return [scope.arn("events", f"event-bus/{scope.event_bus}")] if scope.event_bus else []


# Conditions -----------------------------------------------------------------------------------------


def _is_ours(scope: Scope) -> dict[str, Any]:
    return {"Null": {f"aws:ResourceTag/{TAG}": "false"}}


def _at_creation(scope: Scope) -> dict[str, Any]:
    return {"StringEquals": {"ecs:CreateAction": ["RegisterTaskDefinition", "RunTask"]}}


def _to_tasks(scope: Scope) -> dict[str, Any]:
    return {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}


def _through_a_service(scope: Scope) -> dict[str, Any]:
    return {"StringLike": {"kms:ViaService": ["s3.*", "secretsmanager.*", "ssm.*"]}}


# Places ---------------------------------------------------------------------------------------------

_CONFIGURATION = _StatementSlot("ReadConfiguration", _everything)
_A_TASK = _StatementSlot("ReadTasks", _tasks)
_TAGS = _StatementSlot("TagWhatIsMade", lambda scope: [*_task_definitions(scope), *_tasks(scope)], _at_creation)

_READING: dict[str, _StatementSlot] = {
    **dict.fromkeys(("ecs:DescribeClusters", "ecs:ListContainerInstances"), _StatementSlot("ReadCluster", _cluster)),
    "ecs:DescribeContainerInstances": _StatementSlot("ReadContainerInstances", _container_instances),
    "ecs:DescribeServices": _StatementSlot("ReadServices", _services),
    "ecs:DescribeTasks": _A_TASK,
    **dict.fromkeys(
        (  # IAM cannot limit these, but for what may be another account's: a rule, its endpoint, a VPC, a prefix list
            "ds:DescribeDirectories",
            "ec2:DescribeDhcpOptions",
            "ec2:DescribeInstances",
            "ec2:DescribeNatGateways",
            "ec2:DescribeNetworkAcls",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeRouteTables",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeSubnets",
            "ec2:DescribeVpcAttribute",
            "ec2:DescribeVpcEndpoints",
            "ec2:DescribeVpcPeeringConnections",
            "ec2:DescribeVpcs",
            "ec2:GetManagedPrefixListEntries",
            "ecs:DescribeTaskDefinition",
            "logs:DescribeLogGroups",
            "route53:ListHostedZonesByVPC",
            "route53profiles:ListProfileAssociations",
            "route53resolver:GetResolverEndpoint",
            "route53resolver:GetResolverRule",
            "route53resolver:ListResolverRuleAssociations",
        ),
        _CONFIGURATION,
    ),
    "iam:GetInstanceProfile": _StatementSlot("ReadInstanceProfiles", _instance_profiles),
    **dict.fromkeys(("iam:GetRole", "iam:SimulatePrincipalPolicy"), _StatementSlot("ReadRoles", _roles)),
    "rds:DescribeDBInstances": _StatementSlot("ReadDatabases", _databases),
    "s3:GetObject": _StatementSlot("ReadCredSpec", _credspec_objects),
    **dict.fromkeys(("s3:GetBucketPolicy", "s3:ListBucket"), _StatementSlot("FindCredSpec", _credspec_buckets)),
    "ssm:GetParameter": _StatementSlot("ReadCredSpecParameter", _credspec_parameters),
    **dict.fromkeys(
        ("secretsmanager:DescribeSecret", "secretsmanager:GetResourcePolicy", "secretsmanager:GetSecretValue"),
        _StatementSlot("ReadSecret", _secrets),
    ),
    "kms:DescribeKey": _StatementSlot("DescribeKeys", _any_key),
    **dict.fromkeys(("kms:GetKeyPolicy", "kms:ListGrants"), _StatementSlot("ReadKeys", _kms_keys)),
    "ecr:GetRepositoryPolicy": _StatementSlot("ReadRepositories", _repositories),
    "kms:Decrypt": _StatementSlot("Decrypt", _kms_keys, _through_a_service),
}
_OF_CONTAINERS = _StatementSlot("DescribeSecretsOfContainers", _task_secrets)
_WITH_READING = ("kms:Decrypt",)
"""What the services need of the caller, beside the actions that are called."""

_OF_EVERYBODY = ("sts:GetCallerIdentity",)
"""Everybody may call this, whatever their policies say.

Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
"""

_RUNNING: dict[str, _StatementSlot] = {
    "ecs:RegisterTaskDefinition": _StatementSlot("RegisterProbes", _task_definitions),
    "ecs:RunTask": _StatementSlot("StartProbes", _task_definitions, Scope.of_cluster),
    "ecs:DescribeTasks": _A_TASK,
    "ecs:DescribeTaskDefinition": _CONFIGURATION,
    "ecs:StopTask": _StatementSlot("StopProbes", _tasks, _is_ours),
    "ecs:ListTasks": _StatementSlot("ListProbes", _everything, Scope.of_cluster),
    **dict.fromkeys(  # IAM cannot limit these
        ("ecs:DeregisterTaskDefinition", "ecs:ListTaskDefinitions"), _StatementSlot("FindAndRemoveProbes", _everything)
    ),
    "ecs:TagResource": _TAGS,
    "iam:PassRole": _StatementSlot("PassTheRolesOfProbes", _execution_roles, _to_tasks),
    "logs:DescribeLogStreams": _StatementSlot("FindLogStreams", _log_group),
    **dict.fromkeys(
        ("logs:DeleteLogStream", "logs:GetLogEvents"), _StatementSlot("ReadAndRemoveLogStreams", _log_streams)
    ),
    **dict.fromkeys(("s3:DeleteObject", "s3:GetObject"), _StatementSlot("ReadAndRemoveReports", _report_objects)),
    "s3:ListBucket": _StatementSlot("AwaitReports", _report_bucket),  # without it, "not there yet" reads as "denied"
}
_WITH_RUNNING = ("ecs:TagResource", "iam:PassRole", "s3:ListBucket")
_OF_THE_PROBE = ("s3:PutObject",)
"""What only the probe does, with its task role."""

_SENDING: dict[str, _StatementSlot] = {"events:PutEvents": _StatementSlot("SendVerdict", _event_bus)}

_STARTING: tuple[tuple[str, _StatementSlot], ...] = (
    ("s3:GetObject", _READING["s3:GetObject"]),
    ("ssm:GetParameters", _StatementSlot("ReadCredSpecParameter", _started_with)),
    ("secretsmanager:GetSecretValue", _READING["secretsmanager:GetSecretValue"]),
    ("secretsmanager:GetSecretValue", _StatementSlot("ReadSecretsOfContainers", _task_secrets)),
    ("ssm:GetParameters", _StatementSlot("ReadParametersOfContainers", _task_parameters)),
    ("kms:Decrypt", _READING["kms:Decrypt"]),
    ("ecr:GetAuthorizationToken", _StatementSlot("LogInToRegistry", _token)),
    *(
        (f"ecr:{one}", _StatementSlot("PullImages", _pulled))
        for one in ("BatchCheckLayerAvailability", "BatchGetImage", "GetDownloadUrlForLayer")
    ),
    *((f"logs:{one}", _StatementSlot("WriteLogs", _written)) for one in ("CreateLogStream", "PutLogEvents")),
    ("logs:CreateLogGroup", _StatementSlot("MakeLogGroups", _made)),
)
"""What ECS and Credentials Fetcher do with the execution role.

Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html
"""
