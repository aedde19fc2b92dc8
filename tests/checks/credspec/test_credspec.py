"""A CredSpec from its bytes to the names in it, by values."""

import json
from typing import Any

import pytest

from gmsa_doctor.authoring import Finding, Given, Outcome, Status, skipped
from gmsa_doctor.formats.documents.secret import SecretDocument, read_secret
from gmsa_doctor.given.shared_values import CredSpecLocation, LinkedSecret
from gmsa_doctor.given.subject import AwsPlace, Launch, Platform
from gmsa_doctor_checks.credspec.document import credspec_document
from gmsa_doctor_checks.credspec.names import credspec_names
from gmsa_doctor_checks.credspec.secret import secret_fields
from gmsa_doctor_checks.credspec.secret_link import secret_link
from gmsa_doctor_checks.values import CredSpec, GmsaNames, SecretObject, SizedCredSpec

FARGATE = Platform(Launch.FARGATE)
ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:gmsa-AbCdEf"
PLACE = AwsPlace("us-east-1", "123456789012")
LOCATION = CredSpecLocation("arn:aws:s3:::credspecs/web.json", True, "credspecs", "web.json")


def document(domain: str = "corp.example", gmsa: str = "webapp01", arn: str = ARN) -> dict[str, Any]:
    return {
        "DomainJoinConfig": {"DnsName": domain, "NetBiosName": "CORP", "MachineAccountName": gmsa},
        "ActiveDirectoryConfig": {
            "GroupManagedServiceAccounts": [{"Name": gmsa, "Scope": domain}],
            "HostAccountConfig": {"PluginInput": {"CredentialArn": arn}},
        },
    }


def read(body: bytes) -> Finding | Given[CredSpec]:
    return credspec_document(SizedCredSpec(LOCATION, body), FARGATE)


def credspec(**fields: str) -> CredSpec:
    found = read(json.dumps(document(**fields)).encode())
    assert isinstance(found, Given)
    return found.value


def status(found: Finding | Given[Any]) -> Status:
    return found.finding.status if isinstance(found, Given) else found.status


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (json.dumps(document()).encode(), Status.PASS),
        (json.dumps(document()).encode("utf-8-sig"), Status.WARN),
        (json.dumps(document()).encode("utf-16"), Status.FAIL),
        (b"{", Status.FAIL),
        (b"{}", Status.FAIL),
        (b"[" * 100_000, Status.UNKNOWN),
    ],
)
def test_the_document(body: bytes, wanted: Status) -> None:
    assert status(read(body)) is wanted


def test_valid_names_are_given() -> None:
    found = credspec_names(credspec(), FARGATE)
    assert isinstance(found, Given)
    assert (found.value.domain.text, str(found.value.gmsa.text)) == ("corp.example", "webapp01")


@pytest.mark.parametrize("fields", [{"domain": "corp"}, {"gmsa": "CORP\\webapp01"}, {"gmsa": "webapp01$"}])
def test_other_names_are_reported(fields: dict[str, str]) -> None:
    assert status(credspec_names(credspec(**fields), FARGATE)) is not Status.PASS


def test_a_secret_in_the_tasks_region_is_linked() -> None:
    assert secret_link(credspec(), PLACE) == Given(LinkedSecret(ARN), secret_link(credspec(), PLACE).finding)  # type: ignore[union-attr]


@pytest.mark.parametrize("arn", ["gmsa", ARN.replace("us-east-1", "eu-west-1")])
def test_another_link_fails(arn: str) -> None:
    assert status(secret_link(credspec(arn=arn), PLACE)) is Status.FAIL


@pytest.mark.parametrize(
    ("changes", "summary"),
    [
        ({"username": "CORP\\reader"}, "username includes its domain (DOMAIN\\user)"),
        (
            {"username": "reader@corp.example"},
            "logs on as user@domain@REALM",
        ),
        ({"username": "web$"}, "username ends in $, like the account of a machine or a gMSA"),
        ({"username": "a:b"}, "username contains a colon; old:new is a rotation on EC2 only"),
        ({"username": "a*b"}, "username contains a character that Credentials Fetcher rejects"),
        ({"username": ""}, "username is empty"),
        ({"username": None, "Username": "reader"}, "the key username is spelled Username (keys are case-sensitive)"),
        ({"password": None}, "password or passwordOfStandardUserAccount is missing"),
        ({"password": "p" * 300}, "password has 300 bytes, but Credentials Fetcher accepts"),
        (
            {"domainName": "corp"},
            "domainName is not a domain name that Credentials Fetcher accepts",
        ),
    ],
)
def test_a_defect_of_the_secret_is_described(changes: dict[str, str | None], summary: str) -> None:
    fields = {"username": "reader", "password": "secret", "domainName": "corp.example"} | changes
    text = json.dumps({key: value for key, value in fields.items() if value is not None})
    document = read_secret(text)
    assert isinstance(document, SecretDocument)
    names: Outcome[GmsaNames] = Outcome(None, skipped(""))
    found = secret_fields(SecretObject(ARN, document), FARGATE, names)
    assert isinstance(found, Finding)
    assert (found.status, summary in found.summary) == (Status.FAIL, True), found.summary


@pytest.mark.parametrize(
    "changes",
    [
        {"username": "reader:Canary-7319"},
        {"username": "CORP\\Canary-7319"},
        {"username": "Canary-7319@corp.example"},
        {"username": "Canary-7319$"},
        {"username": "Canary-7319*"},
        {"username": "Canary-7319"},
        {"domainName": "Canary-7319"},
        {"domainName": "Canary_7319.example"},
        {"domainName": "Canary-7319\u00e9!"},
        {"username": "Canary-7319 " * 30, "domainName": "Canary-7319" * 30},
    ],
)
def test_no_value_of_the_secret_is_shown_that_may_be_a_password(changes: dict[str, str]) -> None:
    fields = {"username": "reader", "password": "secret", "domainName": "corp.example"} | changes
    document = read_secret(json.dumps(fields))
    assert isinstance(document, SecretDocument)
    made = secret_fields(SecretObject(ARN, document), FARGATE, Outcome(None, skipped("")))
    assert "canary" not in repr(made.finding if isinstance(made, Given) else made).lower()
