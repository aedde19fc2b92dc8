"""Several accounts and regions of the embedded AWS."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.lab.ad import DomainController
from tests.lab.aws import EmbeddedAws
from tests.lab.creation import create_in
from tests.lab.environment import healthy

NO_AD = DomainController(ip="127.77.0.1", state=Path("/nonexistent"))


def test_each_account_and_region_has_its_own_services_and_secrets(aws: EmbeddedAws) -> None:
    first, second = aws.account("222222222222"), aws.account("333333333333")
    for account, region in ((first, "us-east-1"), (second, "eu-west-1")):
        environment = replace(healthy(NO_AD), region=region, bucket=f"specs-{account.id}", directory=None)
        created = create_in(account, environment)
        assert created.secret_arn.split(":")[3:5] == [region, account.id]
        assert created.service_arn.split(":")[3:5] == [region, account.id]
    found = [
        len(account.client("ecs", region).list_clusters()["clusterArns"])
        for account in (first, second)
        for region in ("us-east-1", "eu-west-1")
    ]
    assert found == [1, 0, 0, 1]


def test_what_the_lab_does_in_another_account_is_not_recorded(aws: EmbeddedAws) -> None:
    aws.deny("*", "*")
    aws.account("222222222222").client("ecs").list_clusters()
    assert aws.calls == []


CALLER, TRUSTING = "arn:aws:iam::123456789012:role/fleet", "arn:aws:iam::222222222222:role/member"


def trust(**conditions: str) -> str:
    keys = {"aws:PrincipalOrgID": "o-own", **{name.replace("_", ":"): value for name, value in conditions.items()}}
    condition = {"StringEquals": keys, "ArnEquals": {"aws:PrincipalArn": CALLER}}
    principal = {"AWS": "arn:aws:iam::123456789012:root"}
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal, "Condition": condition}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.mark.parametrize(
    ("policy", "caller", "given", "enters"),
    [
        (trust(), CALLER, {}, True),
        (trust(), f"{CALLER}-2", {}, False),
        (trust(aws_PrincipalOrgID="o-other"), CALLER, {}, False),
        (trust(sts_ExternalId="word"), CALLER, {"ExternalId": "word"}, True),
        (trust(sts_ExternalId="word"), CALLER, {"ExternalId": "sword"}, False),
        (trust(sts_ExternalId="word"), CALLER, {}, False),
        ("", CALLER, {}, False),
    ],
    ids=["trusted", "another-role", "another-organization", "external-id", "another-external-id", "without", "no-role"],
)
def test_a_role_is_assumed_only_by_roles_that_it_trusts(
    policy: str, caller: str, given: dict[str, str], enters: bool, aws: EmbeddedAws
) -> None:
    if policy:
        iam = aws.account("222222222222").client("iam")
        iam.create_role(RoleName="member", AssumeRolePolicyDocument=policy)
    session = aws.client("sts").assume_role(RoleArn=caller, RoleSessionName="task")["Credentials"]
    sts = aws.client_with(session, "sts")
    aws.checks_trust, aws.organization = True, "o-own"
    if enters:
        assert sts.assume_role(RoleArn=TRUSTING, RoleSessionName="task", **given)["Credentials"]
        return
    with pytest.raises(ClientError, match="AccessDenied"):
        sts.assume_role(RoleArn=TRUSTING, RoleSessionName="task", **given)


def test_a_role_is_permitted_what_its_policy_allows(aws: EmbeddedAws) -> None:
    aws.permit({"Statement": [{"Effect": "Allow", "Action": "ecs:ListClusters", "Resource": "*"}]}, "fleet")
    session = aws.client("sts").assume_role(RoleArn=CALLER, RoleSessionName="task")["Credentials"]
    assert aws.client_with(session, "ecs").list_clusters()["clusterArns"] == []
    with pytest.raises(ClientError, match="AccessDenied"):
        aws.client_with(session, "secretsmanager").get_secret_value(SecretId="gmsa/web")
