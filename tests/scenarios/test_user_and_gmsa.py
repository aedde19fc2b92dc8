"""What an AD administrator would see in the user and the gMSA: one root cause, a warning, or nothing."""

import pytest

from tests.lab.ad import DomainController
from tests.lab.aws import EmbeddedAws
from tests.scenarios.lab import Scenario
from tests.scenarios.user_and_gmsa import GMSA_WARNINGS, HEALTHY, IN_AD, WARNINGS
from tests.scenarios.verdicts import fails, passes, warns


@pytest.mark.parametrize("scenario", IN_AD, ids=lambda one: one.name)
def test_it_is_the_one_root_cause(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    fails(scenario, dc, aws)


@pytest.mark.parametrize("scenario", [*WARNINGS, *GMSA_WARNINGS], ids=lambda one: one.name)
def test_it_only_warns(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    warns(scenario, dc, aws)


@pytest.mark.parametrize("scenario", HEALTHY, ids=lambda one: one.name)
def test_nothing_fails(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    passes(scenario, dc, aws)
