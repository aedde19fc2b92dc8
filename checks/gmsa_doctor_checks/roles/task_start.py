"""Whether a schedule, a rule or a state machine may assume its role, and whether that role may start the task."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

from gmsa_doctor.authoring import Finding, Fix, Status, check, if_several, passed, rows_of, skipped, warned, worst
from gmsa_doctor.formats.aws.arn import RoleArn
from gmsa_doctor.formats.documents.located import Placeholder
from gmsa_doctor.formats.documents.task_definition import TaskDefinition
from gmsa_doctor.given.subject import AwsPlace, Controller, StartRole, Subject
from gmsa_doctor_checks import links
from gmsa_doctor_checks.commands import list_roles_of, posix
from gmsa_doctor_checks.roles.access import judge
from gmsa_doctor_checks.roles.assumed import RoleKind, judge_role
from gmsa_doctor_checks.roles.policy_fixes import RUN
from gmsa_doctor_checks.roles.simulation import AccessQuestion, PolicySimulator, findings_of
from gmsa_doctor_checks.roles.trust_policy import TrustSource

_RUN, _PASS, _TAG = "ecs:RunTask", "iam:PassRole", "ecs:TagResource"
_VERBS = {_RUN: "run", _PASS: "pass", _TAG: "tag"}
_TO_TASKS = {"iam:PassedToService": "ecs-tasks.amazonaws.com"}


@dataclass(frozen=True)
class _Service:
    """The service that assumes the role."""

    principal: str
    name: str


_SERVICES = {
    Controller.SCHEDULE: _Service("scheduler.amazonaws.com", "EventBridge Scheduler"),
    Controller.RULE: _Service("events.amazonaws.com", "EventBridge"),
    Controller.STATE_MACHINE: _Service("states.amazonaws.com", "Step Functions"),
}


@check(
    "task-start.trust",
    title="The schedule, rule or state machine may assume its role",
    docs=links.TASK_STARTS,
    about="task",
)
def trust(start: StartRole, subject: Subject, simulator: PolicySimulator) -> Finding:
    """Reads the trust policy of the role, and looks for a statement that allows the service to assume it.

    The services are `scheduler.amazonaws.com`, `events.amazonaws.com` and `states.amazonaws.com`. Conditions on
    `aws:SourceAccount` and `aws:SourceArn` are evaluated; with others the result is unknown. For a schedule,
    `aws:SourceArn` is the ARN of its group. If a state has `Credentials`, the role of the state machine is checked,
    which assumes the other one.

    Why: the service assumes the role for each start. If it cannot, no task starts, and ECS has no trace of it.

    Fix: add the service as a principal to the role's trust policy.
    """
    service = _SERVICES.get(subject.controller)
    if service is None or not start.service_role.startswith("arn:"):
        return skipped(f"not checked: {subject.controller.words} names no role, so it is not known who starts the task")
    role = simulator.role(start.service_role)
    _, partition, _, region, account, _ = subject.starter.split(":", 5)
    source = TrustSource(partition, account, region, service.principal, _source_arn(subject))
    kind = RoleKind(
        f"{subject.controller.words}'s role",
        f"set it in {subject.controller.words}",
        "",
        "and run gmsa-doctor again: task-start.permissions reports the permissions that it lacks",
        service.name,
        service.principal,
        list_roles_of(service.principal),
    )
    return judge_role(role, kind, simulator, source)


def _source_arn(subject: Subject) -> str:
    """The value of `aws:SourceArn` when the service assumes the role."""
    if subject.controller is Controller.SCHEDULE:
        return subject.starter.rpartition("/")[0].replace(":schedule/", ":schedule-group/")
    return subject.starter


@check(
    "task-start.permissions",
    title="The schedule, rule or state machine is enabled, and the policies of its role allow the start",
    docs=links.TASK_STARTS,
    about="task",
)
def permissions(
    start: StartRole, definition: TaskDefinition, subject: Subject, place: AwsPlace, simulator: PolicySimulator
) -> Finding:
    """Simulates in IAM what the role of the schedule, rule or state machine needs to start the task.

    It needs `ecs:RunTask` on the task definition, `iam:PassRole` on the execution role and on the task role, and
    `ecs:TagResource` if the start sets tags. AWS does not document which resource IAM compares if the start names the
    task definition without a revision: it is a failure only if the role may run neither.

    Why: without them the task does not start. ECS has no trace of it; EventBridge and EventBridge Scheduler drop the
    event after their retries, or send it to a dead-letter queue.

    Fix: allow these actions for the role; enable the schedule or rule.
    """
    if not start.arn:
        return skipped(f"not checked: {subject.controller.words} names no role, so it is not known who starts the task")
    if not start.arn.startswith("arn:"):
        return skipped(f"not checked: the role with which the state starts the task is an expression: {start.arn}")
    if not definition.arn:
        return skipped("not checked: the ARN of the task definition is not known")
    role = simulator.role(start.arn)
    runs, others = list(_run(role, start, definition.arn, subject, place)), list(_passes(role, definition, subject))
    others += _tags(role, start, definition.arn, subject, place)
    questions = (*runs, *others)
    findings = findings_of([partial(_judged, question, simulator, subject) for question in questions])
    of_runs = findings[: len(runs)]
    if not all(finding.status is Status.FAIL for finding in of_runs):
        reason = f" ({subject.controller.words} names the task definition without a revision)"
        findings[: len(runs)] = [finding.to_warning(reason) for finding in of_runs]
    named = [*zip((f"{it.action} on {it.resource_name}" for it in questions), findings, strict=True)]
    named += _not_simulated(definition)
    if not start.enabled:
        named.append(("State", disabled(subject)))
    decides = worst(finding for _, finding in named)
    if decides.status is Status.PASS:
        return passed(f"{role.name} may start the task, and pass its roles")
    return replace(decides, rows=if_several(rows_of(named)))


def _run(role: RoleArn, start: StartRole, arn: str, subject: Subject, place: AwsPlace) -> Iterator[AccessQuestion]:
    context = {"ecs:cluster": _of_cluster("cluster", arn, subject, place)} if subject.cluster else {}
    family = arn.rpartition(":")[0]
    for resource in (arn, family) if start.any_revision else (arn,):
        yield _question(role, _RUN, resource, "the task definition", context, subject)


def _passes(role: RoleArn, definition: TaskDefinition, subject: Subject) -> Iterator[AccessQuestion]:
    for arn, name in _roles(definition).items():
        if arn and not isinstance(arn, Placeholder):
            yield _question(role, _PASS, arn, name, _TO_TASKS, subject)


def _roles(definition: TaskDefinition) -> dict[str | None, str]:
    return {definition.execution_role_arn: "the execution role", definition.task_role_arn: "the task role"}


def _tags(role: RoleArn, start: StartRole, arn: str, subject: Subject, place: AwsPlace) -> Iterator[AccessQuestion]:
    """Tags at the start need a second permission, on the new task.

    Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/supported-iam-actions-tagging.html
    """
    if start.tags and subject.cluster:
        task = f"{_of_cluster('task', arn, subject, place)}/{'0' * 32}"
        context = {"ecs:CreateAction": "RunTask"}
        yield _question(role, _TAG, task, "the new task", context, subject)


def _not_simulated(definition: TaskDefinition) -> Iterator[tuple[str, Finding]]:
    """What only each start gives. A role of that kind is a placeholder."""
    for arn, name in _roles(definition).items():
        if isinstance(arn, Placeholder):
            text = f"not checked: each start gives {name}: {arn}"
            fix = Fix(f"Allow {_PASS} on each role that a start may give as {name}.")
            yield f"{_PASS} on {name}", skipped(text, fix=fix)


def disabled(subject: Subject) -> Finding:
    """The warning about a schedule or rule that is off."""
    group, _, name = subject.starter.rpartition("/")
    group = re.sub(r"^.*:(schedule|rule)(/|$)", "", group) or "default"
    enable: tuple[str, ...] = (f"aws events enable-rule --name {posix(name)} --event-bus-name {posix(group)}",)
    if subject.controller is Controller.SCHEDULE:
        change = posix('del(.Arn, .CreationDate, .LastModificationDate) | .State = "ENABLED"')
        get = f"aws scheduler get-schedule --group-name {posix(group)} --name {posix(name)} --output json"
        enable = (
            f"{get} | jq {change} > schedule.json",
            "aws scheduler update-schedule --cli-input-json file://schedule.json",
        )
    words = subject.controller.words
    return warned(
        f"{words} is DISABLED: it starts no task",
        observed="DISABLED",
        expected="ENABLED",
        fix=Fix(f"Enable {words}, if it is to start tasks.", enable),
    )


def _of_cluster(kind: str, arn: str, subject: Subject, place: AwsPlace) -> str:
    return f"arn:{place.partition}:ecs:{place.region}:{arn.split(':')[4]}:{kind}/{subject.cluster}"


def _question(
    role: RoleArn, action: str, resource: str, name: str, context: dict[str, str], subject: Subject
) -> AccessQuestion:
    kind = f"{subject.controller.words}'s role"
    return AccessQuestion(
        role,
        action,
        resource,
        name,
        context,
        role_kind=kind,
        fix_name="start",
        verb=_VERBS[action],
        trust=trust.id,
    )


def _judged(question: AccessQuestion, simulator: PolicySimulator, subject: Subject) -> list[Finding]:
    question = replace(question, context={**simulator.context, **question.context})
    finding = judge(question, simulator.simulate(question), None)
    if question.action == _TAG:
        finding = finding.to_warning(", which tags at the start need unless tagResourceAuthorization is off")
    if finding.fix:  # a probe of `run` has the execution role
        text = finding.fix.text.replace(f", or {RUN}", "").replace(f" Or {RUN}.", "")
        if finding.status is Status.UNKNOWN and not subject.cluster:
            text = f"Add --cluster with the cluster of a start. {text}"
        finding = replace(finding, fix=replace(finding.fix, text=text))
    return [finding]
