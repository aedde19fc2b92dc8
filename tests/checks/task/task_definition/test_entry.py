"""An entry of credentialSpecs: its prefix, its ARN, and the entry that was registered."""

from typing import Any

import pytest

from gmsa_doctor.authoring import Finding, Given, Status
from gmsa_doctor.formats.documents.task_definition import read_task_definition
from gmsa_doctor.given.request import Intended
from gmsa_doctor.given.subject import AwsPlace, ChosenContainer, Launch, Platform, Subject
from gmsa_doctor_checks.task.task_definition.arn import arn
from gmsa_doctor_checks.task.task_definition.lost_in_registration import lost_in_registration
from gmsa_doctor_checks.task.task_definition.prefix import prefix
from gmsa_doctor_checks.values import CredentialSpec, PrefixedArn
from tests.command import a_task_definition

ARN = "arn:aws:s3:::credspecs/web.json"
FARGATE = Platform(Launch.FARGATE)
PLACE = AwsPlace("us-east-1", "123456789012")
SUBJECT = Subject("demo/web", "demo", "web", "webapp:1")
DEFINITION = read_task_definition(a_task_definition())
CHOSEN = ChosenContainer(DEFINITION.containers[0])


def status(found: Finding | Given[Any]) -> Status:
    return found.finding.status if isinstance(found, Given) else found.status


def test_an_exact_prefix_is_removed() -> None:
    found = prefix(CredentialSpec(f"credentialspecdomainless:{ARN}"), FARGATE, SUBJECT)
    assert isinstance(found, Given)
    assert found.value == PrefixedArn(True, ARN)


@pytest.mark.parametrize("text", [ARN, f"CredentialSpec:{ARN}", f"credentialspec:{ARN}'"])
def test_another_prefix_fails(text: str) -> None:
    assert status(prefix(CredentialSpec(text), FARGATE, SUBJECT)) is Status.FAIL


def test_the_arn_of_an_object_gives_its_bucket_and_key() -> None:
    found = arn(PrefixedArn(True, ARN), FARGATE, PLACE, SUBJECT)
    assert isinstance(found, Given)
    assert (found.value.bucket, found.value.key) == ("credspecs", "web.json")


@pytest.mark.parametrize("text", ["s3://credspecs/web.json", "arn:aws:s3:::credspecs", "arn:aws:s3:::credspecs/a#b"])
def test_a_text_that_is_not_the_arn_of_an_object_fails(text: str) -> None:
    assert status(arn(PrefixedArn(True, text), FARGATE, PLACE, SUBJECT)) is Status.FAIL


def test_the_file_is_compared_with_the_registered_task_definition() -> None:
    same = Intended("td.json", (DEFINITION,))
    changed = a_task_definition(container={"credentialSpecs": [f"credentialspec:{ARN}"]})
    other = Intended("td.json", (read_task_definition(changed),))
    spec = CredentialSpec(DEFINITION.containers[0].credential_specs[0])
    assert status(lost_in_registration(spec, CHOSEN, DEFINITION, same, SUBJECT)) is Status.PASS
    assert status(lost_in_registration(spec, CHOSEN, DEFINITION, other, SUBJECT)) is Status.WARN
