"""What the image sets is read from Amazon ECR, if it is there; called with values."""

from dataclasses import dataclass
from typing import Any, cast

import pytest

from gmsa_doctor.clients.aws.ecr import Ecr
from gmsa_doctor.clients.aws.ecs import Ecs
from gmsa_doctor.core.errors import ClientError, Denied, NotFound, Throttled, TimedOut
from gmsa_doctor.core.model import Finding, Given, Outcome, Status, skipped
from gmsa_doctor.formats.aws.image_config import ImageConfig
from gmsa_doctor.formats.documents.located import Open
from gmsa_doctor.formats.documents.task_definition import Container, TaskDefinition
from gmsa_doctor.given.subject import AwsPlace, ChosenContainer, Launch, Platform, Subject
from gmsa_doctor.given.vantage import Caller
from gmsa_doctor_checks.task.task_definition.image import image
from gmsa_doctor_checks.values import CredentialSpec, ImageSettings

SPEC = CredentialSpec("credentialspecdomainless:arn:aws:s3:::credspecs/web.json")
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/web:1"
FARGATE = Platform(Launch.FARGATE)
SUBJECT = Subject("web", None, None, "web:1")
NO_ECS: Outcome[Ecs] = Outcome(None, skipped("offline"))
CALLER = Outcome(Caller("123456789012", "arn"), Finding(Status.PASS, ""))


@dataclass
class Registry:
    """ECR, with one image; or an error instead of its manifest."""

    error: Exception | None = None
    config_text: str = '{"config": {"User": "1654", "Env": ["KRB5CCNAME=/tmp/krb5cc", "PASSWORD=x"]}}'

    def has_image(self, repository: str, reference: str, account: str) -> bool:
        return True

    def manifest(self, repository: str, account: str, reference: str) -> str:
        if self.error:
            raise self.error
        assert (repository, account, reference) == ("web", "123456789012", "1")
        return '{"config": {"digest": "sha256:abc"}}'

    def config(self, repository: str, account: str, digest: str) -> str:
        assert digest == "sha256:abc"
        return self.config_text


def ask(
    name: str | None = IMAGE, registry: Registry | None = None, platform: Platform = FARGATE, **fields: Any
) -> Given[ImageSettings]:
    found: Outcome[Ecr] = Outcome(cast("Ecr", registry or Registry()), Finding(Status.PASS, ""))
    chosen = ChosenContainer(Container("web", image=name, **fields))
    definition = TaskDefinition("web", (chosen.container,) if chosen.container else ())
    result = image(
        SPEC, chosen, definition, platform, AwsPlace("us-east-1", "123456789012"), found, CALLER, SUBJECT, NO_ECS
    )
    assert isinstance(result, Given)
    return result


def test_of_the_image_only_its_user_and_the_ticket_variables_are_kept() -> None:
    found = ask()
    assert isinstance(found, Given)
    assert found.value == ImageSettings(ImageConfig("1654", (("KRB5CCNAME", "/tmp/krb5cc"),)))


@pytest.mark.parametrize(
    ("name", "registry", "status"),
    [
        ("registry.example/web:1", None, Status.PASS),
        (IMAGE.replace("us-east-1", "eu-west-1"), None, Status.PASS),
        (Open("${Image}"), None, Status.SKIPPED),
        (None, None, Status.SKIPPED),
        (IMAGE, Registry(NotFound("no such image", "ImageNotFound")), Status.SKIPPED),
        (IMAGE, Registry(config_text="<html>"), Status.SKIPPED),
    ],
)
def test_what_cannot_or_need_not_be_read_is_no_fault(
    name: str | None, registry: Registry | None, status: Status
) -> None:
    found = ask(name, registry)
    assert isinstance(found, Given)
    assert (found.value, found.finding.status) == (ImageSettings(None), status)
    assert found.finding.summary.startswith("not read: ")


def test_an_image_whose_settings_are_overridden_need_not_be_read() -> None:
    assert ask(user="root", environment=(("KRB5CCNAME", "/x"),)).finding.status is Status.PASS


@pytest.mark.parametrize("error", [Throttled("slow down"), TimedOut("api.ecr", 5)])
def test_an_image_that_ecr_did_not_answer_about_is_unknown(error: ClientError) -> None:
    assert ask(registry=Registry(error)).finding.status is Status.UNKNOWN


def test_without_aws_nothing_is_read() -> None:
    chosen, place = ChosenContainer(Container("web", image=IMAGE)), AwsPlace("us-east-1", None)
    offline: Outcome[Ecr] = Outcome(None, skipped("offline"))
    found = image(SPEC, chosen, TaskDefinition("web", ()), FARGATE, place, offline, CALLER, SUBJECT, NO_ECS)
    assert isinstance(found, Given)
    assert found.finding.summary == "not read: offline"


def test_a_denied_request_is_unknown_with_the_action() -> None:
    found = ask(registry=Registry(Denied("ecr:BatchGetImage", "web", "no"))).finding
    assert (found.status, "ecr:BatchGetImage" in found.summary) == (Status.UNKNOWN, True)


def test_windows_containers_are_skipped() -> None:
    assert ask(platform=Platform(Launch.EC2, windows=True)).finding.status is Status.SKIPPED
