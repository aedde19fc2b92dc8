"""Who reads the secret decides which keys count: Credentials Fetcher on Fargate, the ECS agent on EC2."""

import json

import pytest

from gmsa_doctor.core.model import Finding, Given, Outcome, Status, skipped
from gmsa_doctor.formats.documents.secret import SecretDocument, read_secret
from gmsa_doctor.given.subject import Launch, Platform
from gmsa_doctor_checks.credspec.secret import secret_fields
from gmsa_doctor_checks.values import Account, SecretObject

RIGHT = {"username": "reader", "password": "canary-secret", "domainName": "corp.example"}
ROTATION = {**RIGHT, "username": "old:new"}
CAPITALS = {key.upper(): value for key, value in RIGHT.items()}
LONG = {
    "usernameOfStandardUserAccount": "reader",
    "passwordOfStandardUserAccount": "canary-secret",
    "domainName": "corp.example",
}


def judge(secret: dict[str, str], launch: Launch | None) -> Given[Account] | Finding:
    document = read_secret(json.dumps(secret))
    assert isinstance(document, SecretDocument)
    return secret_fields(SecretObject("arn:x", document), Platform(launch), Outcome(None, skipped("")))


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
        (ROTATION, Launch.FARGATE, Status.FAIL),
        (ROTATION, None, Status.WARN),
    ],
)
def test_the_keys_are_judged_by_what_reads_them(secret: dict[str, str], launch: Launch | None, status: Status) -> None:
    found = judge(secret, launch)
    finding = found.finding if isinstance(found, Given) else found
    assert finding.status is status
    assert isinstance(found, Given) is (status is not Status.FAIL)


def test_what_the_agent_finds_missing_shows_as_its_own_text() -> None:
    found = judge({"username": "reader", "password": "canary-secret"}, Launch.EC2)
    assert isinstance(found, Finding)
    assert found.shows_as is not None
    text = "username, password or domain should not be empty"
    assert (found.shows_as.v2, found.shows_as.v1_3) == (text, text)
