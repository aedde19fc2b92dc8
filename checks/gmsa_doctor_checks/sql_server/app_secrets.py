"""The connection strings in the secrets and parameters that the container's variables come from."""

from __future__ import annotations

import json
from dataclasses import dataclass

from gmsa_doctor.authoring import (
    Finding,
    Fix,
    Given,
    Owner,
    Result,
    Row,
    Status,
    check,
    fix_in_steps,
    passed,
    skipped,
    worst,
)
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
from gmsa_doctor.given.request import ApplicationConfig
from gmsa_doctor.given.subject import AwsPlace, ChosenContainer, Subject
from gmsa_doctor_checks import links
from gmsa_doctor_checks.commands import edit_secret, posix
from gmsa_doctor_checks.sql_server.values import SecretStrings
from gmsa_doctor_checks.task.revisions import register_again, update_service


@dataclass(frozen=True)
class _Variable:
    """The result for one variable of the container. ``fix`` is set only for a fault."""

    row: Row
    string: ConnectionString | None = None
    fix: Fix | None = None

    @property
    def status(self) -> Status:
        return self.row.status


@check(
    "sql-server.app-secrets",
    title="Secrets that may hold connection strings can be read",
    docs=links.TASK_SECRETS,
    about="container",
    owner=Owner.AWS,
)
def app_secrets(
    application: ApplicationConfig,
    chosen: ChosenContainer,
    place: AwsPlace,
    subject: Subject,
    secrets: SecretsManager,
    ssm: Ssm,
) -> Result[SecretStrings]:
    """With `--app-config auto`, reads the secrets and parameters of variables whose names suggest a database.

    Each is checked separately: one that cannot be read does not hide the others. Of a secret, the key, the version
    stage and the version that `valueFrom` names are read, as ECS does.

    Why: connection strings are usually stored there (`ConnectionStrings__Default`). Reports show only the server's
    name. ECS does not start a task whose `valueFrom` names a key that the secret does not have, and does not accept
    binary secrets.

    Fix: allow `secretsmanager:GetSecretValue` or `ssm:GetParameter` on them, or pass the connection string with
    `--connection-string -`. Name a key that the secret has.
    """
    if not application.search:
        return skipped("the application's secrets are read only with --app-config auto")
    wanted = chosen.container.secrets if chosen.container else ()
    if not wanted:
        return skipped("the container has no secrets whose names suggest a database")
    variables = [
        _Variable(Row(name, Status.UNKNOWN, result.text), fix=result.fix) if isinstance(result, ClientError) else result
        for (name, _), result in each(wanted, lambda entry: _read(*entry, place, subject, secrets, ssm))
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
        return passed(f"{strings} of {len(variables)} secrets hold a connection string of SQL Server", rows=rows)
    unread = "".join(f"; {row.name}: {row.text}" for row in rows if row.status is Status.SKIPPED)
    return skipped(f"no secret of the container holds a connection string of SQL Server{unread}")


def _read(name: str, text: str, place: AwsPlace, subject: Subject, secrets: SecretsManager, ssm: Ssm) -> _Variable:
    """Raises ClientError for what AWS does not return. Faults of valueFrom: execution-role.task-secrets."""
    try:
        source = value_from.parse(text)
    except ArnError as error:
        return _Variable(Row(name, Status.SKIPPED, f"not read: ECS cannot read its valueFrom: {error.reason}"))
    region = source.arn.region if isinstance(source, SecretSource) else source.region
    if place.region and region and region != place.region:
        text = f"not read: it is in {region}, while the task runs in {place.region}"
        return _Variable(Row(name, Status.SKIPPED, text))
    if isinstance(source, SecretSource):
        return _of_secret(name, source, subject, secrets)
    return _found(name, ssm.get(source.name))


def _of_secret(name: str, source: SecretSource, subject: Subject, secrets: SecretsManager) -> _Variable:
    """What ECS puts into the variable.

    Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html: only
    secrets that were stored as text; GetSecretFromASMWithInput of aws/amazon-ecs-agent: it fails for a missing key.
    """
    version = (source.stage, source.version) if source.stage or source.version else ()
    text = secrets.get(str(source.arn), *version).text
    if text is None:
        fix = Fix(
            "1. Write the connection string to secret.txt. 2. Store it as text (command). 3. Delete the file, and "
            "start new tasks.",
            (f"aws secretsmanager put-secret-value {_option(source)} --secret-string file://secret.txt",),
        )
        return _Variable(
            Row(name, Status.WARN, f"the secret {source.arn.name} is binary; ECS accepts text only"), fix=fix
        )
    if source.key is None:
        return _found(name, text.reveal())
    try:
        document = json.loads(text.reveal())
    except ValueError:
        document = None
    if isinstance(document, dict) and source.key in document:
        value = document[source.key]
        return _found(name, value if isinstance(value, str) else "")
    fault = (
        f'has no key "{source.key}"'
        if isinstance(document, dict)
        else f'is not a JSON object, so it has no key "{source.key}"'
    )
    form = f"{source.arn}:<key>:{source.stage or ''}:{source.version or ''}"
    change = register_again(f"If another of its keys has the value for {name}, set valueFrom to {form}", subject)
    add = Fix(
        f"Otherwise add the key {source.key} to the secret (AWS administrator), then start new tasks.",
        (*edit_secret(str(source.arn)), *update_service(subject, "--force-new-deployment")),
    )
    keys = Fix("List the secret's keys, which are case-sensitive.", (_show_keys(source),))
    fix = fix_in_steps(keys, change, add, owner=Owner.DEVELOPER)
    return _Variable(
        Row(name, Status.FAIL, f"the secret {source.arn.name} {fault}; ECS does not start the task"), fix=fix
    )


def _show_keys(source: SecretSource) -> str:
    """The command that shows the keys of a secret, without its values."""
    options = (("--version-stage", source.stage), ("--version-id", source.version))
    version = "".join(f" {option} {posix(value)}" for option, value in options if value)
    return (
        f"aws secretsmanager get-secret-value {_option(source)}{version} --query SecretString --output text | jq keys"
    )


def _option(source: SecretSource) -> str:
    return f"--region {posix(source.arn.region)} --secret-id {posix(str(source.arn))}"


def _found(name: str, text: str) -> _Variable:
    try:
        string = connection_string.parse(text) if connection_string.may_be_one(text) else None
    except ConnectionStringError:
        string = None
    return _Variable(Row(name, Status.PASS, string.server if string else "no connection string of SQL Server"), string)
