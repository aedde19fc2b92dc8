"""`gmsa-doctor run` leaves nothing, however it ends; `run --clean` removes the leftovers of a killed run."""

import json
import os
import pty
import select
import signal
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from queue import Queue

import pytest

from gmsa_doctor.probe.envelope import pack
from gmsa_doctor.probe.handover import VARIABLE
from tests.command import COMMAND, Ended, doctor, quick_command
from tests.lab.ad import DomainController
from tests.lab.aws import EmbeddedAws
from tests.lab.environment import Environment
from tests.probe.service import LOG_GROUP, arguments, left, made, three_subnets
from tests.report.test_untrusted_text import AT_LINE_START, CANARIES
from tests.report.test_untrusted_text import COMMAND as COMMAND_OF_CI
from tests.scenarios import tiers
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


def ended(process: subprocess.Popen[bytes]) -> Ended:
    out, err = process.communicate(timeout=WAIT)
    return Ended(process.returncode, out.decode(), err.decode())


Moment = tuple[str, str, int]
MOMENTS: list[Moment] = [
    ("ecs", "DescribeServices", 1),
    ("ecs", "RegisterTaskDefinition", 1),
    ("ecs", "RunTask", 1),
    ("ecs", "DescribeTasks", 1),
    ("logs", "GetLogEvents", 1),
    ("ecs", "RunTask", 2),
    ("ecs", "StopTask", 1),
    ("ecs", "DeregisterTaskDefinition", 1),
]
"""Calls that have taken effect, but are not answered yet."""
REMOVING = ("StopTask", "DeregisterTaskDefinition")
Process = subprocess.Popen[bytes]


def closed(process: Process) -> None:
    """Nobody reads its output any more, as after `| head -1`."""
    for pipe in (process.stdout, process.stderr):
        assert pipe is not None
        pipe.close()


def sends(*numbers: signal.Signals) -> Callable[[Process], None]:
    """Give what sends the signals, one after the other."""

    def send(process: Process) -> None:
        for number in numbers:
            process.send_signal(number)

    return send


ENDS: dict[str, Callable[[Process], None]] = {
    "Ctrl-C": sends(signal.SIGINT),
    "SIGTERM": sends(signal.SIGTERM),
    "a closed terminal": sends(signal.SIGHUP, signal.SIGTERM, signal.SIGHUP),
    "closed pipes": closed,
}
IN_TURN = [(moment, list(ENDS)[(number + number // 4) % 4]) for number, moment in enumerate(MOMENTS)]
CASES = list(product(MOMENTS, ENDS)) if tiers.all_through_process else IN_TURN


@contextmanager
def interrupted(environment: Environment, aws: EmbeddedAws, moment: Moment, end: str) -> Iterator[Process]:
    """Run it until that moment, and end it then."""
    started: Queue[Process] = Queue()
    aws.at(*moment, lambda: ENDS[end](started.get(timeout=WAIT)))
    with running(environment, aws) as process:
        started.put(process)
        yield process


@pytest.mark.parametrize(("moment", "end"), CASES, ids=str)
def test_no_end_of_a_run_leaves_anything(moment: Moment, end: str, dc: DomainController, aws: EmbeddedAws) -> None:
    aws.fargate.waits_for_stop = moment[1] == "StopTask"  # the task is to outlive its report
    with made(dc, aws, three_subnets) as (environment, _), interrupted(environment, aws, moment, end) as process:
        if end == "closed pipes":
            assert process.wait(WAIT) in (0, 3)
            assert left(aws) == []
            return
        ended_ = ended(process)
        assert left(aws) == []
    assert ended_.code in ((0, 130) if moment[1] in REMOVING else (130,)), ended_.err
    if moment[1] != "DescribeServices":  # then there is no subject to report on
        assert ended_.document["interrupted"] is (ended_.code == 130), brief(ended_)


def test_a_second_ctrl_c_does_not_end_the_removal(dc: DomainController, aws: EmbeddedAws) -> None:
    aws.fargate.waits_for_stop = True
    with made(dc, aws) as (environment, _), running(environment, aws) as process:
        aws.at("ecs", "DescribeTasks", 1, lambda: process.send_signal(signal.SIGINT))
        aws.at("ecs", "StopTask", 1, lambda: process.send_signal(signal.SIGINT))
        end = ended(process)
        assert left(aws) == []
    assert (end.code, end.document["interrupted"]) == (130, True), end.err


def test_the_report_of_an_interrupted_run_is_in_its_file_though_the_terminal_is_gone(
    dc: DomainController, aws: EmbeddedAws, tmp_path: Path
) -> None:
    file, archive = tmp_path / "report.json", tmp_path / "case.zip"
    options = ("--report", f"json={file}", "--bundle", str(archive))
    started: Queue[Process] = Queue()

    def end() -> None:
        process = started.get(timeout=WAIT)
        closed(process)
        process.send_signal(signal.SIGHUP)

    with made(dc, aws) as (environment, _):
        aws.at("ecs", "DescribeTasks", 1, end)
        with running(environment, aws, *options) as process:
            started.put(process)
            assert process.wait(WAIT) == 130
        assert left(aws) == []
    assert json.loads(file.read_text())["interrupted"] is True
    with zipfile.ZipFile(archive) as opened:
        assert opened.testzip() is None
        assert opened.read("gmsa-doctor-case/report.json").decode() == file.read_text()
        calls = json.loads(opened.read("gmsa-doctor-case/calls.json"))
    assert {"RunTask", "StopTask"} <= {call["operation"] for call in calls}


def test_a_full_disk_is_a_usage_error_and_leaves_nothing(
    dc: DomainController, aws: EmbeddedAws, tmp_path: Path
) -> None:
    file = tmp_path / "report.xml"
    with made(dc, aws) as (environment, _), open("/dev/full", "wb") as full:
        command = [quick_command(), *arguments(environment, "--report", f"junit={file}")]
        process = subprocess.run(command, env=aws.environ(), stdout=full, stderr=full, timeout=WAIT, check=False)
        assert left(aws) == []
    assert process.returncode == 2
    assert "testsuites" in file.read_text()


def test_at_the_time_limit_running_tasks_are_stopped(dc: DomainController, aws: EmbeddedAws) -> None:
    aws.fargate.speed = 16
    with made(dc, aws) as (environment, _), running(environment, aws, "--timeout", "10") as process:
        end = ended(process)
        assert left(aws) == []
    assert (end.code, end.roots) == (3, ["probe.task"]), brief(end)
    assert "--timeout" in end.finding("probe.task")["fix"]["text"]


def killed(environment: Environment, aws: EmbeddedAws, moment: Moment, *options: str) -> None:
    """Run it until that moment, and kill it."""
    started: Queue[Process] = Queue()
    aws.at(*moment, lambda: started.get(timeout=WAIT).kill())
    with running(environment, aws, *options) as process:
        started.put(process)
        assert process.wait(WAIT) == -signal.SIGKILL


def clean(environment: Environment, aws: EmbeddedAws) -> Ended:
    return doctor("run", "--clean", "--yes", "--cluster", environment.cluster, env=aws.environ())


@pytest.mark.parametrize("moment", MOMENTS, ids=lambda moment: " ".join(map(str, moment)))
def test_clean_removes_the_leftovers_of_a_killed_run(moment: Moment, dc: DomainController, aws: EmbeddedAws) -> None:
    aws.fargate.waits_for_stop = moment[1] == "StopTask"
    with made(dc, aws, three_subnets) as (environment, _):
        container = {"name": "a", "image": "b", "memory": 64}
        without_our_tag = {"family": "gmsa-doctor-probe", "containerDefinitions": [container]}
        ecs, s3 = aws.client("ecs"), aws.client("s3")
        other = ecs.register_task_definition(**without_our_tag)["taskDefinition"]["taskDefinitionArn"]
        killed(environment, aws, moment, "--report-s3", f"s3://{environment.bucket}/reports")
        for task in aws.fargate.tasks:
            task.told_to_stop.set()
        s3.put_object(Bucket=environment.bucket, Key="reports/of-others.txt", Body=b"")
        end = clean(environment, aws)
        assert end.code == 0, end.err
        assert all(task.ended.wait(30) for task in aws.fargate.tasks)  # one that was about to end by itself
        assert left(aws) == [other]
        keys = {item["Key"] for item in s3.list_objects_v2(Bucket=environment.bucket)["Contents"]}
        assert keys == {environment.key, "reports/of-others.txt"}
        again = clean(environment, aws)
        assert again.code == 0
        assert "nothing left of earlier runs" in again.err
        assert "Other clusters and regions were not searched" in again.err


def test_clean_removes_the_log_stream_that_a_starting_task_creates_after_the_search(
    dc: DomainController, aws: EmbeddedAws
) -> None:
    with made(dc, aws) as (environment, _):
        killed(environment, aws, ("ecs", "RunTask", 1))
        (task,) = aws.fargate.tasks
        assert task.ended.wait(30)
        aws.client("logs").delete_log_stream(logGroupName=LOG_GROUP, logStreamName=task.log_stream)
        task.ended.clear()
        task.last_status = "PENDING"

        def log_driver() -> None:
            aws.client("logs").create_log_stream(logGroupName=LOG_GROUP, logStreamName=task.log_stream)
            task.last_status = "STOPPED"
            task.ended.set()

        aws.at("ecs", "StopTask", 1, log_driver)
        assert clean(environment, aws).code == 0
        assert left(aws) == []


def test_clean_believes_no_name_that_a_run_cannot_have_made(dc: DomainController, aws: EmbeddedAws) -> None:
    """Who may register a task definition must not make the caller of --clean delete anything else."""
    with made(dc, aws) as (environment, _):
        logs, s3, ecs = aws.client("logs"), aws.client("s3"), aws.client("ecs")
        logs.create_log_stream(logGroupName=LOG_GROUP, logStreamName="web/app/1")
        s3.put_object(Bucket=environment.bucket, Key="reports/web/1.txt", Body=b"")
        text = pack(json.dumps({"report_s3": f"s3://{environment.bucket}/reports"}).encode())
        options = {"awslogs-group": LOG_GROUP, "awslogs-region": "us-east-1", "awslogs-stream-prefix": "web"}
        container = {
            "name": "gmsa-doctor", "image": "b", "memory": 64, "environment": [{"name": VARIABLE, "value": text}],
            "logConfiguration": {"logDriver": "awslogs", "options": options},
        }  # fmt: skip
        tags = [{"key": "gmsa-doctor", "value": "web"}]
        ecs.register_task_definition(family="gmsa-doctor-probe", containerDefinitions=[container], tags=tags)
        assert clean(environment, aws).code == 0
        assert left(aws) == ["log stream web/app/1"]
        assert "reports/web/1.txt" in str(s3.list_objects_v2(Bucket=environment.bucket)["Contents"])


def test_a_probe_ends_on_its_own_without_a_run(dc: DomainController, aws: EmbeddedAws) -> None:
    with made(dc, aws) as (environment, _):
        killed(environment, aws, ("ecs", "RunTask", 1))
        (task,) = aws.fargate.tasks
        assert task.ended.wait(30)
        assert task.exit_code == 0


def test_clean_prints_no_answer_that_a_terminal_or_a_ci_log_obeys(dc: DomainController, aws: EmbeddedAws) -> None:
    message = "\n".join(CANARIES.values()).encode("utf-8", "replace").decode()
    aws.fail_with("ecs", "ListTaskDefinitions", "ClientException", message)
    with made(dc, aws) as (environment, _):
        end = clean(environment, aws)
    assert end.code == 3
    assert all(line.isprintable() for line in end.err.split("\n"))
    assert (COMMAND_OF_CI.search(end.err), AT_LINE_START.search(end.err)) == (None, None)


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
