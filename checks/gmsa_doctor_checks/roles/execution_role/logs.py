"""Whether the execution role may write the containers' logs to CloudWatch Logs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gmsa_doctor.authoring import Finding, Fix, Status, check, passed, worst
from gmsa_doctor.clients.aws.logs import Logs
from gmsa_doctor.formats.aws.arn import RoleArn
from gmsa_doctor.formats.documents.task_definition import LogStreams, TaskDefinition
from gmsa_doctor.given.shared_values import ExecutionRole
from gmsa_doctor.given.subject import Platform
from gmsa_doctor_checks import links
from gmsa_doctor_checks.roles.access import is_not_granted, judge
from gmsa_doctor_checks.roles.policy_fixes import put_policy
from gmsa_doctor_checks.roles.simulation import AccessQuestion, PolicySimulator, findings_of
from gmsa_doctor_checks.versions import failed_on_fargate

_PUT = "logs:PutLogEvents"
_WRITE = ("logs:CreateLogStream", _PUT)
_CREATE = "logs:CreateLogGroup"


@dataclass(frozen=True)
class _ContainerLog:
    """The log stream of a container, by the ARNs that IAM compares.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html
    """

    role: RoleArn
    container: str
    logs: LogStreams
    region: str
    account: str

    @property
    def group(self) -> str:
        """The ARN of the log group, without the ``:*`` of policies."""
        region = self.logs.region or self.region
        return f"arn:{self.role.partition}:logs:{region}:{self.account}:log-group:{self.logs.group}"

    @property
    def stream(self) -> str:
        """The ARN of a log stream; it ends in the task's id."""
        return f"{self.group}:log-stream:{self.logs.prefix or 'ecs'}/{self.container}/{'0' * 32}"


@check(
    "execution-role.logs",
    title="The execution role may write the logs",
    docs=links.AWSLOGS,
    about="task/executionRoleArn",
)
def execution_role_logs(
    role: ExecutionRole, definition: TaskDefinition, platform: Platform, logs: Logs, simulator: PolicySimulator
) -> Finding:
    """Simulates `logs:CreateLogStream` and `logs:PutLogEvents` in IAM on the awslogs driver's log groups.

    If `awslogs-create-group` is set and the group does not exist, it also simulates `logs:CreateLogGroup`. Other log
    drivers are not checked. On EC2 the container instance's role writes the logs.

    Why: the driver creates its log stream before the container starts; without permission the task stops with
    `failed to validate logger args`. If only `logs:PutLogEvents` is missing, the task runs and its logs are lost.

    Fix: allow these actions for the execution role; the managed policy AmazonECSTaskExecutionRolePolicy allows all but
    `logs:CreateLogGroup`.
    """
    arn = simulator.role_on_fargate(role, platform, "writes the logs")
    place = simulator.place
    targets = [
        _ContainerLog(arn, container.name, container.logs, place.region or "", place.account or arn.account)
        for container in definition.containers
        if container.logs
    ]
    if not targets:
        return passed("no container uses the awslogs driver")
    decides = worst(findings_of((lambda: _write(targets, simulator), lambda: _create(targets, simulator, logs))))
    if decides.status is Status.PASS:
        groups = dict.fromkeys(target.logs.group for target in targets)
        return passed(f"writing to {', '.join(groups)} is allowed for {arn.name}")
    return failed_on_fargate(decides, platform)


def _write(targets: Sequence[_ContainerLog], simulator: PolicySimulator) -> list[Finding]:
    questions = [
        (target, AccessQuestion(target.role, action, target.stream, "", simulator.context, fix_name="logs"))
        for target in targets
        for action in _WRITE
    ]
    resources = dict.fromkeys(resource for target in targets for resource in (target.stream, target.group))
    decisions = simulator.simulate(questions[0][1], _PUT, resources=tuple(resources))
    found = []
    for target, question in questions:
        if any(
            decision.allowed and (decision.action, decision.resource) == (question.action, target.group)
            for decision in decisions
        ):
            hint = f"; a policy names the log group without the ending: use {target.group}:*"
            question = replace(question, hint=hint)
        finding = _to_write(target, _WRITE, judge(question, decisions, None))
        if question.action == _PUT:  # the driver creates its stream without it
            finding = finding.to_warning("; the container starts, but its logs are lost")
        found.append(finding)
    return found


def _create(targets: Sequence[_ContainerLog], simulator: PolicySimulator, logs: Logs) -> list[Finding]:
    """The driver creates a missing group. AWS's documentation gives two forms of its ARN: either is enough."""
    found = []
    for target in {target.group: target for target in targets if target.logs.made}.values():
        if target.logs.region in (None, simulator.place.region) and not logs.has_group(target.logs.group):
            forms = (target.group, f"{target.group}:log-stream:")
            question = AccessQuestion(target.role, _CREATE, forms[0], "", simulator.context)
            decisions = simulator.simulate(question, resources=forms)
            judged = [judge(replace(question, resource=form), decisions, None) for form in forms]
            best = next((finding for finding in judged if finding.status is Status.PASS), judged[0])
            found.append(_to_write(target, (_CREATE,), best))
    return found


def _to_write(target: _ContainerLog, actions: tuple[str, ...], finding: Finding) -> Finding:
    """A failure, in the words of logs."""
    if finding.status is not Status.FAIL:
        return finding
    role, group = target.role, target.logs.group
    fix = finding.fix
    if is_not_granted(finding):
        put = put_policy(role, f"logs-{actions[0].partition(':')[2]}", actions, f"{target.group}:*")
        fix = Fix(f"Allow writing to {group} for the execution role.", (put,))
    return replace(
        finding,
        summary=f"the execution role {role.name} is not allowed to write to the log group {group}: "
        f"{finding.summary.partition(': ')[2]}",
        expected=f"{', '.join(actions)} allowed on {target.group}:*",
        fix=fix,
        overruled_by=None,
    )
