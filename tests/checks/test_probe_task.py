"""The one-off tasks of a run, by values."""

import pytest

from gmsa_doctor.authoring import Status
from gmsa_doctor.given.probe_tasks import Leftover, ProbeTask, ProbeTasks
from gmsa_doctor_checks.probe.task import probe_removed, probe_report, probe_task


def probes(*tasks: ProbeTask, left: tuple[Leftover, ...] = ()) -> ProbeTasks:
    return ProbeTasks(tasks, "image", "arn:aws:iam::123456789012:role/web", left=left)


RAN = ProbeTask("subnet-1", "arn:task", ran=True, stopped=True, exit_code=0)
LOST = ProbeTask("subnet-1", "arn:task", ran=True, stopped=True, report="2 of 3 lines")
REFUSED = ProbeTask("subnet-1", problem="denied", action="ecs:RunTask")


@pytest.mark.parametrize(("task", "status"), [(RAN, Status.PASS), (REFUSED, Status.UNKNOWN)])
def test_a_probe_starts(task: ProbeTask, status: Status) -> None:
    assert probe_task(probes(task)).status is status


@pytest.mark.parametrize(("task", "status"), [(RAN, Status.PASS), (LOST, Status.UNKNOWN), (REFUSED, Status.SKIPPED)])
def test_its_report_arrives(task: ProbeTask, status: Status) -> None:
    assert probe_report(probes(task)).status is status


def test_leftover_resources_are_reported() -> None:
    assert probe_removed(probes(RAN)).status is Status.PASS
    finding = probe_removed(
        probes(RAN, left=(Leftover("a task", "denied", "aws ecs stop-task"), Leftover("b", "mute")))
    )
    assert (finding.status, finding.observed) == (Status.WARN, "a task: denied; b: mute")
    assert finding.summary == "resources created by this run may be left: 1 not removed, 1 search failed"
    assert finding.fix is not None
    assert finding.fix.commands == ("aws ecs stop-task", "gmsa-doctor run --clean")
