"""What ECS does with the execution role before the container starts: it pulls the images, and opens the logs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from gmsa_doctor.authoring import Finding, Fix, Outcome, Row, Status, Stop, check, failed, passed, skipped, warned
from gmsa_doctor.clients.aws.ecr import Ecr
from gmsa_doctor.clients.aws.iam import Iam
from gmsa_doctor.clients.aws.logs import Logs
from gmsa_doctor.core.errors import ClientError, NotFound
from gmsa_doctor.core.limits import each
from gmsa_doctor.formats.aws.arn import RoleArn
from gmsa_doctor.formats.aws.image_name import EcrRepository, ecr_repository
from gmsa_doctor.formats.documents.task_definition import LogStreams, TaskDefinition
from gmsa_doctor.given.shared_values import ExecutionRole
from gmsa_doctor.given.subject import AwsPlace, Launch, Platform
from gmsa_doctor.given.vantage import Caller
from gmsa_doctor_checks import links
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.roles.access import (
    AccessQuestion,
    Policy,
    in_our_account,
    judge,
    put_policy,
    ruling,
    side_by_side,
    simulate,
    worst,
)
from gmsa_doctor_checks.roles.request_context import known_of_requests

_TOKEN = "ecr:GetAuthorizationToken"
_PULL = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
_DOCUMENTED = "ecr:BatchCheckLayerAvailability"
"""AWS's pages list it for pulling; that a pull fails without it is not certain."""


def _of_the_role(role: ExecutionRole, caller: Outcome[Caller], platform: Platform, what: str) -> RoleArn:
    arn = in_our_account(role.arn, caller)
    if caller.value and caller.value.is_execution_role:
        raise Stop(skipped("these are the execution role's own credentials, with which IAM is not asked"))
    if platform.launch is Launch.EC2:
        raise Stop(skipped(f"on EC2 the role of the container instance {what}, not the execution role"))
    return arn


def _on_some(finding: Finding, platform: Platform) -> Finding:
    """What fails on Fargate only is a warning where the launch type is not known."""
    if platform.launch is None and finding.status is Status.FAIL:
        return replace(
            finding, status=Status.WARN, summary=f"{finding.summary} (on Fargate; on EC2 it does not matter)"
        )
    return finding


def _flat(answers: Sequence[tuple[Any, list[Finding] | ClientError]]) -> list[Finding]:
    return [
        finding
        for _, answer in answers
        for finding in ([answer.finding()] if isinstance(answer, ClientError) else answer)
    ]


# The images -----------------------------------------------------------------------------------------


@check(
    "execution-role.image",
    title="The execution role may pull the images",
    docs=links.ECR_PULL,
    about="task/executionRoleArn",
)
def execution_role_image(
    role: ExecutionRole,
    definition: TaskDefinition,
    place: AwsPlace,
    platform: Platform,
    iam: Iam,
    ecr: Ecr,
    caller: Outcome[Caller],
) -> Finding:
    """Lets IAM simulate what pulling the task's images from Amazon ECR takes, and reads the repositories' policies.

    `ecr:GetAuthorizationToken`, and on each repository `ecr:BatchGetImage`, `ecr:GetDownloadUrlForLayer` and
    `ecr:BatchCheckLayerAvailability`. Other registries ask for nothing of IAM. On EC2 the container instance's role
    pulls.

    Why: without them the task stops with `CannotPullContainerError` or `unable to pull secrets or registry auth`,
    before anything of gMSA happens.

    Fix: allow these actions to the execution role; the managed policy AmazonECSTaskExecutionRolePolicy does.
    """
    arn = _of_the_role(role, caller, platform, "pulls the images")
    images = tuple(dict.fromkeys(one.image for one in definition.containers if one.image))
    repositories = tuple(dict.fromkeys(filter(None, map(ecr_repository, images))))
    if not repositories:
        return passed(f"no image is of a private repository of Amazon ECR: {', '.join(images) or 'none is named'}")
    asked = [None, *repositories]
    answers = each(asked, lambda one: _pull(one, arn, place, iam, ecr) if one else _token(arn, place, iam))
    findings = _flat(answers)
    decides = worst(findings)
    if decides.status is Status.PASS:
        names = ", ".join(one.name for one in repositories)
        return passed(f"what pulling from {names} takes is allowed to {arn.name}")
    wrong = tuple(
        Row(one.expected or one.summary, one.status, one.summary) for one in findings if one.status is not Status.PASS
    )
    rows = wrong if len(wrong) > 1 else ()
    fix = _allow_pulling(arn, place, repositories) if decides.status is Status.FAIL and _is_missing(decides) else None
    return _on_some(replace(decides, rows=rows, fix=fix or decides.fix), platform)


def _is_missing(finding: Finding) -> bool:
    return "no policy of it allows" in finding.summary


def _token(arn: RoleArn, place: AwsPlace, iam: Iam) -> list[Finding]:
    asked = AccessQuestion(arn, _TOKEN, "*", "the images", known_of_requests(place), about="image")
    return [judge(asked, simulate(iam, arn, (_TOKEN,), ("*",), asked.context), None)]


def _pull(one: EcrRepository, arn: RoleArn, place: AwsPlace, iam: Iam, ecr: Ecr) -> list[Finding]:
    if one.region != place.region:
        return [skipped(f"the repository {one.name} is in {one.region}, which was not asked")]
    resource = _arn_of(one, place)
    asked = AccessQuestion(
        arn,
        _PULL[0],
        resource,
        f"the images of {one.name}",
        known_of_requests(place),
        about="image",
        policy=f"the policy of the repository {one.name}",
        show=f"aws ecr get-repository-policy{place.region_option} --registry-id {one.account} "
        f"--repository-name {posix(one.name)} --query policyText --output text",
        foreign=one.account != arn.account,
    )
    actions = (*_PULL, _DOCUMENTED)
    if asked.foreign:
        decisions = simulate(iam, arn, actions, (resource,), asked.context)
        elsewhere: Policy = ClientError(f"only account {one.account} can read it")
        return [judge(replace(asked, action=action), decisions, elsewhere) for action in _PULL]
    try:
        decisions, read = side_by_side(
            lambda: simulate(iam, arn, actions, (resource,), asked.context),
            lambda: ruling(ecr.policy(one.name, one.account), asked),
        )
    except NotFound as error:
        return [_no_repository(one, error)]
    if isinstance(read, NotFound):
        return [_no_repository(one, read)]
    findings = []
    for action in actions:
        question = replace(asked, action=action)
        policy = read if isinstance(read, ClientError) else ruling(ecr.policy(one.name, one.account), question)
        found = judge(question, decisions, policy)
        findings.append(_only_documented(found) if action == _DOCUMENTED else found)
    return findings


def _only_documented(finding: Finding) -> Finding:
    """Pulling may well work without it: a warning at most."""
    return replace(finding, status=Status.WARN, overruled_by=None) if finding.status is Status.FAIL else finding


def _no_repository(one: EcrRepository, error: NotFound) -> Finding:
    """A rule of the pull through cache makes repositories of its prefix when they are pulled first.

    Source: https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html
    """
    may_be_made = "/" in one.name
    unless = "; that is right only where a rule of the pull through cache makes it" if may_be_made else ""
    return (warned if may_be_made else failed)(
        f"the repository {one.name} does not exist in {one.region}{unless}",
        observed=error.code,
        expected=f"a repository {one.name} of account {one.account}",
        fix=Fix(
            "Name the repository that holds the image in the task definition, or push the image there.",
            (f"aws ecr describe-repositories --region {posix(one.region)} --query 'repositories[].repositoryUri'",),
        ),
    )


def _arn_of(one: EcrRepository, place: AwsPlace) -> str:
    return f"arn:{place.partition}:ecr:{one.region}:{one.account}:repository/{one.name}"


def _allow_pulling(arn: RoleArn, place: AwsPlace, repositories: Sequence[EcrRepository]) -> Fix:
    resources = tuple(_arn_of(one, place) for one in repositories)
    return Fix(
        "Allow what pulling takes to the execution role, or attach AmazonECSTaskExecutionRolePolicy to it.",
        (
            put_policy(arn, "image-token", (_TOKEN,), "*"),
            put_policy(arn, "image-pull", (*_PULL, _DOCUMENTED), *resources),
        ),
    )


# The logs -------------------------------------------------------------------------------------------

_PUT = "logs:PutLogEvents"
_WRITE = ("logs:CreateLogStream", _PUT)
_CREATE = "logs:CreateLogGroup"


def _streams(definition: TaskDefinition, place: AwsPlace) -> tuple[LogStreams, ...]:
    """Where the containers write with awslogs, each group once."""
    found = {(one.logs.group, one.logs.region or place.region): one.logs for one in definition.containers if one.logs}
    return tuple(found.values())


@check(
    "log-group.present",
    title="The log groups exist",
    docs=links.AWSLOGS,
    about="task/containerDefinitions",
)
def log_group(definition: TaskDefinition, place: AwsPlace, platform: Platform, logs: Logs) -> Finding:
    """Looks for the CloudWatch Logs groups that the containers write to with the awslogs driver.

    Why: the driver opens its stream before the container starts. Where the group does not exist, and
    `awslogs-create-group` does not let the driver make it, the task stops with `failed to validate logger args`. On EC2
    the driver goes on trying in the background where its mode is `non-blocking`, as it is by default: a warning there.

    Fix: create the log group, or set `awslogs-create-group` to `true` and allow `logs:CreateLogGroup`.
    """
    streams = [one for one in _streams(definition, place) if not one.made]
    if not streams:
        return passed("no container writes to a log group that has to be there")
    here = [one for one in streams if one.region in (None, place.region)]
    if not here:
        return skipped(f"the log group {streams[0].group} is in {streams[0].region}, which was not asked")
    answers = each(here, lambda one: logs.has_group(one.group))
    missing = [one.group for one, there in answers if there is False]
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
                    f"aws logs create-log-group{place.region_option} --log-group-name {posix(one)}" for one in missing
                ),
            ),
        )
    for _, there in answers:
        if isinstance(there, ClientError):
            raise there
    return passed(", ".join(one.group for one in here))


@check(
    "execution-role.logs",
    title="The execution role may write the logs",
    docs=links.AWSLOGS,
    about="task/executionRoleArn",
)
def execution_role_logs(
    role: ExecutionRole,
    definition: TaskDefinition,
    place: AwsPlace,
    platform: Platform,
    iam: Iam,
    logs: Logs,
    caller: Outcome[Caller],
) -> Finding:
    """Lets IAM simulate `logs:CreateLogStream` and `logs:PutLogEvents` on the log groups of the awslogs driver.

    `logs:CreateLogGroup` too, where `awslogs-create-group` is set and the group does not exist. Other drivers are not
    looked at. On EC2 the container instance's role writes.

    Why: the driver opens its stream before the container starts; if it may not, the task stops with
    `failed to validate logger args`. Without `logs:PutLogEvents` alone it runs, and what it writes is lost.

    Fix: allow these actions to the execution role; the managed policy AmazonECSTaskExecutionRolePolicy allows all but
    `logs:CreateLogGroup`.
    """
    arn = _of_the_role(role, caller, platform, "writes the logs")
    streams = [
        _ContainerLog(arn, one.name, one.logs, place.region or "", place.account or arn.account)
        for one in definition.containers
        if one.logs
    ]
    if not streams:
        return passed("no container logs with the awslogs driver")
    answers = each(
        ("streams", "groups"),
        lambda what: _write(streams, place, iam) if what == "streams" else _make(streams, place, iam, logs),
    )
    findings = _flat(answers)
    decides = worst(findings)
    if decides.status is Status.PASS:
        groups = dict.fromkeys(one.logs.group for one in streams)
        return passed(f"writing to {', '.join(groups)} is allowed to {arn.name}")
    return _on_some(decides, platform)


@dataclass(frozen=True)
class _ContainerLog:
    """Where a container writes. The ARNs are those that IAM compares.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html
    """

    role: RoleArn
    container: str
    logs: LogStreams
    here: str
    account: str

    @property
    def group(self) -> str:
        """The ARN of the group, without what CloudWatch Logs appends in policies."""
        region = self.logs.region or self.here
        return f"arn:{self.role.partition}:logs:{region}:{self.account}:log-group:{self.logs.group}"

    @property
    def arn(self) -> str:
        """That of a stream; its last part is the task's id."""
        return f"{self.group}:log-stream:{self.logs.prefix or 'ecs'}/{self.container}/{'0' * 32}"


def _write(streams: Sequence[_ContainerLog], place: AwsPlace, iam: Iam) -> list[Finding]:
    context = known_of_requests(place)
    resources = dict.fromkeys(resource for one in streams for resource in (one.arn, one.group))
    decisions = simulate(iam, streams[0].role, _WRITE, tuple(resources), context)
    found = []
    for one in streams:
        for action in _WRITE:
            bare = any(it.allowed and (it.action, it.resource) == (action, one.group) for it in decisions)
            hint = f"; a policy names the group without the ending: write {one.group}:*" if bare else ""
            asked = AccessQuestion(one.role, action, one.arn, "", context, hint=hint, about="logs")
            judged = _to_write(one, _WRITE, judge(asked, decisions, None))
            found.append(_output_is_lost(judged) if action == _PUT else judged)
    return found


def _output_is_lost(finding: Finding) -> Finding:
    """The driver opens its stream without that right, and the container runs: a warning."""
    if finding.status is not Status.FAIL:
        return finding
    text = f"{finding.summary}; the container starts, but what it writes is lost"
    return replace(finding, status=Status.WARN, summary=text)


def _make(streams: Sequence[_ContainerLog], place: AwsPlace, iam: Iam, logs: Logs) -> list[Finding]:
    """The driver makes a group that does not exist. Which form of its ARN is compared is told differently: either."""
    found = []
    for one in {stream.group: stream for stream in streams if stream.logs.made}.values():
        if one.logs.region in (None, place.region) and not logs.has_group(one.logs.group):
            forms = (one.group, f"{one.group}:log-stream:")
            context = known_of_requests(place)
            decisions = simulate(iam, one.role, (_CREATE,), forms, context)
            judged = [judge(AccessQuestion(one.role, _CREATE, form, "", context), decisions, None) for form in forms]
            best = next((finding for finding in judged if finding.status is Status.PASS), judged[0])
            found.append(_to_write(one, (_CREATE,), best))
    return found


def _to_write(stream: _ContainerLog, actions: tuple[str, ...], finding: Finding) -> Finding:
    """A failure in the words of logs."""
    if finding.status is not Status.FAIL:
        return finding
    why = finding.summary.partition(": ")[2]
    fix = finding.fix
    if _is_missing(finding):
        fix = Fix(
            f"Allow writing to {stream.logs.group} to the execution role.",
            (put_policy(stream.role, f"logs-{actions[0].partition(':')[2]}", actions, f"{stream.group}:*"),),
        )
    return replace(
        finding,
        summary=f"the execution role {stream.role.name} may not write to the log group {stream.logs.group}: {why}",
        expected=f"{', '.join(actions)} allowed on {stream.group}:*",
        fix=fix,
        overruled_by=None,
    )
