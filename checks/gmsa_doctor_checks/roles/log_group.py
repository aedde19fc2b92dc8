"""Whether the containers' log groups exist."""

from __future__ import annotations

from collections.abc import Sequence

from gmsa_doctor.authoring import Finding, Fix, alternatives, check, failed, passed, skipped, warned
from gmsa_doctor.clients.aws.logs import Logs
from gmsa_doctor.core.errors import ClientError
from gmsa_doctor.core.limits import each
from gmsa_doctor.formats.aws.arn import ArnError, parse_role_arn
from gmsa_doctor.formats.aws.commands import create_log_group
from gmsa_doctor.formats.documents.task_definition import TaskDefinition
from gmsa_doctor.given.subject import AwsPlace, Launch, Platform, Subject
from gmsa_doctor_checks import links
from gmsa_doctor_checks.roles.policy_fixes import put_policy
from gmsa_doctor_checks.task.revisions import register_again


@check("log-group.present", title="The log groups exist", docs=links.AWSLOGS, about="task/containerDefinitions")
def log_group(definition: TaskDefinition, place: AwsPlace, platform: Platform, logs: Logs, subject: Subject) -> Finding:
    """Looks for the CloudWatch Logs log groups that the containers write to with the awslogs driver.

    Why: the driver creates its log stream before the container starts. If the group does not exist and
    `awslogs-create-group` is not set, the task stops with `failed to validate logger args`. On EC2 this is a warning:
    in the default mode, `non-blocking`, the driver keeps retrying in the background.

    Fix: create the log group, or set `awslogs-create-group` to `true` and allow `logs:CreateLogGroup`.
    """
    written = {
        (container.logs.group, container.logs.region or place.region): container.logs
        for container in definition.containers
        if container.logs
    }
    streams = [stream for stream in written.values() if not stream.made]
    if not streams:
        return passed("no container requires an existing log group")
    groups = [stream.group for stream in streams if stream.region in (None, place.region)]
    if not groups:
        return skipped(f"not checked: the log group {streams[0].group} is in {streams[0].region}")
    answers = each(groups, logs.has_group)
    missing = [group for group, answer in answers if answer is False]
    if missing:
        stops = platform.launch is Launch.FARGATE
        lost = "" if stops else "; on EC2 the container may start anyway, but its logs are lost"
        return (failed if stops else warned)(
            f"the log group {missing[0]} does not exist{lost}",
            observed=f"no log group {', '.join(missing)} in {place.region}",
            expected="a log group that exists, or awslogs-create-group set to true",
            fix=_fix(missing, definition, platform, subject, place),
        )
    for _, answer in answers:
        if isinstance(answer, ClientError):
            raise answer
    return passed(", ".join(groups))


def _fix(
    groups: Sequence[str], definition: TaskDefinition, platform: Platform, subject: Subject, place: AwsPlace
) -> Fix:
    """Create the groups, or let the driver create them, for which a role needs a permission."""
    create = Fix("Create the log group.", tuple(create_log_group(group) for group in groups))
    let = "Or set awslogs-create-group to true in the options of the container's logConfiguration"
    edit = register_again(let, subject)
    try:
        role = parse_role_arn(definition.execution_role_arn or "")
    except ArnError:
        return alternatives(create, edit)
    if platform.launch is not Launch.FARGATE:
        return alternatives(create, edit)
    arns = [f"arn:{role.partition}:logs:{place.region or '*'}:{role.account}:log-group:{group}:*" for group in groups]
    allow = put_policy(role, "logs-CreateLogGroup", ("logs:CreateLogGroup",), *arns)
    text = f"{edit.text.removesuffix('.')}, and allow logs:CreateLogGroup for the execution role."
    return alternatives(create, Fix(text, (allow, *edit.commands)))
