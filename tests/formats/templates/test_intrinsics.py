from __future__ import annotations

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gmsa_doctor.formats.documents.located import Located, LocatedError, Open, Path, Position, read_json
from gmsa_doctor.formats.templates.cloudformation import read_template


def template(user: object, **sections: object) -> Located:
    """A template whose one container has this user (or, for a list, these credentialSpecs)."""
    key = "CredentialSpecs" if isinstance(user, list) else "User"
    container = {"Name": "web", "Image": "acme/web", key: user}
    task = {"Type": "AWS::ECS::TaskDefinition", "Properties": {"ContainerDefinitions": [container]}}
    resources = sections.pop("Resources", {})
    assert isinstance(resources, dict)
    return read_json(json.dumps({"Resources": {"Task": task, **resources}, **sections}))


def container_of(located: Located) -> dict[str, object]:
    (definition,) = read_template(located, {}).definitions
    assert isinstance(definition.located.value, dict)
    (container,) = definition.located.value["containerDefinitions"]
    assert isinstance(container, dict)
    return container


PARAMETERS = {
    "Known": {"Type": "String", "Default": "known"},
    "Number": {"Type": "Number", "Default": 7},
    "Unknown": {"Type": "String"},
    "Dynamic": {"Type": "String", "Default": "{{resolve:ssm:/acme/user}}"},
    "Secret": {"Type": "String", "Default": "hunter2", "NoEcho": True},
    "Stored": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/acme/user"},
    "List": {"Type": "CommaDelimitedList", "Default": "a, b,c"},
    "Lists": {"Type": "List<AWS::EC2::Subnet::Id>"},
}
RESOURCES = {
    "Named": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "acme"}},
    "Nameless": {"Type": "AWS::S3::Bucket"},
    "Role": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "web", "Path": "/acme/"}},
    "Value": {"Type": "AWS::SSM::Parameter", "Properties": {"Name": "/acme/spec", "Value": {"Ref": "Known"}}},
    "Self": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": {"Ref": "Self"}}},
    "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "q"}},
}
CONDITIONS = {
    "Yes": {"Fn::Equals": [{"Ref": "Known"}, "known"]},
    "No": {"Fn::Not": [{"Condition": "Yes"}]},
    "Seven": {"Fn::Equals": [{"Ref": "Number"}, 7]},
    "Maybe": {"Fn::Equals": [{"Ref": "Unknown"}, "known"]},
    "NotMaybe": {"Fn::Not": [{"Condition": "Maybe"}]},
    "Both": {"Fn::And": [{"Condition": "Yes"}, {"Condition": "Seven"}]},
    "NotBoth": {"Fn::And": [{"Condition": "Maybe"}, {"Condition": "No"}]},
    "OneOf": {"Fn::Or": [{"Condition": "Maybe"}, {"Condition": "Yes"}]},
    "Perhaps": {"Fn::Or": [{"Condition": "Maybe"}, {"Condition": "No"}]},
    "Round": {"Fn::Not": [{"Condition": "Round"}]},
    "Malformed": {"Fn::Equals": ["a"]},
}
MAPPINGS = {"Map": {"top": {"text": "t", "list": ["x", "y"], "number": 3}}}


def resolved(user: object) -> object:
    located = template(user, Parameters=PARAMETERS, Conditions=CONDITIONS, Mappings=MAPPINGS, Resources=RESOURCES)
    return container_of(located).get("credentialSpecs" if isinstance(user, list) else "user", "missing")


@pytest.mark.parametrize(
    ("user", "text"),
    [
        ({"Ref": "Known"}, "known"),
        ({"Ref": "Number"}, "7"),
        ({"Ref": "Named"}, "acme"),
        ({"Ref": "Role"}, "web"),
        ({"Ref": "Value"}, "/acme/spec"),
        ({"Ref": "AWS::NoValue"}, "missing"),
        ({"Fn::Sub": "a-${Known}-${Number}-${Named}"}, "a-known-7-acme"),
        ({"Fn::Sub": ["${x}.${Known}", {"x": {"Ref": "Number"}}]}, "7.known"),
        ({"Fn::Sub": "${!Known} $Known {Known}"}, "${Known} $Known {Known}"),
        ({"Fn::Join": ["/", ["a", {"Ref": "Known"}, 1]]}, "a/known/1"),
        ({"Fn::Join": ["+", {"Ref": "List"}]}, "a+b+c"),
        ({"Fn::Join": ["", ["a", {"Ref": "AWS::NoValue"}]]}, "a"),
        ({"Fn::Select": [1, {"Ref": "List"}]}, "b"),
        ({"Fn::Select": ["0", ["a", {"Ref": "Unknown"}]]}, "a"),
        ({"Fn::Select": [2, {"Fn::Split": [".", "a.b.c"]}]}, "c"),
        ({"Fn::Select": [5, {"Fn::Split": [":", {"Fn::GetAtt": ["Named", "Arn"]}]}]}, "acme"),
        ({"Fn::FindInMap": ["Map", "top", "text"]}, "t"),
        ({"Fn::FindInMap": ["Map", {"Fn::Select": [0, ["top"]]}, "number"]}, "3"),
        ({"Fn::Join": [",", {"Fn::FindInMap": ["Map", "top", "list"]}]}, "x,y"),
        ({"Fn::GetAtt": ["Value", "Value"]}, "known"),
        ({"Fn::GetAtt": "Value.Value"}, "known"),
        ({"Fn::If": ["Yes", "a", "b"]}, "a"),
        ({"Fn::If": ["No", "a", "b"]}, "b"),
        ({"Fn::If": ["Seven", "a", "b"]}, "a"),
        ({"Fn::If": ["Both", "a", "b"]}, "a"),
        ({"Fn::If": ["NotBoth", "a", "b"]}, "b"),
        ({"Fn::If": ["OneOf", "a", "b"]}, "a"),
        ({"Fn::If": ["Maybe", "same", "same"]}, "same"),
        ({"Fn::If": ["No", "a", {"Ref": "AWS::NoValue"}]}, "missing"),
        (1000, "1000"),
        (None, "missing"),
    ],
)
def test_texts_in_the_template_are_resolved(user: object, text: str) -> None:
    found = resolved(user)
    assert found == text
    assert type(found) is str


@pytest.mark.parametrize(
    ("user", "text"),
    [
        ({"Ref": "Unknown"}, "${Unknown}"),
        ({"Ref": "Dynamic"}, "${resolve:ssm:/acme/user}"),
        ({"Ref": "Secret"}, "${Secret}"),
        ({"Ref": "Stored"}, "${Stored}"),
        ({"Ref": "Nameless"}, "${Nameless}"),
        ({"Ref": "Self"}, "${Self}"),
        ({"Ref": "Queue"}, "${Queue}"),
        ({"Ref": "Nowhere"}, "${Nowhere}"),
        ({"Ref": "AWS::Region"}, "${AWS::Region}"),
        ({"Ref": ["Known"]}, "${Ref}"),
        ({"Fn::GetAtt": ["Named", "Arn"]}, "arn:${AWS::Partition}:s3:::acme"),
        ({"Fn::GetAtt": "Named.Arn"}, "arn:${AWS::Partition}:s3:::acme"),
        ({"Fn::GetAtt": ["Role", "Arn"]}, "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/acme/web"),
        ({"Fn::GetAtt": ["Nameless", "Arn"]}, "arn:${AWS::Partition}:s3:::${Nameless}"),
        ({"Fn::GetAtt": ["Named", "DomainName"]}, "${Named.DomainName}"),
        ({"Fn::GetAtt": "Named"}, "${Fn::GetAtt}"),
        ({"Fn::Sub": "${Known}:${Unknown}:${Nameless.Arn}"}, "known:${Unknown}:arn:${AWS::Partition}:s3:::${Nameless}"),
        ({"Fn::Sub": ["${x}", {"x": {"Ref": "Unknown"}}]}, "${Unknown}"),
        ({"Fn::Sub": "${List}"}, "${List}"),
        ({"Fn::Sub": {"Ref": "Known"}}, "${Fn::Sub}"),
        ({"Fn::Join": ["/", ["a", {"Ref": "Unknown"}]]}, "a/${Unknown}"),
        ({"Fn::Join": ["/", {"Ref": "Lists"}]}, "${Fn::Join}"),
        ({"Fn::Join": "a"}, "${Fn::Join}"),
        ({"Fn::Select": [9, {"Ref": "List"}]}, "${Fn::Select}"),
        ({"Fn::Select": [1, {"Fn::Split": [":", {"Ref": "Unknown"}]}]}, "${Fn::Select}"),
        ({"Fn::Select": [1, {"Fn::Split": [":", {"Fn::GetAtt": "Named.Arn"}]}]}, "${AWS::Partition}"),
        ({"Fn::FindInMap": ["Map", "top", "nothing"]}, "${Fn::FindInMap}"),
        ({"Fn::FindInMap": ["Map", {"Ref": "Unknown"}, "text"]}, "${Fn::FindInMap}"),
        ({"Fn::If": ["Maybe", "a", "b"]}, "${Fn::If Maybe}"),
        ({"Fn::If": ["NotMaybe", "a", "b"]}, "${Fn::If NotMaybe}"),
        ({"Fn::If": ["Perhaps", "a", "b"]}, "${Fn::If Perhaps}"),
        ({"Fn::If": ["Round", "a", "b"]}, "${Fn::If Round}"),
        ({"Fn::If": ["Malformed", "a", "b"]}, "${Fn::If Malformed}"),
        ({"Fn::If": ["Nowhere", "a", "b"]}, "${Fn::If Nowhere}"),
        ({"Fn::If": ["Maybe", "a", {"Ref": "AWS::NoValue"}]}, "${Fn::If Maybe}"),
        ({"Fn::If": ["Yes"]}, "${Fn::If}"),
        ({"Fn::ImportValue": "shared"}, "${Fn::ImportValue shared}"),
        ({"Fn::Transform": {"Name": "AWS::Include"}}, "${Fn::Transform}"),
        ({"Fn::Base64": "a"}, "${Fn::Base64}"),
        ({"Fn::Anything": 1}, "${Fn::Anything}"),
        ("u-{{resolve:ssm:/acme/user:1}}", "u-${resolve:ssm:/acme/user:1}"),
        ({"Fn::Sub": "{{resolve:ssm:/${Known}/user}}"}, "${resolve:ssm:/known/user}"),
    ],
)
def test_unknown_values_are_open(user: object, text: str) -> None:
    found = resolved(user)
    assert found == text
    assert isinstance(found, Open)


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        ([{"Fn::If": ["Yes", "a", {"Ref": "AWS::NoValue"}]}, "b"], ["a", "b"]),
        ([{"Fn::If": ["No", "a", {"Ref": "AWS::NoValue"}]}, "b"], ["b"]),
        ([{"Fn::If": ["Maybe", "a", "b"]}], [Open("${Fn::If Maybe}")]),
        ([], []),
    ],
)
def test_lists_omit_no_value(entries: object, found: list[str]) -> None:
    assert resolved(entries) == found


# Hostile templates


def test_texts_that_repeat_each_other_end() -> None:
    resources = {
        f"B{n}": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": {"Fn::Sub": f"${{B{n - 1}}}${{B{n - 1}}}"}}}
        for n in range(1, 60)
    }
    resources["B0"] = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "0123456789"}}
    located = template({"Ref": "B59"}, Resources=resources)
    assert isinstance(container_of(located)["user"], Open)


def test_conditions_that_repeat_each_other_end() -> None:
    conditions: dict[str, object] = {
        f"C{n}": {"Fn::And": [{"Condition": f"C{n - 1}"}, {"Condition": f"C{n - 1}"}]} for n in range(1, 1000)
    }
    conditions["C0"] = {"Fn::Equals": ["a", "a"]}
    located = template({"Fn::If": ["C999", "a", "b"]}, Conditions=conditions)
    assert isinstance(container_of(located)["user"], Open)


def test_functions_with_too_large_results_are_refused() -> None:
    mappings = {"M": {"a": {"b": ["x"] * 20_000}}}
    join = {"Fn::Join": ["", {"Fn::FindInMap": ["M", "a", "b"]}]}
    with pytest.raises(LocatedError, match="are too large"):
        read_template(template([join] * 100, Mappings=mappings), {})


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from(["Known", "Named.Arn", "${Known}", "{{resolve:ssm:x}}", "Maybe", "AWS::NoValue", "Task", ""]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["Ref", "Fn::Sub", "Fn::Join", "Name", "Type"]), inner, max_size=2)
        | st.builds(
            lambda name, argument: {name: argument},
            st.sampled_from(
                [
                    *("Ref", "Fn::GetAtt", "Fn::Sub", "Fn::Join", "Fn::Select", "Fn::Split", "Fn::FindInMap", "Fn::If"),
                    *("Condition", "Fn::And", "Fn::Or", "Fn::Not", "Fn::Equals", "Fn::Transform", "Fn::ForEach::X"),
                ]
            ),
            inner,
        )
    ),
    max_leaves=8,
)
WHOLE = {
    "Parameters": PARAMETERS,
    "Mappings": MAPPINGS,
    "Conditions": CONDITIONS,
    "Resources": {
        **RESOURCES,
        "Task": {
            "Type": "AWS::ECS::TaskDefinition",
            "Properties": {
                "Family": "web",
                "ContainerDefinitions": [
                    {"Name": "web", "CredentialSpecs": [{"Fn::If": ["Yes", "a", {"Ref": "Known"}]}]}
                ],
            },
        },
        "Service": {
            "Type": "AWS::ECS::Service",
            "Properties": {"TaskDefinition": {"Ref": "Task"}, "LaunchType": "EC2"},
        },
    },
}


def places(value: object, path: Path = ()) -> list[Path]:
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(inner for key, value in entries for inner in places(value, (*path, key)))]


@given(st.data())
def test_any_template_is_read_or_refused(data: st.DataObject) -> None:
    document = copy.deepcopy(WHOLE)
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from([path for path in places(document) if path]))
        around: object = document
        for key in path[:-1]:
            around = around[key]  # type: ignore[index]
        around[path[-1]] = data.draw(JUNK)  # type: ignore[index]
    located = read_json(json.dumps(document))
    try:
        found = read_template(located, {}).definitions
    except LocatedError:
        return
    for definition in found:
        assert all(isinstance(place, Position) for place in definition.located.positions.values())
        json.dumps(definition.located.value)
