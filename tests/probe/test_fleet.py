"""`gmsa-doctor fleet --probe`: one task for all services that it checks equally, and one failed logon for a user."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.command import Ended, doctor
from tests.lab import accounts, ad
from tests.lab.ad import DomainController
from tests.lab.aws import ACCOUNT, EmbeddedAws
from tests.lab.environment import Created
from tests.probe.service import IMAGE, ROLE, left, made, named, without_log
from tests.scenarios import changes
from tests.scenarios.test_least_privilege import actions, printed


@pytest.fixture
def counted(dc: DomainController) -> Iterator[DomainController]:
    """Give the domain controller, with no failed logon of the reader counted before or after."""
    ad.reset_bad_password_count(dc, accounts.READER)
    yield dc
    ad.reset_bad_password_count(dc, accounts.READER)


def serve(client: Any, created: Created, *names: str, definition: str = "") -> None:
    """More services in the network of the first one, of its task definition or of another one."""
    network = {"subnets": [created.subnets[0]], "securityGroups": [created.security_group]}
    for name in names:
        client.create_service(
            cluster="demo",
            serviceName=name,
            taskDefinition=definition or created.task_definition_arn,
            desiredCount=0,
            launchType="FARGATE",
            platformVersion="1.4.0",
            networkConfiguration={"awsvpcConfiguration": {**network, "assignPublicIp": "DISABLED"}},
        )


def fleet(aws: EmbeddedAws, *options: str) -> Ended:
    return doctor("fleet", "--probe", "--image", IMAGE, "--json", *options, env=aws.environ(), seconds=180)


def finding(found: dict[str, Any], service: str, check: str) -> dict[str, Any]:
    """A finding of the service with this name."""
    (subject,) = (one for one in found["subjects"] if one["facts"]["service"] == service)
    findings = (found["findings"][number] for number in subject["findings"])
    return dict(next(one for one in findings if one["check"] == check))


def test_one_task_checks_all_services_with_the_same_network_and_role(dc: DomainController, aws: EmbeddedAws) -> None:
    with made(dc, aws) as (environment, created):
        ecs = aws.client("ecs")
        serve(ecs, created, "web-1", "web-2")
        known = ecs.describe_task_definition(taskDefinition=created.task_definition_arn)["taskDefinition"]
        other = {key: known[key] for key in environment.task_definition} | {"family": "other"}
        container = {**known["containerDefinitions"][0], "credentialSpecs": ["credentialspecdomainless:nothing"]}
        other["containerDefinitions"] = [container]
        definition = ecs.register_task_definition(**other)["taskDefinition"]["taskDefinitionArn"]
        serve(ecs, created, "other", definition=definition)
        ended = fleet(aws, "--yes")
        found = ended.document
        (task,) = aws.fargate.tasks
        assert left(aws) == []
    assert (ended.code, found["verdict"]) == (1, "fail"), ended.err
    assert [(cause["check"], len(cause["subjects"])) for cause in found["causes"]] == [("task-definition.arn", 1)]
    for name in ("healthy", "web-1", "web-2"):
        ticket = finding(found, f"demo/{name}", "kerberos.gmsa-ticket")
        assert (ticket["status"], ticket["vantage"]) == ("pass", "inside"), ticket
    vantages = {one["facts"]["service"]: one["facts"]["vantage"] for one in found["subjects"]}
    inside = f"outside, and from inside {created.subnets[0]}"
    probed = next(name for name, text in vantages.items() if text == inside and name != "demo/other")
    assert sorted(text for text in vantages.values() if text != inside) == [f"{inside} (probed by {probed}/web)"] * 2
    assert task.subnet == created.subnets[0]


def test_a_wrong_password_that_services_in_two_networks_share_is_tried_once(
    counted: DomainController, aws: EmbeddedAws, tmp_path: Path
) -> None:
    kept = ("--output-dir", str(tmp_path))
    wrong = changes.secret(password="not-the-password")
    with made(counted, aws, named("web-1"), wrong), made(counted, aws, named("web-2"), wrong):
        ended = fleet(aws, "--yes", *kept, "--run", "r")
        assert len(aws.fargate.tasks) == 2
        assert left(aws) == []
        (tmp_path / "r" / ACCOUNT / "us-east-1.json").unlink()
        resumed = fleet(aws, "--yes", *kept, "--resume", "r")
        assert len(aws.fargate.tasks) == 4
    assert (ended.code, resumed.code) == (1, 3), ended.err
    assert ad.bad_password_count(counted, accounts.READER) == 1
    logons = [finding(ended.document, f"demo/web-{number}", "kerberos.user-ticket") for number in (1, 2)]
    assert sorted(logon["status"] for logon in logons) == ["fail", "skipped"]


def test_what_was_not_probed_is_checked_from_outside(dc: DomainController, aws: EmbeddedAws) -> None:
    with made(dc, aws, without_log):
        ended = fleet(aws, "--yes")
    assert (ended.code, aws.fargate.tasks) == (3, [])
    assert "has no log group" in finding(ended.document, "demo/healthy", "probe.task")["summary"]


def test_without_a_terminal_it_asks_for_yes_and_starts_nothing(aws: EmbeddedAws) -> None:
    ended = fleet(aws)
    assert (ended.code, "give --yes" in ended.err, aws.fargate.tasks) == (2, True, [])
    useless = doctor("fleet", "--probe", "--yes", "--live", "auto", env=aws.environ())
    assert (useless.code, "--live has no effect with --probe" in useless.err) == (2, True)


def test_the_policy_for_it_is_enough_and_without_any_of_it_something_is_missing(
    dc: DomainController, aws: EmbeddedAws
) -> None:
    with made(dc, aws) as (_, created):
        named = ("--credspec", created.credspec_arn, "--execution-role", f"arn:aws:iam::{ACCOUNT}:role/{ROLE}")
        policy = printed("fleet-probe", *named, aws=aws)
        reading = printed("fleet-member", "--credspec", created.credspec_arn, aws=aws)
        aws.permit(policy)
        ended = fleet(aws, "--yes")
        assert (ended.code, ended.document["verdict"], left(aws)) == (0, "pass", []), ended.out[:3000]
        sent = {(service, call) for service, call in aws.calls if service in ("ecs", "logs")}
        asked = {action for action in IN_USE if tuple(action.split(":")) in sent}
        assert actions(policy) - actions(reading) - {"s3:DeleteObject"} == IN_USE
        unseen = {"iam:PassRole", "ecs:TagResource"}  # parts of other calls
        assert asked | {"ecs:StopTask"} == IN_USE - unseen  # only a task that still runs is stopped
        aws.permit(reading)
        denied = fleet(aws, "--yes").document
        assert "ecs:RegisterTaskDefinition" in finding(denied, "demo/healthy", "probe.task")["summary"]


IN_USE = {
    *("ecs:DeregisterTaskDefinition", "ecs:ListTaskDefinitions", "ecs:RegisterTaskDefinition", "ecs:RunTask"),
    *("ecs:StopTask", "ecs:TagResource", "iam:PassRole", "logs:DeleteLogStream", "logs:DescribeLogStreams"),
    "logs:GetLogEvents",
}
"""What only `fleet --probe` needs, not `fleet`."""
