"""Why a task that `gmsa-doctor run` has started did not run."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from gmsa_doctor.authoring import CheckId, Fix
from gmsa_doctor.given.probe_tasks import ProbeTask, ProbeTasks
from gmsa_doctor_checks.commands import posix

POLICY = "gmsa-doctor iam-policy --for run"
"""The command that prints what the credentials that run `gmsa-doctor run` need."""
_LOGS = (CheckId("log-group.present"), CheckId("execution-role.logs"))
_TRUST = (CheckId("execution-role.trust"),)


@dataclass(frozen=True)
class StartFailure:
    """Why a task did not start, and whether the service's own tasks have the same problem.

    ``reported_by`` are the checks that report the same from outside.
    """

    summary: str
    fix: Fix
    of_service: bool = False
    reported_by: tuple[CheckId, ...] = ()


def start_failure(task: ProbeTask, probes: ProbeTasks) -> StartFailure:
    """Why the task did not start; ``probes`` holds what it was started with."""
    if task.action:
        fix = Fix(
            f"Allow {task.action}. Allow what `gmsa-doctor run` needs for the credentials that run it.", (POLICY,)
        )
        return StartFailure(f"we may not: {task.problem}", fix)
    text = f"{task.stopped_reason or ''} {task.container_reason or ''}"
    for pattern, make in _FAILURES:
        if re.search(pattern, text, re.IGNORECASE):
            return make(probes)
    if task.problem:
        advice = "Fargate has no room there now: run it again later."
        is_full = "capacity" in task.problem.lower()
        return StartFailure(task.problem, Fix(advice if is_full else "See what ECS says, and try again."))
    if not task.stopped:
        return StartFailure(
            "it had not started when the time for the whole run was over",
            Fix("Give it more time with --timeout: Fargate takes a minute or two to start a task."),
        )
    command = f"gmsa-doctor explain {posix(task.stopped_reason or '<the text>')}"
    return StartFailure(
        "it stopped before its container ran", Fix("See what ECS says of it, and explain that.", (command,))
    )


def words_of(task: ProbeTask) -> str:
    """ECS's own words about the task."""
    code = f"exit code {task.exit_code}" if task.exit_code is not None else ""
    parts = (task.stop_code, task.stopped_reason, task.container_reason, code)
    return ": ".join(part for part in parts if part) or (task.problem or "not started")


def _no_way_to_image(probes: ProbeTasks) -> StartFailure:
    return StartFailure(
        f"the image {probes.image} cannot be reached from there",
        Fix(
            "Give the subnet a way to the registry: NAT, a public address, or the interface endpoints ecr.api and "
            "ecr.dkr and a gateway endpoint for S3, whose security groups admit 443 from the task."
        ),
        of_service=probes.shared.registry,
    )


def _no_image(probes: ProbeTasks) -> StartFailure:
    return StartFailure(
        f"the image {probes.image} is not there, or may not be pulled",
        Fix(
            f"Push gmsa-doctor's image, name it with --image, and let {probes.execution_role} pull it "
            "(ecr:GetAuthorizationToken, ecr:BatchGetImage, ecr:GetDownloadUrlForLayer)."
        ),
    )


def _no_log_group(probes: ProbeTasks) -> StartFailure:
    return StartFailure(
        f"its log cannot be written to {probes.log_group}: the group does not exist, {probes.execution_role} may not "
        "write to it, or CloudWatch Logs cannot be reached from there",
        Fix(
            "Make the log group, and allow logs:CreateLogStream and logs:PutLogEvents on it; or name another with "
            "--log-group.",
            (f"aws logs create-log-group --log-group-name {posix(probes.log_group or '<log group>')}",),
        ),
        of_service=probes.shared.logs,
        reported_by=_LOGS,
    )


def _no_role(probes: ProbeTasks) -> StartFailure:
    return StartFailure(
        f"ECS cannot assume {probes.execution_role}",
        Fix("Let the role's trust policy allow sts:AssumeRole to ecs-tasks.amazonaws.com."),
        of_service=probes.shared.role,
        reported_by=_TRUST,
    )


def _no_auth(probes: ProbeTasks) -> StartFailure:
    return StartFailure(
        "Fargate could not get what it needs to pull the image or to read secrets: no way to AWS from there, or "
        f"{probes.execution_role} may not",
        Fix(
            "Give the subnet a way to AWS (NAT, a public address, or interface endpoints for ecr.api, ecr.dkr, "
            "secretsmanager and logs, and one for S3), and let the execution role read what it has to."
        ),
        of_service=probes.shared.registry,
    )


def _no_memory(probes: ProbeTasks) -> StartFailure:
    return StartFailure("it was killed", Fix("Run it again; if it is killed each time, please report that."))


_NO_WAY = r"i/o timeout|context deadline exceeded|dial tcp|connection (timed out|refused)|no route to host"
_FAILURES: tuple[tuple[str, Callable[[ProbeTasks], StartFailure]], ...] = (
    (r"unable to assume|AssumeRole", _no_role),
    (r"failed to validate logger args|create stream has been retried|awslogs", _no_log_group),
    (rf"CannotPullContainerError.*({_NO_WAY})", _no_way_to_image),
    (r"CannotPullContainerError|CannotPullImageManifest", _no_image),
    (r"unable to pull secrets or registry auth|unable to retrieve (secret|ecr registry auth)", _no_auth),
    (r"OutOfMemory", _no_memory),
)
"""Stable parts of stoppedReason. Source: stopped-task-error-codes.html of ECS's developer guide."""
