from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gmsa_doctor.formats.documents.located import LocatedError, Position, read_json
from gmsa_doctor.formats.templates.cdk_out import MANIFEST, Assembly, Stack, is_manifest, read_manifest
from gmsa_doctor.formats.templates.cloudformation import is_template, read_template

CDK_OUT = Path(__file__).parents[1].parent / "samples" / "cloudformation" / "cdk.out"

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def manifest(kind: str, properties: object, **others: object) -> str:
    artifact = {"type": kind, "properties": properties, **others}
    return json.dumps({"version": "48.0.0", "artifacts": {"Web": artifact}}, indent=1)


def refused(text: str) -> LocatedError:
    with pytest.raises(LocatedError) as caught:
        read_manifest(text)
    return caught.value


def test_a_manifest_names_the_templates_of_its_stacks() -> None:
    environment = (("AWS::AccountId", "123456789012"), ("AWS::Region", "eu-central-1"))
    parameters = (("AWS::StackName", "Web"), ("Stage", "beta"), *environment)
    found = read_manifest((CDK_OUT / MANIFEST).read_text(encoding="utf-8"))
    assert found == Assembly((Stack("Web", "Web.template.json", parameters),))


def test_a_nested_assembly_has_its_own_manifest() -> None:
    found = read_manifest((CDK_OUT / "assembly-Prod" / MANIFEST).read_text(encoding="utf-8"))
    assert found == Assembly((Stack("ProdWeb", "ProdWeb.template.json", (("AWS::StackName", "ProdWeb"),)),))


def test_the_template_in_a_manifest_is_read_with_its_environment() -> None:
    (stack,) = read_manifest((CDK_OUT / MANIFEST).read_text(encoding="utf-8")).stacks
    located = read_json((CDK_OUT / stack.template).read_text(encoding="utf-8"))
    assert is_template(located.value)
    (found,) = read_template(located, dict(stack.parameters)).definitions
    assert isinstance(found.located.value, dict)
    options = found.located.value["containerDefinitions"][0]["logConfiguration"]["options"]
    assert options["awslogs-region"] == "eu-central-1"


def test_a_stack_without_an_environment_has_no_parameters() -> None:
    for environment in ("aws://unknown-account/unknown-region", "somewhere", None, 1):
        text = manifest("aws:cloudformation:stack", {"templateFile": "a.json"}, environment=environment)
        assert read_manifest(text).stacks == (Stack("Web", "a.json", (("AWS::StackName", "Web"),)),)


@pytest.mark.parametrize("name", ["../a.json", "/etc/passwd", "a/../../b.json", "..\\a.json", "C:\\a.json"])
def test_a_name_outside_of_the_directory_is_refused_with_its_position(name: str) -> None:
    error = refused(manifest("aws:cloudformation:stack", {"templateFile": name}))
    assert (error.reason, error.position) == ("templateFile is outside of the assembly's directory", Position(7, 5))


@pytest.mark.parametrize("properties", [None, [], {}, {"templateFile": 1}, {"templateFile": ""}])
def test_a_stack_without_a_template_is_refused(properties: object) -> None:
    assert refused(manifest("aws:cloudformation:stack", properties)).reason == "templateFile is missing"


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        {"version": "1"},
        {"version": 3, "artifacts": {}},
        {"version": "1", "artifacts": {"a": {"type": 1}}},
    ],
)
def test_another_document_is_not_a_manifest(value: object) -> None:
    assert not is_manifest(value)
    assert refused(json.dumps(value)).reason == "this is not a manifest of a CDK assembly"


def test_a_truncated_manifest_is_refused_with_its_position() -> None:
    assert refused('{"version": "48.0.0",').position == Position(1, 22)


@given(JSON, st.sampled_from(["aws:cloudformation:stack", "cdk:cloud-assembly", "cdk:tree"]), JSON)
def test_any_manifest_is_read_or_refused(properties: object, kind: str, environment: object) -> None:
    try:
        found = read_manifest(manifest(kind, properties, environment=environment))
    except LocatedError:
        return
    assert len(found.stacks) == (kind == "aws:cloudformation:stack")
