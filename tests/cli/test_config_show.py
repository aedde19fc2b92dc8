"""`config show`: each value with where it comes from."""

import json
from pathlib import Path

import pytest

from tests.cli.test_check import assert_one_message
from tests.command import doctor, environ, file_with

CONFIGURATION = """\
[defaults]
cluster = "prod"
ad-dns = ["10.0.0.10", "10.0.0.11"]
connection-string = "Server=db;Password=hunter2"

[defaults.run]
timeout = 1800

[checks]
kerberos.clock = "off"

[[waivers]]
check = "task-definition.prefix"
subject = "prod/web/*"
reason = "migration"
expires = 2026-12-31
"""


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    file_with(tmp_path, CONFIGURATION, "gmsa-doctor.toml")
    return environ(tmp_path / "home", AWS_REGION="eu-west-1", GMSA_DOCTOR_IMAGE="registry/gmsa-doctor:1")


def test_each_value_is_shown_with_its_origin(env: dict[str, str], tmp_path: Path) -> None:
    ended = doctor("config", "show", env=env, cwd=tmp_path)
    assert (ended.code, ended.err) == (0, "")
    lines = [line.split() for line in ended.out.splitlines()]
    assert lines[0] == ["Configuration", "of", "`check`:", "gmsa-doctor.toml"]
    assert ["--cluster", "prod", "gmsa-doctor.toml:2"] in lines
    assert ["--ad-dns", "10.0.0.10,", "10.0.0.11", "gmsa-doctor.toml:3"] in lines
    assert ["--region", "eu-west-1", "AWS_REGION"] in lines
    assert ["--timeout", "60", "default"] in lines
    assert ["kerberos.clock", '"off"', "gmsa-doctor.toml:10"] in lines
    assert "task-definition.prefix" in ended.out
    assert "hunter2" not in ended.out


def test_the_json_has_every_option_of_the_command(env: dict[str, str], tmp_path: Path) -> None:
    ended = doctor("config", "show", "--for", "run", "--json", env=env, cwd=tmp_path)
    document = json.loads(ended.out)
    options = {one["option"]: one for one in document["options"]}
    assert (document["file"], document["command"]) == ("gmsa-doctor.toml", "run")
    assert options["--timeout"] == {
        "option": "--timeout", "value": 1800, "source": "file", "origin": "gmsa-doctor.toml:7",
    }  # fmt: skip
    assert (options["--image"]["source"], options["--image"]["origin"]) == ("environment", "GMSA_DOCTOR_IMAGE")
    assert not options["--subnets"]["value"]
    assert "hunter2" not in ended.out
    assert [one["check"] for one in document["waivers"]] == ["task-definition.prefix"]


def test_without_a_configuration_the_defaults_are_shown(tmp_path: Path) -> None:
    ended = doctor("config", "show", "--config", "/dev/null", env=environ(tmp_path), cwd=tmp_path)
    assert ended.code == 0
    assert "--live" in ended.out


def test_an_error_in_the_configuration_is_reported_with_its_line(tmp_path: Path) -> None:
    file = file_with(tmp_path, "[checks]\nkerberoz = 'off'\n", "c.toml")
    ended = doctor("config", "show", "--config", file, env=environ(tmp_path))
    assert_one_message(ended, "c.toml:2", "Did you mean kerberos")
