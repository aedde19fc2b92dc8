"""The IAM policy that a user or role needs, generated from the actions that the clients declare. Pure.

Each declared action has a statement, limited to the resources that it is needed for. Source for limits of actions: the
service authorization reference, such as
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from gmsa_doctor.clients.aws.event_bridge import SOURCE, EventBridge
from gmsa_doctor.clients.aws.fargate import FAMILIES, RUN_CLIENTS, TAG
from gmsa_doctor.clients.aws.services import AWS_CLIENTS
from gmsa_doctor.clients.aws.task_starters import STARTER_CLIENTS
from gmsa_doctor.formats.aws.arn import S3ObjectArn, SecretArn, SsmParameterArn
from gmsa_doctor.probe.plan import CONTAINER
from gmsa_doctor.setup.iam.document import Resources, StatementTemplate, declared, document_of
from gmsa_doctor.setup.iam.scope import Purpose, Scope


def policy(purpose: Purpose, scope: Scope) -> dict[str, Any]:
    """The policy document. Raises KeyError for a declared action without a statement."""
    return document_of(_allowed(purpose), scope)


def _allowed(purpose: Purpose) -> Iterable[tuple[str, StatementTemplate]]:
    if purpose is Purpose.EXECUTION_ROLE:
        yield from _STARTING
        return
    without = (*ALWAYS_ALLOWED, *(OF_CHECK if purpose is Purpose.RUN else ()))
    reading = [*(action for action in declared(AWS_CLIENTS) if action not in without), *WITH_READING]
    yield from ((action, READING[action]) for action in reading)
    yield from ((f"secretsmanager:{name}", _OF_CONTAINERS) for name in ("DescribeSecret", "GetResourcePolicy"))
    yield from ((action, _STARTERS[action]) for action in declared(STARTER_CLIENTS) if action in _STARTERS)
    yield from ((action, _SENDING[action]) for action in declared((EventBridge,)))
    if purpose is Purpose.RUN:
        running = [action for action in declared(RUN_CLIENTS) if action not in OF_THE_PROBE]
        yield from ((action, RUNNING[action]) for action in (*running, *WITH_RUNNING))


# Resources ------------------------------------------------------------------------------------------


def _literal(text: object) -> str:
    """A resource name in which IAM's wildcards and variables are escaped.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
    """
    return re.sub(r"[$*?]", lambda match: f"${{{match[0]}}}", str(text))


def everything(scope: Scope) -> Iterable[str]:
    """What IAM cannot limit."""
    return ["*"]


def _of_region(service: str, *resources: str) -> Resources:
    """Resources in the scope's region and account; ``CLUSTER`` is replaced with the cluster's name."""
    return lambda scope: [scope.arn(service, resource.replace("CLUSTER", scope.cluster_name)) for resource in resources]


def _named(arns: Callable[[Scope], Iterable[object]]) -> Resources:
    return lambda scope: map(_literal, arns(scope))


def _definitions_and_tasks(scope: Scope) -> Iterable[str]:
    return [*_task_definitions(scope), *_tasks(scope)]


_kms_keys = _named(lambda scope: scope.kms_keys)
_known_repositories = _named(lambda scope: scope.repositories)
_task_parameters = _named(lambda scope: scope.task_parameters)
_tasks = _of_region("ecs", "task/CLUSTER/*")
_task_definitions = _of_region("ecs", *(f"task-definition/{family}:*" for family in FAMILIES))


def _credspec_objects(scope: Scope) -> Iterable[str]:
    if not scope.credspecs:
        return [f"arn:{scope.partition}:s3:::<CREDSPEC_BUCKET>/<CREDSPEC_KEY>"]
    return [_literal(arn) for arn in scope.credspecs if isinstance(arn, S3ObjectArn)]


def _credspec_buckets(scope: Scope) -> Iterable[str]:
    if not scope.credspecs:
        return [f"arn:{scope.partition}:s3:::<CREDSPEC_BUCKET>"]
    return [f"arn:{arn.partition}:s3:::{arn.bucket}" for arn in scope.credspecs if isinstance(arn, S3ObjectArn)]


def _known_credspec_parameters(scope: Scope) -> Iterable[str]:
    return [_literal(arn) for arn in scope.credspecs if isinstance(arn, SsmParameterArn)]


def _credspec_parameters(scope: Scope) -> Iterable[str]:
    if not scope.credspecs:
        return [scope.arn("ssm", "parameter/<CREDSPEC_PARAMETER>")]
    return _known_credspec_parameters(scope)


def secrets_of(scope: Scope) -> Iterable[str]:
    """IAM compares full ARNs, with the six characters that Secrets Manager appends.

    An ARN as written may have them or not: ``gmsa-secret`` may be a whole name. Then the policy allows both.
    """
    if not (scope.secrets or scope.full_secrets):
        return [] if scope.without_secret else [scope.arn("secretsmanager", "secret:<SECRET>-??????")]
    return [*map(str, scope.full_secrets), *_written_secrets(scope.secrets)]


def _written_secrets(secrets: Iterable[SecretArn]) -> Iterable[str]:
    for secret in secrets:
        if secret.suffix:
            yield _literal(secret)
        yield f"{_literal(secret)}-??????"


def _task_secrets(scope: Scope) -> Iterable[str]:
    return _written_secrets(scope.task_secrets)


def _repositories(scope: Scope) -> Iterable[str]:
    return list(map(_literal, scope.repositories)) or [scope.arn("ecr", "repository/*")]


def _execution_roles(scope: Scope) -> Iterable[str]:
    account = scope.account or "<ACCOUNT>"
    return list(map(_literal, scope.execution_roles)) or [f"arn:{scope.partition}:iam::{account}:role/<EXECUTION_ROLE>"]


def _roles(scope: Scope) -> Iterable[str]:
    return [*_execution_roles(scope), *map(_literal, (*scope.instance_roles, *scope.start_roles))]


def _managed_policies(scope: Scope) -> Iterable[str]:
    owners = (scope.account or "<ACCOUNT>", "aws")
    return [f"arn:{scope.partition}:iam::{owner}:policy/*" for owner in owners]


def _instance_profiles(scope: Scope) -> Iterable[str]:
    return [f"arn:{scope.partition}:iam::{scope.account or '<ACCOUNT>'}:instance-profile/*"]


def _of_log_groups(names: Callable[[Scope], Iterable[str]], ending: str = "*") -> Resources:
    """Log groups with the ending that CloudWatch Logs requires in policies.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html
    """

    def arns(scope: Scope) -> Iterable[str]:
        for name in names(scope):
            arn = name if name.startswith("arn:") else scope.arn("logs", f"log-group:{name}")
            yield f"{_literal(arn)}:{ending}"

    return arns


def _log_group_names(scope: Scope) -> tuple[str, ...]:
    return scope.log_groups or ("<LOG_GROUP>",)


def _starters(service: str) -> Resources:
    return lambda scope: [_literal(arn) for arn in scope.starters if arn.split(":")[2] == service]


def _registry_token(scope: Scope) -> Iterable[str]:
    return ["*"] if scope.repositories else []  # IAM cannot limit it


def report_objects(scope: Scope) -> Iterable[str]:
    """The objects below the prefix of the reports, if there is one."""
    if not scope.report:
        return []
    bucket, prefix = scope.report
    return [f"arn:{scope.partition}:s3:::{bucket}/{_literal(prefix)}{'/' if prefix else ''}*"]


def report_bucket(scope: Scope) -> Iterable[str]:
    """The bucket of the reports, if there is one."""
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


def _of_verdicts(scope: Scope) -> dict[str, Any]:
    """No other events. Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-conditions.html."""
    return {"StringEquals": {"events:source": SOURCE}}


def _through_a_service(scope: Scope) -> dict[str, Any]:
    return {"StringLike": {"kms:ViaService": ["s3.*", "secretsmanager.*", "ssm.*"]}}


# Statements -----------------------------------------------------------------------------------------

_Statements = dict[str, StatementTemplate]
"""Statements by the action that they allow."""


def _allow(template: StatementTemplate, *actions: str) -> _Statements:
    return dict.fromkeys(actions, template)


_CONFIGURATION = StatementTemplate("ReadConfiguration", everything)
_CLUSTER = StatementTemplate("ReadCluster", _of_region("ecs", "cluster/CLUSTER"))
_LISTS = StatementTemplate("ListServicesAndTasks", everything, Scope.of_cluster)
_SERVICES = StatementTemplate("ReadServices", _of_region("ecs", "service*/CLUSTER/*"))
"""Services and their revisions: `service/` and `service-revision/`."""
_A_TASK = StatementTemplate("ReadTasks", _tasks)
_CREDSPEC_OBJECT = StatementTemplate("ReadCredSpec", _credspec_objects)
_SECRET = StatementTemplate("ReadSecret", secrets_of)
_DECRYPT = StatementTemplate("Decrypt", _kms_keys, _through_a_service)

READING: _Statements = {
    **_allow(_CLUSTER, "ecs:DescribeClusters", "ecs:ListContainerInstances"),
    **_allow(
        StatementTemplate("ReadContainerInstances", _of_region("ecs", "container-instance/CLUSTER/*")),
        "ecs:DescribeContainerInstances",
    ),
    **_allow(_SERVICES, "ecs:DescribeServiceRevisions", "ecs:DescribeServices"),
    **_allow(_LISTS, "ecs:ListServices", "ecs:ListTasks"),
    **_allow(_A_TASK, "ecs:DescribeTasks"),
    **_allow(
        _CONFIGURATION,  # IAM cannot limit these, or the resource may belong to another account: a rule, a VPC …
        *("ds:DescribeDirectories", "ec2:DescribeDhcpOptions", "ec2:DescribeInstances", "ec2:DescribeNatGateways"),
        *("ec2:DescribeNetworkAcls", "ec2:DescribeNetworkInterfaces", "ec2:DescribeRouteTables"),
        *("ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcAttribute", "ec2:DescribeVpcEndpoints"),
        "ec2:DescribeVpcBlockPublicAccessExclusions",
        *("ec2:DescribeVpcPeeringConnections", "ec2:DescribeVpcs", "ec2:GetManagedPrefixListEntries"),
        *("ecs:DescribeTaskDefinition", "ecs:ListClusters", "logs:DescribeLogGroups", "route53:ListHostedZonesByVPC"),
        *("ecr:DescribePullThroughCacheRules", "organizations:DescribeAccount", "organizations:DescribeOrganization"),
        *("route53:ListResourceRecordSets", "route53profiles:ListProfileAssociations"),
        *("route53profiles:ListProfileResourceAssociations", "route53resolver:GetResolverEndpoint"),
        *("route53resolver:GetResolverRule", "route53resolver:ListFirewallDomainLists"),
        *("route53resolver:ListFirewallDomains", "route53resolver:ListFirewallRuleGroupAssociations"),
        *("route53resolver:ListFirewallRules", "route53resolver:ListResolverRuleAssociations"),
        "route53resolver:ListResolverRules",
    ),
    **_allow(StatementTemplate("ReadInstanceProfiles", _instance_profiles), "iam:GetInstanceProfile"),
    **_allow(
        StatementTemplate("ReadRoles", _roles),
        *("iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies"),
        "iam:SimulatePrincipalPolicy",
    ),
    **_allow(StatementTemplate("ReadPolicies", _managed_policies), "iam:GetPolicy", "iam:GetPolicyVersion"),
    **_allow(StatementTemplate("ReadDatabases", _of_region("rds", "db:*")), "rds:DescribeDBInstances"),
    **_allow(_CREDSPEC_OBJECT, "s3:GetObject"),
    **_allow(StatementTemplate("FindCredSpec", _credspec_buckets), "s3:GetBucketPolicy", "s3:ListBucket"),
    **_allow(StatementTemplate("ReadCredSpecParameter", _credspec_parameters), "ssm:GetParameter"),
    **_allow(
        _SECRET, "secretsmanager:DescribeSecret", "secretsmanager:GetResourcePolicy", "secretsmanager:GetSecretValue"
    ),
    # Needed for all keys, to find out which are AWS managed.
    **_allow(StatementTemplate("DescribeKeys", _of_region("kms", "key/*")), "kms:DescribeKey"),
    **_allow(StatementTemplate("ReadKeys", _kms_keys), "kms:GetKeyPolicy", "kms:ListGrants"),
    **_allow(
        StatementTemplate("ReadLogs", _of_log_groups(lambda scope: scope.log_groups, "log-stream:*")),
        "logs:GetLogEvents",
    ),
    **_allow(
        StatementTemplate("ReadRepositories", _repositories),
        *("ecr:BatchGetImage", "ecr:DescribeImages", "ecr:GetDownloadUrlForLayer", "ecr:GetRepositoryPolicy"),
    ),
    **_allow(_DECRYPT, "kms:Decrypt"),
}
_STARTERS: _Statements = {
    **_allow(StatementTemplate("ReadSchedules", _starters("scheduler")), "scheduler:GetSchedule"),
    **_allow(StatementTemplate("ReadRules", _starters("events")), "events:DescribeRule", "events:ListTargetsByRule"),
    **_allow(StatementTemplate("ReadStateMachines", _starters("states")), "states:DescribeStateMachine"),
}
"""Without those that list names, which only propose another name for one that does not exist."""
_OF_CONTAINERS = StatementTemplate("DescribeSecretsOfContainers", _task_secrets)
WITH_READING = ("kms:Decrypt",)
"""Actions that services require from the caller in addition to the call itself."""

OF_CHECK = ("logs:GetLogEvents",)
"""Actions of an option that only ``check`` has; ``run`` reads the streams of its own tasks."""

ALWAYS_ALLOWED = ("sts:GetCallerIdentity",)
"""Allowed to every caller, whatever the policies.

Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
"""

RUNNING: _Statements = {
    **_allow(StatementTemplate("RegisterProbes", _task_definitions), "ecs:RegisterTaskDefinition"),
    **_allow(StatementTemplate("StartProbes", _task_definitions, Scope.of_cluster), "ecs:RunTask"),
    **_allow(_A_TASK, "ecs:DescribeTasks"),
    **_allow(_CONFIGURATION, "ecs:DescribeTaskDefinition"),
    **_allow(StatementTemplate("StopProbes", _tasks, _is_ours), "ecs:StopTask"),
    **_allow(_LISTS, "ecs:ListTasks"),
    **_allow(  # IAM cannot limit these
        StatementTemplate("FindAndRemoveProbes", everything),
        "ecs:DeregisterTaskDefinition",
        "ecs:ListTaskDefinitions",
    ),
    **_allow(StatementTemplate("TagProbes", _definitions_and_tasks, _at_creation), "ecs:TagResource"),
    **_allow(StatementTemplate("PassProbeRoles", _execution_roles, _to_tasks), "iam:PassRole"),
    **_allow(StatementTemplate("FindLogStreams", _of_log_groups(_log_group_names)), "logs:DescribeLogStreams"),
    **_allow(  # only the streams of probes: the log group may be the service's
        StatementTemplate("RemoveLogStreams", _of_log_groups(_log_group_names, f"log-stream:*/{CONTAINER}/*")),
        "logs:DeleteLogStream",
        "logs:GetLogEvents",
    ),
    **_allow(StatementTemplate("RemoveReports", report_objects), "s3:DeleteObject", "s3:GetObject"),
    # Without it, S3 answers "denied" while the object does not exist yet.
    **_allow(StatementTemplate("AwaitReports", report_bucket), "s3:ListBucket"),
}
WITH_RUNNING = ("ecs:TagResource", "iam:PassRole", "s3:ListBucket")
OF_THE_PROBE = ("s3:PutObject",)
"""Actions of the probe only, with its task role."""

_SENDING = _allow(StatementTemplate("SendVerdict", _event_bus, _of_verdicts), "events:PutEvents")

_WRITE_LOGS = StatementTemplate("WriteLogs", _of_log_groups(lambda scope: scope.log_groups))
_PULL = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
_STARTING = (
    ("s3:GetObject", _CREDSPEC_OBJECT),
    ("ssm:GetParameters", StatementTemplate("ReadCredSpecParameter", _known_credspec_parameters)),
    ("secretsmanager:GetSecretValue", _SECRET),
    ("secretsmanager:GetSecretValue", StatementTemplate("ReadSecretsOfContainers", _task_secrets)),
    ("ssm:GetParameters", StatementTemplate("ReadParametersOfContainers", _task_parameters)),
    ("kms:Decrypt", _DECRYPT),
    ("ecr:GetAuthorizationToken", StatementTemplate("LogInToRegistry", _registry_token)),
    *_allow(StatementTemplate("PullImages", _known_repositories), *_PULL).items(),
    *_allow(_WRITE_LOGS, "logs:CreateLogStream", "logs:PutLogEvents").items(),
    ("logs:CreateLogGroup", StatementTemplate("MakeLogGroups", _of_log_groups(lambda scope: scope.made_log_groups))),
)
"""The actions of ECS and Credentials Fetcher with the execution role.

Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html
"""
