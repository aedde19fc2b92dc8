"""A change that blocks AWS services and the AD has one root cause, which the consequences name."""

import pytest

from tests.lab.ad import DomainController
from tests.lab.aws import EmbeddedAws
from tests.scenarios.changes import all_of, dhcp
from tests.scenarios.judge import brief, run, with_status
from tests.scenarios.lab import Scenario
from tests.scenarios.network_access import ROUTES
from tests.scenarios.network_one_fault import FAULTS, HEALTHY, WARNINGS
from tests.scenarios.network_path import BY_ENDPOINTS, vpc_attribute
from tests.scenarios.verdicts import fails, passes, warns


@pytest.mark.parametrize("scenario", FAULTS, ids=lambda scenario: scenario.name)
def test_it_is_the_one_root_cause(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    fails(scenario, dc, aws)


@pytest.mark.parametrize("scenario", WARNINGS, ids=lambda scenario: scenario.name)
def test_it_is_the_one_warning(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    warns(scenario, dc, aws)


@pytest.mark.parametrize("scenario", HEALTHY, ids=lambda scenario: scenario.name)
def test_nothing_fails(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    passes(scenario, dc, aws)


def test_the_services_are_skipped_with_the_reason_and_the_fix(dc: DomainController, aws: EmbeddedAws) -> None:
    ended = run(FAULTS[1], dc, aws)
    for name in ("s3", "secrets-manager", "ecr", "logs"):
        finding = ended.finding(f"network-path.{name}")
        assert (finding["status"], finding["because"]) == ("skipped", [ROUTES]), brief(ended)
        assert " has no default route" in finding["summary"]
        assert "0.0.0.0/0" in finding["fix"]["commands"][1]


def test_wrong_dns_servers_do_not_explain_endpoints_without_private_dns(dc: DomainController, aws: EmbeddedAws) -> None:
    both = all_of(BY_ENDPOINTS, dhcp("8.8.8.8"), vpc_attribute(EnableDnsSupport=False))
    ended = run(Scenario("", "", both), dc, aws)
    assert with_status(ended, "fail") == {"dhcp-options.domain-name-servers", "network-path.secrets-manager"}, brief(
        ended
    )
