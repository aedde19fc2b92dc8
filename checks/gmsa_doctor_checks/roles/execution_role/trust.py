"""Whether ECS may assume the execution role."""

from __future__ import annotations

from gmsa_doctor.authoring import Finding, check, skipped
from gmsa_doctor.core.errors import Denied
from gmsa_doctor.given.shared_values import ExecutionRole
from gmsa_doctor_checks import links
from gmsa_doctor_checks.roles.assumed import EXECUTION, judge_role
from gmsa_doctor_checks.roles.simulation import PolicySimulator


@check(
    "execution-role.trust",
    title="ECS tasks may assume the execution role",
    docs=links.EXECUTION_ROLE,
    about="task/executionRoleArn",
)
def execution_role_trust(role: ExecutionRole, simulator: PolicySimulator) -> Finding:
    """Reads the role's trust policy, and looks for a statement that allows `ecs-tasks.amazonaws.com` to assume it.

    Conditions on `aws:SourceAccount` and `aws:SourceArn` are evaluated; with others the result is unknown. ECS does not
    support `aws:SourceArn` with one cluster: the condition must end in a wildcard for all clusters.

    Why: ECS assumes the role before it does anything else for the task. If it cannot, the task does not start.

    Fix: add `ecs-tasks.amazonaws.com` as a service principal to the role's trust policy.
    """
    arn = simulator.role(role.arn)
    try:
        return judge_role(arn, EXECUTION, simulator)
    except Denied:
        if simulator.as_execution_role:
            return skipped(
                "the role cannot call iam:GetRole on itself; that its credentials work shows that ECS can assume it"
            )
        raise
