"""The connection strings in the secrets and parameters that the container's variables are made of."""

from __future__ import annotations

import json
from dataclasses import dataclass

from gmsa_doctor.authoring import Finding, Fix, Given, Result, Row, Status, check, passed, skipped, worst
from gmsa_doctor.clients.aws.secrets_manager import SecretsManager
from gmsa_doctor.clients.aws.ssm import Ssm
from gmsa_doctor.core.errors import ClientError
from gmsa_doctor.core.limits import each
from gmsa_doctor.core.severity import BAD
from gmsa_doctor.formats.aws import value_from
from gmsa_doctor.formats.aws.arn import ArnError
from gmsa_doctor.formats.aws.value_from import SecretSource
from gmsa_doctor.formats.documents.task_definition import NamedString
from gmsa_doctor.formats.sql_server import connection_string
from gmsa_doctor.formats.sql_server.connection_string import ConnectionString, ConnectionStringError
from gmsa_doctor.given.application import ApplicationConfig
from gmsa_doctor.given.subject import AwsPlace, ChosenContainer
from gmsa_doctor_checks import links
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.sql_server.values import SecretStrings


@dataclass(frozen=True)
class _Variable:
    """What was found in one variable of the container. ``fix`` is set where there is something to do."""

    row: Row
    string: ConnectionString | None = None
    fix: Fix | None = None

    @property
    def status(self) -> Status:
        return self.row.status


@check(
    "sql-server.app-secrets",
    title="The secrets of the application's variables can be read",
    docs=links.TASK_SECRETS,
    about="container",
)
def app_secrets(
    application: ApplicationConfig, chosen: ChosenContainer, place: AwsPlace, secrets: SecretsManager, ssm: Ssm
) -> Result[SecretStrings]:
    """With `--app-config auto`, reads the secrets and parameters behind variables whose names tell of a database.

    Each is judged by itself: what cannot be read keeps no other from being looked at. Of a secret, the key, the stage
    and the version that `valueFrom` names are read, as ECS does.

    Why: connection strings mostly stand there (`ConnectionStrings__Default`). Nothing of them is shown but the
    server's name. ECS starts no task whose `valueFrom` names a key that the secret has not, and takes no binary
    secret.

    Fix: allow `secretsmanager:GetSecretValue` or `ssm:GetParameter` on them, or give the connection string itself with
    `--connection-string -`. Name a key that the secret has.
    """
    if not application.search:
        return skipped("the application's secrets are read with --app-config auto only")
    wanted = chosen.container.secrets if chosen.container else ()
    if not wanted:
        return skipped("the container has no secrets whose names tell of a database")
    variables = [
        _Variable(Row(name, Status.UNKNOWN, result.text), fix=result.fix) if isinstance(result, ClientError) else result
        for (name, _), result in each(wanted, lambda entry: _read(*entry, place, secrets, ssm))
    ]
    strings = tuple(NamedString(variable.row.name, variable.string) for variable in variables if variable.string)
    finding = _finding(variables, len(strings))
    return Given(SecretStrings(strings), finding) if strings else finding


def _finding(variables: list[_Variable], strings: int) -> Finding:
    rows = tuple(variable.row for variable in variables)
    first = worst(variables, count_skipped=False)
    if first.status in BAD:
        number = sum(variable.status is first.status for variable in variables)
        several = f"{number} of {len(variables)} variables; " if number > 1 else ""
        return Finding(first.status, f"{several}{first.row.name}: {first.row.text}", fix=first.fix, rows=rows)
    if strings:
        return passed(f"{strings} of {len(variables)} hold one", rows=rows)
    unread = "".join(f"; {row.name}: {row.text}" for row in rows if row.status is Status.SKIPPED)
    return skipped(f"no secret of the container holds a connection string of SQL Server{unread}")


def _read(name: str, text: str, place: AwsPlace, secrets: SecretsManager, ssm: Ssm) -> _Variable:
    """Raises ClientError for what AWS does not give. What is wrong with a valueFrom: execution-role.task-secrets."""
    try:
        source = value_from.parse(text)
    except ArnError as error:
        return _Variable(
            Row(name, Status.SKIPPED, f"not read: its valueFrom names nothing that ECS reads: {error.reason}")
        )
    region = source.arn.region if isinstance(source, SecretSource) else source.region
    if place.region and region and region != place.region:
        return _Variable(Row(name, Status.SKIPPED, f"of {region}, while the task runs in {place.region}: not read"))
    return _of_secret(name, source, secrets) if isinstance(source, SecretSource) else _found(name, ssm.get(source.name))


def _of_secret(name: str, source: SecretSource, secrets: SecretsManager) -> _Variable:
    """What ECS puts into the variable.

    Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html: secrets
    that were stored as text alone; GetSecretFromASMWithInput of aws/amazon-ecs-agent: a key that is missing stops it.
    """
    arn = str(source.arn)
    named = (source.stage, source.version) if source.stage or source.version else ()
    text = secrets.get(arn, *named).text
    if text is None:
        fix = Fix(
            "Store it as text.",
            (f"aws secretsmanager put-secret-value {_option(source)} --secret-string file://secret.txt",),
        )
        return _Variable(
            Row(name, Status.WARN, f"{source.arn.name} is a binary secret, which ECS does not take"), fix=fix
        )
    if source.key is None:
        return _found(name, text.reveal())
    try:
        document = json.loads(text.reveal())
    except ValueError:
        document = None
    if not isinstance(document, dict) or source.key not in document:
        missing = "" if isinstance(document, dict) else "no JSON object, and so "
        fix = Fix(
            "Name a key that the secret has (its keys are case-sensitive), or add it to the secret.", _keys(source)
        )
        return _Variable(
            Row(name, Status.FAIL, f"{source.arn.name} holds {missing}no key {source.key}: ECS starts no task with it"),
            fix=fix,
        )
    value = document[source.key]
    return _found(name, value if isinstance(value, str) else "")


def _keys(source: SecretSource) -> tuple[str, ...]:
    """A command that shows the keys of a secret, and no value of it."""
    options = (("--version-stage", source.stage), ("--version-id", source.version))
    version = "".join(f" {option} {posix(value)}" for option, value in options if value)
    return (
        f"aws secretsmanager get-secret-value {_option(source)}{version} --query SecretString --output text | jq keys",
    )


def _option(source: SecretSource) -> str:
    return f"--region {posix(source.arn.region)} --secret-id {posix(str(source.arn))}"


def _found(name: str, text: str) -> _Variable:
    try:
        string = connection_string.parse(text) if connection_string.may_be_one(text) else None
    except ConnectionStringError:
        string = None
    return _Variable(Row(name, Status.PASS, string.server if string else "no connection string of SQL Server"), string)
