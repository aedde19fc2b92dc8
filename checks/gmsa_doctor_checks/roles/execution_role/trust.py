"""Whether ECS may assume the execution role."""

from __future__ import annotations

import json

from gmsa_doctor.authoring import Finding, Fix, check, failed, passed, skipped, unknown
from gmsa_doctor.core.errors import Denied, NotFound
from gmsa_doctor.formats.aws.arn import RoleArn
from gmsa_doctor.given.shared_values import ExecutionRole
from gmsa_doctor_checks import links
from gmsa_doctor_checks.commands import LIST_ECS_ROLES, posix
from gmsa_doctor_checks.roles.simulation import PolicySimulator
from gmsa_doctor_checks.roles.trust_policy import ECS_TASKS, RoleTrust, TrustSource, read_trust

_TRUST_POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": ECS_TASKS}, "Action": "sts:AssumeRole"}],
}


@check(
    "execution-role.trust",
    title="ECS tasks may assume the execution role",
    docs=links.EXECUTION_ROLE,
    about="task/executionRoleArn",
)
def execution_role_trust(role: ExecutionRole, simulator: PolicySimulator) -> Finding:
    """Reads the role's trust policy, and looks for a statement that allows `ecs-tasks.amazonaws.com` to assume it.

    Conditions on `aws:SourceAccount` and `aws:SourceArn` are evaluated; with others the result is unknown.

    Why: ECS assumes the role before it does anything else for the task. If it cannot, the task does not start.

    Fix: add `ecs-tasks.amazonaws.com` as a service principal to the role's trust policy.
    """
    arn = simulator.role(role.arn)
    try:
        found = simulator.iam.role(str(arn))
    except NotFound as error:
        return failed(
            f"the execution role {arn.name} does not exist",
            observed=error.text,
            expected=str(arn),
            fix=_create(arn),
        )
    except Denied:
        if simulator.as_execution_role:
            return skipped(
                "the role cannot call iam:GetRole on itself; that its credentials work shows that ECS can assume it"
            )
        raise
    try:
        trust = read_trust(found.trust, TrustSource(arn.partition, arn.account, simulator.place.region))
    except ValueError as error:
        return unknown(f"the trust policy of {arn.name} cannot be parsed: {error}", fix=_inspect_trust(arn))
    return _judge_trust(arn, trust)


def _judge_trust(arn: RoleArn, trust: RoleTrust) -> Finding:
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
    because = "a statement denies it" if trust.denied else f"its trust policy names {named}"
    if trust.conditions and not trust.denied:
        because = f"the condition on {', '.join(trust.conditions)} in its trust policy is not true for this task"
    return failed(
        f"ECS tasks cannot assume the execution role {arn.name}: {because}",
        observed=named,
        expected=f"a statement that allows sts:AssumeRole for {ECS_TASKS}",
        fix=Fix(
            f"1. Read the role's trust policy (command 1). 2. Allow {ECS_TASKS} to assume the role (command 2). It "
            "replaces the whole trust policy: add the other statements that you need to it.",
            (
                *_inspect_trust(arn).commands,
                f"aws iam update-assume-role-policy --role-name {posix(arn.name)} "
                f"--policy-document {posix(json.dumps(_TRUST_POLICY))}",
            ),
        ),
    )


def _create(arn: RoleArn) -> Fix:
    name, path = posix(arn.name), "" if arn.path == "/" else f" --path {posix(arn.path)}"
    managed = f"arn:{arn.partition}:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
    return Fix(
        "1. List the roles that ECS tasks may assume (command 1). If the right one is there, the developer sets it as "
        "executionRoleArn in a new revision of the task definition. 2. Otherwise create the role (commands 2 and 3), "
        "and run gmsa-doctor again: it reports the permissions on the CredSpec and the secret that the role lacks.",
        (
            LIST_ECS_ROLES,
            f"aws iam create-role --role-name {name}{path} --assume-role-policy-document "
            f"{posix(json.dumps(_TRUST_POLICY))}",
            f"aws iam attach-role-policy --role-name {name} --policy-arn {managed}",
        ),
    )


def _inspect_trust(arn: RoleArn) -> Fix:
    command = f"aws iam get-role --role-name {posix(arn.name)} --query Role.AssumeRolePolicyDocument"
    return Fix(f"Check that the role's trust policy allows sts:AssumeRole for {ECS_TASKS}.", (command,))
