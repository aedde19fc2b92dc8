from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gmsa_doctor.formats.documents.located import Definition, Located, LocatedError, Open, Position, read_json
from gmsa_doctor.formats.documents.task_definition import read_task_definition
from gmsa_doctor.formats.templates.terraform_plan import definitions, is_plan

PLAN = Path(__file__).parents[2] / "samples" / "terraform" / "plan.json"
DOMAINLESS = "credentialspecdomainless:arn:aws:s3:::corp-credspecs/web.json"


def sample() -> dict[str, Definition]:
    return {definition.name: definition for definition in definitions(read_json(PLAN.read_text()))}


def value(definition: Definition) -> dict[str, Any]:
    assert isinstance(definition.located.value, dict)
    return definition.located.value


def planned(values: dict[str, Any], **more: Any) -> dict[str, Any]:
    resource = {"address": "aws_ecs_task_definition.web", "type": "aws_ecs_task_definition", "values": values}
    return {"format_version": "1.2", "planned_values": {"root_module": {"resources": [resource]}}, **more}


def service(launch: dict[str, Any], address: str = "aws_ecs_service.web", refers: str = "web") -> dict[str, Any]:
    plan = planned({"family": "web", "container_definitions": "[]"})
    plan["planned_values"]["root_module"]["resources"].append(
        {"address": address, "type": "aws_ecs_service", "values": launch}
    )
    refers = f"aws_ecs_task_definition.{refers}"
    expressions = {"task_definition": {"references": [f"{refers}.arn", refers]}}
    plan["configuration"] = {"root_module": {"resources": [{"address": address, "expressions": expressions}]}}
    return plan


def only(plan: dict[str, Any]) -> Definition:
    (found,) = definitions(Located(plan, {}))
    return found


def error(plan: object) -> LocatedError:
    with pytest.raises(LocatedError) as caught:
        definitions(read_json(json.dumps(plan, indent=1)))
    return caught.value


def test_task_definitions_of_all_modules_are_found_by_their_addresses() -> None:
    assert list(sample()) == [
        "aws_ecs_task_definition.web",
        'module.batch["eu"].aws_ecs_task_definition.this[0]',
        'module.batch["eu"].module.later.aws_ecs_task_definition.later',
    ]


def test_a_planned_task_definition_has_the_keys_of_ecs() -> None:
    found = read_task_definition(sample()["aws_ecs_task_definition.web"].located.value)
    assert (found.family, found.requires_compatibilities, found.network_mode) == ("web", ("FARGATE",), "awsvpc")
    assert found.execution_role_arn == "arn:aws:iam::123456789012:role/web-execution"
    assert (found.os_family, found.cpu_architecture) == ("LINUX", "X86_64")
    (container,) = found.containers
    assert (container.name, container.credential_specs) == ("web", (DOMAINLESS,))
    assert container.environment == (("KRB5CCNAME", "/var/credentials-fetcher/krbdir/krb5cc"),)
    assert container.logs is not None


def test_parts_of_containers_have_the_position_of_their_text() -> None:
    located = sample()["aws_ecs_task_definition.web"].located
    lines = PLAN.read_text().splitlines()
    place = located.at(("containerDefinitions", 0, "credentialSpecs", 0))
    assert place
    assert DOMAINLESS in lines[place.line - 1]
    role = located.at(("executionRoleArn",))
    assert role
    assert '"execution_role_arn"' in lines[role.line - 1]


def test_a_missing_part_has_the_position_of_its_resource() -> None:
    located = sample()['module.batch["eu"].module.later.aws_ecs_task_definition.later'].located
    place = located.at(("taskRoleArn",))
    assert place
    assert "aws_ecs_task_definition.later" in PLAN.read_text().splitlines()[place.line]


def test_a_role_that_is_created_in_the_same_plan_is_open() -> None:
    role = value(sample()['module.batch["eu"].aws_ecs_task_definition.this[0]'])["executionRoleArn"]
    # the configuration of a module names its own resources, without the module's address
    assert isinstance(role, Open)
    assert role == "${aws_iam_role.execution.arn}"


def test_unknown_containers_are_open_and_the_rest_is_read() -> None:
    found = value(sample()['module.batch["eu"].module.later.aws_ecs_task_definition.later'])
    assert isinstance(found["containerDefinitions"], Open)
    assert found["containerDefinitions"] == "${aws_s3_object.credspec.arn}"
    assert (found["family"], found["requiresCompatibilities"], found["networkMode"]) == ("later", ["EC2"], "bridge")


def test_containers_missing_in_a_plan_are_open() -> None:
    found = value(only(planned({"family": "web"})))["containerDefinitions"]
    assert isinstance(found, Open)
    assert found == "${aws_ecs_task_definition.web.container_definitions}"


def test_the_launch_type_is_that_of_the_services_that_refer_to_it() -> None:
    assert [found.launch for found in sample().values()] == ["FARGATE", "FARGATE", None]


@pytest.mark.parametrize(
    ("launch", "expected"),
    [
        ({"launch_type": "EC2"}, "EC2"),
        ({"launch_type": "EXTERNAL"}, None),
        ({}, None),
        ({"capacity_provider_strategy": [{"capacity_provider": "FARGATE"}]}, "FARGATE"),
        ({"capacity_provider_strategy": [{"capacity_provider": "gpu-hosts"}]}, "EC2"),
        ({"capacity_provider_strategy": [{"capacity_provider": None}]}, None),
        (
            {"capacity_provider_strategy": [{"capacity_provider": "FARGATE"}, {"capacity_provider": "gpu-hosts"}]},
            None,
        ),
    ],
)
def test_the_launch_type_of_a_service(launch: dict[str, Any], expected: str | None) -> None:
    assert only(service(launch)).launch == expected


def test_a_service_with_another_task_definition_is_ignored() -> None:
    assert only(service({"launch_type": "EC2"}, refers="other")).launch is None
    assert only(service({"launch_type": "EC2"}, refers="web_old")).launch is None


def test_services_that_disagree_have_no_launch_type() -> None:
    plan = service({"launch_type": "EC2"})
    other = service({"launch_type": "FARGATE"}, "aws_ecs_service.other")
    plan["planned_values"]["root_module"]["resources"] += other["planned_values"]["root_module"]["resources"][1:]
    plan["configuration"]["root_module"]["resources"] += other["configuration"]["root_module"]["resources"]
    assert only(plan).launch is None


def test_a_service_with_the_registered_task_definition_has_its_launch_type() -> None:
    plan = service({"launch_type": "EC2", "task_definition": "arn:aws:ecs:eu-west-1:1:task-definition/web:7"})
    plan["planned_values"]["root_module"]["resources"][0]["values"]["arn"] = (
        "arn:aws:ecs:eu-west-1:1:task-definition/web:7"
    )
    del plan["configuration"]
    assert only(plan).launch == "EC2"


def test_the_provider_ignores_the_case_of_keys() -> None:
    text = json.dumps([{"Name": "web", "CredentialSpecs": [DOMAINLESS], "Environment": [{"Name": "A", "Value": "b"}]}])
    (container,) = value(only(planned({"container_definitions": text})))["containerDefinitions"]
    assert container == {
        "name": "web",
        "credentialSpecs": [DOMAINLESS],
        "environment": [{"name": "A", "value": "b"}],
    }
    text = json.dumps([{"NAME": "web", "DNSServers": ["10.0.0.2"], "extrahosts": [{"hostname": "dc1"}]}])
    found = read_task_definition(only(planned({"container_definitions": text})).located.value)
    assert found.containers[0].dns_settings == ("dnsServers", "extraHosts")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"container_definitions": "[{"}, "container_definitions of aws_ecs_task_definition.web is not JSON"),
        ({"container_definitions": "[" * 100_000}, "is not JSON"),
        ({"container_definitions": "{}"}, "is an object, not an array"),
        ({"container_definitions": []}, "is an array, not a string"),
        ({"family": 5}, "family of aws_ecs_task_definition.web is a number, not a string"),
        ({"requires_compatibilities": "EC2"}, "is a string, not an array"),
    ],
)
def test_a_wrong_type_is_reported_with_its_address_and_position(values: dict[str, Any], words: str) -> None:
    found = error(planned({"container_definitions": "[]", **values}))
    assert words in found.reason
    assert found.position


def test_an_unknown_major_version_is_refused() -> None:
    found = error({"format_version": "2.0", "planned_values": {}})
    assert "2.0" in found.reason
    assert found.position == Position(2, 2)


def test_an_error_contains_no_value() -> None:
    assert "hunter2" not in error(planned({"container_definitions": '[{"value": "hunter2"'})).reason


def test_plans_are_recognized() -> None:
    assert is_plan({"format_version": "1.2", "planned_values": {}})
    assert not is_plan({"format_version": "1.0", "values": {"root_module": {}}})
    assert not is_plan([])
    assert definitions(Located({"format_version": "1.2", "planned_values": {}}, {})) == ()


def test_data_sources_are_not_planned_task_definitions() -> None:
    plan = planned({"container_definitions": "[]"})
    plan["planned_values"]["root_module"]["resources"][0]["mode"] = "data"
    assert definitions(Located(plan, {})) == ()


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4) | st.sampled_from(["[]", "[5]", "FARGATE"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=6,
)


def keys_in(node: object) -> set[str]:
    parts = list(node.values()) if isinstance(node, dict) else node if isinstance(node, list) else []
    return set(node if isinstance(node, dict) else ()).union(*map(keys_in, parts))


def replaced(node: object, key: str, new: object) -> object:
    if isinstance(node, dict):
        return {name: new if name == key else replaced(child, key, new) for name, child in node.items()}
    return [replaced(child, key, new) for child in node] if isinstance(node, list) else node


@given(st.sampled_from(sorted(keys_in(json.loads(PLAN.read_text())))), anything)
def test_any_plan_is_read_or_refused(key: str, new: object) -> None:
    plan = replaced(json.loads(PLAN.read_text()), key, new)
    try:
        names = [definition.name for definition in definitions(Located(plan, {}))]
    except LocatedError:
        names = []
    assert all(isinstance(name, str) for name in names)
