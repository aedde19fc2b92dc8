"""A wrong connection string does not hide the others."""

import pytest

from tests.lab.ad import DomainController
from tests.lab.aws import EmbeddedAws
from tests.scenarios.changes import all_of, denied
from tests.scenarios.judge import run
from tests.scenarios.lab import Change, Scenario
from tests.scenarios.sql_server import sql
from tests.scenarios.sql_server_strings import FAULTS, HEALTHY, WARNINGS
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


RIGHT = "sql.corp.example"


@pytest.mark.parametrize(
    "scenario",
    [scenario for scenario in FAULTS if scenario.name.endswith("that is right")],
    ids=lambda scenario: scenario.name,
)
def test_the_right_server_is_checked_completely(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    ended = run(scenario, dc, aws)
    statuses = ended.statuses()
    assert (statuses["sql-server.spn"], statuses["sql-server.port"]) == ("pass", "pass")
    assert RIGHT in ended.finding("sql-server.port")["summary"]
    rows = ended.finding(scenario.check)["rows"]
    assert not rows or sorted(row["status"] for row in rows) == ["fail", "pass"]


SHORT = sql("Server=sql;Integrated Security=true")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (SHORT, "a short name is completed with corp.example (the domain-name of dopt-"),
        (
            all_of(SHORT, denied("ec2", "DescribeDhcpOptions")),
            "corp.example (assumed, since the DHCP options set is unknown)",
        ),
    ],
)
def test_the_finding_shows_how_a_short_name_is_completed(
    change: Change, words: str, dc: DomainController, aws: EmbeddedAws
) -> None:
    assert words in run(Scenario("", "", change), dc, aws).finding("sql-server.name")["observed"]
