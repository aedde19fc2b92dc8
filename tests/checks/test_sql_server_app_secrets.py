"""The connection strings in a container's secrets and parameters, by values."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from gmsa_doctor.authoring import Finding, Given, Owner, Status
from gmsa_doctor.core.errors import Denied
from gmsa_doctor.core.hidden import Hidden
from gmsa_doctor.formats.documents.task_definition import read_task_definition
from gmsa_doctor.given.request import ApplicationConfig
from gmsa_doctor.given.subject import AwsPlace, ChosenContainer, Subject
from gmsa_doctor_checks.sql_server.app_secrets import app_secrets
from tests.command import a_task_definition

ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:app-AbCdEf"
STRING = "Server=sql.corp.example;Database=app;Integrated Security=true"


def checked(value_from: str, secret: str | None, *, search: bool = True) -> Finding:
    variable = {"name": "ConnectionStrings__Default", "valueFrom": value_from}
    definition = read_task_definition(a_task_definition(container={"secrets": [variable]}))
    text = None if secret is None else Hidden(secret)
    secrets: Any = SimpleNamespace(get=lambda arn, *named: SimpleNamespace(text=text))
    ssm: Any = SimpleNamespace(get=_denied)
    place, chosen = AwsPlace("us-east-1", "123456789012"), ChosenContainer(definition.containers[0])
    subject = Subject("web", "prod", "web", "web:7")
    result = app_secrets(ApplicationConfig(search=search), chosen, place, subject, secrets, ssm)
    return result.finding if isinstance(result, Given) else result


def _denied(name: str) -> str:
    raise Denied("ssm:GetParameter", name)


@pytest.mark.parametrize(
    ("value_from", "secret", "wanted"),
    [
        (ARN, STRING, Status.PASS),
        (f"{ARN}:db::", json.dumps({"db": STRING}), Status.PASS),
        (f"{ARN}:db::", json.dumps({"DB": STRING}), Status.FAIL),
        (ARN, None, Status.WARN),
        (ARN, "nothing of the kind", Status.SKIPPED),
        ("arn:aws:ssm:us-east-1:123456789012:parameter/db", "", Status.UNKNOWN),
    ],
)
def test_the_status_of_each_variable(value_from: str, secret: str | None, wanted: Status) -> None:
    assert checked(value_from, secret).status is wanted


def test_the_developer_fixes_a_missing_key_in_a_new_revision() -> None:
    fix = checked(f"{ARN}:db::", json.dumps({"DB": STRING})).fix
    assert fix
    assert fix.owner is Owner.DEVELOPER
    assert fix.commands[0].endswith("--query SecretString --output text | jq keys")
    assert "--cluster prod --service web" in fix.commands[-1]


def test_without_app_config_no_secret_is_read() -> None:
    assert checked(ARN, STRING, search=False).status is Status.SKIPPED
