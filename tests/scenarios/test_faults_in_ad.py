"""Each fault that only the AD shows has one root cause."""

import pytest

from tests.lab.ad import DomainController
from tests.lab.aws import EmbeddedAws
from tests.scenarios.faults_in_ad import FAULTS_IN_AD
from tests.scenarios.lab import Scenario
from tests.scenarios.verdicts import fails


@pytest.mark.parametrize("scenario", FAULTS_IN_AD, ids=lambda one: one.name)
def test_it_is_the_one_root_cause(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    fails(scenario, dc, aws)
