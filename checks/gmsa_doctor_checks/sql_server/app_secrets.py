"""The connection strings in the secrets and parameters that the container's variables are made of."""

from __future__ import annotations

import json
from dataclasses import dataclass

from gmsa_doctor.authoring import (
    Finding,
    Fix,
    Given,
    Result,
    Row,
    Status,
    check,
    failed,
    passed,
    skipped,
    unknown,
    warned,
)
from gmsa_doctor.clients.aws.secrets_manager import SecretsManager
from gmsa_doctor.clients.aws.ssm import Ssm
from gmsa_doctor.core.errors import ClientError
from gmsa_doctor.core.limits import each
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
class _Read:
    """What became of one variable. ``fix`` is set where there is something to mend."""

    row: Row
    string: ConnectionString | None = None
    fix: Fix | None = None


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
    read = [_judge(name, answer) for (name, _), answer in each(wanted, lambda one: _read(*one, place, secrets, ssm))]
    strings = tuple(NamedString(one.row.name, one.string) for one in read if one.string)
    finding = _worst(read, strings)
    return Given(SecretStrings(strings), finding) if strings else finding


_SEVERITY = ((Status.FAIL, failed), (Status.UNKNOWN, unknown), (Status.WARN, warned))


def _worst(read: list[_Read], strings: tuple[NamedString, ...]) -> Finding:
    rows = tuple(one.row for one in read)
    for status, make in _SEVERITY:
        found = [one for one in read if one.row.status is status]
        if found:
            first = found[0]
            several = f"{len(found)} of {len(read)} variables; " if len(found) > 1 else ""
            return make(f"{several}{first.row.name}: {first.row.text}", fix=first.fix, rows=rows)
    if not strings:
        unread = [f"; {one.row.name}: {one.row.text}" for one in read if one.row.status is Status.SKIPPED]
        return skipped(f"no secret of the container holds a connection string of SQL Server{''.join(unread)}")
    return passed(f"{len(strings)} of {len(read)} hold one", rows=rows)


def _judge(name: str, answer: _Read | ClientError) -> _Read:
    """A client's error is what became of that variable alone."""
    if isinstance(answer, ClientError):
        return _Read(Row(name, Status.UNKNOWN, answer.text), fix=answer.fix)
    return answer


def _read(name: str, text: str, place: AwsPlace, secrets: SecretsManager, ssm: Ssm) -> _Read:
    """Raises ClientError for what AWS does not give. What is wrong with a valueFrom: execution-role.task-secrets."""
    try:
        source = value_from.parse(text)
    except ArnError as error:
        return _Read(Row(name, Status.SKIPPED, f"not read: its valueFrom names nothing that ECS reads: {error.reason}"))
    region = source.arn.region if isinstance(source, SecretSource) else source.region
    if place.region and region and region != place.region:
        return _Read(Row(name, Status.SKIPPED, f"of {region}, while the task runs in {place.region}: not read"))
    return _of_secret(name, source, secrets) if isinstance(source, SecretSource) else _found(name, ssm.get(source.name))


def _of_secret(name: str, source: SecretSource, secrets: SecretsManager) -> _Read:
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
        return _Read(Row(name, Status.WARN, f"{source.arn.name} is a binary secret, which ECS does not take"), fix=fix)
    if source.key is None:
        return _found(name, text.reveal())
    try:
        document = json.loads(text.reveal())
    except ValueError:
        document = None
    if not isinstance(document, dict) or source.key not in document:
        what = f"no key {source.key}" if isinstance(document, dict) else f"no JSON object, and so no key {source.key}"
        fix = Fix(
            "Name a key that the secret has (its keys are case-sensitive), or add it to the secret.", _keys(source)
        )
        return _Read(Row(name, Status.FAIL, f"{source.arn.name} holds {what}: ECS starts no task with it"), fix=fix)
    value = document[source.key]
    return _found(name, value if isinstance(value, str) else "")


def _keys(source: SecretSource) -> tuple[str, ...]:
    """A command that shows the keys of a secret, and no value of it."""
    stage = f" --version-stage {posix(source.stage)}" if source.stage else ""
    version = f" --version-id {posix(source.version)}" if source.version else ""
    return (
        f"aws secretsmanager get-secret-value {_option(source)}{stage}{version} "
        "--query SecretString --output text | jq keys",
    )


def _option(source: SecretSource) -> str:
    return f"--region {posix(source.arn.region)} --secret-id {posix(str(source.arn))}"


def _found(name: str, text: str) -> _Read:
    string = _string_in(text)
    return _Read(Row(name, Status.PASS, string.server if string else "no connection string of SQL Server"), string)


def _string_in(text: str) -> ConnectionString | None:
    if not connection_string.may_be_one(text):
        return None
    try:
        return connection_string.parse(text)
    except ConnectionStringError:
        return None
