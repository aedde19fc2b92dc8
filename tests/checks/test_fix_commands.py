"""The commands of the fixes that scenarios produce: AWS has these operations and options, and no step is missing."""

import json
import re
from pathlib import Path

import pytest

from tests.aws_cli_model import calls_in, names_its_region, require_known

EXAMPLES: dict[str, str] = json.loads((Path(__file__).parents[2] / "docs" / "examples.json").read_text("utf-8"))
"""A finding of each check that can fail, as it is printed: see tests/scenarios/examples.py."""


def commands(check: str) -> list[str]:
    """Give the commands of the example's fix, in order."""
    indented = re.findall(r"^    (\S.*)$", EXAMPLES[check], re.MULTILINE)
    return [line for line in indented if not line.startswith(("✓", "✗", "!", "?", "-", "~"))]


def aws_calls(check: str) -> list[list[str]]:
    """Give the words of each call of the AWS CLI."""
    return calls_in(commands(check))


@pytest.mark.parametrize("check", EXAMPLES)
def test_the_aws_commands_are_operations_with_options_that_exist(check: str) -> None:
    for call in aws_calls(check):
        require_known(call)


@pytest.mark.parametrize("check", EXAMPLES)
def test_each_call_of_a_regional_service_names_a_region(check: str) -> None:
    for call in aws_calls(check):
        assert names_its_region(call), call


def test_the_examples_hold_many_calls() -> None:
    calls = {(service, operation) for check in EXAMPLES for _, service, operation, *_ in aws_calls(check)}
    assert len(calls) > 20
    assert ("ecs", "register-task-definition") in calls


@pytest.mark.parametrize("check", EXAMPLES)
def test_a_file_is_made_and_edited_before_it_is_used(check: str) -> None:
    made: set[str] = set()
    for command in commands(check):
        for used in re.findall(r"file://([\w./-]+)", command):
            assert used in made, command
        made |= set(re.findall(r"> ([\w./-]+)", command)) | set(re.findall(r"aws s3 cp \S+ ([\w./-]+)$", command))
        made |= set(re.findall(r'"\$\{EDITOR:-vi\}" ([\w./-]+)', command))


@pytest.mark.parametrize("check", [check for check in EXAMPLES if "register-task-definition" in EXAMPLES[check]])
def test_a_task_definition_is_described_edited_registered_and_deployed(check: str) -> None:
    steps = ("describe-task-definition", "EDITOR", "register-task-definition", "update-service")
    places = [next(n for n, command in enumerate(commands(check)) if step in command) for step in steps]
    assert places == sorted(places)
