"""The arguments with which schedules, rules and state machines start tasks."""

import json
from typing import Any

import pytest

from gmsa_doctor.formats.aws.task_start import TaskStart, of_rule, of_schedule, of_state_machine, overridden, tags_of
from gmsa_doctor.formats.documents.located import Placeholder

CLUSTER = "arn:aws:ecs:us-east-1:123456789012:cluster/demo"
DEFINITION: dict[str, Any] = {
    "family": "web",
    "executionRoleArn": "arn:aws:iam::123456789012:role/first",
    "containerDefinitions": [
        {"name": "web", "command": ["a"], "environment": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]},
        {"name": "log"},
    ],
}


def machine(resource: str, **state: Any) -> str:
    return json.dumps({"States": {"Run": {"Type": "Task", "Resource": resource, **state}}})


@pytest.mark.parametrize(
    "resource",
    [
        "arn:aws:states:::ecs:runTask",
        "arn:aws:states:::ecs:runTask.sync",
        "arn:aws-us-gov:states:::ecs:runTask.waitForTaskToken",
        "arn:aws:states:::aws-sdk:ecs:runTask",
    ],
)
def test_each_form_of_run_task_is_recognized(resource: str) -> None:
    (start,) = of_state_machine(machine(resource, Parameters={"TaskDefinition": "web"}))
    assert (start.part, start.arguments, dict(start.later)) == ("Run", {"taskDefinition": "web"}, {})


def test_states_that_start_no_task_are_ignored() -> None:
    assert of_state_machine(machine("arn:aws:states:::lambda:invoke")) == ()
    assert of_schedule({"Arn": "arn:aws:sqs:us-east-1:123456789012:queue", "Input": "hello"}) is None
    assert of_rule([{"Id": "a", "Arn": "arn:aws:sqs:us-east-1:123456789012:queue"}]) == ()


def test_states_in_branches_and_maps_are_found() -> None:
    task = json.loads(machine("arn:aws:states:::ecs:runTask", Parameters={}))
    definition = {
        "States": {
            "Both": {"Type": "Parallel", "Branches": [task, {"States": {"Each": {"Type": "Map", "Iterator": task}}}]},
            "All": {"Type": "Map", "ItemProcessor": task},
        }
    }
    assert [start.part for start in of_state_machine(json.dumps(definition))] == ["Run", "Run", "Run"]


@pytest.mark.parametrize(
    ("arguments", "path", "expression"),
    [
        ({"TaskDefinition.$": "$.definition"}, "taskDefinition", "$.definition"),
        ({"TaskDefinition": "{% $states.input.d %}"}, "taskDefinition", "{% $states.input.d %}"),
        ({"NetworkConfiguration.$": "$.n"}, "networkConfiguration.awsvpcConfiguration.subnets", "$.n"),
        ({"Overrides": {"TaskRoleArn.$": "$.role"}}, "overrides.taskRoleArn", "$.role"),
        (
            {"NetworkConfiguration": {"AwsvpcConfiguration": {"Subnets": ["subnet-1", "{% $s %}"]}}},
            "networkConfiguration.awsvpcConfiguration.subnets",
            "{% $s %}",
        ),
    ],
)
def test_what_each_execution_gives_is_known_by_its_expression(
    arguments: dict[str, Any], path: str, expression: str
) -> None:
    (start,) = of_state_machine(machine("arn:aws:states:::ecs:runTask", Parameters=arguments))
    assert start.expression(path) == expression
    assert start.expression("cluster") is None


@pytest.mark.parametrize("state", [{}, {"Arguments": "{% $states.input %}"}])
def test_without_arguments_of_its_own_a_state_gives_nothing_that_is_known(state: dict[str, Any]) -> None:
    (start,) = of_state_machine(machine("arn:aws:states:::ecs:runTask", **state))
    assert start.expression("taskDefinition")
    assert start.arguments == {}


def test_the_target_is_the_cluster_and_the_input_are_the_overrides() -> None:
    target = {
        "Id": "1",
        "Arn": CLUSTER,
        "Input": '{"taskRoleArn": "role"}',
        "EcsParameters": {"TaskDefinitionArn": "arn:web", "LaunchType": "FARGATE", "Group": "g"},
    }
    start = of_schedule(target)
    assert start
    assert start.arguments == {
        "cluster": CLUSTER,
        "taskDefinition": "arn:web",
        "launchType": "FARGATE",
        "group": "g",
        "overrides": {"taskRoleArn": "role"},
    }
    assert [one.part for one in of_rule([target])] == ["1"]


@pytest.mark.parametrize(
    "given",
    [
        {"InputPath": "$.detail"},
        {"InputTransformer": {"InputTemplate": '{"executionRoleArn": <role>}'}},
        {"InputTransformer": {"InputTemplate": '{"executionRoleArn": "<role>"}'}},
    ],
)
def test_a_role_that_the_event_gives_is_a_placeholder(given: dict[str, Any]) -> None:
    (start,) = of_rule([{"Id": "1", "Arn": CLUSTER, "EcsParameters": {"TaskDefinitionArn": "arn:web"}, **given}])
    assert isinstance(overridden(DEFINITION, start)["executionRoleArn"], Placeholder)


def test_overrides_replace_roles_and_commands_and_add_variables() -> None:
    container = {"name": "web", "command": ["b"], "environment": [{"name": "B", "value": "3"}, {"name": "C"}]}
    overrides = {"executionRoleArn": "second", "containerOverrides": [container]}
    changed = overridden(DEFINITION, TaskStart("", {"overrides": overrides}))
    web, log = changed["containerDefinitions"]
    assert changed["executionRoleArn"] == "second"
    assert (web["command"], log) == (["b"], {"name": "log"})
    assert web["environment"] == [{"name": "A", "value": "1"}, {"name": "B", "value": "3"}]
    assert overridden(DEFINITION, TaskStart("", {}))["executionRoleArn"] == DEFINITION["executionRoleArn"]


@pytest.mark.parametrize(
    ("arguments", "tags"),
    [
        ({}, ()),
        ({"tags": [{"key": "team", "value": "web"}]}, (("team", "web"),)),
        ({"Tags": [{"Key": "team"}]}, (("team", ""),)),
        ({"Tags.$": "$.tags"}, None),
        ({"Tags": [{"Key": "team", "Value.$": "$.team"}]}, None),
        ({"PropagateTags": "TASK_DEFINITION"}, None),
        ({"EnableECSManagedTags": True}, None),
        ({"EnableECSManagedTags": False}, ()),
    ],
)
def test_the_tags_of_a_start_are_known_if_nothing_else_sets_some(arguments: dict[str, Any], tags: object) -> None:
    (start,) = of_state_machine(machine("arn:aws:states:::ecs:runTask", Parameters=arguments))
    assert tags_of(start) == tags


def test_the_role_that_a_state_assumes_is_its_arn() -> None:
    role = "arn:aws:iam::210987654321:role/runs"
    resource = "arn:aws:states:::ecs:runTask"
    for credentials, said in [({"RoleArn": role}, role), ({"RoleArn.$": "$.role"}, "$.role"), (None, "")]:
        (start,) = of_state_machine(machine(resource, Parameters={}, Credentials=credentials))
        assert start.role == said
