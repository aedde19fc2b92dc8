"""Whether the task definition names an execution role."""

from gmsa_doctor.authoring import Finding, Given, Status
from gmsa_doctor.formats.documents.task_definition import read_task_definition
from gmsa_doctor.given.shared_values import ExecutionRole
from gmsa_doctor.given.subject import AwsPlace, Launch, Platform, Subject
from gmsa_doctor_checks.roles.execution_role.present import execution_role
from tests.command import a_task_definition

PLACE = AwsPlace("us-east-1", None)
SUBJECT = Subject("demo/web", "demo", "web", "webapp:1")


def test_the_named_role_is_given() -> None:
    found = execution_role(read_task_definition(a_task_definition()), Platform(Launch.FARGATE), SUBJECT, PLACE)
    assert isinstance(found, Given)
    assert found.value == ExecutionRole("arn:aws:iam::123456789012:role/ecsTaskExecutionRole")


def test_a_missing_role_fails_on_fargate_and_warns_on_ec2() -> None:
    without = read_task_definition(a_task_definition(executionRoleArn=None))
    launches = (Launch.FARGATE, Launch.EC2)
    fargate, ec2 = (execution_role(without, Platform(launch), SUBJECT, PLACE) for launch in launches)
    assert isinstance(fargate, Finding)
    assert isinstance(ec2, Finding)
    assert (fargate.status, ec2.status) == (Status.FAIL, Status.WARN)
