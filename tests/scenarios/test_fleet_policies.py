"""The policies that `gmsa-doctor iam-policy` prints for a fleet are enough, and nothing in them is too much."""

from typing import Any

import pytest

from tests.command import Ended, doctor
from tests.lab.ad import DomainController
from tests.lab.aws import ACCOUNT, EmbeddedAws
from tests.lab.creation import create, create_in
from tests.lab.environment import Created, healthy
from tests.scenarios.test_fleet import NO_AD
from tests.scenarios.test_least_privilege import Policy, actions, for_doctor, printed, without

MEMBER = "222222222222"
PLACE = ("--output-dir", "s3://fleet-runs/nightly", "--run", "r")


def fleet(aws: EmbeddedAws, *arguments: str) -> Ended:
    return doctor("fleet", *arguments, env=aws.environ())


def for_member(created: Created, aws: EmbeddedAws) -> Policy:
    named = ("--credspec", created.credspec_arn, "--credspec", f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/x")
    return printed("fleet-member", *named, "--secret", created.secret_arn, aws=aws)


def statuses(ended: Ended) -> list[tuple[str, str]]:
    return sorted((finding["check"], finding["status"]) for finding in ended.document["findings"])


def test_the_policy_of_the_member_role_is_enough(aws: EmbeddedAws) -> None:
    created = create(healthy(NO_AD), aws)
    free = fleet(aws, "--json")
    assert len(free.document["subjects"]) == 1, free.err
    aws.permit(for_member(created, aws))
    assert statuses(fleet(aws, "--json")) == statuses(free)


def test_it_allows_what_check_asks_for_and_the_regions_and_no_secret_that_is_not_named(
    dc: DomainController, aws: EmbeddedAws
) -> None:
    created = create(healthy(NO_AD), aws)
    sent = {action for action in actions(for_doctor(created, aws)) if not action.startswith("events:")}
    more = {"ec2:DescribeRegions", "kms:Decrypt", "kms:GetKeyPolicy", "kms:ListGrants"}  # the account has no key yet
    assert actions(for_member(created, aws)) == sent - {"logs:GetLogEvents"} | more
    assert "secretsmanager:GetSecretValue" not in actions(printed("fleet-member", aws=aws))


COMMANDS: dict[str, tuple[str, ...]] = {
    "organizations:ListAccounts": ("plan", "--organization", "--regions", "us-east-1"),
    "organizations:ListAccountsForParent": ("plan", "--ou", "ROOT", "--regions", "us-east-1"),
    "organizations:ListOrganizationalUnitsForParent": ("plan", "--ou", "ROOT", "--regions", "us-east-1"),
    "ec2:DescribeRegions": ("plan", "--regions", "all"),
    "sts:AssumeRole": ("--accounts", MEMBER, "--regions", "us-east-1"),
    "s3:PutObject": ("plan", "--regions", "us-east-1", *PLACE[:-1], "other"),
    "s3:GetObject": ("shard", "--account", MEMBER, "--region", "us-east-1", *PLACE),
    "s3:ListBucket": ("merge", "s3://fleet-runs/nightly/r"),
}
"""A command that requires each action."""


@pytest.fixture
def organization(aws: EmbeddedAws) -> str:
    """An organization with an account that has a healthy service; its root."""
    aws.client("s3").create_bucket(Bucket="fleet-runs")
    organizations = aws.client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    create_in(aws.account(MEMBER), healthy(NO_AD))
    return str(organizations.list_roots()["Roots"][0]["Id"])


def test_the_policy_of_who_enters_the_accounts_is_enough_and_without_any_of_it_a_command_says_what_is_missing(
    organization: str, aws: EmbeddedAws
) -> None:
    policy: dict[str, Any] = printed("fleet", "--report-s3", "s3://fleet-runs/nightly", aws=aws)
    assert actions(policy) == set(COMMANDS)
    aws.permit(policy)
    first = [
        fleet(aws, "plan", "--accounts", MEMBER, "--regions", "us-east-1", *PLACE),
        fleet(aws, "shard", "--account", MEMBER, "--region", "us-east-1", *PLACE),
        fleet(aws, "merge", "s3://fleet-runs/nightly/r"),
    ]
    assert [ended.code for ended in first] == [0, 0, 0], first
    for action, words in COMMANDS.items():
        command = [organization if word == "ROOT" else word for word in words]
        aws.permit(policy)
        enough = fleet(aws, *command)
        assert enough.code in (0, 1), (action, enough.err)
        aws.permit(without(action, policy))
        ended = fleet(aws, *command)
        assert ended.code in (2, 3)
        assert action in " ".join((ended.out + ended.err).split()), (action, ended)


def test_a_subject_or_an_option_of_another_purpose_is_an_error(aws: EmbeddedAws) -> None:
    for purpose, *options in (
        ("fleet", "--service", "web", "--cluster", "c"),
        ("fleet-member", "--role-name", "x"),
        ("fleet", "--secret", "arn:aws:secretsmanager:us-east-1:123456789012:secret:a-AbCdEf"),
        ("doctor", "--role-name", "x"),
        ("fleet", "--role-name", "a/b"),
    ):
        ended = doctor("iam-policy", "--for", purpose, *options, env=aws.environ())
        assert (ended.code, ended.out) == (2, ""), (purpose, options)


def test_the_role_name_is_that_of_the_fleet(aws: EmbeddedAws) -> None:
    found = {one["Sid"]: one["Resource"] for one in printed("fleet", "--role-name", "auditor", aws=aws)["Statement"]}
    assert found["EnterAccounts"] == ["arn:aws:iam::*:role/auditor"]
