"""Whether the role of a schedule, a rule or a state machine may start the task."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from gmsa_doctor.authoring import Finding, Status, check, if_several, passed, rows_of, skipped, worst
from gmsa_doctor.formats.aws.arn import RoleArn
from gmsa_doctor.formats.documents.located import Placeholder
from gmsa_doctor.formats.documents.task_definition import TaskDefinition
from gmsa_doctor.given.subject import AwsPlace, StartRole, Subject
from gmsa_doctor_checks import links
from gmsa_doctor_checks.roles.access import judge
from gmsa_doctor_checks.roles.policy_fixes import RUN
from gmsa_doctor_checks.roles.simulation import AccessQuestion, PolicySimulator, findings_of

_RUN, _PASS = "ecs:RunTask", "iam:PassRole"
_TO_TASKS = {"iam:PassedToService": "ecs-tasks.amazonaws.com"}


@check(
    "task-start.permissions",
    title="The schedule, rule or state machine may start the task",
    docs=links.TASK_STARTS,
    about="task",
)
def permissions(
    start: StartRole, definition: TaskDefinition, subject: Subject, place: AwsPlace, simulator: PolicySimulator
) -> Finding:
    """Simulates in IAM what the role of the schedule, rule or state machine needs to start the task.

    It needs `ecs:RunTask` on the task definition, and `iam:PassRole` on the execution role and on the task role. Which
    resource IAM compares if the start names no revision is not documented: one of the two is enough for a warning.

    Why: without them the task does not start. ECS has no trace of it; EventBridge and EventBridge Scheduler drop the
    event after their retries, or send it to a dead-letter queue.

    Fix: allow these actions for the role.
    """
    if not start.arn.startswith("arn:"):
        return skipped(f"not checked: the state starts the task with other credentials: {start.arn or 'none'}")
    if not definition.arn:
        return skipped("not checked: the ARN of the task definition is not known")
    role = simulator.role(start.arn)
    runs, passes = list(_run(role, start, definition.arn, subject, place)), list(_passes(role, definition, subject))
    findings = findings_of([partial(_judged, question, simulator) for question in (*runs, *passes)])
    of_runs = findings[: len(runs)]
    if any(finding.status is Status.PASS for finding in of_runs):
        findings[: len(runs)] = [finding.to_warning(" (the start names no revision)") for finding in of_runs]
    decides = worst(findings)
    if decides.status is Status.PASS:
        return passed(f"{role.name} may start the task, and pass its roles")
    named = zip(
        (f"{question.action} on {question.resource_name}" for question in (*runs, *passes)), findings, strict=True
    )
    return replace(decides, rows=if_several(rows_of(named)))


def _run(role: RoleArn, start: StartRole, arn: str, subject: Subject, place: AwsPlace) -> Iterator[AccessQuestion]:
    cluster = f"arn:{place.partition}:ecs:{place.region}:{arn.split(':')[4]}:cluster/{subject.cluster}"
    family = arn.rpartition(":")[0]
    for resource in (arn, family) if start.any_revision else (arn,):
        yield _question(role, _RUN, resource, "the task definition", {"ecs:cluster": cluster}, subject)


def _passes(role: RoleArn, definition: TaskDefinition, subject: Subject) -> Iterator[AccessQuestion]:
    named = {definition.execution_role_arn: "the execution role", definition.task_role_arn: "the task role"}
    for arn, name in named.items():
        if arn and not isinstance(arn, Placeholder):
            yield _question(role, _PASS, arn, name, _TO_TASKS, subject)


def _question(
    role: RoleArn, action: str, resource: str, name: str, context: dict[str, str], subject: Subject
) -> AccessQuestion:
    kind, verb = f"{subject.controller.words}'s role", "run" if action == _RUN else "pass"
    return AccessQuestion(role, action, resource, name, context, role_kind=kind, fix_name="start", verb=verb)


def _judged(question: AccessQuestion, simulator: PolicySimulator) -> list[Finding]:
    question = replace(question, context={**simulator.context, **question.context})
    finding = judge(question, simulator.simulate(question), None)
    if finding.fix:  # a probe of `run` has the execution role
        text = finding.fix.text.replace(f", or {RUN}", "").replace(f" Or {RUN}.", "")
        finding = replace(finding, fix=replace(finding.fix, text=text))
    return [finding]
