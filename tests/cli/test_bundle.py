"""`--bundle` and `--bundle-list`: the archive for a support case."""

import json
import stat
import zipfile
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.command import a_task_definition, doctor, environ, file_with
from tests.lab.ad import DomainController
from tests.lab.aws import EmbeddedAws
from tests.lab.creation import create
from tests.lab.environment import healthy
from tests.scenarios import changes
from tests.scenarios.lab import Lab


def content(file: Path) -> dict[str, str]:
    """Give the files of an archive, by their names in its folder."""
    with zipfile.ZipFile(file) as archive:
        return {name.partition("/")[2]: archive.read(name).decode() for name in archive.namelist()}


def test_the_archive_of_a_service_has_all_that_a_support_case_needs(
    dc: DomainController, aws: EmbeddedAws, tmp_path: Path
) -> None:
    file = tmp_path / "case.zip"
    with ExitStack() as stack:
        environment = healthy(dc)
        changes.gmsa("absent01")(environment, Lab(dc, aws, stack))
        environment.container["environment"].append({"name": "API_TOKEN", "value": "canary-of-environment-1"})
        create(environment, aws)
        ended = doctor(*environment.command_with("--json", "--bundle", str(file)), env=aws.environ())
    assert ended.code == 1, ended.err
    files = content(file)
    assert set(files) >= {
        *("case.md", "report.json", "report.html", "timeline.txt", "task-definition.json", "credspec.json"),
        *("service.json", "calls.json", "versions.json"),
    }
    assert json.loads(files["report.json"]) == ended.document
    assert "`directory.gmsa-account`" in files["case.md"]
    assert {"python", "system", "gmsa-doctor", "botocore", "libkrb5"} <= set(json.loads(files["versions.json"]))
    calls = json.loads(files["calls.json"])
    assert {"ecs DescribeServices 200", "secretsmanager GetSecretValue 200"} <= {
        f"{call['service']} {call['operation']} {call['result']}" for call in calls
    }
    assert not [name for name, text in files.items() if "canary-of-environment-1" in text]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["case.zip"]


def test_the_archive_of_a_file_has_its_task_definition(tmp_path: Path) -> None:
    name = file_with(tmp_path, a_task_definition())
    doctor("check", "--offline", name, "--bundle", str(tmp_path / "case.zip"), env=environ(tmp_path))
    files = content(tmp_path / "case.zip")
    assert json.loads(files["task-definition.json"])["family"]
    assert json.loads(files["calls.json"]) == []


def test_a_value_that_is_known_to_be_secret_is_in_no_file_wherever_it_came_from(tmp_path: Path) -> None:
    token = "Token-7319-xyz"
    container = {"image": f"registry.example/web:{token}", "environment": [{"name": "API_TOKEN", "value": token}]}
    name = file_with(tmp_path, a_task_definition(container=container))
    doctor("check", "--offline", name, "--bundle", str(tmp_path / "case.zip"), env=environ(tmp_path))
    files = content(tmp_path / "case.zip")
    assert "registry.example/web:<hidden>" in files["task-definition.json"]
    assert not [name for name, text in files.items() if token in text]


def test_secrets_in_urls_arguments_and_parameters_are_in_no_file_and_ordinary_words_stay(tmp_path: Path) -> None:
    secrets = {
        "a lower-case passphrase": "correcthorsebattery",
        "of a URL": "Tr0ub4dor!9",
        "an argument": "Zx9!kkTq77",
        "a parameter": "Parrot-5520",
        "a default": "Walrus-4410",
        "NoEcho": "Lemur-3300",
    }
    passphrase, url, argument, parameter, default, unseen = secrets.values()
    container = {
        "Name": "web",
        "Image": "registry.example/" + "-".join(secrets.values()),
        "User": {"Ref": "DbPassword"},
        "WorkingDirectory": {"Ref": "ApiToken"},
        "CredentialSpecs": ["credentialspecdomainless:arn:aws:s3:::credspecs/web.json"],
        "Environment": [
            {"Name": "DB_PASSWORD", "Value": passphrase},
            {"Name": "DATABASE_URL", "Value": f"postgres://app:{url}@db/x"},
            {"Name": "TOKEN_REQUIRED", "Value": "true"},
            {"Name": "SECRET_REGION", "Value": "us-east-1"},
            {"Name": "TOKEN_ISSUER", "Value": "credspecs"},
        ],
        "Command": ["app", "--db-password", argument],
    }
    properties = {
        "Family": "webapp",
        "RequiresCompatibilities": ["FARGATE"],
        "NetworkMode": "awsvpc",
        "ExecutionRoleArn": "arn:aws:iam::123456789012:role/execution",
        "Cpu": "256",
        "Memory": "512",
        "ContainerDefinitions": [container],
    }
    template = {
        "Parameters": {
            "DbPassword": {"Type": "String"},
            "ApiToken": {"Type": "String", "Default": default},
            "Unseen": {"Type": "String", "NoEcho": True},
        },
        "Resources": {"Task": {"Type": "AWS::ECS::TaskDefinition", "Properties": properties}},
    }
    name = file_with(tmp_path, template)
    given = ("--parameter", f"DbPassword={parameter}", "--parameter", f"Unseen={unseen}")
    doctor("check", "--offline", name, *given, "--bundle", str(tmp_path / "case.zip"), env=environ(tmp_path))
    files = content(tmp_path / "case.zip")
    for kind, secret in secrets.items():
        assert not [name for name, text in files.items() if secret in text], kind
    assert "registry.example/<hidden>-<hidden>" in files["task-definition.json"]
    assert "arn:aws:s3:::credspecs/web.json" in files["task-definition.json"]


def test_the_list_names_the_files_and_writes_none(tmp_path: Path) -> None:
    name = file_with(tmp_path, a_task_definition())
    ended = doctor("check", "--offline", name, "--bundle-list", "--json", env=environ(tmp_path))
    assert "case.md " in ended.err
    assert "bytes  the task definition" in ended.err
    assert ended.document["verdict"]
    assert [path.name for path in tmp_path.iterdir()] == [Path(name).name]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--bundle", "td.json"], "the file exists already"),
        (["--bundle", "absent/case.zip"], "is not a writable directory"),
        (["--bundle", "-"], "give a file"),
        (["--bundle", "case.zip", "--bundle-list"], "--bundle has no effect with --bundle-list"),
    ],
)
def test_what_cannot_be_written_is_said_before_the_run(options: list[str], reason: str, tmp_path: Path) -> None:
    name = file_with(tmp_path, a_task_definition())
    ended = doctor("check", "--offline", name, *options, env=environ(tmp_path), cwd=tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert reason in ended.err
