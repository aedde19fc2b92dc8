"""Whether the roles of container instances may read the secret, by values."""

from types import SimpleNamespace
from typing import Any

import pytest

from gmsa_doctor.authoring import Outcome, Status, passed, skipped
from gmsa_doctor.clients.aws.iam import SimulatedDecision
from gmsa_doctor.formats.fetcher import Fetcher
from gmsa_doctor.given.shared_values import ContainerInstance, ContainerInstances, LinkedSecret
from gmsa_doctor.given.subject import AwsPlace, Launch, Platform
from gmsa_doctor_checks.roles.instance_role import instance_role_secret
from gmsa_doctor_checks.roles.request_network import Facts
from gmsa_doctor_checks.roles.simulation import PolicySimulator
from gmsa_doctor_checks.values import PrefixedArn

ACCOUNT = "123456789012"
SECRET = LinkedSecret(f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:gmsa-AbCdEf")
ON_EC2 = Platform(Launch.EC2, fetcher=Fetcher.V2)
NOT_READ: Outcome[Any] = Outcome(None, skipped("not read"))


def status(
    platform: Platform = ON_EC2, *, domainless: bool = True, decision: str = "allowed", instance: str | None = "i-1"
) -> Status:
    iam: Any = SimpleNamespace(
        role_of_profile=lambda profile: f"arn:aws:iam::{ACCOUNT}:role/instances",
        simulate=lambda role, actions, resources, context: tuple(
            SimulatedDecision(action, resource, decision) for action in actions for resource in resources
        ),
    )
    profile = {"InstanceId": "i-1", "IamInstanceProfile": {"Arn": f"arn:aws:iam::{ACCOUNT}:instance-profile/instances"}}
    ec2: Any = SimpleNamespace(instances=lambda ids: [profile])
    nothing: Any = SimpleNamespace(policy=lambda arn: None, describe=lambda arn: {}, key=lambda *_: None)
    members = ContainerInstances((ContainerInstance("demo/1", instance),))
    prefixed = PrefixedArn(domainless, "arn:aws:s3:::credspecs/web.json")
    facts: Any = SimpleNamespace(of=lambda request, keys: ((Facts(),), None))
    simulator = PolicySimulator(iam, AwsPlace("us-east-1", ACCOUNT), Outcome(None, passed("")), facts)
    return instance_role_secret(members, SECRET, NOT_READ, prefixed, platform, ec2, nothing, nothing, simulator).status


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({}, Status.PASS),
        ({"decision": "implicitDeny"}, Status.WARN),
        ({"platform": Platform(Launch.FARGATE)}, Status.PASS),
        ({"platform": Platform(Launch.EXTERNAL)}, Status.SKIPPED),
        ({"platform": Platform(Launch.EC2, fetcher=Fetcher.V1_3)}, Status.PASS),
        ({"domainless": False}, Status.PASS),
        ({"instance": None}, Status.SKIPPED),
    ],
)
def test_a_role_may_read_the_secret(given: dict[str, Any], wanted: Status) -> None:
    assert status(**given) is wanted
