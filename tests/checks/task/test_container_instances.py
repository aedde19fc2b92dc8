"""Container instances that support gMSA, and the registered task definition."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from gmsa_doctor.authoring import Finding, Given, Outcome, Status, passed, unknown
from gmsa_doctor.formats.documents.task_definition import read_task_definition
from gmsa_doctor.given.subject import AwsPlace, Controller, Deployments, Launch, Platform, Subject
from gmsa_doctor_checks.task.container_instances.gmsa import gmsa
from gmsa_doctor_checks.task.task_definition.registered import registered
from gmsa_doctor_checks.values import PrefixedArn
from tests.command import a_task_definition

SUBJECT = Subject("demo/web", "demo", "web", "webapp:1")
PLACE = AwsPlace("us-east-1", "123456789012")
DOMAINLESS = "ecs.capability.gmsa-domainless"


def instance(*attributes: str, id: str = "i-1") -> dict[str, Any]:
    arn = "arn:aws:ecs:us-east-1:123456789012:container-instance/demo/1"
    return {
        "containerInstanceArn": arn,
        "ec2InstanceId": id,
        "attributes": [{"name": name, "value": ""} for name in attributes],
    }


def status(launch: Launch, *instances: dict[str, Any]) -> Status:
    ecs: Any = SimpleNamespace(container_instances=lambda cluster: list(instances))
    prefixed = PrefixedArn(True, "arn:aws:s3:::credspecs/web.json")
    found = gmsa(prefixed, Platform(launch), read_task_definition(a_task_definition()), SUBJECT, PLACE, ecs)
    return found.finding.status if isinstance(found, Given) else found.status


@pytest.mark.parametrize(
    ("launch", "instances", "wanted"),
    [
        (Launch.FARGATE, (), Status.PASS),
        (Launch.EC2, (), Status.SKIPPED),
        (Launch.EC2, (instance(DOMAINLESS),), Status.PASS),
        (Launch.EC2, (instance(DOMAINLESS), instance()), Status.WARN),
        (Launch.EC2, (instance(),), Status.WARN),
        (Launch.EC2, (instance(DOMAINLESS), instance(id="mi-1")), Status.PASS),
        (Launch.EXTERNAL, (instance(id="mi-1"),), Status.WARN),
        (Launch.EXTERNAL, (instance(DOMAINLESS, id="mi-1"), instance()), Status.PASS),
        (Launch.EXTERNAL, (instance(DOMAINLESS),), Status.SKIPPED),
    ],
)
def test_instances_have_the_attribute(launch: Launch, instances: tuple[dict[str, Any], ...], wanted: Status) -> None:
    assert status(launch, *instances) is wanted


@pytest.mark.parametrize(("state", "wanted"), [("ACTIVE", Status.PASS), ("INACTIVE", Status.WARN)])
def test_the_task_definition_is_active(state: str, wanted: Status) -> None:
    definition = read_task_definition(a_task_definition(status=state))
    assert registered(Outcome(definition, passed("")), Deployments(), SUBJECT).status is wanted


@pytest.mark.parametrize(
    ("minutes", "starter", "wanted"),
    [(60, "arn:x", Status.FAIL), (2, "arn:x", Status.WARN), (60, "", Status.WARN)],
    ids=["a schedule", "a schedule, at once", "a service"],
)
def test_nothing_but_a_service_runs_tasks_of_a_deregistered_revision(
    minutes: int, starter: str, wanted: Status
) -> None:
    since = datetime.now(UTC) - timedelta(minutes=minutes)
    definition = read_task_definition(a_task_definition(status="INACTIVE", deregisteredAt=since))
    subject = replace(SUBJECT, starter=starter, controller=Controller.SCHEDULE if starter else Controller.ECS)
    assert registered(Outcome(definition, passed("")), Deployments(), subject).status is wanted


def test_a_task_definition_that_cannot_be_read_is_reported_with_the_error() -> None:
    denied: Finding = unknown("access denied")
    assert registered(Outcome(None, denied), Deployments(), SUBJECT) == denied
