"""One bad domain controller of several is a warning that names it; where all are bad there is one root cause."""

import pytest

from tests.lab import accounts, ad
from tests.lab.ad import DomainController
from tests.lab.aws import EmbeddedAws
from tests.scenarios.changes import all_of, secret
from tests.scenarios.domain_controllers import FAULTS, HEALTHY, WARNINGS, lagging, second
from tests.scenarios.judge import run
from tests.scenarios.lab import Scenario
from tests.scenarios.verdicts import fails, passes, warns


@pytest.mark.parametrize("scenario", HEALTHY, ids=lambda one: one.name)
def test_nothing_fails(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    passes(scenario, dc, aws)


@pytest.mark.parametrize("scenario", WARNINGS, ids=lambda one: one.name)
def test_it_only_warns(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    warns(scenario, dc, aws)


@pytest.mark.parametrize("scenario", FAULTS, ids=lambda one: one.name)
def test_it_is_the_one_root_cause(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    fails(scenario, dc, aws)


def test_no_domain_controller_counts_a_failed_logon(dc: DomainController, aws: EmbeddedAws) -> None:
    """Each is asked about the user, by UDP and TCP, and lets the same ticket in."""
    copy = ad.lagging_copy(dc)
    before = [ad.bad_password_count(one, accounts.READER) for one in (dc, copy)]
    passes(HEALTHY[0], dc, aws)
    assert [ad.bad_password_count(one, accounts.READER) for one in (dc, copy)] == before


def test_a_wrong_password_is_counted_once_by_all_together(dc: DomainController, aws: EmbeddedAws) -> None:
    both = (dc, ad.lagging_copy(dc))
    before = sum(ad.bad_password_count(one, accounts.READER) for one in both)
    wrong = Scenario("", "kerberos.user-ticket", all_of(secret(password="not-the-password"), second(lagging)), "wrong")
    try:
        fails(wrong, dc, aws)
        assert sum(ad.bad_password_count(one, accounts.READER) for one in both) == before + 1
    finally:
        ad.reset_bad_password_count(dc, accounts.READER)


def test_the_table_of_domain_controllers_has_a_row_for_each(dc: DomainController, aws: EmbeddedAws) -> None:
    told = run(HEALTHY[0], dc, aws).finding("domain-controllers.root-dse")
    assert [row["name"].split()[0] for row in told["rows"]] == ["dc1.corp.example", "dc2.corp.example"]
    assert all("corp.example, site Default-First-Site-Name, Windows Server 2016" in row["text"] for row in told["rows"])
