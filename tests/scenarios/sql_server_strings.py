"""Several connection strings, each judged by itself, and where they are found."""

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
"""What stood there once: a server that there is no longer."""


def in_secrets(*sources: tuple[str, str | bytes, str]) -> Change:
    """Make variables of secrets (variable, content, what stands behind the ARN), and look for connection strings."""

    def change(it: Environment, lab: Lab) -> None:
        listening(it, lab)
        readable(it, lab)
        client = lab.aws.client("secretsmanager", it.region)
        entries = []
        for number, (name, content, behind) in enumerate(sources, 1):
            kind = {"SecretBinary": content} if isinstance(content, bytes) else {"SecretString": content}
            arn = client.create_secret(Name=f"app/database{number}", **kind)["ARN"]
            entries.append({"name": name, "valueFrom": arn + behind})
        container(secrets=entries)(it, lab)
        it.arguments.extend(("--app-config", "auto"))

    return change


def rotated(behind: str) -> Change:
    """A secret whose current version is right, and whose previous one names an old server; ``{old}`` is its id."""

    def change(it: Environment, lab: Lab) -> None:
        listening(it, lab)
        readable(it, lab)
        client = lab.aws.client("secretsmanager", it.region)
        made = client.create_secret(Name="app/database", SecretString=json.dumps({"url": OLD}))
        client.put_secret_value(SecretId=made["ARN"], SecretString=json.dumps({"url": DOTNET}))
        source = made["ARN"] + behind.replace("{old}", made["VersionId"])
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
        "a key that the secret has not",
        "sql-server.app-secrets",
        in_secrets(("DATABASE_URL", json.dumps({"URL": DOTNET, "password": PASSWORD}), ":url::")),
        "holds no key url",
    ),
    Scenario(
        "a key of a secret that is no JSON",
        "sql-server.app-secrets",
        in_secrets(("DATABASE_URL", DOTNET, ":url::"), ("ConnectionStrings__Other", DOTNET, "")),
        "holds no JSON object",
    ),
    Scenario(
        "LocalDB beside a string that is right",
        "sql-server.connection-string",
        sql(r"Server=(localdb)\MSSQLLocalDB;Integrated Security=true", ODBC),
        "on Windows only",
    ),
    Scenario("a server that DNS does not know, beside one that is right", "sql-server.name", sql(OLD, ODBC), "nosuch"),
    Scenario(
        "a server without an SPN, beside one that is right",
        "kerberos.service-ticket",
        sql(ODBC.replace(HOST, "other.corp.example"), JDBC),
        "MSSQLSvc/other.corp.example:1433",
    ),
    Scenario(
        "a DB instance of no domain, beside a server that is right",
        "sql-server.rds",
        all_of(
            sql(DOTNET, f"Server={ENDPOINT},1433;Integrated Security=true"), known_to_dns, rds_instance(domain=None)
        ),
        "has joined no AD domain",
    ),
    Scenario(
        "a short name that the DHCP options complete with another domain",
        "sql-server.name",
        all_of(dhcp("{dc}", name="other.example"), sql("Server=sql;Integrated Security=true")),
        "Name the server sql.corp.example",
    ),
)

HEALTHY = (
    Scenario("the current version, by its stage", "", rotated(":url:AWSCURRENT:")),
    Scenario("the three parts behind the ARN, all empty", "", in_secrets(("DATABASE_URL", JDBC, ":::"))),
)

WARNINGS = (
    Scenario(
        "a binary secret beside a string that is right",
        "sql-server.app-secrets",
        in_secrets(("DATABASE_KEY", b"\0\1", ""), ("DATABASE_URL", DOTNET, "")),
        "is a binary secret, which ECS does not take",
    ),
    Scenario(
        "a key without the colons behind it",
        "execution-role.task-secrets",
        all_of(sql(ODBC), in_secrets(("DATABASE_URL", json.dumps({"url": DOTNET}), ":url"))),
        ":url::",
    ),
)
