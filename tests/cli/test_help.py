"""The help of every command: its headings, its examples, and 80 columns."""

import re
from pathlib import Path

import pytest

from gmsa_doctor.cli.help import COMMANDS
from tests.command import doctor, environ

NAMES = [name for names in COMMANDS.values() for name in names]


def help_of(*command: str, home: Path) -> str:
    ended = doctor(*command, "--help", env=environ(home))
    assert (ended.code, ended.err) == (0, "")
    return ended.out


def headings(text: str) -> list[str]:
    return re.findall(r"^(\S.*):$", text, re.MULTILINE)


def test_the_commands_stand_under_their_headings(tmp_path: Path) -> None:
    text = help_of(home=tmp_path)
    assert headings(text) == ["Options", *COMMANDS]
    assert [line.split()[0] for line in text.partition("Check:")[2].splitlines() if re.match(r"  [a-z]", line)] == NAMES
    assert "probe" not in text


@pytest.mark.parametrize("name", NAMES)
def test_a_command_is_explained_within_80_columns(name: str, tmp_path: Path) -> None:
    text = help_of(name, home=tmp_path)
    assert text.startswith(f"Usage: gmsa-doctor {name} ")
    assert "<list[str]>" not in text
    assert not re.search(r"\bx<=|<=x", text)
    shell = re.compile(r" {2}(gmsa-doctor|aws|fish|zsh) |.*healthCheck|.*command\":")
    assert [line for line in text.splitlines() if len(line) > 80 and not shell.match(line)] == []


@pytest.mark.parametrize(
    "name", ["check", "run", "explain", "iam-policy", "ticket", "krb5-conf", "diff", "list", "config"]
)
def test_the_help_ends_with_examples(name: str, tmp_path: Path) -> None:
    examples = help_of(name, home=tmp_path).partition("\nExamples:\n")[2]
    assert examples.startswith(f"  gmsa-doctor {name}")


def test_the_options_of_check_have_headings_and_those_without_one_come_last(tmp_path: Path) -> None:
    found = headings(help_of("check", home=tmp_path))
    assert found[:3] == ["Arguments", "Subject", "Files"]
    assert {"AWS", "Network", "Live flow", "Selection", "Reports", "Time"} < set(found)
    assert found[-2:] == ["Options", "Examples"]


def test_the_alias_of_files_is_not_shown(tmp_path: Path) -> None:
    assert "--task-definition-file" not in help_of("check", home=tmp_path)
