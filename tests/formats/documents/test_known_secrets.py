"""Which values of a task definition, a secret and a template are secret, and which are words that reports use."""

import json
from typing import Any

import pytest

from gmsa_doctor.formats.documents.known_secrets import of_containers, of_parameters, of_secret

PASSWORD = "Zx9!kkTq77"


def variable(name: str, value: str) -> dict[str, Any]:
    """Give a container with one variable."""
    return {"environment": [{"name": name, "value": value}]}


@pytest.mark.parametrize(
    "container",
    [
        variable("DB_PASSWORD", PASSWORD),
        variable("DATABASE_URL", f"postgres://app:{PASSWORD}@db/x"),
        variable("DATABASE_URL", "postgres://app:Zx9%21kkTq77@db/x"),
        variable("CONNECTION", f"Server=db;User Id=app;Password='{PASSWORD}';"),
        variable("JAVA_OPTS", f"-Xmx1g -Djavax.net.ssl.keyStorePassword={PASSWORD} -Dx=y"),
        variable("APP_JSON", json.dumps({"db": [{"password": PASSWORD}]})),
        {"command": ["app", "--db-password", PASSWORD]},
        {"command": ["app", f"--db-password={PASSWORD}"]},
        {"command": ["app", "-dbPassword", PASSWORD]},
        {"entryPoint": ["sh", "-c", f"exec app --token '{PASSWORD}' --verbose"]},
        {"entryPoint": ["sh", "-c", f"DB_PASSWORD='{PASSWORD}' app run"]},
        {"healthCheck": {"command": ["CMD-SHELL", f"sqlcmd -S db -U sa -P '{PASSWORD}' -Q 'select 1'"]}},
        {"healthCheck": {"command": ["CMD", "sqlcmd", "-S", "db", "-P", PASSWORD]}},
        {"dockerLabels": {"api-key": PASSWORD}},
        {"logConfiguration": {"options": {"splunk-token": PASSWORD}}},
    ],
)
def test_a_password_in_a_container_is_known(container: dict[str, Any]) -> None:
    assert PASSWORD in set(of_containers([container]))


@pytest.mark.parametrize("password", ["p@ss@word-1", "a,b;c'd9"])
def test_a_password_with_separators_is_known_as_a_whole(password: str) -> None:
    assert password in set(of_containers([{"command": ["app", "--db-password", password]}]))
    assert password in set(of_containers([variable("URL", f"postgres://app:{password}@db/x")]))


@pytest.mark.parametrize(
    "value", ["correcthorsebattery", "correct.horse.battery.staple", "CORRECTHORSEBATTERY", "correct-horse-battery"]
)
def test_a_passphrase_of_letters_only_is_known_and_a_short_word_is_not(value: str) -> None:
    assert list(of_containers([variable("DB_PASSWORD", value)])) == [value]
    assert list(of_containers([variable("DB_PASSWORD", value[:11])])) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PASSWORD_REQUIRED", "true"),
        ("TOKEN_REGION", "us-east-1"),
        ("TOKEN_AREA", "ap-southeast-2"),
        ("TOKEN_ISSUER", "dc1.corp.example"),
        ("CREDENTIALS_SOURCE", "secretsmanager"),
        ("DB_SECRET", "arn:aws:secretsmanager:us-east-1:123456789012:secret:gmsa/webapp01-AbCdEf"),
        ("DB_SECRET", "gmsa/webapp01"),
        ("SECRET_NAME", "webapp01-Reader"),
        ("PASSWORD_FILE", "/run/secrets/Db9"),
        ("DB_PASSWORD", "${DbPassword}"),
        ("ARGUMENTS", "--secret gmsa/webapp01 --token us-east-1"),
        ("WEBSITE", "https://web.corp.example/login"),
    ],
)
def test_a_word_that_reports_use_is_not_secret(name: str, value: str) -> None:
    assert list(of_containers([variable(name, value)])) == []


@pytest.mark.parametrize("containers", [None, "x", [None], [{"environment": "x", "command": [1, None, "'"]}]])
def test_containers_of_another_shape_have_no_secret(containers: object) -> None:
    assert list(of_containers(containers)) == []


def test_parameters_are_secret_by_name_or_by_no_echo() -> None:
    declared: dict[str, object] = {
        "DbPassword": {"Type": "String", "Default": "Walrus-4410"},
        "Other": {"Type": "String", "NoEcho": "true"},
        "Pin": {"Type": "Number", "Default": 73197319, "NoEcho": True},
        "SecretArn": {"Type": "String", "Default": "arn:aws:secretsmanager:us-east-1:123456789012:secret:x-AbCdEf"},
        "Password": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/prod/password"},
        "Cluster": {"Type": "String", "Default": "Production-1"},
    }
    given = {"DbPassword": "Parrot-5520", "Other": "Lemur-3300", "AWS::Region": "us-east-1"}
    assert set(of_parameters(declared, given)) == {"Walrus-4410", "Parrot-5520", "Lemur-3300", "73197319"}


def test_of_a_secret_all_but_what_reports_name_is_secret() -> None:
    names = {"username": "gmsa-Reader1", "domainName": "corp.example", "host": "sql1.corp.example", "port": 1433}
    text = json.dumps({**names, "password": "correcthorsebattery", "old": [PASSWORD]})
    assert set(of_secret(text)) == {"correcthorsebattery", PASSWORD}
    assert list(of_secret(PASSWORD)) == [PASSWORD]
