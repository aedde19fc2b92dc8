"""What is right passes, what is doubtful warns, and what cannot be known is said to be unknown."""

import pytest

from tests.lab.ad import DomainController
from tests.lab.aws import EmbeddedAws
from tests.scenarios.lab import Scenario
from tests.scenarios.variants import DOUBTS, HEALTHY, WARNINGS
from tests.scenarios.verdicts import cannot_tell, passes, warns


@pytest.mark.parametrize("scenario", HEALTHY, ids=lambda one: one.name)
def test_nothing_fails(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    passes(scenario, dc, aws)


@pytest.mark.parametrize("scenario", WARNINGS, ids=lambda one: one.name)
def test_it_only_warns(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    warns(scenario, dc, aws)


@pytest.mark.parametrize("scenario", DOUBTS, ids=lambda one: one.name)
def test_it_is_unknown(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    cannot_tell(scenario, dc, aws)
