"""The live flow in several accounts and regions: a user whose password is wrong has one failed logon in a run."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.command import Ended, doctor
from tests.lab import accounts, ad
from tests.lab.ad import DomainController
from tests.lab.aws import EmbeddedAws
from tests.lab.creation import create_in
from tests.lab.environment import ROLE_POLICY, healthy, task_definition

MEMBERS = ("222222222222", "333333333333")
REGIONS = ("eu-west-1", "us-east-1")
PLACES = ("--accounts", ",".join(MEMBERS), "--regions", ",".join(REGIONS))


def make(dc: DomainController, aws: EmbeddedAws, password: str, services: int = 1) -> None:
    """Services in each account and region, with a secret in each: the secrets have the same user."""
    for account in MEMBERS:
        member = aws.account(account)
        for region in REGIONS:
            environment = replace(
                healthy(dc),
                region=region,
                bucket=f"specs-{account}-{region}",
                secret={"username": accounts.READER, "password": password, "domainName": dc.domain},
                directory=None,
                role_policy=[{**statement, "Resource": "*"} for statement in ROLE_POLICY],  # one role for both regions
                task_definition=task_definition("web"),
            )
            created = create_in(member, environment)
            network = {"subnets": [created.subnets[0]], "securityGroups": [created.security_group]}
            for number in range(services - 1):
                member.client("ecs", region).create_service(
                    cluster="demo",
                    serviceName=f"web-{number}",
                    taskDefinition=created.task_definition_arn,
                    desiredCount=0,
                    launchType="FARGATE",
                    networkConfiguration={"awsvpcConfiguration": network},
                )


@pytest.fixture
def counted(dc: DomainController) -> Iterator[DomainController]:
    """Give the domain controller, with no failed logon of the reader counted before or after."""
    ad.reset_bad_password_count(dc, accounts.READER)
    yield dc
    ad.reset_bad_password_count(dc, accounts.READER)


def fleet(dc: DomainController, aws: EmbeddedAws, *arguments: str) -> Ended:
    return doctor("fleet", *arguments, "--live", "always", "--dns-server", dc.ip, env=aws.environ())


def test_a_wrong_password_of_40_services_in_2_accounts_and_2_regions_is_tried_once(
    counted: DomainController, aws: EmbeddedAws, tmp_path: Path
) -> None:
    make(counted, aws, "not-the-password", 10)
    kept = ("--output-dir", str(tmp_path), "--run", "r")
    ended = fleet(counted, aws, *PLACES, *kept)
    assert ended.code == 1, ended.err
    assert "40 of 40 services fail" in ended.out
    assert ended.out.count("Root cause: kerberos.user-ticket") == ended.out.count("Root cause:") == 4  # one each secret
    assert ad.bad_password_count(counted, accounts.READER) == 1
    (tmp_path / "r" / MEMBERS[1] / "eu-west-1.json").unlink()
    resumed = fleet(counted, aws, "--resume", "r", "--output-dir", str(tmp_path))
    assert "30 of 40 services fail" in resumed.out
    assert ad.bad_password_count(counted, accounts.READER) == 1


def test_shards_in_tasks_of_their_own_try_it_once_too(counted: DomainController, aws: EmbeddedAws) -> None:
    make(counted, aws, "not-the-password")
    aws.client("s3").create_bucket(Bucket="fleet-runs")
    place = ("--output-dir", "s3://fleet-runs/nightly", "--run", "r1")
    for account in MEMBERS:
        ended = fleet(counted, aws, "shard", "--account", account, "--region", REGIONS[0], *place)
        assert ended.code == 0, ended.err
    assert ad.bad_password_count(counted, accounts.READER) == 1
    merged = doctor("fleet", "merge", "s3://fleet-runs/nightly/r1", "--json", env=aws.environ()).document
    texts = {
        merged["findings"][number]["summary"]
        for subject in merged["subjects"]
        for number in subject["findings"]
        if merged["findings"][number]["check"] == "kerberos.user-ticket"
    }
    assert any(f"one failed in this run ({MEMBERS[0]} eu-west-1)" in text for text in texts), texts
    assert (merged["exit_code"], len(merged["causes"])) == (1, 1)


def test_a_fleet_passes_if_each_service_gets_its_ticket(counted: DomainController, aws: EmbeddedAws) -> None:
    make(counted, aws, accounts.PASSWORDS[accounts.READER])
    ended = fleet(counted, aws, *PLACES, "--json")
    found = json.loads(ended.out)
    assert (ended.code, found["verdict"], found["services"]) == (0, "pass", 4), [
        finding for finding in found["findings"] if finding["status"] not in ("pass", "skipped")
    ]
    nowhere = fleet(counted, aws, *PLACES[:2], "--regions", "eu-west-1,eu-west-2", "--json")
    assert (nowhere.code, nowhere.document["verdict"]) == (0, "pass")
