"""The connection strings in a container's secrets and parameters, by values."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from gmsa_doctor.authoring import Given, Status
from gmsa_doctor.core.errors import Denied
from gmsa_doctor.core.hidden import Hidden
from gmsa_doctor.formats.documents.task_definition import read_task_definition
from gmsa_doctor.given.application import ApplicationConfig
from gmsa_doctor.given.subject import AwsPlace, ChosenContainer
from gmsa_doctor_checks.sql_server.app_secrets import app_secrets
from tests.command import a_task_definition

ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:app-AbCdEf"
STRING = "Server=sql.corp.example;Database=app;Integrated Security=true"


def status(value_from: str, secret: str | None, *, search: bool = True) -> Status:
    variable = {"name": "ConnectionStrings__Default", "valueFrom": value_from}
    definition = read_task_definition(a_task_definition(container={"secrets": [variable]}))
    text = None if secret is None else Hidden(secret)
    secrets: Any = SimpleNamespace(get=lambda arn, *named: SimpleNamespace(text=text))
    ssm: Any = SimpleNamespace(get=_denied)
    place = AwsPlace("us-east-1", "123456789012")
    found = app_secrets(
        ApplicationConfig(search=search), ChosenContainer(definition.containers[0]), place, secrets, ssm
    )
    return found.finding.status if isinstance(found, Given) else found.status


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
def test_each_variable_is_judged(value_from: str, secret: str | None, wanted: Status) -> None:
    assert status(value_from, secret) is wanted


def test_without_being_asked_for_none_is_read() -> None:
    assert status(ARN, STRING, search=False) is Status.SKIPPED
