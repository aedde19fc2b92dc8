"""Whether ECS may assume the task role, whose credentials the application gets."""

from __future__ import annotations

from gmsa_doctor.authoring import Finding, check, passed
from gmsa_doctor.formats.documents.task_definition import TaskDefinition
from gmsa_doctor_checks import links
from gmsa_doctor_checks.roles.assumed import TASK, judge_role
from gmsa_doctor_checks.roles.simulation import PolicySimulator


@check("task-role.trust", title="ECS tasks may assume the task role", docs=links.TASK_ROLE, about="task/taskRoleArn")
def task_role_trust(definition: TaskDefinition, simulator: PolicySimulator) -> Finding:
    """Reads the trust policy of `taskRoleArn`, and looks for a statement that allows `ecs-tasks.amazonaws.com`.

    Conditions on `aws:SourceAccount` and `aws:SourceArn` are evaluated; with others the result is unknown. ECS does not
    support `aws:SourceArn` with one cluster: the condition must end in a wildcard for all clusters. Credentials Fetcher
    does not use this role.

    Why: ECS assumes it when it starts the task. If it cannot, the task stops with `ECS was unable to assume the role`,
    before Credentials Fetcher starts.

    Fix: add `ecs-tasks.amazonaws.com` as a service principal to the role's trust policy.
    """
    if not definition.task_role_arn:
        return passed("the task definition names no task role")
    if definition.task_role_arn == definition.execution_role_arn:
        return passed("the task role is the execution role: see execution-role.trust")
    return judge_role(simulator.role(definition.task_role_arn), TASK, simulator)
