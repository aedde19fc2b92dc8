from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gmsa_doctor.formats.documents.located import Definition, Located, Open
from gmsa_doctor.formats.documents.task_definition import read_task_definition
from gmsa_doctor.formats.documents.yaml_text import read_yaml
from gmsa_doctor.formats.templates.compose import definitions, is_compose

SAMPLES = Path(__file__).parents[2] / "samples" / "compose"


def sample(name: str) -> dict[str, Definition]:
    return {definition.name: definition for definition in definitions(read_yaml((SAMPLES / name).read_text()))}


def value(definition: Definition) -> dict[str, Any]:
    assert isinstance(definition.located.value, dict)
    return definition.located.value


def line(name: str, definition: Definition, *path: str | int) -> str:
    place = definition.located.at(("containerDefinitions", 0, *path))
    assert place
    return (SAMPLES / name).read_text().splitlines()[place.line - 1].strip()


def made(service: dict[str, Any], **more: Any) -> tuple[Definition, ...]:
    return definitions(Located({"services": {"web": service}, **more}, {}))


def test_a_file_only_for_docker_is_ignored() -> None:
    assert is_compose(read_yaml((SAMPLES / "docker.yaml").read_text()).value)
    assert sample("docker.yaml") == {}


def test_services_without_a_credspec_are_ignored() -> None:
    assert list(sample("ecs-integration.yaml")) == ["web", "worker"]


def test_the_ecs_integration_drops_credential_spec_and_the_position_remains() -> None:
    found = sample("ecs-integration.yaml")["web"]
    definition = read_task_definition(found.located.value)
    assert (definition.requires_compatibilities, definition.network_mode) == (("FARGATE",), "awsvpc")
    assert isinstance(definition.execution_role_arn, Open)
    (container,) = definition.containers
    assert (container.credential_specs, container.docker_security_options) == ((), ())
    assert container.user == "1654"
    assert line("ecs-integration.yaml", found, "credentialSpecs") in ("credential_spec:", "file: web.json")


def test_security_opt_becomes_docker_security_options() -> None:
    found = sample("ecs-integration.yaml")["worker"]
    option = "credentialspec:arn:aws:s3:::corp-credspecs/worker.json"
    assert read_task_definition(found.located.value).containers[0].docker_security_options == (option,)
    assert line("ecs-integration.yaml", found, "dockerSecurityOptions", 0) == f"- {option}"
    assert line("ecs-integration.yaml", found, "credentialSpecs") == f"- {option}"


def test_without_an_extension_an_arn_means_ecs() -> None:
    found = sample("ecs-cli.yaml")
    assert list(found) == ["web"]
    definition = read_task_definition(found["web"].located.value)
    assert (definition.requires_compatibilities, definition.execution_role_arn) == ((), None)


def test_a_text_with_a_variable_is_open() -> None:
    (option,) = value(sample("ecs-cli.yaml")["web"])["containerDefinitions"][0]["dockerSecurityOptions"]
    assert isinstance(option, Open)
    assert option == "credentialspecdomainless:arn:aws:s3:::corp-credspecs/${STAGE}/web.json"
    image = value(sample("ecs-integration.yaml")["web"])["containerDefinitions"][0]["image"]
    assert isinstance(image, Open)


def test_a_doubled_dollar_is_a_dollar() -> None:
    (found,) = made({"security_opt": ["credentialspec:arn:$$x"], "image": "web"})
    (option,) = value(found)["containerDefinitions"][0]["dockerSecurityOptions"]
    assert (option, type(option)) == ("credentialspec:arn:$x", str)


def test_other_environment_variables_are_not_kept() -> None:
    found = sample("ecs-integration.yaml")
    assert [value(one)["containerDefinitions"][0]["environment"] for one in found.values()] == [
        [{"name": "KRB5CCNAME", "value": "/var/credentials-fetcher/krbdir/krb5cc"}],
        [{"name": "KRB5CCNAME", "value": "/tmp/krb5cc"}],
    ]
    assert "hunter2" not in repr(found)


@pytest.mark.parametrize(
    "reservations",
    [
        {"devices": [{"capabilities": ["gpu"]}]},
        {"generic_resources": [{"discrete_resource_spec": {"kind": "gpus", "value": 1}}]},
    ],
)
def test_gpus_require_ec2(reservations: dict[str, Any]) -> None:
    deploy = {"resources": {"reservations": reservations}, "x-aws-autoscaling": {"cpu": 75}}
    (found,) = made({"credential_spec": {"config": "web"}, "deploy": deploy})
    assert value(found)["requiresCompatibilities"] == ["EC2"]


@pytest.mark.parametrize("place", [{"x-aws-role": {}}, {"deploy": {"x-aws-autoscaling": {}}}])
def test_an_extension_of_the_service_means_ecs(place: dict[str, Any]) -> None:
    assert made({"credential_spec": {"file": "web.json"}}) == ()
    assert len(made({"credential_spec": {"file": "web.json"}, **place})) == 1


def test_compose_files_are_recognized() -> None:
    assert is_compose({"services": {"web": {}, "db": None}})
    assert not is_compose({"services": ["web"]})
    assert not is_compose({"services": {"web": "latest"}})
    assert not is_compose({"services": {}, "Resources": {}})
    assert not is_compose([])


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4) | st.sampled_from(["credentialspec:arn:", "$x"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=6,
)
keys = st.sampled_from(["image", "user", "credential_spec", "security_opt", "environment", "deploy", "x-aws-role"])


@given(st.dictionaries(keys, anything))
def test_any_service_is_read(service: dict[str, Any]) -> None:
    for found in made(service, **{"x-aws-vpc": "vpc-1"}):
        assert read_task_definition(found.located.value).containers[0].name == "web"
