"""What the task execution role lacks is told from outside, and the real call decides where there is one."""

from contextlib import ExitStack

import pytest

from tests.command import Ended, doctor
from tests.lab.ad import DomainController
from tests.lab.aws import EmbeddedAws
from tests.lab.creation import create
from tests.lab.environment import healthy
from tests.scenarios import changes, execution_role, execution_role_start
from tests.scenarios.judge import brief, with_status
from tests.scenarios.lab import Change, Lab, Scenario
from tests.scenarios.test_promises import role_session
from tests.scenarios.verdicts import cannot_tell, fails, passes, warns

FAULTS = (*execution_role.FAULTS, *execution_role_start.FAULTS)
HEALTHY = (*execution_role.HEALTHY, *execution_role_start.HEALTHY)
WARNINGS = (*execution_role.WARNINGS, *execution_role_start.WARNINGS)
DOUBTS = (*execution_role.DOUBTS, *execution_role_start.DOUBTS)
WITHOUT_A_POLICY = changes.role({"Effect": "Allow", "Action": "logs:*", "Resource": "*"})
BOTH = {"execution-role.credspec", "execution-role.secret"}


def checked(change: Change, dc: DomainController, aws: EmbeddedAws, *, as_role: bool = False) -> Ended:
    with ExitStack() as stack:
        environment = healthy(dc)
        change(environment, Lab(dc, aws, stack))
        create(environment, aws)
        variables = aws.environ(environment.region) | (role_session(aws) if as_role else {})
        return doctor(*environment.command_with("--live", "never", "--format", "json"), env=variables)


@pytest.mark.parametrize("scenario", FAULTS, ids=lambda one: one.name)
def test_it_is_the_one_root_cause(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    fails(scenario, dc, aws)


@pytest.mark.parametrize("scenario", HEALTHY, ids=lambda one: one.name)
def test_nothing_fails(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    passes(scenario, dc, aws)


@pytest.mark.parametrize("scenario", WARNINGS, ids=lambda one: one.name)
def test_it_is_a_warning_that_says_what_to_look_at(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    warns(scenario, dc, aws)


@pytest.mark.parametrize("scenario", DOUBTS, ids=lambda one: one.name)
def test_it_is_unknown(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    cannot_tell(scenario, dc, aws)


def test_with_the_roles_own_credentials_nothing_is_simulated(dc: DomainController, aws: EmbeddedAws) -> None:
    ours = checked(WITHOUT_A_POLICY, dc, aws)
    assert with_status(ours, "fail") == BOTH, brief(ours)
    aws.reset()
    the_roles = checked(WITHOUT_A_POLICY, dc, aws, as_role=True)
    assert the_roles.code == 0, brief(the_roles)
    assert {the_roles.statuses()[one] for one in BOTH} == {"pass"}
    assert ("iam", "SimulatePrincipalPolicy") not in aws.calls


def test_a_role_that_may_not_look_at_itself_is_no_gap(dc: DomainController, aws: EmbeddedAws) -> None:
    ended = checked(changes.denied("iam", "GetRole"), dc, aws, as_role=True)
    assert (ended.statuses()["execution-role.trust"], ended.code) == ("skipped", 0)


def test_what_does_not_exist_is_not_denied_as_well(dc: DomainController, aws: EmbeddedAws) -> None:
    no_secret = checked(changes.secret_is(None), dc, aws)
    assert no_secret.roots == ["credspec.secret-link"], brief(no_secret)
    assert no_secret.finding("execution-role.secret")["because"] == ["credspec.secret-link"]


def test_what_we_may_not_read_ourselves_is_simulated_all_the_same(dc: DomainController, aws: EmbeddedAws) -> None:
    both = changes.all_of(WITHOUT_A_POLICY, changes.denied("s3", "GetObject"))
    ended = checked(both, dc, aws)
    assert (ended.statuses()["credspec.object"], ended.statuses()["execution-role.credspec"]) == ("unknown", "fail")
    assert ended.roots == ["execution-role.credspec"]


def test_a_role_of_another_account_is_not_asked_about(dc: DomainController, aws: EmbeddedAws) -> None:
    other = changes.task(executionRoleArn="arn:aws:iam::210987654321:role/web")
    ended = checked(other, dc, aws)
    assert {ended.statuses()[one] for one in (*BOTH, "execution-role.trust")} == {"skipped"}
    assert "210987654321" in ended.finding("execution-role.trust")["summary"]
    assert not [one for one in aws.calls if one[0] == "iam"]
