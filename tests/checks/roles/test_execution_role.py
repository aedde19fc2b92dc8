"""IAM's decisions about the execution role, by values: everything is allowed, or nothing."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from gmsa_doctor.authoring import Finding, Outcome, Status, Stop, passed, skipped, unknown
from gmsa_doctor.clients.aws.iam import Role, SimulatedDecision
from gmsa_doctor.core.errors import NotFound
from gmsa_doctor.formats.documents.task_definition import read_task_definition
from gmsa_doctor.given.shared_values import CredSpecLocation, CredSpecObject, ExecutionRole, LinkedSecret
from gmsa_doctor.given.subject import AwsPlace, Launch, Platform, Subject
from gmsa_doctor.given.vantage import Caller
from gmsa_doctor_checks.roles.execution_role.credspec import execution_role_credspec, execution_role_ssm
from gmsa_doctor_checks.roles.execution_role.image import execution_role_image
from gmsa_doctor_checks.roles.execution_role.logs import execution_role_logs
from gmsa_doctor_checks.roles.execution_role.secret import execution_role_secret
from gmsa_doctor_checks.roles.execution_role.task_secrets import execution_role_task_secrets
from gmsa_doctor_checks.roles.execution_role.trust import execution_role_trust
from gmsa_doctor_checks.roles.log_group import log_group
from gmsa_doctor_checks.roles.request_network import Facts
from gmsa_doctor_checks.roles.simulation import PolicySimulator
from gmsa_doctor_checks.values import ImageSettings
from tests.command import a_task_definition

ACCOUNT = "123456789012"
ROLE = ExecutionRole(f"arn:aws:iam::{ACCOUNT}:role/web")
SUBJECT = Subject("demo/web", "demo", "web", "web:1")
PLACE = AwsPlace("us-east-1", ACCOUNT)
FARGATE = Platform(Launch.FARGATE)
SECRET = LinkedSecret(f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:gmsa-AbCdEf")
OBJECT = CredSpecLocation("arn:aws:s3:::credspecs/web.json", True, "credspecs", "web.json")
PARAMETER = CredSpecLocation(f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/gmsa", True, parameter="/gmsa")
READ: Outcome[Any] = Outcome(None, skipped("not read"))
BY_DECISION = [("allowed", Status.PASS), ("explicitDeny", Status.FAIL), ("implicitDeny", Status.FAIL)]
DEFINITION = read_task_definition(
    a_task_definition(
        container={
            "image": f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/web:1",
            "secrets": [{"name": "KEY", "valueFrom": f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/key"}],
            "logConfiguration": {
                "logDriver": "awslogs",
                "options": {"awslogs-group": "/ecs/web", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "web"},
            },
        }
    )
)


def missing(*_: object, **__: object) -> Any:
    raise NotFound("does not exist", "NoSuchEntity")


class Iam:
    """Gives the same decision for every question."""

    def __init__(self, decision: str, trust: str | None = None) -> None:
        self.decision, self.trust = decision, trust

    def simulate(
        self, role: str, actions: tuple[str, ...], resources: tuple[str, ...], context: object
    ) -> tuple[SimulatedDecision, ...]:
        return tuple(SimulatedDecision(action, resource, self.decision) for action in actions for resource in resources)

    def role(self, arn: str) -> Role:
        return missing() if self.trust is None else Role(arn, self.trust)


def simulator(decision: str = "allowed", trust: str | None = None, caller: Caller | None = None) -> PolicySimulator:
    iam: Any = Iam(decision, trust)
    facts: Any = SimpleNamespace(of=lambda request, keys: ((Facts(),), None))
    return PolicySimulator(iam, PLACE, Outcome(caller, passed("")), facts)


NOTHING: Any = SimpleNamespace(
    policy=lambda *_: None,
    bucket=missing,
    repository_policy=lambda *_: None,
    describe=lambda *_: {},
    has_group=lambda name: False,
)
"""S3, ECR, Secrets Manager and CloudWatch Logs without any resources."""
IMAGES = Outcome(ImageSettings(None), passed(""))


@pytest.mark.parametrize(("decision", "status"), BY_DECISION)
def test_reading_the_credspec(decision: str, status: Status) -> None:
    assert execution_role_credspec(ROLE, OBJECT, READ, NOTHING, simulator(decision)).status is status
    assert execution_role_ssm(ROLE, PARAMETER, READ, simulator(decision)).status is status


@pytest.mark.parametrize(("decision", "status"), BY_DECISION)
def test_reading_the_secret(decision: str, status: Status) -> None:
    assert execution_role_secret(ROLE, SECRET, READ, NOTHING, simulator(decision)).status is status


@pytest.mark.parametrize(("decision", "status"), BY_DECISION)
def test_what_ecs_does_before_the_container_starts(decision: str, status: Status) -> None:
    found = [
        execution_role_image(ROLE, DEFINITION, FARGATE, NOTHING, simulator(decision), IMAGES),
        execution_role_logs(ROLE, DEFINITION, FARGATE, NOTHING, simulator(decision)),
        execution_role_task_secrets(ROLE, DEFINITION, READ, FARGATE, NOTHING, simulator(decision)),
    ]
    assert [finding.status for finding in found] == [status] * 3


def test_some_roles_are_not_simulated() -> None:
    own = simulator(caller=Caller(ACCOUNT, "arn", is_execution_role=True))
    with pytest.raises(Stop):
        execution_role_image(ROLE, DEFINITION, FARGATE, NOTHING, own, IMAGES)
    found = CredSpecObject(OBJECT, 2, b"{}")
    assert execution_role_credspec(ROLE, OBJECT, Outcome(found, passed("")), NOTHING, own).status is Status.PASS
    with pytest.raises(Stop):
        execution_role_ssm(ROLE, PARAMETER, READ, simulator(caller=Caller("210987654321", "arn")))


def trust(service: str) -> str:
    return (
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", '
        f'"Principal": {{"Service": "{service}"}}}}]}}'
    )


@pytest.mark.parametrize(
    ("document", "status"),
    [
        (trust("ecs-tasks.amazonaws.com"), Status.PASS),
        (trust("ec2.amazonaws.com"), Status.FAIL),
        (None, Status.FAIL),
        ("nonsense", Status.UNKNOWN),
    ],
)
def test_ecs_may_assume_it(document: str | None, status: Status) -> None:
    assert execution_role_trust(ROLE, simulator(trust=document)).status is status


def test_a_missing_role_is_unknown_if_the_account_of_the_credentials_is() -> None:
    unproven = replace(simulator(), caller=Outcome(None, unknown("sts:GetCallerIdentity: the answer is not from AWS")))
    finding = execution_role_trust(ROLE, unproven)
    assert (finding.status, "sts:GetCallerIdentity" in finding.summary) == (Status.UNKNOWN, True)
    found = replace(unproven, iam=Iam("allowed", trust("ecs-tasks.amazonaws.com")))  # type: ignore[arg-type]
    assert execution_role_trust(ROLE, found).status is Status.PASS
    of_others = ExecutionRole("arn:aws:iam::210987654321:role/web")
    assert execution_role_trust(of_others, replace(found, iam=Elsewhere())).status is Status.SKIPPED  # type: ignore[arg-type]


class Elsewhere:
    """IAM of another account, which has a role of the same name."""

    def role(self, arn: str) -> Role:
        return Role(ROLE.arn, trust("ecs-tasks.amazonaws.com"))


@pytest.mark.parametrize(
    ("launch", "exists", "status"),
    [(Launch.FARGATE, True, Status.PASS), (Launch.FARGATE, False, Status.FAIL), (Launch.EC2, False, Status.WARN)],
)
def test_the_log_group_exists(launch: Launch, exists: bool, status: Status) -> None:
    logs: Any = SimpleNamespace(has_group=lambda name: exists)
    finding: Finding = log_group(DEFINITION, PLACE, Platform(launch), logs, SUBJECT)
    assert finding.status is status
