"""Whether the task definition names an execution role."""

from __future__ import annotations

from gmsa_doctor.authoring import Fix, Given, Result, check, failed, fix_in_steps, passed
from gmsa_doctor.formats.aws.commands import create_role
from gmsa_doctor.formats.documents.located import Placeholder
from gmsa_doctor.formats.documents.task_definition import TaskDefinition
from gmsa_doctor.given.shared_values import ExecutionRole
from gmsa_doctor.given.subject import AwsPlace, Launch, Platform, Subject
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import LIST_ECS_ROLES
from gmsa_doctor_checks.roles.assumed import EXECUTION
from gmsa_doctor_checks.task.revisions import register_again, unknown_yet


@check(
    "execution-role.present",
    title="The task definition names an execution role",
    docs=links.EXECUTION_ROLE,
    about="task/executionRoleArn",
    shows=(texts.NO_ROLE, texts.NO_ROLE_REGION, texts.NO_ROLE_AGENT),
)
def execution_role(
    definition: TaskDefinition, platform: Platform, subject: Subject, place: AwsPlace
) -> Result[ExecutionRole]:
    """Looks for `executionRoleArn`.

    Why: Credentials Fetcher reads the CredSpec and the secret with the task's execution role, not with its task role.
    Without one it has no AWS credentials.

    Fix: set `executionRoleArn` to a role that may read both and that `ecs-tasks.amazonaws.com` may assume.
    """
    if isinstance(definition.execution_role_arn, Placeholder):
        return unknown_yet("executionRoleArn", definition.execution_role_arn)
    if definition.execution_role_arn:
        return Given(ExecutionRole(definition.execution_role_arn), passed(definition.execution_role_arn))
    choose = Fix(
        "List the roles that ECS tasks may assume, and choose the one that this application is to use. If it lacks "
        "permissions on the CredSpec or the secret, gmsa-doctor reports them in the last step.",
        (LIST_ECS_ROLES,),
    )
    create = Fix(
        "If none of them is for this application, the AWS administrator creates one.",
        create_role("<role>", place.partition or "aws", "/", EXECUTION.managed),
    )
    assign = register_again("Set executionRoleArn to the ARN of that role", subject)
    again = Fix("Run gmsa-doctor again: it reports the permissions on the CredSpec and the secret that the role lacks.")
    failure = failed(
        "the task definition has no executionRoleArn, so Credentials Fetcher gets no AWS credentials",
        observed="no executionRoleArn",
        expected="the ARN of a role that may read the CredSpec and the secret",
        fix=fix_in_steps(choose, create, assign, again, owner=assign.owner),
        shows_as=texts.NO_ROLE if platform.launch is Launch.FARGATE else texts.NO_ROLE_AGENT,
    )
    return failure if platform.launch is Launch.FARGATE else failure.to_warning()
