"""Carrying out a plan, call by call: which probes log on, what is reported, and no leftovers."""

import time
from collections.abc import Mapping
from dataclasses import replace
from threading import Event
from typing import Any

import pytest

from gmsa_doctor.clients.aws.fargate import NotStarted, Task
from gmsa_doctor.core.errors import Denied, Throttled, TimedOut
from gmsa_doctor.core.model import Finding, Status
from gmsa_doctor.probe.launch import CANARY, LOGON, NO_LOGON, Launched, Pace, launch
from gmsa_doctor.probe.message import ProbeMessage, SubjectFindings
from gmsa_doctor.probe.plan import Plan
from tests.probe.world import RUN, World, a_plan, message

FAST = Pace(poll=0, late=0)


def launched(plan: Plan, world: World, seconds: float = 60) -> Launched:
    ends = time.monotonic() + seconds
    return launch(plan, world.clients(), ends=ends, removed_by=ends + 60, say=lambda text: None, pace=FAST)


def test_a_probe_is_started_in_each_subnet_without_leftovers() -> None:
    world = World()
    found = launched(a_plan("a", "b", "c"), world)
    assert [probe.task.subnet for probe in found.probes] == ["a", "b", "c"]
    assert all(probe.message == message() and not probe.task.report for probe in found.probes)
    assert (found.left, world.left(), found.interrupted) == ((), [], False)


def test_after_a_successful_logon_the_others_start_in_parallel_with_a_logon() -> None:
    world = World()
    launched(a_plan("a", "b", "c"), world)
    assert world.commands == [("a", LOGON), ("b", LOGON), ("c", LOGON)]
    second = [number for number, name in enumerate(world.calls) if name == "start"][1:]
    assert second == [second[0], second[0] + 1]


@pytest.mark.parametrize("status", [Status.FAIL, Status.UNKNOWN, Status.ERROR])
def test_after_a_possibly_failed_logon_no_probe_logs_on(status: Status) -> None:
    world = World({"a": message(logon=status)})
    launched(a_plan("a", "b", "c"), world)
    assert world.commands == [("a", LOGON), ("b", NO_LOGON), ("c", NO_LOGON)]


def test_until_a_logon_was_tried_the_next_probe_may_log_on() -> None:
    world = World({"a": message(logon=Status.SKIPPED), "b": message(logon=Status.FAIL)})
    launched(a_plan("a", "b", "c"), world)
    assert world.commands == [("a", LOGON), ("b", LOGON), ("c", NO_LOGON)]


def test_the_canary_runs_last_and_only_if_all_probes_passed() -> None:
    world = World()
    found = launched(a_plan("a", "b", canary=True), world)
    assert world.commands[-1] == ("a", CANARY)
    assert found.canary is not None
    assert world.left() == []
    broken = World({"b": message(Status.FAIL)})
    assert launched(a_plan("a", "b", canary=True), broken).canary is None
    assert [command for _, command in broken.commands] == [LOGON, LOGON]


def how_many_calls() -> int:
    world = World()
    launched(a_plan("a", "b", canary=True), world)
    return len(world.calls)


@pytest.mark.parametrize("number", range(1, how_many_calls() + 1))
def test_ctrl_c_at_any_call_leaves_nothing(number: int) -> None:
    world = World(interrupt_at=number)
    found = launched(a_plan("a", "b", canary=True), world)
    assert world.left() == []
    assert [probe.task.subnet for probe in found.probes] == ["a", "b"]
    assert len(world.calls) >= number


def test_ctrl_c_reports_what_arrived_and_what_was_never_started() -> None:
    rehearsal = World()
    launched(a_plan("a", "b", "c"), rehearsal)
    second_start = [number for number, name in enumerate(rehearsal.calls, 1) if name == "start"][1]
    found = launched(a_plan("a", "b", "c"), World(interrupt_at=second_start))
    assert found.interrupted
    assert found.probes[0].message == message()
    assert "interrupted" in (found.probes[-1].task.problem or "")


def test_a_second_ctrl_c_starts_the_removal_again() -> None:
    world = World()
    total = how_many_calls()
    world.interrupt_at = total
    found = launched(a_plan("a", "b", canary=True), world)
    assert (world.left(), found.left) == ([], ())


def test_a_crash_leaves_nothing() -> None:
    world = World(error_at={"describe": RuntimeError("a bug")})
    with pytest.raises(RuntimeError):
        launched(a_plan("a"), world)
    assert [name for name in world.calls if name in ("deregister", "stop")] == ["stop", "deregister"]


def test_a_time_out_stops_running_tasks() -> None:
    world = World()
    found = launched(a_plan("a", "b"), world, seconds=0)
    assert (world.left(), world.commands) == ([], [])
    assert all(probe.message is None for probe in found.probes)


def test_a_denied_call_is_made_once_and_named() -> None:
    world = World(error_at={"start": Denied("ecs:RunTask", "x")})
    found = launched(a_plan("a", "b", "c"), world)
    assert world.calls.count("start") == 1
    assert {probe.task.action for probe in found.probes} == {"ecs:RunTask"}
    assert world.left() == []


def test_resources_of_a_call_without_an_answer_are_found_and_removed() -> None:
    class Mute(World):
        def start(self, definition: str, arguments: Mapping[str, Any], run: str) -> Task:
            task = super().start(definition, arguments, run)
            if len(self.tasks) == 1:
                raise TimedOut("AWS", 8)
            return task

    world = Mute()
    found = launched(a_plan("a", "b", "c"), world)
    assert (world.left(), found.left) == ([], ())
    assert world.commands == [("a", LOGON), ("b", NO_LOGON), ("c", NO_LOGON)], "the first may have tried a logon"


@pytest.mark.parametrize("error", [Throttled("slow down"), NotStarted("RESOURCE:CAPACITY")])
def test_after_a_call_that_started_nothing_the_next_probe_logs_on(error: Exception) -> None:
    class Full(World):
        def start(self, definition: str, arguments: Mapping[str, Any], run: str) -> Task:
            if not self.calls.count("refused"):
                self.calls.append("refused")
                raise error
            return super().start(definition, arguments, run)

    world = Full()
    launched(a_plan("a", "b"), world)
    assert world.commands == [("b", LOGON)]


def test_with_two_accounts_the_next_logs_on_alone_until_both_were_tried() -> None:
    ticket = Finding(Status.PASS, "ticket", check="kerberos.user-ticket")
    skipped = replace(ticket, status=Status.SKIPPED)
    failed = replace(ticket, status=Status.FAIL)
    half = ProbeMessage(RUN, (SubjectFindings("demo/web", (ticket,)), SubjectFindings("demo/other", (skipped,))))
    wrong = ProbeMessage(RUN, (SubjectFindings("demo/web", (ticket,)), SubjectFindings("demo/other", (failed,))))
    world = World({"a": half, "b": wrong, "c": wrong})
    owed = dict.fromkeys(("demo/web", "demo/other"), frozenset({"kerberos.user-ticket"}))
    launched(replace(a_plan("a", "b", "c"), owed=owed), world)
    assert world.commands == [("a", LOGON), ("b", LOGON), ("c", NO_LOGON)]


@pytest.mark.parametrize("status", [Status.UNKNOWN, Status.SKIPPED])
def test_no_canary_without_a_proven_logon(status: Status) -> None:
    world = World({"a": message(logon=status)})
    assert launched(a_plan("a", canary=True), world).canary is None


def test_the_report_of_a_probe_that_stopped_early_is_incomplete() -> None:
    world = World({"a": replace(message(), interrupted=True)})
    assert "stopped before" in launched(a_plan("a"), world).probes[0].task.report


def test_throttled_polls_are_repeated() -> None:
    class Slow(World):
        def describe(self, tasks: tuple[str, ...], cluster: str) -> dict[str, object]:  # type: ignore[override]
            if self.calls.count("describe") == 1:
                self.calls.append("describe")
                raise Throttled("slow down")
            return super().describe(tasks, cluster)  # type: ignore[return-value]

    world = Slow()
    assert launched(a_plan("a"), world).probes[0].message == message()
    assert world.left() == []


def test_leftovers_are_reported() -> None:
    world = World(error_at={"deregister": Denied("ecs:DeregisterTaskDefinition", "x")})
    (left,) = launched(a_plan("a"), world).left
    assert "gmsa-doctor-probe:0" in left.resource
    assert "ecs:DeregisterTaskDefinition" in left.reason
    assert (left.command or "").startswith("aws ecs deregister-task-definition --region us-east-1 ")


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        (ProbeMessage(RUN, ()), "no finding of dns.domain-controllers, kerberos.user-ticket"),
        (ProbeMessage(RUN, (SubjectFindings("demo/web", ()),)), "no finding of dns.domain-controllers"),
        (
            ProbeMessage(RUN, (SubjectFindings("demo/web", tuple(message().findings[:1])),)),
            "no finding of kerberos.user-ticket",
        ),
        (ProbeMessage(RUN, (SubjectFindings("demo/other", tuple(message().findings)),)), "not about this run"),
        (replace(message(), run="gmsa-doctor-another"), "not about this run"),
    ],
    ids=["no subject", "no finding", "one finding missing", "another subject", "another run"],
)
def test_a_report_that_lacks_what_the_probe_owes_is_incomplete(sent: ProbeMessage, text: str) -> None:
    found = launched(a_plan("a", canary=True), World({"a": sent}))
    assert text in found.probes[0].task.report
    assert found.canary is None


def test_a_poll_without_an_answer_ends_with_the_time_of_the_run() -> None:
    release = Event()

    class Mute(World):
        def describe(self, tasks: tuple[str, ...], cluster: str) -> dict[str, object]:  # type: ignore[override]
            if "describe" not in self.calls:
                self.calls.append("describe")
                release.wait()
            return super().describe(tasks, cluster)  # type: ignore[return-value]

    world = Mute()
    found = launched(a_plan("a"), world, seconds=0.3)
    release.set()
    assert found.probes[0].message is None
    assert world.left() == []


def test_a_removal_without_answers_ends_in_time_and_reports_what_it_could_not_prove() -> None:
    release = Event()

    class Mute(World):
        def describe(self, tasks: tuple[str, ...], cluster: str) -> dict[str, object]:  # type: ignore[override]
            self.calls.append("describe")
            release.wait()
            return {}

    world = Mute()
    found = launch(
        a_plan("a"), world.clients(), ends=time.monotonic() + 0.3, removed_by=time.monotonic() + 1.3,
        say=lambda text: None, pace=FAST,
    )  # fmt: skip
    release.set()
    assert world.calls.count("describe") == 2, "once by the run, and once by the removal"
    assert world.left() == []
    assert any("may still be running" in leftover.resource for leftover in found.left)
    assert all("did not answer" in leftover.reason for leftover in found.left)
