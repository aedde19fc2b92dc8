"""Why a task of `gmsa-doctor run` did not run."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from gmsa_doctor.authoring import CheckId, Fix
from gmsa_doctor.given.probe_tasks import ProbeTask, ProbeTasks
from gmsa_doctor_checks.commands import posix

POLICY = "gmsa-doctor iam-policy --for run"
"""The command that prints the permissions that `gmsa-doctor run` requires."""
_LOGS = (CheckId("log-group.present"), CheckId("execution-role.logs"))
_TRUST = (CheckId("execution-role.trust"),)


@dataclass(frozen=True)
class StartFailure:
    """Why a task did not start, and whether the service's own tasks have the same problem.

    ``reported_by`` are the checks that report the same problem from outside.
    """

    summary: str
    fix: Fix
    of_service: bool = False
    reported_by: tuple[CheckId, ...] = ()


def start_failure(task: ProbeTask, probes: ProbeTasks) -> StartFailure:
    """Why the task did not start; ``probes`` holds the settings it was started with."""
    if task.action:
        fix = Fix(f"Allow {task.action} for your credentials. The command prints all that `run` requires.", (POLICY,))
        return StartFailure(f"your credentials are not allowed to: {task.problem}", fix)
    text = f"{task.stopped_reason or ''} {task.container_reason or ''}"
    for pattern, make in _FAILURES:
        if re.search(pattern, text, re.IGNORECASE):
            return make(probes)
    if task.problem:
        is_full = "capacity" in task.problem.lower()
        advice = "Wait for Fargate capacity, and run it again." if is_full else "Read ECS's error, and run it again."
        return StartFailure(task.problem, Fix(advice))
    if not task.stopped:
        return StartFailure(
            "it had not started when the run's time limit was over",
            Fix("Set a longer --timeout: Fargate takes a minute or two to start a task."),
        )
    command = f"gmsa-doctor explain {posix(task.stopped_reason or '<the text>')}"
    return StartFailure("it stopped before its container ran", Fix("List the usual causes of ECS's text.", (command,)))


def words_of(task: ProbeTask) -> str:
    """ECS's own texts about the task."""
    code = f"exit code {task.exit_code}" if task.exit_code is not None else ""
    parts = (task.stop_code, task.stopped_reason, task.container_reason, code)
    return ": ".join(part for part in parts if part) or (task.problem or "not started")


def _no_route_to_image(probes: ProbeTasks) -> StartFailure:
    return StartFailure(
        f"the registry of the image {probes.image} cannot be reached from the subnet",
        Fix(
            "Add a route to the registry: a NAT gateway, a public address, or the interface endpoints ecr.api and "
            "ecr.dkr and a gateway endpoint for S3, with security groups that allow TCP 443 from the task."
        ),
        of_service=probes.shared.registry,
    )


def _no_image(probes: ProbeTasks) -> StartFailure:
    return StartFailure(
        f"the image {probes.image} does not exist, or pulling it is not allowed",
        Fix(
            f"Push gmsa-doctor's image, set it with --image, and allow ecr:GetAuthorizationToken, ecr:BatchGetImage "
            f"and ecr:GetDownloadUrlForLayer for {probes.execution_role}."
        ),
    )


def _no_log_group(probes: ProbeTasks) -> StartFailure:
    return StartFailure(
        f"its log cannot be written to {probes.log_group}: the group does not exist, {probes.execution_role} is not "
        "allowed to write to it, or the subnet cannot reach CloudWatch Logs",
        Fix(
            "Create the log group, and allow logs:CreateLogStream and logs:PutLogEvents on it; or set another group "
            "with --log-group.",
            (f"aws logs create-log-group --log-group-name {posix(probes.log_group or '<log group>')}",),
        ),
        of_service=probes.shared.logs,
        reported_by=_LOGS,
    )


def _no_role(probes: ProbeTasks) -> StartFailure:
    return StartFailure(
        f"ECS cannot assume {probes.execution_role}",
        Fix("Allow sts:AssumeRole for ecs-tasks.amazonaws.com in the role's trust policy."),
        of_service=probes.shared.role,
        reported_by=_TRUST,
    )


def _no_auth(probes: ProbeTasks) -> StartFailure:
    return StartFailure(
        "Fargate could not get the credentials to pull the image, or could not read secrets: either the subnet has no "
        f"route to AWS, or {probes.execution_role} lacks permissions",
        Fix(
            "Add a route to AWS (a NAT gateway, a public address, or interface endpoints for ecr.api, ecr.dkr, "
            "secretsmanager and logs, and one for S3), and allow the execution role to read the image and the secrets."
        ),
        of_service=probes.shared.registry,
    )


def _no_memory(probes: ProbeTasks) -> StartFailure:
    return StartFailure("it ran out of memory", Fix("Run it again; if it fails each time, please report it."))


_NO_ROUTE = r"i/o timeout|context deadline exceeded|dial tcp|connection (timed out|refused)|no route to host"
_FAILURES: tuple[tuple[str, Callable[[ProbeTasks], StartFailure]], ...] = (
    (r"unable to assume|AssumeRole", _no_role),
    (r"failed to validate logger args|create stream has been retried|awslogs", _no_log_group),
    (rf"CannotPullContainerError.*({_NO_ROUTE})", _no_route_to_image),
    (r"CannotPullContainerError|CannotPullImageManifest", _no_image),
    (r"unable to pull secrets or registry auth|unable to retrieve (secret|ecr registry auth)", _no_auth),
    (r"OutOfMemory", _no_memory),
)
"""Stable parts of stoppedReason. Source: stopped-task-error-codes.html of ECS's developer guide."""
