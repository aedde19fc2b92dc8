"""Ordinary files of other people's repositories, without gMSA or with a correct one: none may fail the gate."""

from __future__ import annotations

import json
from typing import Any

import yaml

ROLE = "arn:aws:iam::111122223333:role/exec"
SPECS = ["credentialspecdomainless:arn:aws:s3:::example-credspecs/web.json"]
CCACHE = {"name": "KRB5CCNAME", "value": "/var/credentials-fetcher/krbdir/krb5cc"}


def container(**more: Any) -> dict[str, Any]:
    return {"name": "web", "image": "web:1", "essential": True, **more}


def definition(*containers: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "family": "web",
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "executionRoleArn": ROLE,
        "containerDefinitions": list(containers) or [container()],
        **more,
    }


def with_gmsa(**more: Any) -> dict[str, Any]:
    return container(credentialSpecs=SPECS, environment=[CCACHE], **more)


def template(*containers: dict[str, Any], **resources: Any) -> dict[str, Any]:
    properties = {"Family": "web", "ContainerDefinitions": list(containers) or [{"Name": "web", "Image": "web"}]}
    task = {"Type": "AWS::ECS::TaskDefinition", "Properties": properties}
    return {"AWSTemplateFormatVersion": "2010-09-09", "Resources": {"Task": task, **resources}}


def plan(*resources: dict[str, Any], **unknown: Any) -> dict[str, Any]:
    changes = [{"address": each["address"], "change": {"after_unknown": unknown}} for each in resources]
    return {
        "format_version": "1.2",
        "terraform_version": "1.9.8",
        "planned_values": {"root_module": {"resources": list(resources)}},
        "resource_changes": changes,
    }


def task_resource(**values: Any) -> dict[str, Any]:
    kind = "aws_ecs_task_definition"
    return {"address": f"{kind}.web", "mode": "managed", "type": kind, "name": "web", "values": values}


def credspec(*, host: bool = True) -> dict[str, Any]:
    arn = "arn:aws:secretsmanager:us-east-1:111122223333:secret:gmsa/web-AbCdEf"
    directory: dict[str, Any] = {"GroupManagedServiceAccounts": [{"Name": "web", "Scope": "corp.example.com"}]}
    if host:
        directory["HostAccountConfig"] = {"PortableCcgVersion": "1", "PluginInput": {"CredentialArn": arn}}
    join = {"Sid": "S-1-5-21-1-2-3", "MachineAccountName": "web", "DnsName": "corp.example.com", "NetBiosName": "CORP"}
    return {"CmsPlugins": ["ActiveDirectory"], "DomainJoinConfig": join, "ActiveDirectoryConfig": directory}


TASK_DEFINITIONS: dict[str, Any] = {
    "taskdef.json": definition(),
    "taskdef-console.json": definition(container(credentialSpecs=[], dnsServers=[], dockerSecurityOptions=[])),
    "taskdef-null.json": definition(container(credentialSpecs=None)),
    "taskdef-ec2.json": definition(requiresCompatibilities=["EC2"], networkMode="bridge", executionRoleArn=None),
    "taskdef-both.json": definition(requiresCompatibilities=["EC2", "FARGATE"]),
    "taskdef-external.json": definition(requiresCompatibilities=["EXTERNAL"]),
    "taskdef-two.json": definition(container(), container(name="log", essential=False)),
    "taskdef-minimal.json": {"containerDefinitions": [{"name": "web"}]},
    "taskdef-describe.json": {"taskDefinition": definition(revision=4, status="ACTIVE"), "tags": []},
    "taskdef-codedeploy.json": definition(container(image="<IMAGE1_NAME>")),
    "taskdef-envsubst.json": definition(container(image="${IMAGE}"), executionRoleArn="${ROLE}"),
    "taskdef-jinja.json": '{"cpu": {{ cpu }}, "containerDefinitions": [{% for c in all %}{}{% endfor %}]}',
    "taskdef-ecspresso.json": '{"containerDefinitions": [{"name": "web", "cpu": {{ must_env `CPU` }}}]}',
    "taskdef-keytab.json": definition(container(environment=[{"name": "KRB5CCNAME", "value": "/tmp/krb5cc"}])),
    "taskdef-comment.json": '// made by hand\n{"containerDefinitions": [{"name": "web",}],}\n',
    "taskdef-pascal.json": {"ContainerDefinitions": [{"Name": "web", "Image": "web"}]},
    "taskdef-wrong-type.json": {"containerDefinitions": [{"name": "web", "essential": "true"}]},
    "taskdef-bom.json": b"\xef\xbb\xbf" + json.dumps(definition()).encode(),
    "taskdef-crlf.json": json.dumps(definition(), indent=2).replace("\n", "\r\n"),
    "taskdef-utf16.json": json.dumps(definition()).encode("utf-16"),
    "taskdef-empty.json": "",
    "taskdef-windows.json": definition(
        container(image="mcr.microsoft.com/windows/servercore/iis"), requiresCompatibilities=["EC2"], networkMode=None
    ),
    "taskdef-dns.json": definition(container(dnsServers=["10.0.0.2"]), requiresCompatibilities=["EC2"]),
    "taskdef-list.json": [definition()],
    "container-definitions.json": [container()],
    "taskdef-gmsa.json": definition(with_gmsa()),
    "taskdef-gmsa-sidecar.json": definition(with_gmsa(), container(name="log", image="<IMAGE1_NAME>")),
    "taskdef-gmsa-image.json": definition(with_gmsa(image="{{ image }}")),
    "taskdef-gmsa-joined.json": definition(
        container(credentialSpecs=["credentialspec:arn:aws:s3:::example-credspecs/web.json"], environment=[CCACHE]),
        requiresCompatibilities=["EC2"],
    ),
    "taskdef-gmsa-china.json": definition(
        container(credentialSpecs=["credentialspecdomainless:arn:aws-cn:s3:::example-credspecs/web.json"])
    ),
    "taskdef-gmsa-windows.json": definition(
        container(image="mcr.microsoft.com/windows/nanoserver", credentialSpecs=["credentialspec:file://web.json"]),
        requiresCompatibilities=["EC2"], networkMode="default",
    ),
    "credspec.json": credspec(),
    "credspec-joined.json": credspec(host=False),
    "credspec-schema.json": {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object"},
}  # fmt: skip

BUCKET = {"Type": "AWS::S3::Bucket"}
TRANSFORM = {"Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": "s3://example/c.yaml"}}}
TEMPLATES: dict[str, Any] = {
    "template.json": template(),
    "template-no-ecs.json": {"Resources": {"Bucket": BUCKET}},
    "template-include.json": template({"Name": "web", **TRANSFORM}),
    "template-containers.json": {"Resources": {"Task": {"Type": "AWS::ECS::TaskDefinition", "Properties": TRANSFORM}}},
    "template-parameter.json": {
        "Parameters": {"Containers": {"Type": "CommaDelimitedList"}},
        "Resources": {
            "Task": {"Type": "AWS::ECS::TaskDefinition", "Properties": {"ContainerDefinitions": {"Ref": "Containers"}}}
        },
    },
    "template-foreach.json": {
        "Transform": "AWS::LanguageExtensions",
        "Resources": {"Fn::ForEach::Tasks": ["N", ["A"], {"${N}": {"Type": "AWS::ECS::TaskDefinition"}}]},
    },
    "template-wrong-case.json": template({"Name": "web", "environment": []}),
    "template-broken.yaml": "Resources:\n  Task:\n    Type: AWS::ECS::TaskDefinition\n   Properties: {\n",
    "template-sam.yaml": "Transform: AWS::Serverless-2016-10-31\nResources:\n  F: {Type: AWS::Serverless::Function}\n",
    "template-short.yaml": "Resources:\n  R:\n    Type: AWS::SNS::Topic\n    Properties: {TopicName: !Ref X}\n",
    "template-arm.json": {"$schema": "https://schema.management.azure.com/x#", "resources": []},
    "template-packer.json": {"builders": [{"type": "amazon-ebs"}], "provisioners": []},
    "template-grafana.json": {"panels": [], "templating": {"list": []}},
    "template-mail.json": {"subject": "Hello {{ name }}", "text": "<b>Hi</b>"},
    "issue_template.yml": "name: Bug\nbody:\n  - type: markdown\n    attributes: {value: Thanks}\n",
    "helm/templates/deployment-template.yaml": "kind: {{ .Values.kind }}\n{{- if .Values.x }}\n{{- end }}\n",
    "k8s-template.yaml": "apiVersion: v1\nkind: Pod\n---\napiVersion: v1\nkind: Service\n",
    "template-gmsa-ref.json": template(
        {"Name": "web", "Image": "web", "CredentialSpecs": [{"Fn::Join": ["", [
            "credentialspecdomainless:", {"Fn::GetAtt": ["Bucket", "Arn"]}, "/web.json"]]}]},
        Bucket=BUCKET,
    ),
    "template-gmsa-ssm.json": template(
        {"Name": "web", "Image": "web", "CredentialSpecs": ["{{resolve:ssm:/gmsa/credspec}}"]}
    ),
    "template-gmsa-parameter.json": {
        "Parameters": {"Spec": {"Type": "String"}},
        **template({"Name": "web", "Image": "web", "CredentialSpecs": [{"Ref": "Spec"}]}),
    },
    "template-gmsa-import.yaml": yaml.safe_dump(template(
        {"Name": "web", "Image": "web", "CredentialSpecs": [{"Fn::Sub": [
            "credentialspecdomainless:${B}/web.json", {"B": {"Fn::ImportValue": "credspecs"}}]}]}
    )),
}  # fmt: skip

CONTAINERS = json.dumps([container()])
PLAN = plan(task_resource(family="web", container_definitions=CONTAINERS))
OTHERS: dict[str, Any] = {
    "tfplan.json": PLAN,
    "first.tfplan.json": plan(task_resource(family="web"), container_definitions=True),
    "empty.tfplan.json": plan(),
    "bucket.tfplan.json": plan({"address": "aws_s3_bucket.b", "type": "aws_s3_bucket", "values": {}}),
    "utf16.tfplan.json": json.dumps(PLAN).encode("utf-16"),
    "wrapped.tfplan.json": f"[command]terraform-bin show -json\n{json.dumps(PLAN)}\n",
    "binary-tfplan.json": b"PK\x03\x04\x00\x00",
    "compose.yaml": "services:\n  web: {image: nginx, environment: {A: '${A}'}}\n",
    "docker-compose.yml": "version: '3'\nservices:\n  web:\n    image: ${IMAGE:-nginx}\n    <<: &x {user: '1'}\n",
    "docker-compose.windows.yml": "services:\n  web:\n    image: iis\n    credential_spec: {file: web.json}\n",
    "compose.ecs.yaml": "x-aws-cluster: prod\nservices:\n  web: {image: nginx}\n",
    "compose.empty.yaml": "",
    "compose.merge.yaml": "services:\n  web: !reset null\n",
    "compose.tabs.yaml": "services:\n\tweb: {}\n",
}
FILES = {**TASK_DEFINITIONS, **TEMPLATES, **OTHERS}
"""By their names, which the hook for pre-commit matches."""
