"""Whether a service may assume a role: the finding about its trust policy, and how to create such a role."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from gmsa_doctor.authoring import Finding, Fix, Status, failed, fix_in_steps, passed, skipped, unknown
from gmsa_doctor.core.errors import NotFound
from gmsa_doctor.formats.aws.arn import RoleArn
from gmsa_doctor.formats.aws.commands import ECS_TASKS, create_role, trust_policy
from gmsa_doctor_checks.commands import LIST_ECS_ROLES, posix
from gmsa_doctor_checks.roles.simulation import PolicySimulator
from gmsa_doctor_checks.roles.trust_policy import RoleTrust, TrustSource, read_trust


@dataclass(frozen=True)
class RoleKind:
    """A role: its name in findings, the service that assumes it, and how to choose one.

    ``list_command`` lists the roles that the service may assume, and ``choose`` says how to set one of them.
    ``managed`` is an AWS managed policy to attach, or empty; ``then``: what to do after the role is created.
    """

    name: str
    choose: str
    managed: str
    then: str
    assumed_by: str = "ECS tasks"
    service: str = ECS_TASKS
    list_command: str = LIST_ECS_ROLES


def _in_task_definition(field: str) -> str:
    return f"the developer sets it as {field} in a new revision of the task definition, and updates the service to it"


EXECUTION = RoleKind(
    "the execution role",
    _in_task_definition("executionRoleArn"),
    "service-role/AmazonECSTaskExecutionRolePolicy",
    "and run gmsa-doctor again: it reports the permissions on the CredSpec and the secret that the role lacks",
)
TASK = RoleKind(
    "the task role", _in_task_definition("taskRoleArn"), "", "and allow in it what the application calls in AWS"
)


def judge_role(arn: RoleArn, kind: RoleKind, simulator: PolicySimulator, source: TrustSource | None = None) -> Finding:
    """The finding about a role and its trust policy; without a source for a task. Raises Denied."""
    source = source or TrustSource(arn.partition, arn.account, simulator.place.region)
    try:
        found = simulator.iam.role(str(arn))
    except NotFound as error:
        text = f"{kind.name} {arn.name} does not exist"
        if (caller := simulator.caller.finding).status is Status.UNKNOWN:
            return replace(
                caller,
                summary=f"{text} in the account of your credentials, or they are for another account: {caller.summary}",
                observed=error.text,
            )
        return failed(text, observed=error.text, expected=str(arn), fix=_choose_or_create(arn, kind))
    if f"::{arn.account}:" not in found.arn:  # STS has not named the caller, otherwise nothing is asked
        return skipped(f"not checked: IAM has found {found.arn}, a role of another account than {arn}")
    try:
        trust = read_trust(found.trust, source)
    except ValueError as error:
        return unknown(f"the trust policy of {arn.name} cannot be parsed: {error}", fix=_inspect_trust(arn, kind))
    return _judge_trust(arn, kind, trust, source)


def _judge_trust(arn: RoleArn, kind: RoleKind, trust: RoleTrust, source: TrustSource) -> Finding:
    if trust.allows:
        return passed(f"{kind.service} may assume {arn.name}")
    named = ", ".join(trust.services) or "no service"
    if trust.allows is None:
        keys = ", ".join(trust.conditions)
        return unknown(
            f"the trust policy of {arn.name} depends on conditions that cannot be evaluated here: {keys}",
            observed=named,
            fix=_inspect_trust(arn, kind),
        )
    return failed(
        f"{kind.assumed_by} cannot assume {kind.name} {arn.name}: {trust.reason}",
        observed=named,
        expected=f"a statement that allows sts:AssumeRole for {kind.service}",
        fix=fix_in_steps(
            Fix("Read the role's trust policy.", _inspect_trust(arn, kind).commands),
            Fix(
                f"Allow {kind.service} to assume the role. The command replaces the whole trust policy: add the other "
                f"statements that you need to it. To limit it, use aws:SourceAccount, or aws:SourceArn with "
                f"{source.arn or _of_all_clusters(arn)}.",
                (
                    f"aws iam update-assume-role-policy --role-name {posix(arn.name)} "
                    f"--policy-document {posix(json.dumps(trust_policy(kind.service)))}",
                ),
            ),
        ),
    )


def _of_all_clusters(arn: RoleArn) -> str:
    return f"arn:{arn.partition}:ecs:<region>:{arn.account}:*, since ECS does not support one cluster there"


def _choose_or_create(arn: RoleArn, kind: RoleKind) -> Fix:
    return fix_in_steps(
        Fix(
            f"List the roles that {kind.assumed_by} may assume. If the right one is there, {kind.choose}.",
            (kind.list_command,),
        ),
        Fix(
            f"Otherwise create the role, {kind.then}.",
            create_role(arn.name, arn.partition, arn.path, kind.managed, kind.service),
        ),
    )


def _inspect_trust(arn: RoleArn, kind: RoleKind) -> Fix:
    command = f"aws iam get-role --role-name {posix(arn.name)} --query Role.AssumeRolePolicyDocument"
    return Fix(f"Check that the role's trust policy allows sts:AssumeRole for {kind.service}.", (command,))
