"""What a schedule, a rule or a state machine starts is found, and what is wrong with its name is reported."""

import os
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from gmsa_doctor.core.errors import UsageError
from gmsa_doctor.core.model import Finding, Status
from gmsa_doctor.formats.documents.task_definition import TaskDefinition
from gmsa_doctor.given.request import Request
from gmsa_doctor.given.subject import Controller, Launch, Network, Platform
from gmsa_doctor.subjects import discovery
from gmsa_doctor.subjects.source import FoundSubject
from tests.lab.ad import DomainController
from tests.lab.aws import ACCOUNT, EmbeddedAws
from tests.lab.creation import create
from tests.lab.environment import Created, healthy
from tests.scenarios.lab import Change, Lab
from tests.scenarios.task_starts import rule, schedule, state_machine


@pytest.fixture(autouse=True)
def variables(aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in aws.variables().items():
        monkeypatch.setenv(name, value)


def made(change: Change, aws: EmbeddedAws) -> Created:
    controller = DomainController(ip="127.77.0.1", state=Path("/nonexistent"))
    environment = healthy(controller)
    with ExitStack() as stack:
        change(environment, Lab(controller, aws, stack))
    return create(environment, aws)


def find(**request: Any) -> tuple[FoundSubject, ...]:
    return discovery.discover(Request(region="us-east-1", **request), None).subjects


@pytest.mark.parametrize(
    ("change", "request_", "name", "controller", "arn"),
    [
        (schedule(), {"schedule": "nightly"}, "default/nightly/web", Controller.SCHEDULE, "schedule/default/nightly"),
        (rule(), {"rule": "default/on-upload"}, "default/on-upload/web", Controller.RULE, "rule/on-upload"),
        (
            state_machine(),
            {"state_machine": "exports"},
            "exports/Export/web",
            Controller.STATE_MACHINE,
            "stateMachine:exports",
        ),
    ],
    ids=["schedule", "rule", "state machine"],
)
def test_a_start_gives_what_a_service_would_give(
    change: Change, request_: dict[str, Any], name: str, controller: Controller, arn: str, aws: EmbeddedAws
) -> None:
    created = made(change, aws)
    (found,) = find(**request_)
    subject = found.subject
    assert (subject.name, subject.cluster, subject.service, subject.task_definition) == (name, "demo", None, "webapp:1")
    assert (subject.controller, subject.starter.endswith(arn)) == (controller, True)
    assert found.values[Network] == Network((created.subnets[0],), (created.security_group,), False)
    assert found.values[Platform] == Platform(Launch.FARGATE)
    by_arn = dict.fromkeys(request_, subject.starter)
    assert find(**by_arn) == (found,)


@pytest.mark.parametrize(
    ("change", "request_", "says"),
    [
        (schedule(), {"schedule": "nightli"}, "no schedule nightli in the group default in us-east-1. Did you mean"),
        (schedule(), {"schedule": "other/nightly"}, "no schedule nightly in the group other in us-east-1."),
        (rule(), {"rule": "on-uplod"}, "no rule on-uplod of the event bus default in us-east-1. Did you mean"),
        (state_machine(), {"state_machine": "export"}, "no state machine export in us-east-1. Did you mean exports?"),
        (schedule(), {"rule": f"arn:aws:ecs:us-east-1:{ACCOUNT}:rule/x"}, "neither a name nor an ARN like arn:aws:ev"),
        (
            schedule(EcsParameters=None, Arn=f"arn:aws:sqs:us-east-1:{ACCOUNT}:queue"),
            {"schedule": "nightly"},
            "--schedule nightly starts no ECS task",
        ),
        (
            schedule(),
            {"schedule": "nightly", "subnets": ("subnet-1",), "typed": frozenset({"--subnets"})},
            "--subnets: no effect, since the schedule default/nightly has its own network configuration",
        ),
        (
            schedule(),
            {"schedule": "nightly", "cluster": "prod", "typed": frozenset({"--cluster"})},
            "--cluster: no effect, since the schedule default/nightly names the cluster",
        ),
        (
            state_machine({"Cluster": None}),
            {"state_machine": "exports", "cluster": "prod", "typed": frozenset({"--cluster"})},
            "the state machine exports names no cluster, and RunTask uses the cluster default",
        ),
        (
            schedule(),
            {"schedule": "nightly", "launch_type": Launch.EC2, "typed": frozenset({"--launch-type"})},
            "--launch-type: no effect",
        ),
        (
            schedule(),
            {"schedule": "nightly", "assign_public_ip": True, "typed": frozenset({"--assign-public-ip"})},
            "--assign-public-ip: no effect, since the schedule default/nightly has its own network configuration",
        ),
        (
            state_machine({"NetworkConfiguration": None, "NetworkConfiguration.$": "$.network"}),
            {"state_machine": "exports", "assign_public_ip": True, "typed": frozenset({"--assign-public-ip"})},
            "--assign-public-ip: no effect without --subnets",
        ),
    ],
)
def test_what_cannot_be_meant_is_reported(
    change: Change, request_: dict[str, Any], says: str, aws: EmbeddedAws
) -> None:
    made(change, aws)
    with pytest.raises(UsageError) as caught:
        find(**request_)
    assert says in str(caught.value)


def test_subnets_of_an_execution_can_be_given(aws: EmbeddedAws) -> None:
    made(state_machine({"NetworkConfiguration": None, "NetworkConfiguration.$": "$.network"}), aws)
    (found,) = find(state_machine="exports", subnets=("subnet-1",), typed=frozenset({"--subnets"}))
    assert found.values[Network] == Network(("subnet-1",))


_VPC = {"Subnets": ["subnet-1"], "AssignPublicIp": "DISABLED"}


@pytest.mark.parametrize(
    ("vpc", "request_", "network"),
    [
        ({"SecurityGroups.$": "$.groups"}, {}, Network(("subnet-1",), (), False, groups_vary=True)),
        (
            {"SecurityGroups.$": "$.groups"},
            {"security_groups": ("sg-1",), "typed": frozenset({"--security-groups"})},
            Network(("subnet-1",), ("sg-1",), False),
        ),
        (
            {"SecurityGroups": ["sg-1"], "AssignPublicIp": None, "AssignPublicIp.$": "$.public"},
            {},
            Network(("subnet-1",), ("sg-1",)),
        ),
        (
            {"SecurityGroups": ["sg-1"], "AssignPublicIp": None, "AssignPublicIp.$": "$.public"},
            {"assign_public_ip": True, "typed": frozenset({"--assign-public-ip"})},
            Network(("subnet-1",), ("sg-1",), True),
        ),
        ({}, {}, Network(("subnet-1",), (), False)),
    ],
    ids=["groups vary", "groups are given", "the public address varies", "a public address", "the default group"],
)
def test_a_part_of_the_network_that_each_start_gives_is_not_known(
    vpc: dict[str, Any], request_: dict[str, Any], network: Network, aws: EmbeddedAws
) -> None:
    made(state_machine({"NetworkConfiguration": {"AwsvpcConfiguration": {**_VPC, **vpc}}}), aws)
    (found,) = find(state_machine="exports", **request_)
    assert found.values[Network] == network


def test_a_task_definition_of_another_account_may_exist_there(aws: EmbeddedAws) -> None:
    made(state_machine({"TaskDefinition": f"arn:aws:ecs:us-east-1:{'2' * 12}:task-definition/webapp:7"}), aws)
    (found,) = find(state_machine="exports")
    finding = found.values[TaskDefinition]
    assert isinstance(finding, Finding)
    assert finding.status is Status.UNKNOWN


def test_a_capacity_provider_that_each_start_gives_is_not_known(aws: EmbeddedAws) -> None:
    strategy = [{"CapacityProvider.$": "$.provider", "Weight": 1}]
    made(state_machine({"LaunchType": None, "CapacityProviderStrategy": strategy}), aws)
    (found,) = find(state_machine="exports")
    platform = found.values[Platform]
    assert isinstance(platform, Platform)
    assert platform.providers == ()


def test_a_cluster_that_each_start_gives_is_not_known_and_can_be_given(aws: EmbeddedAws) -> None:
    made(state_machine({"Cluster": None, "Cluster.$": "$.cluster", "LaunchType": None}), aws)
    (found,) = find(state_machine="exports")
    assert found.subject.cluster is None
    (found,) = find(state_machine="exports", cluster="demo", typed=frozenset({"--cluster"}))
    assert found.subject.cluster == "demo"


def test_a_start_without_a_launch_type_may_have_capacity_providers(aws: EmbeddedAws) -> None:
    made(schedule(), aws)
    aws.client("scheduler").update_schedule(
        Name="nightly",
        ScheduleExpression="rate(1 day)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={
            "Arn": f"arn:aws:ecs:us-east-1:{ACCOUNT}:cluster/demo",
            "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/r",
            "EcsParameters": {
                "TaskDefinitionArn": f"arn:aws:ecs:us-east-1:{ACCOUNT}:task-definition/webapp",
                "CapacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT"}],
            },
        },
    )
    (found,) = find(schedule="nightly")
    assert found.values[Platform] == Platform(Launch.FARGATE, providers=("FARGATE_SPOT",))


def test_a_definition_that_is_not_json_is_reported(aws: EmbeddedAws) -> None:
    made(state_machine(), aws)
    (machine,) = aws.backend("stepfunctions").state_machines
    machine.definition = "{"
    with pytest.raises(UsageError, match="the definition of the state machine exports is not JSON"):
        find(state_machine="exports")
