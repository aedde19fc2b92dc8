"""A task gets to AWS's services from each of its subnets, or it is told what is in the way."""

import pytest

from tests.lab.ad import DomainController
from tests.lab.aws import EmbeddedAws
from tests.scenarios.judge import brief, run, told
from tests.scenarios.lab import Scenario
from tests.scenarios.network_path import DOUBTS, FAULTS, HEALTHY, WARNINGS
from tests.scenarios.verdicts import cannot_tell, fails, passes, warns


@pytest.mark.parametrize("scenario", FAULTS, ids=lambda one: one.name)
def test_it_is_the_one_root_cause(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    fails(scenario, dc, aws)


@pytest.mark.parametrize("scenario", WARNINGS, ids=lambda one: one.name)
def test_it_is_a_warning(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    warns(scenario, dc, aws)


@pytest.mark.parametrize("scenario", HEALTHY, ids=lambda one: one.name)
def test_nothing_fails(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    passes(scenario, dc, aws)


@pytest.mark.parametrize("scenario", DOUBTS, ids=lambda one: one.name)
def test_it_is_unknown(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    cannot_tell(scenario, dc, aws)


def test_the_wrong_subnet_of_several_is_named(dc: DomainController, aws: EmbeddedAws) -> None:
    ended = run(WARNINGS[0], dc, aws)
    finding = ended.finding("network-path.s3")
    wrong = [row["name"] for row in finding["rows"] if row["status"] != "pass"]
    assert len(finding["rows"]) == 3
    assert len(wrong) == 1, brief(ended)
    assert wrong[0] in finding["summary"]
    others = [ended.finding(f"network-path.{one}") for one in ("secrets-manager", "ecr", "logs")]
    assert {one["status"] for one in others} == {"skipped"}
    assert all(one["because"] == ["network-path.s3"] for one in others)


def test_what_a_transit_gateway_leads_to_is_said_not_to_be_known(dc: DomainController, aws: EmbeddedAws) -> None:
    (scenario,) = (one for one in HEALTHY if one.name == "a transit gateway")
    assert "was not checked" in told(run(scenario, dc, aws).finding("network-path.s3"))
