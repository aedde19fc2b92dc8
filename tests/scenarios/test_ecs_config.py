"""Settings in ecs.config count as Credentials Fetcher reads them."""

import pytest

from tests.lab.ad import DomainController
from tests.lab.aws import EmbeddedAws
from tests.scenarios.changes import all_of
from tests.scenarios.ecs_config import FAULTS, HEALTHY, WARNINGS, ecs_config
from tests.scenarios.judge import run
from tests.scenarios.lab import Scenario
from tests.scenarios.verdicts import fails, passes, warns


@pytest.mark.parametrize("scenario", FAULTS, ids=lambda one: one.name)
def test_it_is_the_one_root_cause(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    fails(scenario, dc, aws)


@pytest.mark.parametrize("scenario", WARNINGS, ids=lambda one: one.name)
def test_it_is_a_warning(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    warns(scenario, dc, aws)


@pytest.mark.parametrize("scenario", HEALTHY, ids=lambda one: one.name)
def test_nothing_fails(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    passes(scenario, dc, aws)


def test_ldap_goes_to_the_named_domain_controller_alone(dc: DomainController, aws: EmbeddedAws) -> None:
    ended = run(Scenario("", "", all_of(ecs_config("2", "CF_DOMAIN_CONTROLLER=dc1.corp.example"))), dc, aws)
    assert ended.finding("dns.domain-controllers")["summary"] == (
        "ecs.config names dc1.corp.example, the only one for LDAP"
    )
