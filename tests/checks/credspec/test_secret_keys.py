"""Who reads the secret decides which keys count: Credentials Fetcher on Fargate, the ECS agent on EC2."""

import json

import pytest

from gmsa_doctor.core.model import Finding, Given, Outcome, Status, skipped
from gmsa_doctor.formats.documents.secret import SecretDocument, read_secret
from gmsa_doctor.formats.fetcher import Fetcher
from gmsa_doctor.given.subject import Launch, Platform
from gmsa_doctor_checks.credspec.secret import secret_fields
from gmsa_doctor_checks.values import Account, SecretObject

RIGHT = {"username": "reader", "password": "canary-secret", "domainName": "corp.example"}
CAPITALS = {key.upper(): value for key, value in RIGHT.items()}
LONG = {
    "usernameOfStandardUserAccount": "reader",
    "passwordOfStandardUserAccount": "canary-secret",
    "domainName": "corp.example",
}


def judge(secret: dict[str, str], launch: Launch | None, fetcher: Fetcher | None = None) -> Given[Account] | Finding:
    document = read_secret(json.dumps(secret))
    assert isinstance(document, SecretDocument)
    return secret_fields(SecretObject("arn:x", document), Platform(launch, fetcher=fetcher), Outcome(None, skipped("")))


@pytest.mark.parametrize(
    ("secret", "launch", "status"),
    [
        (RIGHT, Launch.FARGATE, Status.PASS),
        (RIGHT, Launch.EC2, Status.PASS),
        (RIGHT, None, Status.PASS),
        (CAPITALS, Launch.FARGATE, Status.FAIL),
        (CAPITALS, Launch.EC2, Status.PASS),
        (CAPITALS, None, Status.WARN),
        (LONG, Launch.FARGATE, Status.PASS),
        (LONG, Launch.EC2, Status.FAIL),
        (LONG, Launch.EXTERNAL, Status.FAIL),
        (LONG, None, Status.WARN),
    ],
)
def test_the_keys_are_judged_by_what_reads_them(secret: dict[str, str], launch: Launch | None, status: Status) -> None:
    found = judge(secret, launch)
    finding = found.finding if isinstance(found, Given) else found
    assert finding.status is status
    assert isinstance(found, Given) is (status is not Status.FAIL)


@pytest.mark.parametrize(
    ("launch", "fetcher", "status"),
    [
        (Launch.FARGATE, None, Status.FAIL),
        (Launch.EC2, Fetcher.V2, Status.PASS),
        (Launch.EC2, Fetcher.V1_3, Status.FAIL),
        (None, None, Status.WARN),
        (None, Fetcher.V2, Status.WARN),
        (None, Fetcher.V1_3, Status.FAIL),
    ],
)
def test_a_rotation_in_the_user_name_is_accepted_by_2_x_on_ec2(
    launch: Launch | None, fetcher: Fetcher | None, status: Status
) -> None:
    found = judge({**RIGHT, "username": "old:reader"}, launch, fetcher)
    finding = found.finding if isinstance(found, Given) else found
    assert finding.status is status
    assert not isinstance(found, Given) or found.value.user == "reader"


def test_what_the_agent_finds_missing_shows_as_its_own_text() -> None:
    found = judge({"username": "reader", "password": "canary-secret"}, Launch.EC2)
    assert isinstance(found, Finding)
    assert found.shows_as is not None
    text = "username, password or domain should not be empty"
    assert (found.shows_as.v2, found.shows_as.v1_3) == (text, text)
