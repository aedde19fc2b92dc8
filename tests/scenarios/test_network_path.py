"""Tasks in each subnet reach AWS services, or the finding names the fault."""

import pytest

from tests.lab.ad import DomainController
from tests.lab.aws import EmbeddedAws
from tests.scenarios.judge import brief, run, told
from tests.scenarios.lab import Scenario
from tests.scenarios.network_path import DOUBTS, FAULTS, HEALTHY, WARNINGS
from tests.scenarios.verdicts import cannot_tell, fails, passes, warns


@pytest.mark.parametrize("scenario", FAULTS, ids=lambda scenario: scenario.name)
def test_it_is_the_one_root_cause(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    fails(scenario, dc, aws)


@pytest.mark.parametrize("scenario", WARNINGS, ids=lambda scenario: scenario.name)
def test_it_is_a_warning(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    warns(scenario, dc, aws)


@pytest.mark.parametrize("scenario", HEALTHY, ids=lambda scenario: scenario.name)
def test_nothing_fails(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    passes(scenario, dc, aws)


@pytest.mark.parametrize("scenario", DOUBTS, ids=lambda scenario: scenario.name)
def test_it_is_unknown(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    cannot_tell(scenario, dc, aws)


def test_the_wrong_subnet_of_several_is_named(dc: DomainController, aws: EmbeddedAws) -> None:
    ended = run(WARNINGS[0], dc, aws)
    finding = ended.finding("network-path.s3")
    wrong = [row["name"] for row in finding["rows"] if row["status"] != "pass"]
    assert len(finding["rows"]) == 3
    assert len(wrong) == 1, brief(ended)
    assert wrong[0] in finding["summary"]
    others = [ended.finding(f"network-path.{name}") for name in ("secrets-manager", "ecr", "logs")]
    assert {other["status"] for other in others} == {"skipped"}
    assert all(other["because"] == ["network-path.s3"] for other in others)


def test_the_finding_says_that_nothing_behind_a_transit_gateway_was_checked(
    dc: DomainController, aws: EmbeddedAws
) -> None:
    (scenario,) = (healthy for healthy in HEALTHY if healthy.name == "a transit gateway")
    assert "was not checked" in told(run(scenario, dc, aws).finding("network-path.s3"))
