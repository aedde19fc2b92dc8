"""EC2: what the roles of the container instances lack is a warning at most, and is told by instance."""

import pytest

from tests.lab.ad import DomainController
from tests.lab.aws import EmbeddedAws
from tests.scenarios.changes import all_of, denied
from tests.scenarios.execution_role_start import key_of_the_secret, secret_key
from tests.scenarios.instance_role import DOUBTS, HEALTHY, WARNINGS
from tests.scenarios.judge import run
from tests.scenarios.lab import Scenario
from tests.scenarios.verdicts import cannot_tell, passes, warns

CHECK = "instance-role.secret"


@pytest.mark.parametrize("scenario", WARNINGS, ids=lambda one: one.name)
def test_it_only_warns(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    warns(scenario, dc, aws)


@pytest.mark.parametrize("scenario", HEALTHY, ids=lambda one: one.name)
def test_nothing_fails(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    passes(scenario, dc, aws)


@pytest.mark.parametrize("scenario", DOUBTS, ids=lambda one: one.name)
def test_it_is_unknown(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    cannot_tell(scenario, dc, aws)


def named(scenarios: tuple[Scenario, ...], name: str) -> Scenario:
    return next(one for one in scenarios if one.name == name)


def test_of_several_instances_the_row_tells_which(dc: DomainController, aws: EmbeddedAws) -> None:
    finding = run(named(WARNINGS, "one instance role of two without the secret"), dc, aws).finding(CHECK)
    assert sorted(row["status"] for row in finding["rows"]) == ["pass", "pass", "warn"]
    (lacking,) = [row["name"] for row in finding["rows"] if row["status"] == "warn"]
    assert finding["summary"].startswith(f"{lacking}: ")


def test_the_fix_is_a_policy_of_the_instance_role(dc: DomainController, aws: EmbeddedAws) -> None:
    finding = run(named(WARNINGS, "no policy of the instance role"), dc, aws).finding(CHECK)
    assert finding["fix"]["commands"][0].startswith("aws iam put-role-policy --role-name ecsInstance ")


def test_an_external_instance_is_not_asked_about(dc: DomainController, aws: EmbeddedAws) -> None:
    ended = run(named(HEALTHY, "an external instance"), dc, aws)
    assert ended.statuses()[CHECK] == "skipped"
    assert ("ec2", "DescribeInstances") not in aws.calls


def test_a_key_that_nobody_can_use_is_told_once(dc: DomainController, aws: EmbeddedAws) -> None:
    disabled = all_of(
        named(HEALTHY, "an instance role that may do everything").change,
        secret_key(),
        key_of_the_secret("disable_key"),
        denied("secretsmanager", "GetSecretValue"),
    )
    ended = run(Scenario("a disabled key", "", disabled), dc, aws)
    assert ended.roots == ["execution-role.kms"]
    assert ended.statuses()[CHECK] == "pass"
