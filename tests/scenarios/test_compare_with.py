"""`check --compare-with FILE`: what the file says of gMSA against what is registered."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.command import Ended, doctor
from tests.lab.ad import DomainController
from tests.lab.aws import EmbeddedAws
from tests.lab.creation import create
from tests.lab.environment import Environment, healthy, task_definition_file
from tests.scenarios.judge import brief, told, with_status

CHECK = "task-definition.lost-in-registration"


def compared(
    dc: DomainController,
    aws: EmbeddedAws,
    directory: Path,
    registered: Callable[[Environment], object] = lambda _: None,
    file: Callable[[dict[str, Any]], object] = lambda _: None,
) -> Ended:
    """Register the healthy environment, changed; compare it with its file, changed."""
    environment = healthy(dc)
    document = json.loads(task_definition_file(environment))
    file(document["taskDefinition"])
    path = directory / "td.json"
    path.write_text(json.dumps(document))
    registered(environment)
    create(environment, aws)
    options = ("--live", "never", "--compare-with", str(path), "--format", "json")
    return doctor(*environment.command_with(*options), env=aws.environ())


def without_credspecs(environment: Environment) -> None:
    del environment.container["credentialSpecs"]


def entry(document: dict[str, Any]) -> None:
    document["containerDefinitions"][0]["credentialSpecs"] = ["credentialspecdomainless:arn:aws:s3:::b/new.json"]


def other_role(document: dict[str, Any]) -> None:
    document["executionRoleArn"] = "arn:aws:iam::123456789012:role/other"


def test_a_file_that_was_registered_unchanged_passes(dc: DomainController, aws: EmbeddedAws, tmp_path: Path) -> None:
    ended = compared(dc, aws, tmp_path)
    assert ended.code == 0, brief(ended)
    assert ended.statuses()[CHECK] == "pass"


def test_a_dropped_field_is_reported_in_the_one_root_cause(
    dc: DomainController, aws: EmbeddedAws, tmp_path: Path
) -> None:
    ended = compared(dc, aws, tmp_path, without_credspecs)
    assert with_status(ended, "fail") == {"task-definition.credentialspecs"}, brief(ended)
    finding = ended.finding("task-definition.credentialspecs")
    assert "td.json has credentialspecdomainless:arn:aws:s3:::gmsa-credspecs/webapp01_CredSpec.json" in told(finding)
    assert "(lost in registration)" in finding["summary"]
    assert ended.finding(CHECK)["because"] == ["task-definition.credentialspecs"]


@pytest.mark.parametrize(("change", "words"), [(entry, "arn:aws:s3:::b/new.json"), (other_role, "role/other")])
def test_a_file_with_other_settings_warns(
    change: Callable[[dict[str, Any]], object], words: str, dc: DomainController, aws: EmbeddedAws, tmp_path: Path
) -> None:
    ended = compared(dc, aws, tmp_path, file=change)
    assert with_status(ended, "warn") == {CHECK}, brief(ended)
    assert words in told(ended.finding(CHECK))


def test_another_container_of_the_file_is_not_compared(dc: DomainController, aws: EmbeddedAws, tmp_path: Path) -> None:
    def with_another(document: dict[str, Any]) -> None:
        document["containerDefinitions"].append({"name": "log", "image": "log:1"})

    assert compared(dc, aws, tmp_path, file=with_another).code == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [("{}", "no task definition"), ("no JSON", "--compare-with"), (None, "--compare-with")],
)
def test_a_file_that_holds_none_is_told_at_once(
    content: str | None, words: str, aws: EmbeddedAws, tmp_path: Path
) -> None:
    path = tmp_path / "td.json"
    if content is not None:
        path.write_text(content)
    ended = doctor("check", "--service", "web", "--compare-with", str(path), env=aws.environ())
    assert (ended.code, ended.out) == (2, "")
    assert words in ended.err
    assert "Traceback" not in ended.err


def test_files_are_not_compared_with_files(aws: EmbeddedAws, tmp_path: Path) -> None:
    ended = doctor("check", "td.json", "--compare-with", "td.json", env=aws.environ(), cwd=tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert "--compare-with has no effect on files" in ended.err


def test_without_the_option_nothing_is_said_of_it(dc: DomainController, aws: EmbeddedAws) -> None:
    environment = healthy(dc)
    create(environment, aws)
    ended = doctor(*environment.command_with("--live", "never", "--format", "json"), env=aws.environ())
    assert CHECK not in ended.statuses()
