"""The commands of the fixes that scenarios produce: AWS has these operations and options, and no step is missing."""

import json
import re
import shlex
from pathlib import Path

import botocore.session
import pytest
from botocore import xform_name

EXAMPLES: dict[str, str] = json.loads((Path(__file__).parents[2] / "docs" / "examples.json").read_text("utf-8"))
"""A finding of each check that can fail, as it is printed: see tests/scenarios/examples.py."""
SESSION = botocore.session.get_session()
GLOBAL = {"region", "query", "output", "cli-input-json", "no-cli-pager"}
API_OF = {"s3api": "s3", "deploy": "codedeploy"}
CUSTOM = {"s3"}
"""Services of the AWS CLI that are not an API."""


def commands(check: str) -> list[str]:
    """Give the commands of the example's fix, in order."""
    indented = re.findall(r"^    (\S.*)$", EXAMPLES[check], re.MULTILINE)
    return [line for line in indented if not line.startswith(("✓", "✗", "!", "?", "-", "~"))]


def aws_calls(check: str) -> list[list[str]]:
    """Give the words of each call of the AWS CLI, in pipes and substitutions as well."""
    calls = []
    for command in commands(check):
        for part in re.split(r"\$\(|\s\|\s|\s&&\s", command):
            if part.startswith("aws "):
                lexer = shlex.shlex(part.split(" > ")[0].rstrip(")"), posix=True, punctuation_chars=False)
                lexer.whitespace_split = True
                calls.append(list(lexer))
    return calls


@pytest.mark.parametrize("check", EXAMPLES)
def test_the_aws_commands_are_operations_with_options_that_exist(check: str) -> None:
    for _, service, operation, *words in aws_calls(check):
        if service in CUSTOM or operation == "wait":
            continue
        model = SESSION.get_service_model(API_OF.get(service, service))
        names = {xform_name(name, "-"): name for name in model.operation_names}
        assert operation in names, f"{service} {operation}"
        shape = model.operation_model(names[operation]).input_shape
        assert shape
        members = {xform_name(name, "-"): name for name in shape.members}
        booleans = {f"no-{name}" for name, member in shape.members.items() if member.type_name == "boolean"}
        options = {word[2:].partition("=")[0] for word in words if word.startswith("--")} - GLOBAL
        unknown = {name for name in options if name not in members} - {xform_name(name, "-") for name in booleans}
        assert unknown <= _own_options(service, operation), f"{service} {operation}: {unknown}"
        if not any(word.startswith("--cli-input-json") for word in words):
            assert {xform_name(name, "-") for name in shape.required_members} <= options | _implied(service)


@pytest.mark.parametrize("check", EXAMPLES)
def test_each_call_of_a_regional_service_names_a_region(check: str) -> None:
    for _, service, operation, *words in aws_calls(check):
        assert ("--region" in words) is (service not in ("iam", "organizations", "sso")), f"{service} {operation}"


def _own_options(service: str, operation: str) -> set[str]:
    """Give the options that the AWS CLI adds to the API's, as far as fixes use them."""
    if (service, operation) in (
        ("ec2", "authorize-security-group-egress"),
        ("ec2", "authorize-security-group-ingress"),
    ):
        return {"protocol", "port", "cidr", "source-group"}
    if service == "ec2" and operation in ("create-network-acl-entry", "replace-network-acl-entry"):
        return {"ingress", "egress"}
    return {"outfile"} if (service, operation) == ("s3api", "get-object") else set()


def _implied(service: str) -> set[str]:
    """Give the members with a default in the AWS CLI: `--ingress` stands for `egress` as well."""
    return {"protocol", "egress"} if service == "ec2" else set()


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
