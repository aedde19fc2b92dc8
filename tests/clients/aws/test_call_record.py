"""What is recorded of the requests to AWS: not their arguments, nor what was answered."""

import os
from dataclasses import asdict

import pytest

from gmsa_doctor.clients.aws.secrets_manager import SecretsManager
from gmsa_doctor.clients.aws.session import Aws
from gmsa_doctor.core.errors import ClientError
from tests.lab.aws import EmbeddedAws


@pytest.fixture
def session(aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch) -> Aws:
    for name in list(os.environ):
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for name, value in aws.variables().items():
        monkeypatch.setenv(name, value)
    return Aws()


def test_each_request_is_recorded_with_its_result(aws: EmbeddedAws, session: Aws) -> None:
    aws.client("secretsmanager").create_secret(Name="canary-name", SecretString="canary-value")
    client = SecretsManager(session)
    client.get("canary-name")
    with pytest.raises(ClientError):
        client.get("canary-absent")
    first, second = session.calls
    assert (first.service, first.operation, first.region, first.result) == (
        "secretsmanager",
        "GetSecretValue",
        "us-east-1",
        "200",
    )
    assert second.result == "ResourceNotFoundException"
    assert "canary" not in str([asdict(call) for call in session.calls])


def test_the_calls_of_another_region_are_in_the_same_record(aws: EmbeddedAws, session: Aws) -> None:
    with pytest.raises(ClientError):
        SecretsManager(session.in_region("eu-west-1")).get("absent")
    assert [call.region for call in session.calls] == ["eu-west-1"]
