"""What became of the tasks that `gmsa-doctor run` has started where the service runs."""

from __future__ import annotations

from collections.abc import Iterable

from gmsa_doctor.authoring import Finding, Fix, Row, Status, check, deferred_to, failed, passed, unknown, warned
from gmsa_doctor.given.probe_tasks import ProbeTask, ProbeTasks
from gmsa_doctor_checks import links
from gmsa_doctor_checks.probe.start_failure import POLICY, start_failure, words_of


@check("probe.task", title="A probe starts in each subnet", docs=links.STOPPED_TASKS)
def probe_task(probes: ProbeTasks) -> Finding:
    """Looks at what became of the one-off tasks that `gmsa-doctor run` has started, one a subnet.

    Why: a task that cannot pull its image or reach AWS from a subnet does not start there, whatever gMSA does. The
    service's own tasks meet the same where they share the role, the log group and the way to AWS.

    Fix: follow what ECS says of the stopped task; `gmsa-doctor iam-policy --for run` prints what starting needs.
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


@check("probe.report", title="Each probe's report arrives whole", docs=links.AWSLOGS)
def probe_report(probes: ProbeTasks) -> Finding:
    """Looks whether the report of each probe that ran has come back whole.

    Why: a probe writes its findings into the log stream of its task (or to S3, with `--report-s3`), in numbered lines.
    What has not arrived is not known, and never counts as passed.

    Fix: run it again; if lines are lost each time, let the probe write to S3 with `--report-s3`.
    """
    ran = [task for task in probes.tasks if task.ran]
    if not ran:
        return deferred_to(probe_task, "no probe ran")
    lost = [task for task in ran if task.report]
    if not lost:
        return passed(f"whole, from {_subnets(ran)}")
    first = lost[0]
    fix = Fix("Run it again; with --report-s3 the report does not depend on the log.")
    if first.action:
        fix = Fix(f"Allow {first.action} for the credentials that run gmsa-doctor.", (POLICY,))
    elif first.exit_code == 2:
        fix = Fix("Let gmsa-doctor and the image be of one version: the probe could not read what it was handed.")
    return unknown(
        f"the report of the probe in {_subnets(lost)} did not arrive: {first.problem or first.report}",
        observed=words_of(first) or first.report,
        expected="all lines of the report",
        fix=fix,
        rows=tuple(
            Row(task.subnet, Status.UNKNOWN if task.report else Status.PASS, task.report or "whole") for task in ran
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
    commands = tuple(leftover.command for leftover in probes.left if leftover.command)
    return warned(
        f"{len(probes.left)} of the things that the run has made could not be removed, or not be looked for",
        observed="; ".join(f"{leftover.what}: {leftover.why}" for leftover in probes.left),
        expected="nothing left",
        fix=Fix("Remove what is left, with credentials that may.", commands or (probes.clean,)),
    )


def _rows(tasks: tuple[ProbeTask, ...], otherwise: Status = Status.PASS) -> tuple[Row, ...]:
    return tuple(
        Row(task.subnet, Status.PASS, "ran") if task.ran else Row(task.subnet, otherwise, words_of(task))
        for task in tasks
    )


def _subnets(tasks: Iterable[ProbeTask]) -> str:
    return ", ".join(task.subnet for task in tasks)
