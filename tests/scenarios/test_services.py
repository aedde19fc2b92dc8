"""Many services in one run: what they share is checked once, and the report is about causes, not about services."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from gmsa_doctor.report import schema
from tests.command import PACE, Ended, doctor
from tests.lab import accounts, ad
from tests.lab.ad import DomainController
from tests.lab.aws import ACCOUNT, EmbeddedAws
from tests.lab.creation import create
from tests.lab.environment import Created, Environment, healthy, task_definition
from tests.lab.quotas import Quotas

WRONG = "not-the-password"
ROLE_OF_NOBODY = f"arn:aws:iam::{ACCOUNT}:role/nobody"
NO_GMSA: dict[str, Any] = {"credentialSpecs": [], "environment": []}
NO_AD = DomainController(ip="127.77.0.1", state=Path("/nonexistent"))
"""Nothing is sent to it with `--live never`."""


@pytest.fixture
def counted(dc: DomainController) -> Iterator[DomainController]:
    """Give the domain controller, with no failed logon of the reader counted before or after."""
    ad.reset_bad_password_count(dc, accounts.READER)
    yield dc
    ad.reset_bad_password_count(dc, accounts.READER)


def stack(number: int) -> Environment:
    """A service with a task definition, a secret, a CredSpec and a VPC of its own."""
    family = f"web-{number}"
    own: dict[str, Any] = {"key": f"{family}.json", "secret_name": f"gmsa/{family}", "name": family}
    return replace(healthy(NO_AD), task_definition=task_definition(family), **own)


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


def document(environment: Environment, aws: EmbeddedAws, *options: str) -> dict[str, Any]:
    found = check(environment, aws, "--live", "never", "--json", *options).document
    jsonschema.validate(found, json.loads(schema.text()))
    return found


def roots(found: dict[str, Any]) -> dict[str, set[str]]:
    """The services of each root cause."""
    services: dict[str, set[str]] = {}
    for cause in found["root_causes"]:
        services.setdefault(cause["check"], set()).add(cause["subject"].split("/")[1])
    return services


@pytest.fixture
def demo(aws: EmbeddedAws) -> tuple[Environment, Created]:
    """The cluster `demo`: healthy and web-1 share a task definition; cache uses no gMSA."""
    environment = healthy(NO_AD)
    created = create(environment, aws)
    serve(aws, created, environment, "web-1")
    serve(aws, created, environment, "cache", family="cache", container=NO_GMSA)
    return environment, created


def test_a_fault_of_one_service_is_found_just_there(aws: EmbeddedAws, demo: tuple[Environment, Created]) -> None:
    environment, created = demo
    serve(aws, created, environment, "bare", family="bare", container={"credentialSpecs": ["credentialspec:x"]})
    found = document(environment, aws)
    assert list(roots(found).values()) == [{"bare"}]
    assert found["services_passed_over"] == 1
    assert [subject["facts"]["service"] for subject in found["subjects"]] == ["demo/bare", "demo/healthy", "demo/web-1"]


def test_a_shared_fault_is_one_root_cause_with_the_commands_of_one_service(
    aws: EmbeddedAws, demo: tuple[Environment, Created]
) -> None:
    environment, created = demo
    for name in ("a", "b", "c"):
        serve(aws, created, environment, name, family=name, executionRoleArn=ROLE_OF_NOBODY)
    ended = check(environment, aws, "--live", "never")
    assert ended.code == 1
    assert "Stops:    3 of 5 services: demo/a, demo/b, demo/c" in ended.out
    assert "1 service does not use a gMSA and was not checked" in ended.out


@pytest.mark.parametrize("kind", ["markdown", "html", "junit", "sarif", "github", "gitlab"])
def test_every_report_has_all_services(kind: str, aws: EmbeddedAws, demo: tuple[Environment, Created]) -> None:
    environment, created = demo
    serve(aws, created, environment, "a", "b", family="a", executionRoleArn=ROLE_OF_NOBODY)
    ended = check(environment, aws, "--live", "never", "--report", f"{kind}=-" if kind != "github" else kind)
    assert all(f"demo/{name}" in ended.out for name in ("a", "b")), ended.out[:2000]


def test_waivers_and_baselines_are_about_one_service(
    aws: EmbeddedAws, demo: tuple[Environment, Created], tmp_path: Path
) -> None:
    environment, created = demo
    serve(aws, created, environment, "a", "b", family="a", executionRoleArn=ROLE_OF_NOBODY)
    before, check_id = document(environment, aws), "execution-role.trust"
    assert roots(before) == {check_id: {"a", "b"}}
    waiver = f'[[waivers]]\ncheck = "{check_id}"\nsubject = "demo/a/*"\nreason = "known"\nexpires = 2099-01-01\n'
    (tmp_path / "gmsa-doctor.toml").write_text(waiver)
    waived = document(environment, aws, "--config", str(tmp_path / "gmsa-doctor.toml"))
    assert roots(waived) == {check_id: {"b"}}
    (tmp_path / "before.json").write_text(json.dumps(before))
    serve(aws, created, environment, "c", family="c", executionRoleArn=ROLE_OF_NOBODY)
    assert roots(document(environment, aws, "--baseline", str(tmp_path / "before.json"))) == {check_id: {"c"}}


def test_a_cluster_without_gmsa_services_has_nothing_to_check(aws: EmbeddedAws) -> None:
    aws.client("ecs").create_cluster(clusterName="demo")
    ended = check(healthy(NO_AD), aws)
    assert (ended.code, "NOTHING TO CHECK: no gMSA found" in ended.out) == (0, True)
    assert check(healthy(NO_AD), aws, "--require", "credspec").code == 3


def test_aws_that_permits_few_requests_leaves_nothing_unknown(aws: EmbeddedAws) -> None:
    created = [(it, create(it, aws)) for it in map(stack, range(4))]
    for number, (environment, made) in enumerate(created):
        serve(aws, made, environment, f"a-{number}", f"b-{number}")
    aws.quotas = Quotas(20, {"route53resolver": 5, "route53": 5}, second=PACE)
    found = document(created[0][0], aws)
    assert len(found["subjects"]) == 12
    assert found["counts"]["unknown"] == found["counts"]["error"] == 0


def test_one_policy_covers_several_services(aws: EmbeddedAws, demo: tuple[Environment, Created]) -> None:
    environment, created = demo
    serve(aws, created, environment, "other", family="other", executionRoleArn=ROLE_OF_NOBODY)
    env = aws.environ(environment.region)
    ended = doctor("iam-policy", "--cluster", "demo", "--service", "healthy", "--service", "oth*", env=env)
    assert (ended.code, ROLE_OF_NOBODY in ended.out, "ecsTaskExecutionRole" in ended.out) == (0, True, True)


@pytest.mark.parametrize("command", ["run", "krb5-conf"])
def test_commands_about_one_service_refuse_several(command: str, aws: EmbeddedAws) -> None:
    ended = doctor(command, "--cluster", "demo", "--service", "web-*", env=aws.environ("us-east-1"))
    assert (ended.code, "is about one service" in ended.err) == (2, True)


def test_a_wrong_password_that_40_services_share_is_tried_once(counted: DomainController, aws: EmbeddedAws) -> None:
    environment = healthy(counted)
    environment.secret = {"username": accounts.READER, "password": WRONG, "domainName": counted.domain}
    serve(aws, create(environment, aws), environment, *(f"web-{number}" for number in range(39)))
    ended = check(environment, aws, "--dns-server", counted.ip)
    assert ended.code == 1
    assert "Stops:    40 of 40 services: demo/healthy, " in ended.out
    assert ended.out.count("Root cause:") == 1
    assert ad.bad_password_count(counted, accounts.READER) == 1
