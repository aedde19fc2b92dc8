"""The IAM policies of `fleet`: of the role in each account, and of who enters the accounts. Pure.

They name no services, since those are searched for: what IAM can limit is limited to the account.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from gmsa_doctor.clients.aws.fargate import RUN_CLIENTS
from gmsa_doctor.clients.aws.fleet import FLEET_CLIENTS, MEMBER_CLIENTS
from gmsa_doctor.clients.aws.services import AWS_CLIENTS
from gmsa_doctor.probe.plan import CONTAINER
from gmsa_doctor.setup.iam.document import Resources, StatementTemplate, declared, document_of
from gmsa_doctor.setup.iam.scope import Purpose, Scope
from gmsa_doctor.setup.iam.statements import (
    ALWAYS_ALLOWED,
    OF_CHECK,
    OF_THE_PROBE,
    READING,
    RUNNING,
    WITH_READING,
    WITH_RUNNING,
    everything,
    report_bucket,
    report_objects,
    secrets_of,
)

PURPOSES = (Purpose.FLEET, Purpose.FLEET_MEMBER, Purpose.FLEET_PROBE)


def policy(purpose: Purpose, scope: Scope) -> dict[str, Any]:
    """The policy document for one of :data:`PURPOSES`. Raises KeyError for a declared action without a statement."""
    if purpose is Purpose.FLEET:
        return document_of(((action, _ENTERING[action]) for action in declared(_FLEET)), scope)
    wide = replace(scope, region="*", cluster="*", without_secret=not scope.secrets)
    if purpose is Purpose.FLEET_PROBE:
        return document_of((*_of_member(), *_of_probes()), wide)
    return document_of(_of_member(), wide)


def _of_probes() -> Iterable[tuple[str, StatementTemplate]]:
    """Tasks of our own in any cluster. Only the execution roles that the user names may be passed to them."""
    for action in sorted({*declared(RUN_CLIENTS), *WITH_RUNNING} - {*OF_THE_PROBE}):
        yield action, _WIDE.get(RUNNING[action].sid) or RUNNING[action]


def _of_member() -> Iterable[tuple[str, StatementTemplate]]:
    without = {*ALWAYS_ALLOWED, *OF_CHECK}  # the option of `check` is no option of `fleet`
    actions = {*declared((*AWS_CLIENTS, *MEMBER_CLIENTS)), *WITH_READING} - without
    for action in sorted(actions):
        known = READING.get(action) or READING["ec2:DescribeVpcs"]  # ListRegions cannot be limited either
        yield action, _WIDE.get(action) or _WIDE.get(known.sid) or known


def _all(service: str, *resources: str, region: str = "*") -> Resources:
    """All resources of a kind in the account."""

    def arns(scope: Scope) -> Iterable[str]:
        where = f"arn:{scope.partition}:{service}:{region}:{scope.account or '<ACCOUNT>'}"
        return [f"{where}:{resource}" for resource in resources]

    return arns


def _through_a_service(scope: Scope) -> dict[str, Any]:
    services = ["s3.*", *(["secretsmanager.*"] if scope.secrets else []), "ssm.*"]
    return {"StringLike": {"kms:ViaService": services}}


_WIDE = {
    "ListServicesAndTasks": StatementTemplate("ListServicesAndTasks", everything),
    "ReadRoles": StatementTemplate("ReadRoles", _all("iam", "role/*", region="")),
    "ReadKeys": StatementTemplate("ReadKeys", _all("kms", "key/*")),
    "Decrypt": StatementTemplate("Decrypt", _all("kms", "key/*"), _through_a_service),
    "ReadSecret": StatementTemplate("DescribeSecrets", _all("secretsmanager", "secret:*")),
    "secretsmanager:GetSecretValue": StatementTemplate("ReadSecrets", secrets_of),
    "FindLogStreams": StatementTemplate("FindLogStreams", _all("logs", "log-group:*")),
    "RemoveLogStreams": StatementTemplate("RemoveLogStreams", _all("logs", f"log-group:*:log-stream:*/{CONTAINER}/*")),
}
"""By the statement's name, or the action: in place of those that are limited to what a subject uses.

Secrets are described; only those that the user names are read.
"""
_FLEET = (*FLEET_CLIENTS, *MEMBER_CLIENTS)


def _entered_roles(scope: Scope) -> Iterable[str]:
    return [f"arn:{scope.partition}:iam::*:role/{scope.role_name}"]


_LIST_ACCOUNTS = StatementTemplate("ListAccounts", everything)
_REPORTS = StatementTemplate("ReadAndWriteReports", report_objects)
_ENTERING = {
    "sts:AssumeRole": StatementTemplate("EnterAccounts", _entered_roles),
    "organizations:ListAccounts": _LIST_ACCOUNTS,
    "organizations:ListAccountsForParent": _LIST_ACCOUNTS,
    "organizations:ListOrganizationalUnitsForParent": _LIST_ACCOUNTS,
    "ec2:DescribeRegions": StatementTemplate("ListRegions", everything),
    "s3:ListBucket": StatementTemplate("FindReports", report_bucket),
    "s3:GetObject": _REPORTS,
    "s3:PutObject": _REPORTS,
}
