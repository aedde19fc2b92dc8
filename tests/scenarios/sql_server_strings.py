"""Several connection strings, each checked separately, and where they are found."""

import json

from tests.lab.environment import Environment
from tests.scenarios.changes import all_of, container, dhcp
from tests.scenarios.lab import Change, Lab, Scenario
from tests.scenarios.sql_server import (
    DOTNET,
    ENDPOINT,
    HOST,
    JDBC,
    ODBC,
    PASSWORD,
    known_to_dns,
    listening,
    rds_instance,
    readable,
    sql,
)

OLD = DOTNET.replace(HOST, "nosuch.corp.example")
"""The previous string, with a server that no longer exists."""


def in_secrets(*sources: tuple[str, str | bytes, str]) -> Change:
    """Set variables from secrets (variable, content, suffix of the ARN), with --app-config auto."""

    def change(it: Environment, lab: Lab) -> None:
        listening(it, lab)
        readable(it, lab)
        client = lab.aws.client("secretsmanager", it.region)
        entries = []
        for number, (name, content, suffix) in enumerate(sources, 1):
            kind = {"SecretBinary": content} if isinstance(content, bytes) else {"SecretString": content}
            arn = client.create_secret(Name=f"app/database{number}", **kind)["ARN"]
            entries.append({"name": name, "valueFrom": arn + suffix})
        container(secrets=entries)(it, lab)
        it.arguments.extend(("--app-config", "auto"))

    return change


def rotated(suffix: str) -> Change:
    """A secret whose current version is right, and whose previous one names an old server; ``{old}``: its id."""

    def change(it: Environment, lab: Lab) -> None:
        listening(it, lab)
        readable(it, lab)
        client = lab.aws.client("secretsmanager", it.region)
        made = client.create_secret(Name="app/database", SecretString=json.dumps({"url": OLD}))
        client.put_secret_value(SecretId=made["ARN"], SecretString=json.dumps({"url": DOTNET}))
        source = made["ARN"] + suffix.replace("{old}", made["VersionId"])
        container(secrets=[{"name": "DATABASE_URL", "valueFrom": source}])(it, lab)
        it.arguments.extend(("--app-config", "auto"))

    return change


FAULTS = (
    Scenario(
        "a secret of another stage than the current one",
        "sql-server.name",
        rotated(":url:AWSPREVIOUS:"),
        "nosuch.corp.example",
    ),
    Scenario("a secret of another version", "sql-server.name", rotated(":url::{old}"), "nosuch.corp.example"),
    Scenario(
        "a key that the secret does not have",
        "sql-server.app-secrets",
        in_secrets(("DATABASE_URL", json.dumps({"URL": DOTNET, "password": PASSWORD}), ":url::")),
        'has no key "url"; ECS does not start the task',
    ),
    Scenario(
        "a key of a secret that is not JSON",
        "sql-server.app-secrets",
        in_secrets(("DATABASE_URL", DOTNET, ":url::"), ("ConnectionStrings__Other", DOTNET, "")),
        'is not a JSON object, so it has no key "url"',
    ),
    Scenario(
        "LocalDB and a string that is right",
        "sql-server.connection-string",
        sql(r"Server=(localdb)\MSSQLLocalDB;Integrated Security=true", ODBC),
        "exists on Windows only",
    ),
    Scenario("a server that does not exist in DNS, and one that is right", "sql-server.name", sql(OLD, ODBC), "nosuch"),
    Scenario(
        "a server without an SPN, and one that is right",
        "kerberos.service-ticket",
        sql(ODBC.replace(HOST, "other.corp.example"), JDBC),
        "MSSQLSvc/other.corp.example:1433",
    ),
    Scenario(
        "a DB instance without a domain, and a server that is right",
        "sql-server.rds",
        all_of(
            sql(DOTNET, f"Server={ENDPOINT},1433;Integrated Security=true"), known_to_dns, rds_instance(domain=None)
        ),
        "has not joined an AD domain",
    ),
    Scenario(
        "a short name that the DHCP options complete with another domain",
        "sql-server.name",
        all_of(dhcp("{dc}", name="other.example"), sql("Server=sql;Integrated Security=true")),
        "set the server's name to sql.corp.example",
    ),
)

HEALTHY = (
    Scenario("the current version, by its stage", "", rotated(":url:AWSCURRENT:")),
    Scenario("the three parts after the ARN, all empty", "", in_secrets(("DATABASE_URL", JDBC, ":::"))),
)

WARNINGS = (
    Scenario(
        "a binary secret and a string that is right",
        "sql-server.app-secrets",
        in_secrets(("DATABASE_KEY", b"\0\1", ""), ("DATABASE_URL", DOTNET, "")),
        "is binary; ECS accepts text only",
    ),
    Scenario(
        "a key without the colons after it",
        "execution-role.task-secrets",
        all_of(sql(ODBC), in_secrets(("DATABASE_URL", json.dumps({"url": DOTNET}), ":url"))),
        ":url::",
    ),
)
