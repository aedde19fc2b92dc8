"""What ECS reads before it starts a container: the one root cause, what passes, and what cannot be told."""

from contextlib import ExitStack

import pytest

from tests.command import doctor
from tests.lab.ad import DomainController
from tests.lab.aws import EmbeddedAws
from tests.scenarios.changes import all_of, options
from tests.scenarios.judge import brief, run
from tests.scenarios.lab import Scenario
from tests.scenarios.task_secrets import DOUBTS, FAULTS, HEALTHY, MAY, UNREADABLE, WARNINGS, key, log_option, secret
from tests.scenarios.test_least_privilege import check, give_the_role, made
from tests.scenarios.verdicts import cannot_tell, fails, passes, warns

CHECK = "execution-role.task-secrets"


@pytest.mark.parametrize("scenario", FAULTS, ids=lambda one: one.name)
def test_it_is_the_one_root_cause(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    fails(scenario, dc, aws)


@pytest.mark.parametrize("scenario", HEALTHY, ids=lambda one: one.name)
def test_nothing_fails(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    passes(scenario, dc, aws)


@pytest.mark.parametrize("scenario", WARNINGS, ids=lambda one: one.name)
def test_it_only_warns(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    warns(scenario, dc, aws)


@pytest.mark.parametrize("scenario", DOUBTS, ids=lambda one: one.name)
def test_it_is_unknown(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    cannot_tell(scenario, dc, aws)


def test_secrets_of_one_region_are_simulated_together(dc: DomainController, aws: EmbeddedAws) -> None:
    both = all_of(secret(key, MAY), secret(log_option, MAY, name="app/log"), options("--live", "never"))
    ended = run(Scenario("two secrets", "", both), dc, aws)
    assert ended.statuses()[CHECK] == "pass"
    about = [call for call, text in zip(aws.calls, aws.asked, strict=True) if "app/db" in text or "app/log" in text]
    described = {("secretsmanager", "DescribeSecret")}  # one whose last six characters may be of its name
    assert [one for one in about if one not in described] == [("iam", "SimulatePrincipalPolicy")]


def test_of_several_the_rows_tell_which(dc: DomainController, aws: EmbeddedAws) -> None:
    both = all_of(secret(key), secret(log_option, name="app/log"), options("--live", "never"))
    finding = run(Scenario("two secrets", "", both), dc, aws).finding(CHECK)
    assert [row["status"] for row in finding["rows"]] == ["fail", "fail"]
    assert {row["name"][:-7] for row in finding["rows"]} == {"app/db", "app/log"}


def test_the_fix_is_a_policy_for_the_one_secret(dc: DomainController, aws: EmbeddedAws) -> None:
    finding = run(Scenario("one secret", "", secret(key)), dc, aws).finding(CHECK)
    put = finding["fix"]["commands"][0]
    assert put.startswith("aws iam put-role-policy --role-name ecsTaskExecutionRole --policy-name gmsa-task-secret-")
    assert ":secret:app/db-" in put


def test_what_iam_policy_prints_of_the_service_is_enough_for_the_role(dc: DomainController, aws: EmbeddedAws) -> None:
    with ExitStack() as stack:
        environment, _ = made(UNREADABLE, dc, aws, stack)
        assert check(environment, aws).roots == [CHECK]
        of_service = ("--cluster", "demo", "--service", "healthy")
        printed = doctor("iam-policy", "--for", "execution-role", *of_service, env=aws.environ())
        assert printed.code == 0, printed.err
        give_the_role(printed.document, aws)
        assert check(environment, aws).statuses()[CHECK] == "pass", brief(check(environment, aws))


def test_what_iam_policy_prints_for_who_checks_is_enough_where_a_secrets_policy_counts(
    dc: DomainController, aws: EmbeddedAws
) -> None:
    with ExitStack() as stack:
        environment, _ = made(UNREADABLE, dc, aws, stack)
        printed = doctor("iam-policy", "--cluster", "demo", "--service", "healthy", env=aws.environ())
        aws.permit(printed.document)
        assert check(environment, aws).statuses()[CHECK] == "fail"
