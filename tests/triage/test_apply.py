"""The real `check` with a configuration and a baseline: accepted findings do not fail, new ones do."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from gmsa_doctor.report import schema
from tests.command import Ended, a_task_definition, doctor, environ, file_with

WRONG_PREFIX = a_task_definition(
    container={"credentialSpecs": ["credentialspec_domainless:arn:aws:s3:::credspecs/web.json"]}
)
NO_SPECS = a_task_definition(container={"credentialSpecs": []})
WAIVER = """
[[waivers]]
check = "task-definition.prefix"
subject = "td.json*"
reason = "migration, ticket 4711"
expires = {}
"""
NEVER_OVER = WAIVER.format("9999-12-31")


def check(
    directory: Path,
    configuration: str,
    *arguments: str,
    definition: object = WRONG_PREFIX,
    file: str = "gmsa-doctor.toml",
) -> Ended:
    """Check the file `td.json` in this directory, which has this configuration."""
    file_with(directory, definition)
    (directory / file).write_text(configuration)
    given = ("--task-definition-file", "td.json", "--live", "never", *arguments)
    return doctor("check", *given, env=environ(directory), cwd=directory)


def report(ended: Ended) -> dict[str, Any]:
    """The JSON report, which its schema describes."""
    jsonschema.validate(ended.document, json.loads(schema.text()))
    return ended.document


def test_without_a_configuration_it_fails_and_there_are_no_waivers(tmp_path: Path) -> None:
    ended = check(tmp_path, "", "--format", "json")
    assert ended.code == 1
    assert ended.roots == ["task-definition.prefix"]
    assert [subject["name"] for subject in report(ended)["subjects"]] == ["td.json/web"]


def test_a_waived_failure_is_shown_and_does_not_fail(tmp_path: Path) -> None:
    ended = check(tmp_path, NEVER_OVER)
    assert ended.code == 0, ended
    assert "waived" in ended.out
    ended = check(tmp_path, NEVER_OVER, "--format", "json")
    assert (report(ended)["verdict"], report(ended)["counts"]["waived"]) == ("unproven", 1)
    summary = ended.finding("task-definition.prefix")["summary"]
    assert summary.startswith("waived until 9999-12-31: migration, ticket 4711; was fail: ")
    assert ended.statuses(1) == {"config.waivers": "pass"}


def test_an_expired_waiver_fails_with_its_position(tmp_path: Path) -> None:
    ended = check(tmp_path, WAIVER.format("2020-01-01"), "--format", "json")
    assert ended.code == 1
    assert ended.roots == ["task-definition.prefix", "config.waivers"]
    assert ended.finding("config.waivers", 1)["location"] == {"file": "gmsa-doctor.toml", "line": 2, "column": None}


@pytest.mark.parametrize(("arguments", "code"), [((), 0), (("--fail-on", "warn"), 1)])
def test_an_unused_waiver_warns(arguments: tuple[str, ...], code: int, tmp_path: Path) -> None:
    ended = check(tmp_path, NEVER_OVER, "--format", "json", *arguments, definition=a_task_definition())
    assert (ended.code, ended.statuses(1)) == (code, {"config.waivers": "warn"})


def test_a_pyproject_works_as_well(tmp_path: Path) -> None:
    ended = check(tmp_path, NEVER_OVER.replace("[[", "[[tool.gmsa-doctor."), file="pyproject.toml")
    assert ended.code == 0, ended


def test_a_failure_may_count_as_a_warning(tmp_path: Path) -> None:
    ended = check(tmp_path, "[checks]\n'task-definition.prefix' = 'warn'\n", "--format", "json")
    assert (ended.code, ended.statuses()["task-definition.prefix"]) == (0, "warn")


def test_a_disabled_check_is_not_selected_unless_named(tmp_path: Path) -> None:
    off = "[checks]\ntask-definition.prefix = 'off'\n"
    ended = check(tmp_path, off, "--format", "json")
    assert (ended.code, ended.statuses()["task-definition.prefix"]) == (0, "skipped")
    ended = check(tmp_path, off, "--format", "json", "--only", "task-definition.prefix")
    assert (ended.code, ended.statuses()["task-definition.prefix"]) == (1, "fail")


def test_defaults_apply_and_the_command_line_wins(tmp_path: Path) -> None:
    configuration = "[defaults]\nformat = 'json'\nskip = ['task-definition.prefix']\n"
    assert check(tmp_path, configuration).statuses()["task-definition.prefix"] == "skipped"
    assert check(tmp_path, configuration, "--format", "text").out.splitlines()[2].startswith("td.json/web (webapp)")
    assert check(tmp_path, configuration, "--skip", "dns").code == 1


def test_a_default_subject_gives_way_to_the_command_line(tmp_path: Path) -> None:
    file_with(tmp_path, WRONG_PREFIX)
    (tmp_path / "gmsa-doctor.toml").write_text("[defaults]\ntask-definition-file = 'td.json'\nlive = 'never'\n")
    ended = doctor("check", env=environ(tmp_path), cwd=tmp_path)
    assert (ended.code, "td.json/web (webapp)" in ended.out) == (1, True)
    ended = doctor("check", "--task-definition", "web:1", env=environ(tmp_path), cwd=tmp_path)
    assert (ended.code, "no AWS region" in ended.err) == (2, True)


def baseline(tmp_path: Path, definition: object) -> None:
    ended = check(tmp_path, "", "--format", "json", "--output", "old.json", definition=definition)
    assert (ended.code, ended.out) == (1, "")


def test_known_failures_of_the_baseline_do_not_fail_and_new_ones_do(tmp_path: Path) -> None:
    baseline(tmp_path, WRONG_PREFIX)
    ended = check(tmp_path, "", "--baseline", "old.json", "--format", "json")
    assert (ended.code, report(ended)["verdict"]) == (0, "unproven")
    assert ended.finding("task-definition.prefix")["summary"].startswith("known in the baseline: was fail: ")
    ended = check(tmp_path, "", "--baseline", "old.json", definition=NO_SPECS)
    assert ended.code == 1
    assert "task-definition.credentialspecs" in ended.out


def test_a_baseline_may_be_a_default(tmp_path: Path) -> None:
    baseline(tmp_path, WRONG_PREFIX)
    assert check(tmp_path, "[defaults]\nbaseline = 'old.json'\n").code == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "not valid JSON"),
        ('{"schema_version": "3.0"}', "not 1.x or 2.x"),
        ('{"family": "webapp"}', "not a report of gmsa-doctor"),
    ],
)
def test_an_invalid_baseline_gives_one_message(content: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text(content)
    assert_one_message(check(tmp_path, "", "--baseline", "old.json"), "--baseline old.json", words)


@pytest.mark.parametrize(
    ("configuration", "words"),
    [
        ("[default]\n", "gmsa-doctor.toml:1: unknown key 'default'"),
        ("[defaults]\nclustre = 'x'\n", "gmsa-doctor.toml:2: there is no option --clustre. Did you mean cluster?"),
        ("[defaults]\nyes = true\n", "gmsa-doctor.toml:2: --yes cannot have a default"),
        ("[checks]\n\n'no.such' = 'off'\n", "gmsa-doctor.toml:3: there is no check or area 'no.such'"),
        (NEVER_OVER.replace("reason", "because"), "gmsa-doctor.toml:5: unknown key 'because' in a waiver"),
        ("[defaults\n", "gmsa-doctor.toml is not valid TOML"),
    ],
)
def test_an_invalid_configuration_gives_one_message(configuration: str, words: str, tmp_path: Path) -> None:
    assert_one_message(check(tmp_path, configuration), words)


def test_run_reads_the_configuration_too(tmp_path: Path) -> None:
    (tmp_path / "gmsa-doctor.toml").write_text("[defaults]\nyes = true\n")
    assert_one_message(doctor("run", env=environ(tmp_path), cwd=tmp_path), "--yes cannot have a default")


def assert_one_message(ended: Ended, *words: str) -> None:
    """Exit code 2, nothing on stdout, and one line on stderr that holds these words."""
    assert (ended.code, ended.out) == (2, "")
    (line,) = ended.err.splitlines()
    assert line.startswith("gmsa-doctor: ")
    for word in words:
        assert word in line


def test_defaults_of_check_and_run_are_none_of_the_fleet(tmp_path: Path) -> None:
    (tmp_path / "gmsa-doctor.toml").write_text(
        "[defaults]\nlive = 'always'\ntimeout = 120\n[defaults.fleet]\nregions = ['eu-*', 'us-east-1']\nshards = 8\n"
    )
    shown = doctor("config", "show", "--for", "fleet", "--json", env=environ(tmp_path), cwd=tmp_path).document
    found = {option["option"]: (option["value"], option["source"]) for option in shown["options"]}
    assert found["--live"] == ("never", "default")
    assert found["--timeout"] == (3600, "default")
    assert found["--regions"] == (["eu-*", "us-east-1"], "file")
    assert found["--shards"] == (8, "file")
    (tmp_path / "gmsa-doctor.toml").write_text("[defaults.fleet]\noutput-dir = '/tmp/x'\n")
    refused = doctor("fleet", env=environ(tmp_path), cwd=tmp_path)
    assert (refused.code, "--output-dir cannot have a default" in refused.err) == (2, True)
