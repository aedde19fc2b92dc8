"""Whether ECS may assume a role of the task: the finding about its trust policy, and how to create such a role."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from gmsa_doctor.authoring import Finding, Fix, Status, failed, fix_in_steps, passed, skipped, unknown
from gmsa_doctor.core.errors import NotFound
from gmsa_doctor.formats.aws.arn import RoleArn
from gmsa_doctor.formats.aws.commands import ECS_TASKS, TRUST_POLICY, create_role
from gmsa_doctor_checks.commands import LIST_ECS_ROLES, posix
from gmsa_doctor_checks.roles.simulation import PolicySimulator
from gmsa_doctor_checks.roles.trust_policy import RoleTrust, TrustSource, read_trust


@dataclass(frozen=True)
class RoleKind:
    """A role of the task: its name in findings, and its field of the task definition.

    ``managed`` is an AWS managed policy to attach, or empty; ``then``: what to do after the role is created.
    """

    name: str
    field: str
    managed: str
    then: str


EXECUTION = RoleKind(
    "the execution role",
    "executionRoleArn",
    "service-role/AmazonECSTaskExecutionRolePolicy",
    "and run gmsa-doctor again: it reports the permissions on the CredSpec and the secret that the role lacks",
)
TASK = RoleKind("the task role", "taskRoleArn", "", "and allow in it what the application calls in AWS")


def judge_role(arn: RoleArn, kind: RoleKind, simulator: PolicySimulator) -> Finding:
    """The finding about a role and its trust policy. Raises Denied."""
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
        trust = read_trust(found.trust, TrustSource(arn.partition, arn.account, simulator.place.region))
    except ValueError as error:
        return unknown(f"the trust policy of {arn.name} cannot be parsed: {error}", fix=_inspect_trust(arn))
    return _judge_trust(arn, kind, trust)


def _judge_trust(arn: RoleArn, kind: RoleKind, trust: RoleTrust) -> Finding:
    if trust.allows:
        return passed(f"{ECS_TASKS} may assume {arn.name}")
    named = ", ".join(trust.services) or "no service"
    if trust.allows is None:
        keys = ", ".join(trust.conditions)
        return unknown(
            f"the trust policy of {arn.name} depends on conditions that cannot be evaluated here: {keys}",
            observed=named,
            fix=_inspect_trust(arn),
        )
    return failed(
        f"ECS tasks cannot assume {kind.name} {arn.name}: {trust.reason}",
        observed=named,
        expected=f"a statement that allows sts:AssumeRole for {ECS_TASKS}",
        fix=fix_in_steps(
            Fix("Read the role's trust policy.", _inspect_trust(arn).commands),
            Fix(
                f"Allow {ECS_TASKS} to assume the role. The command replaces the whole trust policy: add the other "
                "statements that you need to it. To limit it, use aws:SourceAccount, or aws:SourceArn with "
                f"arn:{arn.partition}:ecs:<region>:{arn.account}:*, since ECS does not support one cluster there.",
                (
                    f"aws iam update-assume-role-policy --role-name {posix(arn.name)} "
                    f"--policy-document {posix(json.dumps(TRUST_POLICY))}",
                ),
            ),
        ),
    )


def _choose_or_create(arn: RoleArn, kind: RoleKind) -> Fix:
    return fix_in_steps(
        Fix(
            "List the roles that ECS tasks may assume. If the right one is there, the developer sets it as "
            f"{kind.field} in a new revision of the task definition, and updates the service to it.",
            (LIST_ECS_ROLES,),
        ),
        Fix(
            f"Otherwise create the role, {kind.then}.",
            create_role(arn.name, arn.partition, arn.path, kind.managed),
        ),
    )


def _inspect_trust(arn: RoleArn) -> Fix:
    command = f"aws iam get-role --role-name {posix(arn.name)} --query Role.AssumeRolePolicyDocument"
    return Fix(f"Check that the role's trust policy allows sts:AssumeRole for {ECS_TASKS}.", (command,))
