"""Many services in one run: what they share is checked once, and the report is about causes, not about services."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.command import Ended, doctor
from tests.lab import accounts, ad
from tests.lab.ad import DomainController
from tests.lab.aws import EmbeddedAws
from tests.lab.creation import create
from tests.lab.environment import Created, Environment, healthy

WRONG = "not-the-password"


@pytest.fixture
def counted(dc: DomainController) -> Iterator[DomainController]:
    """Give the domain controller, with no failed logon of the reader counted before or after."""
    ad.reset_bad_password_count(dc, accounts.READER)
    yield dc
    ad.reset_bad_password_count(dc, accounts.READER)


def serve(aws: EmbeddedAws, created: Created, environment: Environment, *names: str, **changes: Any) -> None:
    """Create more services in the network of the environment, of its task definition or of a changed one."""
    ecs, definition = aws.client("ecs"), created.task_definition_arn
    if changes:
        known = ecs.describe_task_definition(taskDefinition=definition)["taskDefinition"]
        kept = {key: known[key] for key in environment.task_definition}
        container = {**kept["containerDefinitions"][0], **changes.pop("container", {})}
        new = {**kept, "containerDefinitions": [container], **changes}
        definition = ecs.register_task_definition(**new)["taskDefinition"]["taskDefinitionArn"]
    network = {"subnets": [created.subnets[0]], "securityGroups": [created.security_group]}
    for name in names:
        ecs.create_service(
            cluster=environment.cluster,
            serviceName=name,
            taskDefinition=definition,
            desiredCount=0,
            launchType="FARGATE",
            networkConfiguration={"awsvpcConfiguration": network},
        )


def check(environment: Environment, aws: EmbeddedAws, *options: str) -> Ended:
    return doctor("check", "--cluster", environment.cluster, *options, env=aws.environ(environment.region))


def test_a_wrong_password_that_40_services_share_is_tried_once(counted: DomainController, aws: EmbeddedAws) -> None:
    environment = healthy(counted)
    environment.secret = {"username": accounts.READER, "password": WRONG, "domainName": counted.domain}
    serve(aws, create(environment, aws), environment, *(f"web-{number}" for number in range(39)))
    ended = check(environment, aws, "--dns-server", counted.ip)
    assert ended.code == 1
    assert "Stops:    40 of 40 services: demo/healthy, " in ended.out
    assert ended.out.count("Root cause:") == 1
    assert ad.bad_password_count(counted, accounts.READER) == 1
