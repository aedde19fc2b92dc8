"""Container definitions alone, Terraform configuration, Kubernetes, and formats that are not read."""

from __future__ import annotations

import builtins
import json
import re
from typing import Any

import pytest

from gmsa_doctor.formats.documents.located import LocatedError, Open, Position, read_json
from gmsa_doctor.formats.documents.task_definition import read_task_definition
from gmsa_doctor.formats.documents.yaml_text import read_yaml
from gmsa_doctor.formats.templates import container_list, kubernetes, other_formats, terraform_configuration
from gmsa_doctor.formats.templates.terraform_plan import read_plan

SPEC = "credentialspecdomainless:arn:aws:s3:::bucket/web.json"
HCL = """\
# the service
locals { bucket = "credspecs" }
resource "aws_s3_bucket" "b" {}
resource "aws_ecs_task_definition" "web" {
  family                   = "web"
  requires_compatibilities = ["FARGATE"]
  network_mode             = var.mode
  execution_role_arn       = aws_iam_role.exec.arn
  runtime_platform {
    operating_system_family = "LINUX"
  }
  container_definitions = jsonencode([{
    name            = "web"
    "image"         = "web:${var.tag}"
    essential       = true
    credentialSpecs = ["credentialspecdomainless:${aws_s3_bucket.b.arn}/$${x}\\n"]
  }])
}
resource "aws_ecs_task_definition" "text" {
  family = "text"
  container_definitions = <<-EOF
    [{"name": "web", "image": "web", "credentialSpecs": ["credentialspec:arn:aws:s3:::bucket/web.json"]}]
  EOF
}
resource "aws_ecs_task_definition" "file" {
  family = "file"
  container_definitions = file("${path.module}/containers.json")
}
"""


def test_a_list_of_containers_is_a_task_definition_whose_role_is_elsewhere() -> None:
    located = read_json(json.dumps([{"name": "web", "image": "web", "credentialSpecs": [SPEC]}], indent=1))
    assert container_list.is_container_list(located.value)
    definition = container_list.definition("deploy/containers.json", located)
    read = read_task_definition(definition.located.value)
    assert (definition.name, read.containers[0].credential_specs) == ("containers.json", (SPEC,))
    assert isinstance(read.execution_role_arn, Open)
    assert definition.located.at(("containerDefinitions", 0, "credentialSpecs", 0)) == Position(6, 4)


@pytest.mark.parametrize("value", [[], {}, [1], [{"name": "x"}], ["a"], None])
def test_another_list_is_none(value: object) -> None:
    assert not container_list.is_container_list(value)


def test_the_task_definitions_of_a_configuration_are_read_as_far_as_they_are_literal() -> None:
    pytest.importorskip("hcl2")
    web, text, file = terraform_configuration.definitions(HCL)
    assert web.located.value == {
        "family": "web",
        "executionRoleArn": "${aws_iam_role.exec.arn}",
        "networkMode": "${var.mode}",
        "requiresCompatibilities": ["FARGATE"],
        "runtimePlatform": {"operatingSystemFamily": "LINUX"},
        "containerDefinitions": [
            {
                "name": "web",
                "image": "web:${var.tag}",
                "essential": True,
                "credentialSpecs": ["credentialspecdomainless:${aws_s3_bucket.b.arn}/${x}\n"],
            }
        ],
    }
    read = read_task_definition(web.located.value)
    assert isinstance(read.containers[0].credential_specs[0], Open)
    place = web.located.at(("containerDefinitions", 0, "credentialSpecs", 0))
    assert place == Position(16, 24)
    assert web.located.at(("networkMode",)) == Position(7, 3)
    assert read_task_definition(text.located.value).containers[0].credential_specs[0].startswith("credentialspec:")
    assert isinstance(file.located.value, dict)
    assert file.located.value["containerDefinitions"] == '${file("$(path.module)/containers.json")}'


@pytest.mark.parametrize("text", ["resource {", "a = [\n", "}", "x = <<EOF\n"])
def test_a_text_in_another_language_is_refused(text: str) -> None:
    pytest.importorskip("hcl2")
    with pytest.raises(LocatedError, match="not Terraform"):
        terraform_configuration.definitions(text)


def test_without_the_extra_the_message_names_it_and_the_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    load = builtins.__import__

    def without(name: str, *more: Any) -> Any:
        if name.partition(".")[0] in ("hcl2", "lark"):
            raise ImportError(name)
        return load(name, *more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(LocatedError, match=r"gmsa-doctor\[hcl\].*terraform show -json"):
        terraform_configuration.definitions(HCL)


def test_the_credspec_of_a_kubernetes_resource_has_its_positions() -> None:
    text = (
        "apiVersion: windows.k8s.io/v1\nkind: GMSACredentialSpec\nmetadata: {name: web}\n"
        "credspec:\n  DomainJoinConfig:\n    DnsName: corp.example\n"
    )
    found = kubernetes.credspec(read_yaml(text))
    assert found
    assert found.value == {"DomainJoinConfig": {"DnsName": "corp.example"}}
    assert found.at(("DomainJoinConfig", "DnsName")) == Position(6, 5)
    assert kubernetes.credspec(read_yaml("kind: Pod\n")) is None


@pytest.mark.parametrize("size", [1000, 25, 9])
def test_the_wrapper_of_a_plan_is_left_out_and_the_lines_keep_their_numbers(size: int) -> None:
    plan = '{"format_version": "1.2", "planned_values": {}}'
    text = f"[command]/bin/terraform show -json\n\n{plan}\n::debug::exitcode: 0\n"
    located = read_plan(text[start : start + size] for start in range(0, len(text), size))
    assert located
    assert located.value == {"format_version": "1.2", "planned_values": {}}
    assert located.at(("format_version",)) == Position(3, 2)


@pytest.mark.parametrize(
    ("path", "text", "words"),
    [
        ("taskdef.jsonnet", "local x = 1; {}", "Jsonnet.*jsonnet FILE"),
        ("copilot/web/manifest.yml", "name: web\ntype: Load Balanced Web Service\n", "Copilot.*copilot svc package"),
        ("Pulumi.yaml", "name: web\nruntime: yaml\n", "Pulumi.*pulumi preview"),
        ("taskdef.json.j2", "{}", "render it first"),
        ("taskdef.json", '{"cpu": {{ must_env `CPU` }}}', "ecspresso render taskdef"),
        ("taskdef.json", '{"cpu": {{- .Values.cpu }}}', "helm template"),
        ("taskdef.json", '{"cpu": <%= cpu %>}', "ERB"),
    ],
)
def test_a_format_that_is_not_read_is_named_with_its_command(path: str, text: str, words: str) -> None:
    hint = other_formats.hint(path, text.encode())
    assert hint
    assert re.search(words, hint)


@pytest.mark.parametrize("text", ["{}", '{"x": "{{resolve:ssm:/x}}"}', "Resources: {}", '{"x": "${Y}"}'])
def test_another_file_has_no_hint(text: str) -> None:
    assert other_formats.hint("template.json", text.encode()) is None
