"""The archive for a support case: nothing but what the allow-list has, and no secret in any file."""

import io
import json
import re
import stat
import zipfile
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from gmsa_doctor.clients.aws.call_record import Call
from gmsa_doctor.core.hidden import Hidden
from gmsa_doctor.core.model import Status, Verdict
from gmsa_doctor.given.records import Record
from gmsa_doctor.report.support_case import case_text
from gmsa_doctor.report.support_case.contents import archive, case_files
from gmsa_doctor.report.support_case.material import Material
from tests.report.samples import GOOD, SAMPLES, finding, report

CANARY = "Zebra-Pässwort-7319"
LABEL = "canary-of-a-label-5520"
TIME = datetime(2026, 11, 30, 8, 0, tzinfo=UTC)
SECRET_ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:gmsa/webapp01-AbCdEf"
REGISTRY_ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:registry-AbCdEf"

CONTAINER: dict[str, Any] = {
    "name": "web",
    "image": "registry.example/webapp:1",
    "credentialSpecs": ["credentialspecdomainless:arn:aws:s3:::gmsa-credspecs/webapp01.json"],
    "environment": [
        {"name": "KRB5CCNAME", "value": "/var/krb5cc"},
        {"name": "DB_PASSWORD", "value": CANARY},
        {"name": "NOTE", "value": LABEL},
        {"name": f"PASSWORD={CANARY}", "value": ""},
    ],
    "command": ["sh", "-c", f"run --password {CANARY}"],
    "entryPoint": [LABEL],
    "healthCheck": {"command": ["CMD", "curl", f"-u:{CANARY}"], "interval": 30},
    "dockerLabels": {"owner": LABEL, f"a b {CANARY}": "x"},
    "logConfiguration": {
        "logDriver": "splunk",
        "options": {"splunk-token": CANARY, "awslogs-group": LABEL},
        "secretOptions": [{"name": "splunk-token", "valueFrom": SECRET_ARN}],
    },
    "secrets": [{"name": "DB", "valueFrom": REGISTRY_ARN}, {"name": "WRONG", "valueFrom": f"{CANARY}!"}],
    "repositoryCredentials": {"credentialsParameter": REGISTRY_ARN},
    "environmentFiles": [{"type": "s3", "value": "arn:aws:s3:::bucket/app.env"}],
    "systemControls": [{"namespace": "net.core.somaxconn", "value": LABEL}],
    CANARY: CANARY,
}
DEFINITION = {
    "family": "webapp",
    "revision": 42,
    "taskDefinitionArn": "arn:aws:ecs:us-east-1:123456789012:task-definition/webapp:42",
    "registeredAt": TIME,
    "containerDefinitions": [CONTAINER],
    "volumes": [{"name": "data", "dockerVolumeConfiguration": {"driverOpts": {"o": f"password={CANARY}"}}}],
    "tags": [{"key": "note", "value": LABEL}],
}
CREDSPEC = {
    "cmsplugins": ["ActiveDirectory"],
    "Password": CANARY,
    "ActiveDirectoryConfig": {
        "GroupManagedServiceAccounts": [{"Name": "webapp01", "Scope": "corp.example", "Note": LABEL}],
        "HostAccountConfig": {"PluginInput": f"corp.example:gmsa-reader:{CANARY}"},
    },
}
TASK = {
    "taskArn": "arn:aws:ecs:us-east-1:123456789012:task/demo/0123",
    "taskDefinitionArn": DEFINITION["taskDefinitionArn"],
    "createdAt": TIME,
    "stoppedAt": TIME + timedelta(minutes=1),
    "stoppedReason": "failed to execute kinit command",
    "containers": [{"name": "web", "reason": f"exec: run --password {CANARY}: no such file", "exitCode": 127}],
    "overrides": {"containerOverrides": [{"command": [CANARY], "environment": [{"name": "A", "value": LABEL}]}]},
    "attachments": [
        {"type": "eni", "details": [{"name": "subnetId", "value": "subnet-1"}, {"name": "x", "value": LABEL}]}
    ],
}
SERVICE = {
    "serviceName": "web",
    "events": [{"id": "1", "createdAt": TIME, "message": f"(service web) url https://user:{CANARY}@host failed"}],
    "deployments": [{"status": "PRIMARY", "taskDefinition": DEFINITION["taskDefinitionArn"], "createdAt": TIME}],
    "tags": [{"key": "note", "value": LABEL}],
}
MATERIAL = Material(
    task_definitions=(DEFINITION,),
    credspecs=(("s3://gmsa-credspecs/webapp01.json", json.dumps(CREDSPEC).encode()),),
    services=(SERVICE,),
    tasks=(TASK,),
    records=(
        Record("evidence.logs", "the log of container web", (f"Login failed; Password={CANARY};",), TIME, "task"),
        Record("evidence.logs", "the log of container web", (f"Login failed for sa, he said {CANARY}",), TIME, "task"),
    ),
    calls=(Call(TIME, "ecs", "DescribeServices", "us-east-1", 57, "200", "0f1e"),),
    secrets=frozenset({Hidden(CANARY)}),
)
VERSIONS = {"python": "CPython 3.11", "gmsa-doctor": "0.1.0"}


def made(material: Material = MATERIAL, name: str = "root-cause") -> dict[str, str]:
    """Give the files by their names."""
    return {file.name: file.text for file in case_files(SAMPLES[name], material, VERSIONS)}


def test_no_file_contains_a_secret() -> None:
    for name, text in made().items():
        for secret in (CANARY, json.dumps(CANARY)[1:-1], "Zebra", LABEL):
            assert secret not in text, name


def test_a_secret_is_removed_in_each_form_in_which_tools_print_it() -> None:
    secret = "Zebra:7/ü\"&'\\+ ~19"
    in_json = json.dumps({"message": json.dumps({"password": secret})})
    forms = [
        secret,
        quote(secret),
        quote(secret, safe=""),
        quote_plus(secret),
        re.sub("%..", lambda code: code[0].lower(), quote(secret)),
        in_json,
    ]
    records = (Record("evidence.logs", "the log of container web", tuple(f"<{form}>" for form in forms), TIME, "task"),)
    for name, text in made(Material(records=records, secrets=frozenset({Hidden(secret)}))).items():
        assert "zebra" not in text.lower(), name
        assert "19" not in text or name != "known-lines.json"


def test_what_a_reader_needs_of_the_task_definition_is_kept() -> None:
    container = json.loads(made()["task-definition.json"])["containerDefinitions"][0]
    assert container["credentialSpecs"] == CONTAINER["credentialSpecs"]
    assert container["secrets"] == [
        {"name": "DB", "valueFrom": REGISTRY_ARN},
        {"name": "WRONG", "valueFrom": "<hidden>"},
    ]
    assert container["repositoryCredentials"] == {"credentialsParameter": REGISTRY_ARN}
    assert container["environment"][:3] == [
        {"name": "KRB5CCNAME", "value": "/var/krb5cc"},
        {"name": "DB_PASSWORD", "value": "<hidden>"},
        {"name": "NOTE", "value": "<hidden>"},
    ]
    assert (container["command"], container["dockerLabels"]["owner"]) == (["<hidden>"] * 3, "<hidden>")
    assert container["logConfiguration"]["options"] == {"splunk-token": "<hidden>", "awslogs-group": "<hidden>"}
    assert container["logConfiguration"]["secretOptions"] == [{"name": "splunk-token", "valueFrom": SECRET_ARN}]
    assert "systemControls" not in container


def test_the_options_of_awslogs_are_kept() -> None:
    options = {"awslogs-group": "/ecs/web", "awslogs-region": "us-east-1", "awslogs-datetime-format": LABEL}
    container = {**CONTAINER, "logConfiguration": {"logDriver": "awslogs", "options": options}}
    material = Material(task_definitions=({**DEFINITION, "containerDefinitions": [container]},))
    (shown,) = json.loads(made(material)["task-definition.json"])["containerDefinitions"]
    assert shown["logConfiguration"]["options"] == {**options, "awslogs-datetime-format": "<hidden>"}


def test_a_credspec_keeps_its_own_keys_in_any_case() -> None:
    shown = json.loads(made()["credspec.json"])["content"]
    assert shown["cmsplugins"] == ["ActiveDirectory"]
    assert shown["ActiveDirectoryConfig"]["GroupManagedServiceAccounts"] == [
        {"Name": "webapp01", "Scope": "corp.example"}
    ]
    assert shown["ActiveDirectoryConfig"]["HostAccountConfig"] == {"PluginInput": "<hidden>"}


def test_the_form_of_windows_keeps_its_arn() -> None:
    host = {"HostAccountConfig": {"PluginInput": json.dumps({"credentialArn": SECRET_ARN, "password": CANARY})}}
    material = Material(credspecs=(("file", json.dumps({"ActiveDirectoryConfig": host}).encode()),))
    text = made(material)["credspec.json"]
    assert SECRET_ARN in text
    assert "Zebra" not in text


@pytest.mark.parametrize("body", [b"\xff\xfe\x00", CANARY.encode(), b"[" * 600, b""])
def test_a_credspec_that_is_not_json_is_not_shown(body: bytes) -> None:
    shown = json.loads(made(Material(credspecs=(("file", body),)))["credspec.json"])
    assert shown == {"location": "file", "bytes": len(body), "content": "not shown: not JSON"}


@pytest.mark.parametrize("value", [LABEL, [LABEL], {"a": LABEL}, 5, None])
@pytest.mark.parametrize("key", ["containerDefinitions", "family", "volumes", "runtimePlatform"])
def test_a_value_of_another_type_is_not_shown(key: str, value: object) -> None:
    text = made(Material(task_definitions=({"family": "webapp", key: value},)))["task-definition.json"]
    assert LABEL not in text or (key == "family" and value in (LABEL, [LABEL]))


def test_equal_contents_give_equal_bytes_for_the_owner_only() -> None:
    first, second = (archive(case_files(SAMPLES["root-cause"], MATERIAL, VERSIONS)) for _ in range(2))
    assert first == second
    with zipfile.ZipFile(io.BytesIO(first)) as opened:
        entries = opened.infolist()
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert {stat.S_IMODE(entry.external_attr >> 16) for entry in entries} == {0o600}
    assert all(entry.filename.startswith("gmsa-doctor-case/") for entry in entries)


def test_the_timeline_is_in_the_order_of_time() -> None:
    lines = made()["timeline.txt"].splitlines()
    assert lines == sorted(lines)
    assert any("task 0123 of webapp:42 stopped: failed to execute kinit" in line for line in lines)
    assert any(line.startswith("2026-11-30 08:15:00 UTC  gmsa-doctor  the run started") for line in lines)


@pytest.mark.parametrize("name", SAMPLES)
def test_the_text_of_the_case_fits_into_a_case(name: str) -> None:
    text = made(name=name)["case.md"]
    assert len(text) <= case_text.LIMIT
    assert text.startswith("# gMSA on Amazon ECS: ")
    assert "\n## Files\n" in text


def test_the_text_says_what_was_verified_and_what_was_ruled_out() -> None:
    text = case_text.render(SAMPLES["evidence"], {})
    for heading in ("Observed", "Root causes", "Ruled out", "Not verified"):
        assert f"\n## {heading}\n" in text, text


def test_a_cause_is_ruled_out_only_if_each_of_its_checks_passed() -> None:
    passing = case_text.render(report(("web", GOOD), verdict=Verdict.UNPROVEN), {})
    assert "A fault in the CredSpec: all 1 checks of it passed" in passing
    unknown = finding("credspec.names", Status.UNKNOWN, GOOD[1].cause, summary="denied")
    other = case_text.render(report(("web", [*GOOD, unknown]), verdict=Verdict.INCOMPLETE), {})
    assert "A fault in the CredSpec" not in other
    assert "`credspec.names`: unknown: denied" in other
