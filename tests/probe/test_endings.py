"""`gmsa-doctor run` leaves nothing, however it ends; `run --clean` removes the leftovers of a killed run."""

import json
import os
import pty
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.command import COMMAND, Ended, doctor, quick_command
from tests.lab.ad import DomainController
from tests.lab.aws import EmbeddedAws
from tests.lab.environment import Environment
from tests.probe.service import arguments, left, made, three_subnets
from tests.scenarios.judge import brief

WAIT = 60
"""Seconds until a call must have been made."""


@contextmanager
def running(environment: Environment, aws: EmbeddedAws, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run it in a process of its own, which is ended in any case."""
    command = [quick_command(), *arguments(environment, *options)]
    process = subprocess.Popen(command, env=aws.environ(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_for(aws: EmbeddedAws, service: str, operation: str, process: subprocess.Popen[bytes], times: int = 1) -> None:
    """Until the call was made so often."""
    ends = time.monotonic() + WAIT
    while aws.calls.count((service, operation)) < times:
        assert time.monotonic() < ends, f"no {operation} within {WAIT} s"
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


def ended(process: subprocess.Popen[bytes]) -> Ended:
    out, err = process.communicate(timeout=WAIT)
    return Ended(process.returncode, out.decode(), err.decode())


STAGES = [
    ("ecs", "DescribeServices", 1),
    ("ecs", "RegisterTaskDefinition", 1),
    ("ecs", "RunTask", 1),
    ("ecs", "DescribeTasks", 1),
    ("logs", "GetLogEvents", 1),
    ("ecs", "RunTask", 2),
    ("ecs", "DeregisterTaskDefinition", 1),
    ("ecs", "StopTask", 1),
]


@pytest.mark.parametrize(("service", "operation", "times"), STAGES)
def test_ctrl_c_leaves_nothing(
    service: str, operation: str, times: int, dc: DomainController, aws: EmbeddedAws
) -> None:
    aws.delay = 0.2
    aws.fargate.speed = 0.05 if operation == "StopTask" else 0.5
    aws.fargate.waits_for_stop = operation == "StopTask"  # the task is to outlive its report
    with made(dc, aws, three_subnets) as (environment, _), running(environment, aws) as process:
        wait_for(aws, service, operation, process, times)
        process.send_signal(signal.SIGINT)
        end = ended(process)
        aws.delay = 0
        assert left(aws) == []
    removing = operation in ("DeregisterTaskDefinition", "StopTask")
    assert end.code in ((0, 130) if removing else (130,)), end.err
    if end.out:
        assert end.document["interrupted"] is (end.code == 130), brief(end)


def test_sigterm_is_like_ctrl_c(dc: DomainController, aws: EmbeddedAws) -> None:
    aws.fargate.speed = 0.5
    with made(dc, aws) as (environment, _), running(environment, aws) as process:
        wait_for(aws, "ecs", "DescribeTasks", process)
        process.send_signal(signal.SIGTERM)
        end = ended(process)
        assert left(aws) == []
    assert end.code == 130
    assert end.document["interrupted"] is True
    assert end.finding("task-definition.prefix")["status"] == "pass"


def test_at_the_time_limit_running_tasks_are_stopped(dc: DomainController, aws: EmbeddedAws) -> None:
    aws.fargate.speed = 16
    with made(dc, aws) as (environment, _), running(environment, aws, "--timeout", "15") as process:
        end = ended(process)
        assert left(aws) == []
    assert (end.code, end.roots) == (3, ["probe.task"]), brief(end)
    assert "--timeout" in end.finding("probe.task")["fix"]["text"]


@pytest.mark.parametrize(("operation", "times"), [("RegisterTaskDefinition", 1), ("RunTask", 1), ("DescribeTasks", 2)])
def test_clean_removes_the_leftovers_of_a_killed_run(
    operation: str, times: int, dc: DomainController, aws: EmbeddedAws
) -> None:
    aws.fargate.speed = 1
    with made(dc, aws) as (environment, _):
        container = {"name": "a", "image": "b", "memory": 64}
        without_our_tag = {"family": "gmsa-doctor-probe", "containerDefinitions": [container]}
        ecs = aws.client("ecs")
        other = ecs.register_task_definition(**without_our_tag)["taskDefinition"]["taskDefinitionArn"]
        with running(environment, aws) as process:
            wait_for(aws, "ecs", operation, process, times)
            time.sleep(0.2)
            process.kill()
            process.wait()
        assert [leftover for leftover in left(aws) if leftover != other] != []
        end = doctor("run", "--clean", "--yes", "--cluster", environment.cluster, env=aws.environ())
        assert end.code == 0, end.err
        assert all(task.ended.wait(30) for task in aws.fargate.tasks)  # one that was about to end by itself
        assert left(aws) == [other]
        assert "removed" in end.err
        again = doctor("run", "--clean", "--yes", "--cluster", environment.cluster, env=aws.environ())
        assert again.code == 0
        assert "nothing left of earlier runs" in again.err


def test_a_probe_ends_on_its_own_without_a_run(dc: DomainController, aws: EmbeddedAws) -> None:
    with made(dc, aws) as (environment, _):
        with running(environment, aws) as process:
            wait_for(aws, "ecs", "RunTask", process)
            time.sleep(0.3)
            process.kill()
            process.wait()
        (task,) = aws.fargate.tasks
        assert task.ended.wait(30)
        assert task.exit_code == 0


def test_clean_reports_denied_actions(dc: DomainController, aws: EmbeddedAws) -> None:
    aws.deny("ecs", "ListTaskDefinitions")
    with made(dc, aws) as (environment, _):
        end = doctor("run", "--clean", "--yes", "--cluster", environment.cluster, env=aws.environ())
    assert end.code == 3
    assert "ecs:ListTaskDefinitions" in end.err


@pytest.mark.parametrize("missing", ["credentials", "region"])
def test_clean_requires_credentials_and_a_region(missing: str, aws: EmbeddedAws) -> None:
    names = {"credentials": ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "region": ("AWS_DEFAULT_REGION",)}[missing]
    env = {name: value for name, value in aws.environ().items() if name not in names}
    end = doctor("run", "--clean", "--yes", env=env)
    assert (end.code, end.out, aws.calls) == (2, "", [])
    assert missing in end.err


def test_the_time_limit_must_be_long_enough_for_a_task() -> None:
    assert json.dumps(doctor("run", "--timeout", "1", env={}).code) == "2"


@pytest.mark.parametrize(("key", "code"), [("\x03", 130), ("\x04", 130), ("n\n", 3)])
def test_at_the_confirmation_nothing_exists_yet(key: str, code: int, dc: DomainController, aws: EmbeddedAws) -> None:
    with made(dc, aws) as (environment, _):
        command = [COMMAND, *(argument for argument in arguments(environment) if argument != "--yes")]
        terminal, theirs = pty.openpty()
        with_terminal = ["setsid", "--ctty", "--wait", *command]
        process = subprocess.Popen(with_terminal, env=aws.environ(), stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        shown = answer(terminal, "[y/N]", key)
        assert process.wait(WAIT) == code, shown
        assert (aws.fargate.tasks, left(aws)) == ([], [])
    assert "crashed" not in shown
    assert "To check demo/healthy from inside its network" in shown


def answer(terminal: int, question: str, key: str) -> str:
    """Wait for the question on the terminal, press the key, and give all that was shown.

    Ctrl-C between the question and the read that waits for the answer is noticed when the read ends: as a person would,
    press it again if nothing happens.
    """
    shown = ""
    asked = False
    presses = WAIT
    while True:
        while not select.select([terminal], [], [], 1 if asked else WAIT)[0]:
            presses -= 1 if asked else WAIT
            assert presses > 0, f"no more came: {shown!r}"
            os.write(terminal, key.encode())
        try:
            part = os.read(terminal, 65536).decode(errors="replace")
        except OSError:  # the other end is closed
            return shown
        if not part:
            return shown
        shown += part
        if question in shown and not asked:
            asked = True
            os.write(terminal, key.encode())
