"""Who can fix a finding, where that is somebody else than the owner of its area."""

from types import SimpleNamespace
from typing import Any

import pytest

from gmsa_doctor.authoring import Finding, Fix, Given, Outcome, Owner, skipped
from gmsa_doctor.clients.aws.secrets_manager import SecretsManager
from gmsa_doctor.core.errors import ClientError, Denied, Unreachable
from gmsa_doctor.formats.documents.task_definition import TaskDefinition
from gmsa_doctor.given.shared_values import CredSpecLocation, LinkedSecret
from gmsa_doctor.given.subject import AwsPlace, Launch, Platform, Subject
from gmsa_doctor.given.vantage import Caller, Vantage
from gmsa_doctor_checks import OWNERS
from gmsa_doctor_checks.credspec.object import credspec_object
from gmsa_doctor_checks.credspec.secret import secret_value
from gmsa_doctor_checks.roles.execution_role.present import execution_role

FARGATE = Platform(Launch.FARGATE)
PLACE = AwsPlace("us-east-1", "123456789012")
LOCATION = CredSpecLocation("arn:aws:s3:::credspecs/web.json", True, "credspecs", "web.json")
EXECUTION_ROLE = Outcome(Caller("123456789012", "arn", is_execution_role=True), skipped(""))


def owner(found: Finding | Given[Any]) -> Owner | None:
    fix = found.finding.fix if isinstance(found, Given) else found.fix
    assert isinstance(fix, Fix)
    return fix.owner


def failing(error: ClientError) -> Any:
    def fail(*_: object) -> Any:
        raise error

    return SimpleNamespace(get=fail, bucket=fail)


def test_the_developer_sets_the_execution_role_in_the_task_definition() -> None:
    assert OWNERS["execution-role"] is Owner.AWS
    found = execution_role(TaskDefinition("web", ()), FARGATE, Subject("web", "demo", "web", "web:1"), PLACE)
    assert owner(found) is Owner.DEVELOPER


@pytest.mark.parametrize(
    "error",
    [Denied("s3:GetObject", LOCATION.arn), Unreachable("Amazon S3", "no route to host")],
    ids=["denied", "route"],
)
def test_the_aws_administrator_gives_access_to_the_credspec(error: ClientError) -> None:
    assert OWNERS["credspec"] is Owner.DEVELOPER
    s3 = failing(error)
    found = credspec_object(LOCATION, PLACE, FARGATE, s3, s3, EXECUTION_ROLE, Vantage(inside=True))
    assert owner(found) is Owner.AWS


def test_the_aws_administrator_restores_a_secret_that_is_being_deleted() -> None:
    secrets: SecretsManager = failing(Denied("secretsmanager:GetSecretValue", "arn"))
    secrets.describe = lambda arn: {"DeletedDate": "2026-01-01"}  # type: ignore[method-assign]
    arn = LinkedSecret("arn:aws:secretsmanager:us-east-1:123456789012:secret:gmsa-AbCdEf")
    nobody: Outcome[Caller] = Outcome(None, skipped(""))
    assert owner(secret_value(arn, PLACE, FARGATE, secrets, nobody, Vantage(inside=True))) is Owner.AWS
