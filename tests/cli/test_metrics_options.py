"""`gmsa-doctor check --metrics` and `--event-bus`: the verdict for CloudWatch and EventBridge."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.command import Ended, a_task_definition, doctor, environ, file_with
from tests.lab.aws import ACCOUNT, EmbeddedAws

BROKEN = a_task_definition(container={"credentialSpecs": []})
PASSING = a_task_definition()
"""With --only, as far as the file alone tells."""
ONLY_THE_FILE = ("--live", "never", "--only", "task-definition.credentialspecs,task-definition.prefix")
BUS_ARN = f"arn:aws:events:eu-west-1:{ACCOUNT}:event-bus/alerts"


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """No AWS configuration at all."""
    return environ(tmp_path)


def checked(directory: Path, content: object, *arguments: str, env: dict[str, str]) -> Ended:
    file = file_with(directory, content)
    return doctor("check", "--task-definition-file", file, *ONLY_THE_FILE, *arguments, env=env)


def metrics(ended: Ended) -> dict[str, Any]:
    (line,) = [one for one in ended.err.splitlines() if one.startswith("{")]
    found: dict[str, Any] = json.loads(line)
    return found


def seen(aws: EmbeddedAws, region: str = "us-east-1", bus: str = "default") -> int:
    """How many events of ours a bus has seen since its archive was made."""
    events = aws.client("events", region)
    known = [one["ArchiveName"] for one in events.list_archives()["Archives"]]
    if "ours" not in known:
        events.create_archive(
            ArchiveName="ours",
            EventSourceArn=f"arn:aws:events:{region}:{ACCOUNT}:event-bus/{bus}",
            EventPattern=json.dumps({"source": ["gmsa-doctor"]}),
        )
    count: int = events.describe_archive(ArchiveName="ours")["EventCount"]
    return count


@pytest.mark.parametrize(
    ("content", "verdict", "code"), [(PASSING, "Unproven", 0), (BROKEN, "Fail", 1)], ids=["passing", "broken"]
)
def test_the_verdict_is_a_line_of_metrics_on_standard_error(
    content: object, verdict: str, code: int, env: dict[str, str], tmp_path: Path
) -> None:
    ended = checked(tmp_path, content, "--metrics", "Team/gMSA", env=env)
    assert ended.code == code
    line = metrics(ended)
    assert line[verdict] == 1
    assert line["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Team/gMSA"
    assert line["_aws"]["Timestamp"] > 1_700_000_000_000
    assert "_aws" not in ended.out


def test_the_json_report_stays_one_document_on_standard_output(env: dict[str, str], tmp_path: Path) -> None:
    ended = checked(tmp_path, BROKEN, "--metrics", "gmsa-doctor", "--format", "json", env=env)
    assert ended.document["verdict"] == "fail"
    assert metrics(ended)["Failures"] == ended.document["counts"]["fail"]


def test_a_report_in_a_file_leaves_the_metrics_on_standard_error(env: dict[str, str], tmp_path: Path) -> None:
    report = tmp_path / "report.txt"
    ended = checked(tmp_path, BROKEN, "--metrics", "gmsa-doctor", "--output", str(report), env=env)
    assert metrics(ended)["Fail"] == 1
    assert "_aws" not in report.read_text()


def test_without_the_options_nothing_is_written_or_sent(env: dict[str, str], aws: EmbeddedAws, tmp_path: Path) -> None:
    ended = checked(tmp_path, BROKEN, env={**env, **aws.variables()})
    assert "_aws" not in ended.out + ended.err
    assert ("events", "PutEvents") not in aws.calls


@pytest.mark.parametrize("bus", ["default", f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/default"])
def test_the_verdict_is_sent_once_to_the_bus(bus: str, env: dict[str, str], aws: EmbeddedAws, tmp_path: Path) -> None:
    assert seen(aws) == 0
    ended = checked(tmp_path, BROKEN, "--event-bus", bus, env={**env, **aws.variables()})
    assert ended.code == 1
    assert seen(aws) == 1
    assert aws.calls.count(("events", "PutEvents")) == 1


def test_the_arn_of_a_bus_tells_its_region(env: dict[str, str], aws: EmbeddedAws, tmp_path: Path) -> None:
    aws.client("events", "eu-west-1").create_event_bus(Name="alerts")
    assert seen(aws, "eu-west-1", "alerts") == 0
    checked(tmp_path, BROKEN, "--event-bus", BUS_ARN, env={**env, **aws.variables()})
    assert seen(aws, "eu-west-1", "alerts") == 1


@pytest.mark.parametrize(("content", "code"), [(PASSING, 3), (BROKEN, 1)], ids=["passing", "broken"])
def test_a_verdict_that_cannot_be_sent_is_told_and_the_run_is_no_success(
    content: object, code: int, env: dict[str, str], aws: EmbeddedAws, tmp_path: Path
) -> None:
    aws.deny("events", "PutEvents")
    ended = checked(tmp_path, content, "--event-bus", "default", env={**env, **aws.variables()})
    assert ended.code == code
    (line,) = [one for one in ended.err.splitlines() if "event bus" in one]
    assert "was not sent to the event bus default: access denied: events:PutEvents on default" in line
    assert "Allow events:PutEvents" in line


def test_without_credentials_the_report_is_whole_and_stderr_says_why_nothing_was_sent(
    env: dict[str, str], tmp_path: Path
) -> None:
    ended = checked(tmp_path, BROKEN, "--event-bus", "default", "--region", "us-east-1", env=env)
    assert ended.code == 1
    assert "task-definition.credentialspecs" in ended.out
    assert "no AWS credentials are configured" in ended.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--metrics", "AWS/ECS"], ["--metrics AWS/ECS", "CloudWatch namespace"]),
        (["--metrics", ""], ["--metrics", "CloudWatch namespace"]),
        (["--event-bus", "alerts*"], ["--event-bus alerts*", "name of an event bus"]),
        (["--event-bus", f"arn:aws:sns:us-east-1:{ACCOUNT}:alerts"], ["--event-bus", "or its ARN"]),
        (["--event-bus", ""], ["--event-bus", "name of an event bus"]),
    ],
)
def test_what_is_wrong_gives_one_message_before_any_work(
    arguments: list[str], words: list[str], env: dict[str, str], tmp_path: Path
) -> None:
    ended = checked(tmp_path, BROKEN, *arguments, env=env)
    assert (ended.code, ended.out) == (2, "")
    (line,) = ended.err.splitlines()
    assert all(word in line for word in words), line
