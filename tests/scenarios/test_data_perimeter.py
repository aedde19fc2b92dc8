"""Policies that are limited to our account, another one, an organization: what is certain of a request decides."""

import pytest

from tests.lab.ad import DomainController
from tests.lab.aws import EmbeddedAws
from tests.scenarios import data_perimeter, request_conditions
from tests.scenarios.lab import Scenario
from tests.scenarios.verdicts import cannot_tell, fails, passes, warns

FAULTS = (*data_perimeter.FAULTS, *request_conditions.FAULTS)
HEALTHY = (*data_perimeter.HEALTHY, *request_conditions.HEALTHY)
DOUBTS = (*data_perimeter.DOUBTS, *request_conditions.DOUBTS)


@pytest.mark.parametrize("scenario", FAULTS, ids=lambda one: one.name)
def test_it_is_the_one_root_cause(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    fails(scenario, dc, aws)


@pytest.mark.parametrize("scenario", HEALTHY, ids=lambda one: one.name)
def test_nothing_fails(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    passes(scenario, dc, aws)


@pytest.mark.parametrize("scenario", DOUBTS, ids=lambda one: one.name)
def test_it_is_unknown_and_says_what_is_not_known(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    cannot_tell(scenario, dc, aws)


@pytest.mark.parametrize("scenario", request_conditions.WARNINGS, ids=lambda one: one.name)
def test_it_is_a_warning_that_says_what_is_open(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    warns(scenario, dc, aws)
