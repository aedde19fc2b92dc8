"""Several accounts and regions of the embedded AWS."""

from dataclasses import replace
from pathlib import Path

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
