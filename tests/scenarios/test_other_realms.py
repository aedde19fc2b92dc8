"""SQL Server in another forest."""

import pytest

from tests.lab import accounts, ad
from tests.lab.ad import DomainController
from tests.lab.aws import EmbeddedAws
from tests.scenarios.judge import run
from tests.scenarios.lab import Scenario
from tests.scenarios.other_realms import FAULTS, HEALTHY, WARNINGS
from tests.scenarios.verdicts import fails, passes, warns


@pytest.mark.parametrize("scenario", FAULTS, ids=lambda scenario: scenario.name)
def test_it_is_the_one_root_cause(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    fails(scenario, dc, aws)


@pytest.mark.parametrize("scenario", HEALTHY, ids=lambda scenario: scenario.name)
def test_nothing_fails(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    before = ad.bad_password_count(dc, accounts.READER)
    passes(scenario, dc, aws)
    assert ad.bad_password_count(dc, accounts.READER) == before


@pytest.mark.parametrize("scenario", WARNINGS, ids=lambda scenario: scenario.name)
def test_it_only_warns(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    warns(scenario, dc, aws)


@pytest.mark.parametrize("scenario", FAULTS, ids=lambda scenario: scenario.name)
def test_no_spn_is_proposed_for_a_host_of_another_domain(
    scenario: Scenario, dc: DomainController, aws: EmbeddedAws
) -> None:
    assert "setspn" not in run(scenario, dc, aws).out
