"""The port of a named instance comes from SQL Server Browser, or from the connection string."""

import pytest

from tests.lab.ad import DomainController
from tests.lab.aws import EmbeddedAws
from tests.scenarios.judge import run
from tests.scenarios.lab import Scenario
from tests.scenarios.sql_server_instances import FAULTS, HEALTHY, JDBC, SALES, WARNINGS, browsed
from tests.scenarios.verdicts import fails, passes, warns


@pytest.mark.parametrize("scenario", FAULTS, ids=lambda scenario: scenario.name)
def test_it_is_the_one_root_cause(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    fails(scenario, dc, aws)


@pytest.mark.parametrize("scenario", HEALTHY, ids=lambda scenario: scenario.name)
def test_nothing_fails(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    passes(scenario, dc, aws)


@pytest.mark.parametrize("scenario", WARNINGS, ids=lambda scenario: scenario.name)
def test_it_only_warns(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    warns(scenario, dc, aws)


def test_the_reported_port_is_checked(dc: DomainController, aws: EmbeddedAws) -> None:
    ended = run(Scenario("", "", browsed(SALES, JDBC)), dc, aws)
    assert ended.finding("sql-server.instance")["summary"] == r"sql.corp.example\SALES listens on port 14330"
    assert "sql.corp.example:14330" in ended.finding("sql-server.port")["summary"]
    assert "MSSQLSvc/sql.corp.example:14330" in ended.finding("kerberos.service-ticket")["summary"]
