"""What an AD administrator would see in the user and the gMSA: one root cause, a warning, or nothing."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gmsa_doctor.formats.ad import filetime
from tests.lab import accounts, ad
from tests.lab.ad import DomainController
from tests.lab.aws import EmbeddedAws
from tests.lab.environment import Environment
from tests.scenarios.ad_changes import in_domain
from tests.scenarios.changes import all_of, gmsa, nothing, on_ec2, options
from tests.scenarios.judge import run
from tests.scenarios.lab import Change, Lab, Scenario
from tests.scenarios.user_and_gmsa import GMSA_WARNINGS, HEALTHY, IN_AD, WARNINGS
from tests.scenarios.verdicts import fails, passes, warns

LOGONS = [scenario for scenario in IN_AD if scenario.check == "kerberos.user-ticket"]
"""In these a logon fails."""


@pytest.mark.parametrize("scenario", [it for it in IN_AD if it not in LOGONS], ids=lambda one: one.name)
def test_it_is_the_one_root_cause(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    fails(scenario, dc, aws)


@pytest.mark.parametrize("scenario", LOGONS, ids=lambda one: one.name)
def test_it_is_the_one_root_cause_and_locks_no_account_that_two_wrong_passwords_lock(
    scenario: Scenario, dc: DomainController, aws: EmbeddedAws
) -> None:
    """One failed logon at most for an account and run: with a threshold of two nobody is locked."""
    users = (accounts.READER, accounts.ADMINISTRATOR)
    for user in users:
        ad.reset_bad_password_count(dc, user)

    def with_threshold(it: Environment, lab: Lab) -> None:
        in_domain(lockoutThreshold="2")(it, lab)
        scenario.change(it, lab)

    fails(replace(scenario, change=with_threshold), dc, aws)
    for user in users:
        assert ad.bad_password_count(dc, user) <= 1
        assert ad.read(dc, user, "lockoutTime")[1].get("lockoutTime", [b"0"]) == [b"0"]


@pytest.mark.parametrize("scenario", [*WARNINGS, *GMSA_WARNINGS], ids=lambda one: one.name)
def test_it_only_warns(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    warns(scenario, dc, aws)


@pytest.mark.parametrize("scenario", HEALTHY, ids=lambda one: one.name)
def test_nothing_fails(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    passes(scenario, dc, aws)


def test_a_password_that_is_long_overdue_is_made_anew_when_it_is_asked_for(
    dc: DomainController, aws: EmbeddedAws
) -> None:
    """An aged domain: nobody has asked for the password in 400 days, which is no fault."""
    assert days_since_password(dc, accounts.AGED) >= accounts.AGED_DAYS
    passes(Scenario("", "", gmsa(accounts.AGED[:-1])), dc, aws)
    assert days_since_password(dc, accounts.AGED) == 0


def days_since_password(dc: DomainController, account: str) -> int:
    """Give how old the account's password is by the domain controller's word."""
    since = filetime.instant(int(ad.read(dc, account, "pwdLastSet")[1]["pwdLastSet"][0]))
    assert since is not None
    return (datetime.now(UTC) - since).days


@pytest.mark.parametrize(
    ("where", "shown"),
    [
        (nothing, "failed to find gMSA password for service account"),
        (all_of(on_ec2, options("--fetcher", "2")), "failed to remove Kerberos file"),
    ],
)
def test_the_text_is_the_one_that_is_seen_where_the_task_runs(
    where: Change, shown: str, dc: DomainController, aws: EmbeddedAws
) -> None:
    ended = run(Scenario("", "", all_of(gmsa("webapp02"), where)), dc, aws)
    assert ended.finding("directory.managed-password")["shows_as"]["2.x"] == shown
