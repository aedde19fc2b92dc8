"""A fault on the path to SQL Server has one root cause; a right setup passes; a doubtful one warns."""

from contextlib import ExitStack

import pytest

from tests.command import doctor
from tests.lab.ad import DomainController
from tests.lab.aws import EmbeddedAws
from tests.lab.creation import create
from tests.lab.environment import healthy
from tests.scenarios.lab import Change, Lab, Scenario
from tests.scenarios.sql_server import (
    DOTNET,
    DOUBTS,
    FAULTS,
    HEALTHY,
    PASSWORD,
    WARNINGS,
    in_environment,
    in_secret,
    sql,
)
from tests.scenarios.verdicts import cannot_tell, fails, passes, warns


@pytest.mark.parametrize("scenario", FAULTS, ids=lambda scenario: scenario.name)
def test_it_is_the_one_root_cause(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    fails(scenario, dc, aws)


@pytest.mark.parametrize("scenario", HEALTHY, ids=lambda scenario: scenario.name)
def test_nothing_fails(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    passes(scenario, dc, aws)


@pytest.mark.parametrize("scenario", WARNINGS, ids=lambda scenario: scenario.name)
def test_it_only_warns(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    warns(scenario, dc, aws)


@pytest.mark.parametrize("scenario", DOUBTS, ids=lambda scenario: scenario.name)
def test_it_is_unknown(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    cannot_tell(scenario, dc, aws)


LEAKS = {
    "given": sql(f"{DOTNET};User Id=app;Password='{PASSWORD}'"),
    "in the environment": in_environment(CONNECTION=f"{DOTNET};User Id=app;Password={PASSWORD}"),
    "in a secret": in_secret(f"{DOTNET};User Id=app;Password={PASSWORD}"),
    "in a secret, unquoted": in_secret(f"{DOTNET};Password={PASSWORD};{PASSWORD}"),
    "as the whole secret": in_secret(PASSWORD),
    "given, without a server": sql(f"Password={PASSWORD}"),
    "given, with an open quote": sql(f"Server=a;Password='{PASSWORD}"),
    "given, as a URL that cannot be read": sql(f"mssql://u:{PASSWORD}/x@h"),
}


@pytest.mark.parametrize("change", LEAKS.values(), ids=LEAKS)
def test_no_password_of_a_connection_string_is_shown(change: Change, dc: DomainController, aws: EmbeddedAws) -> None:
    with ExitStack() as stack:
        environment = healthy(dc)
        change(environment, Lab(dc, aws, stack))
        create(environment, aws)
        for options in (["--format", "json"], ["-v"]):
            ended = doctor(*environment.command_with(*options), env=aws.environ())
            assert ended.code in (0, 3), ended.out + ended.err
            assert PASSWORD not in ended.out + ended.err


def test_the_connection_string_can_come_from_standard_input(dc: DomainController, aws: EmbeddedAws) -> None:
    with ExitStack() as stack:
        environment = healthy(dc)
        sql()(environment, Lab(dc, aws, stack))
        create(environment, aws)
        command = [*environment.command, "--connection-string", "-", "--format", "json"]
        ended = doctor(*command, env=aws.environ(), stdin=f"{DOTNET}\n")
    assert ended.code == 0, ended.err
    assert "sql.corp.example" in ended.finding("sql-server.connection-string")["summary"]
    commands = ended.finding("sql-server.login")["fix"]["commands"]
    assert commands[:3] == [
        r"CREATE LOGIN [CORP\webapp01$] FROM WINDOWS;",
        "USE [app];",
        r"CREATE USER [CORP\webapp01$] FOR LOGIN [CORP\webapp01$];",
    ]


def test_without_a_connection_string_the_report_has_no_sql_server_checks(
    dc: DomainController, aws: EmbeddedAws
) -> None:
    environment = healthy(dc)
    create(environment, aws)
    ended = doctor(*environment.command, "--format", "json", env=aws.environ())
    assert not [id for id in ended.statuses() if id.startswith("sql-server.")]
    named = doctor(*environment.command, "--only", "sql-server.port", "--format", "json", env=aws.environ())
    assert named.statuses()["sql-server.connection-string"] == "skipped"
