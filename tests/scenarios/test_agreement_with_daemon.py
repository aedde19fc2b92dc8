"""Credentials Fetcher 1.3.6 was run on these secrets and CredSpecs in a domain like the lab's: same outcome here."""

import json
from pathlib import Path
from typing import Any

import pytest

from gmsa_doctor.authoring import Given, Outcome, Status, skipped
from gmsa_doctor.formats.documents.secret import SecretDocument, read_secret
from gmsa_doctor.formats.fetcher import Fetcher
from gmsa_doctor.given.shared_values import CredSpecLocation
from gmsa_doctor.given.subject import Launch, Platform
from gmsa_doctor_checks.credspec.document import credspec_document
from gmsa_doctor_checks.credspec.names import credspec_names
from gmsa_doctor_checks.credspec.secret import secret_fields
from gmsa_doctor_checks.values import SecretObject, SizedCredSpec
from tests.lab import accounts, ad
from tests.lab.ad import DomainController
from tests.lab.aws import EmbeddedAws
from tests.lab.environment import Environment
from tests.scenarios.changes import on_ec2
from tests.scenarios.judge import brief, run
from tests.scenarios.lab import Lab, Scenario

_FILE = Path(__file__).parent.parent / "samples/daemon_verdicts.json"
CASES: list[dict[str, Any]] = json.loads(_FILE.read_text())["cases"]
PLATFORM = Platform(Launch.EC2, fetcher=Fetcher.V1_3)
NO_SECRET = "credspec: truncated in the middle of the array"
"""What is left of this CredSpec names no secret. The daemon was given one; here, nothing can be proved without it."""


def secret_of(case: dict[str, Any]) -> dict[str, str]:
    right = accounts.PASSWORDS[accounts.READER]
    password = case["password"].replace("{RIGHT}", right).replace("{WRONG}", "not-the-password")
    return {"username": case["username"], "password": password, "domainName": case["domainName"]}


def is_refused_at_sight(case: dict[str, Any]) -> bool:
    """Whether the documents alone decide: then no scenario is needed."""
    document = read_secret(json.dumps(secret_of(case)))
    assert isinstance(document, SecretDocument)
    fields = secret_fields(SecretObject("arn", document), PLATFORM, Outcome(None, skipped("")))
    if not isinstance(fields, Given):
        return fields.status is Status.FAIL
    if case["credspec"] == "{HEALTHY}":
        return False
    sized = SizedCredSpec(
        CredSpecLocation("arn:aws:s3:::credspecs/web.json", True, "credspecs", "web.json"), case["credspec"].encode()
    )
    found = credspec_document(sized, PLATFORM)
    names = credspec_names(found.value, PLATFORM) if isinstance(found, Given) else found
    return not isinstance(names, Given) and names.status is Status.FAIL


def as_recorded(case: dict[str, Any]) -> Scenario:
    """The case's secret and CredSpec, in a task on EC2 with the version that was observed."""

    def change(it: Environment, lab: Lab) -> None:
        on_ec2(it, lab)
        it.arguments += ["--fetcher", "1.3"]
        it.secret = secret_of(case)
        if case["credspec"] != "{HEALTHY}":
            it.credspec = case["credspec"].replace("{SECRET_ARN}", "{secret_arn}").encode()

    return Scenario(case["case"], "", change)


DECIDED_BY_AD = [case for case in CASES if case["credspec"] and not is_refused_at_sight(case)]


@pytest.mark.parametrize("case", [case for case in CASES if case not in DECIDED_BY_AD], ids=lambda case: case["case"])
def test_what_the_documents_decide_is_an_error_of_the_daemon_or_the_agent(case: dict[str, Any]) -> None:
    assert case["start"] == "error"


@pytest.mark.parametrize("case", DECIDED_BY_AD, ids=lambda case: case["case"])
def test_the_verdict_is_the_outcome_of_the_daemon(case: dict[str, Any], dc: DomainController, aws: EmbeddedAws) -> None:
    before = ad.bad_password_count(dc, accounts.READER)
    ended = run(as_recorded(case), dc, aws)
    assert ad.bad_password_count(dc, accounts.READER) <= before + 1
    expected = "fail" if case["start"] == "error" else "unproven" if case["case"] == NO_SECRET else "pass"
    assert ended.document["verdict"] == expected, brief(ended)
