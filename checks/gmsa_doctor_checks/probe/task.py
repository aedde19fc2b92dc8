"""Whether the tasks of `gmsa-doctor run` started, reported and were removed."""

from __future__ import annotations

from collections.abc import Iterable

from gmsa_doctor.authoring import Finding, Fix, Row, Status, check, deferred_to, failed, passed, unknown, warned
from gmsa_doctor.given.probe_tasks import ProbeTask, ProbeTasks
from gmsa_doctor_checks import links
from gmsa_doctor_checks.probe.start_failure import POLICY, start_failure, words_of


@check("probe.task", title="A probe starts in each subnet", docs=links.STOPPED_TASKS)
def probe_task(probes: ProbeTasks) -> Finding:
    """Checks that the one-off tasks of `gmsa-doctor run`, one for each subnet, started.

    Why: a task that cannot pull its image or reach AWS from a subnet does not start there, with or without gMSA. The
    service's own tasks have the same problem if they share the role, the log group or the route to AWS.

    Fix: follow the reason that ECS reports; `gmsa-doctor iam-policy --for run` prints the required permissions.
    """
    stuck = [task for task in probes.tasks if not task.ran]
    if not stuck:
        return passed(f"started in {_subnets(probes.tasks)}", rows=_rows(probes.tasks))
    failures = list(dict.fromkeys(start_failure(task, probes) for task in stuck))
    of_service = [failure for failure in failures if failure.of_service]
    where = f"no probe ran in {_subnets(stuck)}"
    others = [id for failure in of_service for id in failure.reported_by if id in probes.failed_outside]
    if others:
        return deferred_to(others, f"{where} because of {', '.join(others)}")
    first = (of_service or failures)[0]
    return (failed if of_service else unknown)(
        f"{where}: {first.summary}",
        observed="; ".join(dict.fromkeys(map(words_of, stuck))),
        expected="a task that starts",
        fix=first.fix,
        rows=_rows(probes.tasks, Status.FAIL if of_service else Status.UNKNOWN),
    )


@check("probe.report", title="Each probe's report arrives complete", docs=links.AWSLOGS)
def probe_report(probes: ProbeTasks) -> Finding:
    """Checks that the report of each probe that ran arrived complete.

    Why: a probe writes its findings to the log stream of its task (or to S3, with `--report-s3`), in numbered lines.
    Missing findings are unknown and never count as passed.

    Fix: run it again; if lines are missing each time, use `--report-s3`, so that the probe writes to S3.
    """
    ran = [task for task in probes.tasks if task.ran]
    if not ran:
        return deferred_to(probe_task, "no probe ran")
    lost = [task for task in ran if task.report]
    if not lost:
        return passed(f"complete, from {_subnets(ran)}")
    first = lost[0]
    fix = Fix("Run it again; with --report-s3 the report does not depend on the log.")
    if first.action:
        fix = Fix(f"Allow {first.action} for the credentials that run gmsa-doctor.", (POLICY,))
    elif first.arrived:
        fix = Fix("Use an image with the same version of gmsa-doctor, and the same plug-ins.")
    elif first.exit_code == 2:
        fix = Fix("Use the same version of gmsa-doctor and of the image: the probe could not read its input.")
    return unknown(
        f"the report of the probe in {_subnets(lost)} is missing or incomplete: {first.problem or first.report}",
        observed=words_of(first) or first.report,
        expected="all lines of the report, and a finding of each check",
        fix=fix,
        rows=tuple(
            Row(task.subnet, Status.UNKNOWN if task.report else Status.PASS, task.report or "complete") for task in ran
        ),
    )


@check("probe.removed", title="The resources of the run are removed", docs=links.STOPPED_TASKS)
def probe_removed(probes: ProbeTasks) -> Finding:
    """Checks that the tasks, task definitions, log streams and S3 objects of the run were removed.

    Why: a task that keeps running costs money, and leftover task definitions clutter the account.

    Fix: run `gmsa-doctor run --clean`, which finds leftover resources by their tag.
    """
    if not probes.left:
        return passed("nothing is left")
    commands = tuple(leftover.command for leftover in probes.left if leftover.command)
    searches = len(probes.left) - len(commands)
    parts = (
        (commands, f"{len(commands)} not removed"),
        (searches, f"{searches} search{'es' if searches > 1 else ''} failed"),
    )
    return warned(
        f"resources created by this run may be left: {', '.join(text for found, text in parts if found)}",
        observed="; ".join(f"{leftover.resource}: {leftover.reason}" for leftover in probes.left),
        expected="nothing left",
        fix=Fix(
            "Remove them, with credentials that are allowed to.", (*commands, *((probes.clean,) if searches else ()))
        ),
    )


def _rows(tasks: tuple[ProbeTask, ...], otherwise: Status = Status.PASS) -> tuple[Row, ...]:
    return tuple(
        Row(task.subnet, Status.PASS, "ran") if task.ran else Row(task.subnet, otherwise, words_of(task))
        for task in tasks
    )


def _subnets(tasks: Iterable[ProbeTask]) -> str:
    return ", ".join(task.subnet for task in tasks)
