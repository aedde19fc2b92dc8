"""Whether the log groups exist that the containers write to."""

from __future__ import annotations

from gmsa_doctor.authoring import Finding, Fix, check, failed, passed, skipped, warned
from gmsa_doctor.clients.aws.logs import Logs
from gmsa_doctor.core.errors import ClientError
from gmsa_doctor.core.limits import each
from gmsa_doctor.formats.documents.task_definition import TaskDefinition
from gmsa_doctor.given.subject import AwsPlace, Launch, Platform
from gmsa_doctor_checks import links
from gmsa_doctor_checks.commands import posix


@check("log-group.present", title="The log groups exist", docs=links.AWSLOGS, about="task/containerDefinitions")
def log_group(definition: TaskDefinition, place: AwsPlace, platform: Platform, logs: Logs) -> Finding:
    """Looks for the CloudWatch Logs groups that the containers write to with the awslogs driver.

    Why: the driver opens its stream before the container starts. Where the group does not exist, and
    `awslogs-create-group` does not let the driver make it, the task stops with `failed to validate logger args`. On EC2
    the driver goes on trying in the background where its mode is `non-blocking`, as it is by default: a warning there.

    Fix: create the log group, or set `awslogs-create-group` to `true` and allow `logs:CreateLogGroup`.
    """
    written = {
        (container.logs.group, container.logs.region or place.region): container.logs
        for container in definition.containers
        if container.logs
    }
    streams = [stream for stream in written.values() if not stream.made]
    if not streams:
        return passed("no container writes to a log group that has to be there")
    groups = [stream.group for stream in streams if stream.region in (None, place.region)]
    if not groups:
        return skipped(f"the log group {streams[0].group} is in {streams[0].region}, which was not asked")
    answers = each(groups, logs.has_group)
    missing = [group for group, answer in answers if answer is False]
    if missing:
        stops = platform.launch is Launch.FARGATE
        lost = "" if stops else "; on EC2 the container may start all the same, and what it writes is lost"
        return (failed if stops else warned)(
            f"the log group {missing[0]} does not exist{lost}",
            observed=f"no log group {', '.join(missing)} in {place.region}",
            expected="a log group that exists, or awslogs-create-group set to true",
            fix=Fix(
                "Create the log group, or let the driver make it (awslogs-create-group).",
                tuple(
                    f"aws logs create-log-group{place.region_option} --log-group-name {posix(group)}"
                    for group in missing
                ),
            ),
        )
    for _, answer in answers:
        if isinstance(answer, ClientError):
            raise answer
    return passed(", ".join(groups))
