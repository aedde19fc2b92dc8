"""What became of the tasks that `gmsa-doctor run` has started where the service runs."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from gmsa_doctor.authoring import Finding, Fix, Row, Status, check, failed, passed, skipped, unknown, warned
from gmsa_doctor.given.probe_tasks import CanaryTask, ProbeTask, ProbeTasks
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import posix

_POLICY = Fix(
    "Allow what `gmsa-doctor run` needs for the credentials that run it.", ("gmsa-doctor iam-policy --for run",)
)


@dataclass(frozen=True)
class _Reason:
    """Why a task did not start: what it means, and whether the service meets the same.

    ``told_by`` are the checks that tell the same from outside.
    """

    summary: str
    fix: Fix
    of_service: bool = False
    told_by: tuple[str, ...] = ()


@check("probe.task", title="A probe starts in each subnet", docs=links.STOPPED_TASKS)
def probe_task(probes: ProbeTasks) -> Finding:
    """Looks at what became of the one-off tasks that `gmsa-doctor run` has started, one a subnet.

    Why: a task that cannot pull its image or reach AWS from a subnet does not start there, whatever gMSA does. The
    service's own tasks meet the same where they share the role, the log group and the way to AWS.

    Fix: follow what ECS says of the stopped task; `gmsa-doctor iam-policy --for run` prints what starting needs.
    """
    stuck = [(one, _why(one, probes)) for one in probes.tasks if not one.ran]
    if not stuck:
        return passed(f"started in {_subnets(probes.tasks)}", rows=_rows(probes.tasks))
    reasons = list(dict.fromkeys(reason for _, reason in stuck))
    finding = failed if any(one.of_service for one in reasons) else unknown
    worst = next((one for one in reasons if one.of_service), reasons[0])
    where = _subnets(tuple(one for one, _ in stuck))
    because = tuple(id for one in reasons if one.of_service for id in one.told_by if id in probes.failed_outside)
    if because:
        return skipped(f"no probe ran in {where} because of {', '.join(because)}", because=because)
    return finding(
        f"no probe ran in {where}: {worst.summary}",
        observed="; ".join(dict.fromkeys(_words(one) for one, _ in stuck)),
        expected="a task that starts",
        fix=worst.fix,
        rows=_rows(probes.tasks, Status.FAIL if finding is failed else Status.UNKNOWN),
    )


@check("probe.report", title="Each probe's report arrives whole", docs=links.AWSLOGS)
def probe_report(probes: ProbeTasks) -> Finding:
    """Looks whether the report of each probe that ran has come back whole.

    Why: a probe writes its findings into the log stream of its task (or to S3, with `--report-s3`), in numbered lines.
    What has not arrived is not known, and never counts as passed.

    Fix: run it again; if lines are lost each time, let the probe write to S3 with `--report-s3`.
    """
    ran = tuple(one for one in probes.tasks if one.ran)
    if not ran:
        return skipped("no probe ran", because=("probe.task",))
    lost = tuple(one for one in ran if one.report)
    if not lost:
        return passed(f"whole, from {_subnets(ran)}")
    first = lost[0]
    fix = Fix("Run it again; with --report-s3 the report does not depend on the log.")
    if first.action:
        fix = Fix(f"Allow {first.action} for the credentials that run gmsa-doctor.", _POLICY.commands)
    elif first.exit_code == 2:
        fix = Fix("Let gmsa-doctor and the image be of one version: the probe could not read what it was handed.")
    return unknown(
        f"the report of the probe in {_subnets(lost)} did not arrive: {first.problem or first.report}",
        observed=_words(first) or first.report,
        expected="all lines of the report",
        fix=fix,
        rows=tuple(
            Row(one.subnet, Status.UNKNOWN if one.report else Status.PASS, one.report or "whole") for one in ran
        ),
    )


@check("probe.removed", title="What the run has made is removed again", docs=links.STOPPED_TASKS)
def probe_removed(probes: ProbeTasks) -> Finding:
    """Looks whether the tasks, task definitions, log streams and objects of the run are gone.

    Why: a task that runs on costs money; a task definition that stays is one more to wonder about.

    Fix: `gmsa-doctor run --clean` finds by its tag what a run has left.
    """
    if not probes.left:
        return passed("nothing is left")
    commands = tuple(one.command for one in probes.left if one.command)
    return warned(
        f"{len(probes.left)} of the things that the run has made could not be removed, or not be looked for",
        observed="; ".join(f"{one.what}: {one.why}" for one in probes.left),
        expected="nothing left",
        fix=Fix("Remove what is left, with credentials that may.", commands or (probes.clean,)),
    )


@check(
    "canary.task",
    title="A task with the service's credentialSpecs starts",
    docs=links.FARGATE_GMSA,
    shows=(texts.CATCH_ALL, texts.NO_PASSWORD_ATTRIBUTE, texts.USER_TICKET),
)
def canary_task(canary: CanaryTask) -> Finding:
    """Starts one task with the service's `credentialSpecs` and gmsa-doctor's image (`gmsa-doctor run --canary`).

    Why: there the platform's own Credentials Fetcher does all that the service's tasks depend on: the final proof.

    Fix: the reason that ECS gives names the step; `gmsa-doctor explain "<reason>"` tells what stands behind it.
    """
    task = canary.task
    if task.ran and task.report:
        return unknown(
            f"the canary ran in {task.subnet}, and its report did not arrive: {task.problem or task.report}",
            observed=_words(task),
            expected="all lines of its report",
            fix=Fix("Run it again; with --report-s3 the report does not depend on the log."),
        )
    if task.ran:
        return passed(f"the platform's Credentials Fetcher let it start in {task.subnet}")
    told = texts.behind(task.stopped_reason or "")
    if told:
        return failed(
            f"a task with the service's credentialSpecs does not start in {task.subnet}: Credentials Fetcher says "
            f"{told[0]!r}, behind which usually stands {' or '.join(told[1][:3])}",
            observed=_words(task),
            expected="a task that starts",
            fix=Fix(
                "See what stands behind the text, likeliest first.",
                (f"gmsa-doctor explain {posix(told[0])}",),
            ),
        )
    reason = _why(task, ProbeTasks((task,), canary.image, ""))
    return unknown(
        f"the canary did not run in {task.subnet}: {reason.summary}",
        observed=_words(task),
        expected="a task that starts",
        fix=reason.fix,
    )


# Why a task did not start ---------------------------------------------------------------------------


def _why(task: ProbeTask, probes: ProbeTasks) -> _Reason:
    if task.action:
        return _Reason(f"we may not: {task.problem}", Fix(f"Allow {task.action}. {_POLICY.text}", _POLICY.commands))
    text = f"{task.stopped_reason or ''} {task.container_reason or ''}"
    for pattern, make in _REASONS:
        if re.search(pattern, text, re.IGNORECASE):
            return make(probes)
    if task.problem:
        capacity = re.search(r"capacity", task.problem, re.IGNORECASE)
        more = "Fargate has no room there now: run it again later." if capacity else "See what ECS says, and try again."
        return _Reason(task.problem, Fix(more))
    if not task.stopped:
        return _Reason(
            "it had not started when the time for the whole run was over",
            Fix("Give it more time with --timeout: Fargate takes a minute or two to start a task."),
        )
    return _Reason(
        "it stopped before its container ran",
        Fix(
            "See what ECS says of it, and explain that.",
            (f"gmsa-doctor explain {posix(task.stopped_reason or '<the text>')}",),
        ),
    )


def _no_way_to_image(probes: ProbeTasks) -> _Reason:
    return _Reason(
        f"the image {probes.image} cannot be reached from there",
        Fix(
            "Give the subnet a way to the registry: NAT, a public address, or the interface endpoints ecr.api and "
            "ecr.dkr and a gateway endpoint for S3, whose security groups admit 443 from the task."
        ),
        of_service=probes.shared.registry,
    )


def _no_image(probes: ProbeTasks) -> _Reason:
    return _Reason(
        f"the image {probes.image} is not there, or may not be pulled",
        Fix(
            f"Push gmsa-doctor's image, name it with --image, and let {probes.execution_role} pull it "
            "(ecr:GetAuthorizationToken, ecr:BatchGetImage, ecr:GetDownloadUrlForLayer).",
        ),
    )


def _no_log_group(probes: ProbeTasks) -> _Reason:
    return _Reason(
        f"its log cannot be written to {probes.log_group}: the group does not exist, {probes.execution_role} may not "
        "write to it, or CloudWatch Logs cannot be reached from there",
        Fix(
            "Make the log group, and allow logs:CreateLogStream and logs:PutLogEvents on it; or name another with "
            "--log-group.",
            (f"aws logs create-log-group --log-group-name {posix(probes.log_group or '<log group>')}",),
        ),
        of_service=probes.shared.logs,
        told_by=("log-group.present", "execution-role.logs"),
    )


def _no_role(probes: ProbeTasks) -> _Reason:
    return _Reason(
        f"ECS cannot assume {probes.execution_role}",
        Fix("Let the role's trust policy allow sts:AssumeRole to ecs-tasks.amazonaws.com."),
        of_service=probes.shared.role,
        told_by=("execution-role.trust",),
    )


def _no_auth(probes: ProbeTasks) -> _Reason:
    return _Reason(
        "Fargate could not get what it needs to pull the image or to read secrets: no way to AWS from there, or "
        f"{probes.execution_role} may not",
        Fix(
            "Give the subnet a way to AWS (NAT, a public address, or interface endpoints for ecr.api, ecr.dkr, "
            "secretsmanager and logs, and one for S3), and let the execution role read what it has to."
        ),
        of_service=probes.shared.registry,
    )


def _no_memory(probes: ProbeTasks) -> _Reason:
    return _Reason("it was killed", Fix("Run it again; if it is killed each time, please report that."))


_NO_WAY = r"i/o timeout|context deadline exceeded|dial tcp|connection (timed out|refused)|no route to host"
_REASONS: tuple[tuple[str, Callable[[ProbeTasks], _Reason]], ...] = (
    (r"unable to assume|AssumeRole", _no_role),
    (r"failed to validate logger args|create stream has been retried|awslogs", _no_log_group),
    (rf"CannotPullContainerError.*({_NO_WAY})", _no_way_to_image),
    (r"CannotPullContainerError|CannotPullImageManifest", _no_image),
    (r"unable to pull secrets or registry auth|unable to retrieve (secret|ecr registry auth)", _no_auth),
    (r"OutOfMemory", _no_memory),
)
"""Stable parts of stoppedReason. Source: stopped-task-error-codes.html of ECS's developer guide."""


def _words(task: ProbeTask) -> str:
    """ECS's own."""
    code = f"exit code {task.exit_code}" if task.exit_code is not None else ""
    parts = (task.stop_code, task.stopped_reason, task.container_reason, code)
    return ": ".join(part for part in parts if part) or (task.problem or "not started")


def _rows(tasks: tuple[ProbeTask, ...], otherwise: Status = Status.UNKNOWN) -> tuple[Row, ...]:
    return tuple(
        Row(one.subnet, Status.PASS if one.ran else otherwise, "ran" if one.ran else _words(one)) for one in tasks
    )


def _subnets(tasks: tuple[ProbeTask, ...]) -> str:
    return ", ".join(one.subnet for one in tasks)
