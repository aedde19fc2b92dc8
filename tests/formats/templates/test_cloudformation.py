from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path as File

import pytest

from gmsa_doctor.formats.documents.located import (
    Definition,
    Located,
    LocatedError,
    NearKey,
    Open,
    Path,
    Position,
    read_json,
)
from gmsa_doctor.formats.documents.task_definition import read_task_definition
from gmsa_doctor.formats.documents.yaml_text import read_yaml
from gmsa_doctor.formats.templates.cloudformation import LeftOut, Template, exports, is_template, read_template

SAMPLES = File(__file__).parents[2] / "samples" / "cloudformation"
FIRST_CREDSPEC: Path = ("containerDefinitions", 0, "credentialSpecs", 0)


def sample(name: str) -> Located:
    text = (SAMPLES / name).read_text(encoding="utf-8")
    return read_json(text) if name.endswith(".json") else read_yaml(text)


def only(located: Located, parameters: Mapping[str, str] | None = None) -> Definition:
    (found,) = read_template(located, parameters or {}).definitions
    return found


def at(definition: Definition, *path: str | int) -> object:
    value = definition.located.value
    for key in path:
        assert isinstance(value, dict | list)
        value = value[key]  # type: ignore[index]
    return value


def line_of(definition: Definition, *path: str | int) -> int:
    position = definition.located.at(path)
    assert position
    return position.line


def line_with(name: str, text: str) -> int:
    """The one line of a sample that holds the text."""
    lines = (SAMPLES / name).read_text(encoding="utf-8").splitlines()
    (number,) = (number for number, line in enumerate(lines, 1) if text in line)
    return number


# The sample stacks


def test_fargate_with_a_credspec_in_s3() -> None:
    definition = only(sample("fargate-s3.yaml"))
    assert (definition.name, definition.launch) == ("TaskDefinition", "FARGATE")
    entry = at(definition, *FIRST_CREDSPEC)
    assert entry == "credentialspecdomainless:arn:${AWS::Partition}:s3:::acme-credspecs-test/credspecs/web.json"
    assert isinstance(entry, Open)
    assert line_of(definition, *FIRST_CREDSPEC) == line_with("fargate-s3.yaml", "credentialspecdomainless:")
    read = read_task_definition(definition.located.value)
    assert (read.family, read.network_mode, read.os_family) == ("web-test", "awsvpc", "LINUX")
    assert read.execution_role_arn == "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/web-execution"
    assert [container.name for container in read.containers] == ["web"]
    assert read.containers[0].environment == (("KRB5CCNAME", "/var/credentials-fetcher/krbdir/krb5cc"),)
    assert read.containers[0].logs
    assert read.containers[0].logs.region == "${AWS::Region}"


def test_given_parameters_override_defaults() -> None:
    given = {
        "Environment": "production",
        "AWS::Partition": "aws",
        "AWS::AccountId": "123456789012",
        "Image": "acme/web",
    }
    definition = only(sample("fargate-s3.yaml"), given)
    entry = at(definition, *FIRST_CREDSPEC)
    assert entry == "credentialspecdomainless:arn:aws:s3:::acme-credspecs-production/credspecs/web.json"
    assert not isinstance(entry, Open)
    assert at(definition, "executionRoleArn") == "arn:aws:iam::123456789012:role/web-execution"
    assert at(definition, "containerDefinitions", 0, "image") == "acme/web"
    assert at(definition, "containerDefinitions", 1, "name") == "metrics"
    assert line_of(definition, "containerDefinitions", 1) == line_with("fargate-s3.yaml", "- Name: metrics")


def test_values_have_the_types_that_ecs_requires() -> None:
    definition = only(sample("fargate-s3.yaml"))
    assert at(definition, "containerDefinitions", 0, "essential") is True
    assert at(definition, "containerDefinitions", 0, "environment", 2) == {"name": "Workers", "value": "4"}


def test_the_default_of_a_no_echo_parameter_is_not_read() -> None:
    found = read_template(sample("fargate-s3.yaml"), {"DatabasePassword": "hunter3"})
    assert "hunter" not in repr(found)
    assert at(found.definitions[0], "containerDefinitions", 0, "environment", 1, "value") == "${DatabasePassword}"


def test_ec2_with_a_credspec_in_parameter_store() -> None:
    definition = only(sample("ec2-ssm.json"))
    assert (definition.name, definition.launch) == ("Intranet", "EC2")
    place = "${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}"
    assert at(definition, *FIRST_CREDSPEC) == f"credentialspecdomainless:arn:{place}:parameter/gmsa/intranet"
    assert definition.located.at(FIRST_CREDSPEC) == Position(25, 15)
    assert read_task_definition(definition.located.value).requires_compatibilities == ("EC2",)


def test_joined_hosts_with_an_unknown_condition() -> None:
    definition = only(sample("ec2-joined.yaml"))
    assert (definition.name, definition.launch) == ("Batch", "EC2")
    assert at(definition, "containerDefinitions", 0, "credentialSpecs") == [Open("${Fn::If WithGmsa}")]
    assert at(definition, "executionRoleArn") == Open("${Fn::ImportValue batch-execution-role}")
    assert at(definition, "containerDefinitions", 1, "dockerSecurityOptions") == ["credentialspec:file://legacy.json"]
    option = line_of(definition, "containerDefinitions", 1, "dockerSecurityOptions", 0)
    assert option == line_with("ec2-joined.yaml", "credentialspec:file://")


def test_joined_hosts_with_the_condition_known() -> None:
    located = sample("ec2-joined.yaml")
    definition = only(located, {"UseGmsa": "yes"})
    assert at(definition, *FIRST_CREDSPEC) == "credentialspec:arn:aws:s3:::acme-credspecs/batch.json"
    assert line_of(definition, *FIRST_CREDSPEC) == line_with("ec2-joined.yaml", "credentialspec:arn")
    without = only(located, {"UseGmsa": "no"})
    container = at(without, "containerDefinitions", 0)
    assert isinstance(container, dict)
    assert "credentialSpecs" not in container
    assert line_of(without, *FIRST_CREDSPEC) == line_with("ec2-joined.yaml", "- Name: batch")


def test_sam_with_values_that_are_unknown_before_deployment() -> None:
    definition = only(sample("sam.yaml"), {"CredSpecArn": "/acme/other"})
    assert (definition.name, definition.launch) == ("Reports", None)
    assert at(definition, *FIRST_CREDSPEC) == Open("credentialspecdomainless:${CredSpecArn}")
    assert at(definition, "executionRoleArn") == Open("${resolve:ssm:/acme/execution-role}")
    assert line_of(definition, *FIRST_CREDSPEC) == line_with("sam.yaml", "credentialspecdomainless")


def test_a_stack_that_cdk_has_synthesized() -> None:
    definition = only(sample("cdk.out/Web.template.json"), {"AWS::Region": "eu-central-1"})
    assert (definition.name, definition.launch) == ("WebTask9F1E4D28", "FARGATE")
    entry = at(definition, *FIRST_CREDSPEC)
    assert entry == Open("credentialspecdomainless:arn:${AWS::Partition}:s3:::${CredSpecs5A1C77D0}/web.json")
    line = line_with("cdk.out/Web.template.json", '"credentialspecdomainless:arn:"')
    assert line_of(definition, *FIRST_CREDSPEC) == line - 4  # the object of Fn::Join
    assert at(definition, "executionRoleArn") == Open("${WebTaskExecutionRole0C6E2B71.Arn}")
    assert at(definition, "containerDefinitions", 0, "logConfiguration", "options") == {
        "awslogs-group": "/ecs/web",
        "awslogs-stream-prefix": "web",
        "awslogs-region": "eu-central-1",
    }


@pytest.mark.parametrize("name", ["fargate-s3.yaml", "ec2-ssm.json", "ec2-joined.yaml", "sam.yaml"])
def test_a_definition_without_a_position_has_that_of_its_resource(name: str) -> None:
    definition = only(sample(name))
    position = definition.located.at(("taskRoleArn",))
    assert position
    assert definition.name in (SAMPLES / name).read_text(encoding="utf-8").splitlines()[position.line - 1]


# Templates


@pytest.mark.parametrize(
    "value",
    [
        {"Resources": {"A": {"Type": "AWS::S3::Bucket"}}},
        {"Resources": {"A": {"Type": "Custom::Thing"}}},
        {"Transform": "AWS::Serverless-2016-10-31", "Resources": {}},
        {"AWSTemplateFormatVersion": "2010-09-09", "Resources": {"Fn::ForEach::A": []}},
    ],
)
def test_templates_are_recognized_by_their_resources(value: object) -> None:
    assert is_template(value)


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        "Resources",
        {},
        {"Resources": []},
        {"Resources": {}},
        {"Resources": {"A": {"Type": "thing"}}},
        {"Resources": {"A": {"Type": ["AWS::S3::Bucket"]}}},
        {"AWSTemplateFormatVersion": "2010-09-09"},
        {"containerDefinitions": []},
    ],
)
def test_other_documents_are_not_templates(value: object) -> None:
    assert not is_template(value)


# Shapes


PARAMETERS = {"Unknown": {"Type": "String"}}
CONDITIONS = {
    "Yes": {"Fn::Equals": ["a", "a"]},
    "No": {"Fn::Equals": ["a", "b"]},
    "Maybe": {"Fn::Equals": [{"Ref": "Unknown"}, "a"]},
}


def with_containers(containers: object, **properties: object) -> Located:
    task = {
        "Type": "AWS::ECS::TaskDefinition",
        "Properties": {"ContainerDefinitions": containers, **properties},
    }
    document = {"Parameters": PARAMETERS, "Conditions": CONDITIONS, "Resources": {"Task": task}}
    return read_json(json.dumps(document, indent=1))


def test_an_unknown_list_of_texts_has_one_open_text() -> None:
    located = with_containers(
        [{"Name": "web", "CredentialSpecs": {"Fn::If": ["Maybe", ["a"], ["b", "c"]]}}],
        RequiresCompatibilities={"Fn::Transform": {"Name": "Mine"}},
    )
    definition = only(located)
    assert at(definition, "containerDefinitions", 0, "credentialSpecs") == [Open("${Fn::If Maybe}")]
    assert at(definition, "requiresCompatibilities") == [Open("${Fn::Transform}")]
    assert read_task_definition(definition.located.value).containers[0].name == "web"


def test_a_container_that_may_be_missing_is_included_with_its_position() -> None:
    sidecar = {"Name": "side", "CredentialSpecs": ["credentialspec:x"]}
    located = with_containers([{"Name": "web"}, {"Fn::If": ["Maybe", sidecar, {"Ref": "AWS::NoValue"}]}])
    definition = only(located)
    assert at(definition, "containerDefinitions", 1) == {"name": "side", "credentialSpecs": ["credentialspec:x"]}
    place = ("Resources", "Task", "Properties", "ContainerDefinitions", 1, "Fn::If", 1, "CredentialSpecs", 0)
    assert definition.located.at(("containerDefinitions", 1, "credentialSpecs", 0)) == located.positions[place]


def test_the_common_parts_of_two_possible_containers_are_known() -> None:
    first = {"Name": "web", "Image": "a", "User": "1", "CredentialSpecs": ["credentialspec:x"]}
    other = {"Name": "web", "Image": "b", "CredentialSpecs": ["credentialspec:x"]}
    definition = only(with_containers([{"Fn::If": ["Maybe", first, other]}]))
    label = Open("${Fn::If Maybe}")
    shared = {"name": "web", "credentialSpecs": ["credentialspec:x"]}
    assert at(definition, "containerDefinitions", 0) == {**shared, "image": label, "user": label}


def test_unknown_objects_and_booleans_and_unread_keys_are_omitted() -> None:
    open_text = {"Fn::ImportValue": "x"}
    keys = ("Essential", "Memory", "Cpu", "LogConfiguration", "Environment")
    container = {"Name": "web", **dict.fromkeys(keys, open_text)}
    container["CredentialSpecs"] = ["credentialspec:x"]
    located = with_containers([container, open_text], Volumes=open_text, Cpu=1, NetworkMode=open_text)
    definition = only(located)
    known = [{"name": "web", "credentialSpecs": ["credentialspec:x"]}]
    assert definition.located.value == {"containerDefinitions": known, "networkMode": "${Fn::ImportValue x}"}
    read_task_definition(definition.located.value)


def test_the_users_own_keys_keep_their_spelling() -> None:
    options = {"Awslogs-Group": "g", "name": "n"}
    container = {"Name": "web", "LogConfiguration": {"LogDriver": "awslogs", "Options": options}}
    definition = only(with_containers([container]))
    assert at(definition, "containerDefinitions", 0, "logConfiguration", "options") == options


def test_a_container_that_a_transform_makes_is_left_out_with_its_position() -> None:
    included = {"Name": "web", "Fn::Transform": {"Name": "AWS::Include"}}
    located = with_containers([{"Name": "log"}, included])
    found = read_template(located, {})
    place = located.positions["Resources", "Task", "Properties", "ContainerDefinitions", 1]
    assert found == Template((), (LeftOut("Task", "a container depends on ${Fn::Transform}", place),))


def test_containers_of_a_parameter_are_left_out_until_the_deployment() -> None:
    (part,) = read_template(with_containers({"Ref": "Containers"}), {}).left_out
    assert part.until_deployed


def test_a_key_that_was_meant_as_credential_specs_is_reported_as_written() -> None:
    located = with_containers([{"Name": "log"}, {"Name": "web", "credentialSpecs": ["x"]}])
    (near,) = only(located).near
    place = ("Resources", "Task", "Properties", "ContainerDefinitions", 1, "credentialSpecs")
    assert near == NearKey("credentialSpecs", "CredentialSpecs", True, True, 1, ("x",), located.positions[place])


def test_a_value_is_imported_from_another_template() -> None:
    exported = {
        "Resources": {"Bucket": {"Type": "AWS::S3::Bucket"}},
        "Outputs": {
            "Arn": {"Value": {"Fn::GetAtt": "Bucket.Arn"}, "Export": {"Name": {"Fn::Sub": "${AWS::StackName}-b"}}}
        },
    }
    values = exports(read_json(json.dumps(exported)), {"AWS::StackName": "infra"}, lambda _name: None)
    text = {"Fn::Join": ["", ["credentialspec:", {"Fn::ImportValue": "infra-b"}, "/web.json"]]}
    located = with_containers([{"Name": "web", "CredentialSpecs": [text]}])
    (definition,) = read_template(located, {}, values.get).definitions
    assert at(definition, *FIRST_CREDSPEC) == "credentialspec:arn:${AWS::Partition}:s3:::${Bucket}/web.json"


def test_a_key_in_the_spelling_of_the_api_is_refused_with_its_position() -> None:
    located = with_containers([{"Name": "web", "environment": []}])
    with pytest.raises(LocatedError, match="CloudFormation's spelling of this key is Environment") as caught:
        read_template(located, {})
    place = ("Resources", "Task", "Properties", "ContainerDefinitions", 0, "environment")
    assert caught.value.position == located.positions[place]


# Resources


def test_a_definition_with_a_false_condition_is_omitted() -> None:
    task = {"Type": "AWS::ECS::TaskDefinition", "Properties": {"ContainerDefinitions": []}}
    resources = {name: {**task, "Condition": name} for name in ("Yes", "No", "Maybe")}
    document = {"Parameters": PARAMETERS, "Conditions": CONDITIONS, "Resources": resources}
    found = read_template(read_json(json.dumps(document)), {}).definitions
    assert [definition.name for definition in found] == ["Yes", "Maybe"]


def test_the_output_of_a_transform_is_left_out_by_name() -> None:
    text = (
        "Transform: AWS::LanguageExtensions\n"
        "Resources:\n"
        "  Fn::ForEach::Tasks:\n"
        "    - Name\n"
        "    - [A, B]\n"
        "    - ${Name}: {Type: AWS::ECS::TaskDefinition}\n"
        "  Made:\n"
        "    Type: AWS::ECS::TaskDefinition\n"
        "    Properties:\n"
        "      Fn::Transform: {Name: AWS::Include, Parameters: {Location: s3://x/y}}\n"
        "  Imported:\n"
        "    Type: AWS::ECS::TaskDefinition\n"
        "    Properties:\n"
        "      ContainerDefinitions: !Transform {Name: Mine}\n"
    )
    assert read_template(read_yaml(text), {}) == Template(
        (),
        (
            LeftOut("Fn::ForEach::Tasks", "the output of ForEach is unknown", Position(3, 3)),
            LeftOut("Made", "its properties are unknown before deployment", Position(7, 3)),
            LeftOut("Imported", "a container depends on ${Fn::Transform}", Position(14, 7)),
        ),
    )


@pytest.mark.parametrize(
    ("services", "launch"),
    [
        ([], None),
        ([{"LaunchType": "FARGATE"}], "FARGATE"),
        ([{"LaunchType": "EC2"}], "EC2"),
        ([{"LaunchType": "EXTERNAL"}], None),
        ([{}], None),
        ([{"LaunchType": {"Ref": "Unknown"}}], None),
        ([{"LaunchType": "FARGATE"}, {}], "FARGATE"),
        ([{"LaunchType": "FARGATE"}, {"LaunchType": "EC2"}], None),
        ([{"CapacityProviderStrategy": [{"CapacityProvider": "FARGATE"}]}], "FARGATE"),
        ([{"CapacityProviderStrategy": [{"CapacityProvider": "hosts"}]}], "EC2"),
        ([{"CapacityProviderStrategy": [{"CapacityProvider": {"Ref": "Hosts"}}]}], None),
        ([{"TaskDefinition": {"Fn::GetAtt": "Task.TaskDefinitionArn"}, "LaunchType": "EC2"}], "EC2"),
        ([{"TaskDefinition": "web", "LaunchType": "EC2"}], "EC2"),
        ([{"TaskDefinition": "other", "LaunchType": "EC2"}], None),
        ([{"TaskDefinition": {"Ref": "Other"}, "LaunchType": "EC2"}], None),
    ],
)
def test_services_of_the_template_have_the_launch_type(services: list[dict[str, object]], launch: str | None) -> None:
    task = {"Type": "AWS::ECS::TaskDefinition", "Properties": {"Family": "web", "ContainerDefinitions": []}}
    resources: dict[str, object] = {"Task": task}
    for number, service in enumerate(services):
        properties = {"TaskDefinition": {"Ref": "Task"}, **service}
        resources[f"Service{number}"] = {"Type": "AWS::ECS::Service", "Properties": properties}
    document = {"Parameters": PARAMETERS, "Resources": resources}
    assert only(read_json(json.dumps(document))).launch == launch


@pytest.mark.parametrize(
    ("kind", "left_out"), [("AWS::SNS::Topic", 0), ("AWS::ECS::TaskDefinition", 1), ("${Kind}", 1)]
)
def test_a_loop_is_left_out_if_it_may_create_a_task_definition(kind: str, left_out: int) -> None:
    text = f"""
Transform: AWS::LanguageExtensions
Resources:
  Fn::ForEach::Each:
    - Name
    - [a, b]
    - Made${{Name}}:
        Type: {kind}
        Properties: {{}}
"""
    assert len(read_template(read_yaml(text), {}).left_out) == left_out
