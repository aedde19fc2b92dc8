"""AWS CLI commands in fixes have the region, the subject's names, and what its deployment controller accepts."""

import json
import shlex
import shutil
import subprocess

import pytest

from gmsa_doctor.checking.aws_commands import in_region, with_aws_commands
from gmsa_doctor.core.model import Fix
from gmsa_doctor.given.subject import Controller, Subject
from gmsa_doctor_checks.task.revisions import register_again

SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:gmsa-AbCdEf"
SERVICE = Subject("demo/web/web", "demo", "web", "web:3")
UPDATE = "aws ecs update-service --cluster demo --service web --task-definition web"


@pytest.mark.parametrize(
    ("command", "completed"),
    [
        ("aws ecs list-clusters", "aws ecs list-clusters --region us-east-1"),
        ("aws ecs list-clusters --region eu-west-1", "aws ecs list-clusters --region eu-west-1"),
        ("aws s3 cp 's3://b/; aws s3 rm' x", "aws s3 cp --region us-east-1 's3://b/; aws s3 rm' x"),
        (f"aws kms x --key-id k --arn {SECRET}", f"aws kms x --region us-east-1 --key-id k --arn {SECRET}"),
        (
            f"(umask 077; aws secretsmanager get-secret-value --secret-id {SECRET} > s)",
            f"(umask 077; aws secretsmanager get-secret-value --region eu-west-1 --secret-id {SECRET} > s)",
        ),
        (
            "app=$(aws deploy get-deployment) && aws logs tail x",
            "app=$(aws deploy get-deployment --region us-east-1) && aws logs tail --region us-east-1 x",
        ),
        ("aws iam list-roles", "aws iam list-roles"),
        ("aws organizations describe-organization", "aws organizations describe-organization"),
        ("aws sso login", "aws sso login"),
        ("sudo systemctl restart ecs", "sudo systemctl restart ecs"),
    ],
)
def test_each_call_of_a_regional_service_has_a_region(command: str, completed: str) -> None:
    assert in_region(command, "us-east-1") == completed


def test_outside_the_partition_aws_a_global_service_needs_a_region_too() -> None:
    assert in_region("aws iam list-roles", "cn-north-1") == "aws iam list-roles --region cn-north-1"


def test_placeholders_become_the_names_of_the_service() -> None:
    fix = Fix("Update it.", ("aws ecs describe-services --cluster '<cluster>' --services '<service>'",))
    assert with_aws_commands(fix, SERVICE, None).commands == (
        "aws ecs describe-services --cluster demo --services web",
    )
    assert with_aws_commands(fix, Subject("web", None, None, "web:3"), None).commands == fix.commands


def test_a_rolling_update_stays_as_it_is() -> None:
    assert with_aws_commands(Fix("Update it.", (UPDATE,)), SERVICE, None) == Fix("Update it.", (UPDATE,))


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ("--task-definition web", "set TaskDefinition to the ARN of the new revision"),
        ("--platform-version LATEST", "set PlatformVersion to LATEST"),
        ("--network-configuration 'awsvpcConfiguration={}'", "set NetworkConfiguration to awsvpcConfiguration={}"),
        ("--force-new-deployment", "change nothing"),
    ],
)
def test_codedeploy_gets_a_new_deployment(option: str, says: str) -> None:
    subject = Subject("demo/web/web", "demo", "web", "web:3", controller=Controller.CODE_DEPLOY, deployment="d-1")
    update = f"aws ecs update-service --cluster demo --service web {option}"
    fix = with_aws_commands(Fix("Update it.", (update,)), subject, "us-east-1")
    assert "CodeDeploy deploys web" in fix.text
    assert says in fix.text
    assert not any("update-service" in command for command in fix.commands)
    assert "--region us-east-1 --deployment-id d-1" in fix.commands[0]
    assert fix.commands[-1].startswith("aws deploy create-deployment --region us-east-1")


def test_references_count_the_commands_that_an_update_becomes() -> None:
    subject = Subject("demo/web/web", "demo", "web", "web:3", controller=Controller.CODE_DEPLOY)
    fix = Fix("1. List them (command 1). 2. Update it (commands 2 and 3).", ("aws s3 ls", "true", UPDATE))
    completed = with_aws_commands(fix, subject, None)
    assert completed.text.startswith("1. List them (command 1). 2. Update it (commands 2 to 7).")
    assert len(completed.commands) == 7


def test_an_external_controller_gets_a_new_task_set() -> None:
    subject = Subject("demo/web/web", "demo", "web", "web:3", controller=Controller.EXTERNAL)
    fix = with_aws_commands(Fix("Update it.", (UPDATE,)), subject, None)
    assert "external controller" in fix.text
    assert [command.split()[2] for command in fix.commands if command.startswith("aws")] == [
        "describe-task-sets",
        "create-task-set",
        "update-service-primary-task-set",
    ]


@pytest.mark.parametrize(
    ("controller", "part", "says"),
    [
        (Controller.SCHEDULE, "", 'Target.EcsParameters, set NetworkConfiguration to {"awsvpcConfiguration": {'),
        (Controller.SCHEDULE, "Input", 'text Target.Input, set NetworkConfiguration to {"AwsvpcConfiguration": {'),
        (Controller.RULE, "task", 'of the target task, set NetworkConfiguration to {"awsvpcConfiguration": {'),
        (Controller.STATE_MACHINE, "Run", 'the state Run, set NetworkConfiguration to {"AwsvpcConfiguration": {'),
    ],
)
def test_a_network_of_a_start_is_set_as_json(controller: Controller, part: str, says: str) -> None:
    subject = Subject("nightly/web", "demo", None, "web:3", controller=controller, starter="arn:x", part=part)
    network = "awsvpcConfiguration={subnets=[subnet-1,subnet-2],securityGroups=[sg-1],assignPublicIp=DISABLED}"
    update = f"aws ecs update-service --cluster demo --service '<service>' --network-configuration '{network}'"
    fix = with_aws_commands(Fix("Change it.", (update,)), subject, None)
    inner = '"Subnets": ["subnet-1", "subnet-2"], "SecurityGroups": ["sg-1"], "AssignPublicIp": "DISABLED"}}.'
    assert f"{says}{inner}" in fix.text


@pytest.mark.parametrize(
    ("controller", "starter", "part", "says", "calls"),
    [
        (
            Controller.SCHEDULE,
            "arn:aws:scheduler:us-east-1:123456789012:schedule/jobs/nightly",
            "",
            "jobs/nightly starts the task: in schedule.json, in Target.EcsParameters, set TaskDefinitionArn to",
            ["scheduler get-schedule", "scheduler update-schedule"],
        ),
        (
            Controller.RULE,
            "arn:aws:events:us-east-1:123456789012:rule/on-upload",
            "task",
            "on-upload starts the task: in targets.json, in EcsParameters of the target task, set TaskDefinitionArn to",
            ["events list-targets-by-rule", "events put-targets"],
        ),
        (
            Controller.STATE_MACHINE,
            "arn:aws:states:us-east-1:123456789012:stateMachine:exports:live",
            "Export",
            "in state-machine.json, in Parameters or Arguments of the state Export, set TaskDefinition to",
            ["stepfunctions describe-state-machine", "stepfunctions update-state-machine"],
        ),
    ],
)
def test_what_starts_the_task_is_changed(
    controller: Controller, starter: str, part: str, says: str, calls: list[str]
) -> None:
    subject = Subject("nightly/web", "demo", None, "web:3", controller=controller, starter=starter, part=part)
    fix = with_aws_commands(register_again("Change it", subject), subject, "us-east-1")
    assert says in fix.text
    assert f"update {controller.words} to it" in fix.text
    changing = [command for command in fix.commands if command.startswith("aws")][2:]
    assert [" ".join(command.split()[1:3]) for command in changing] == calls
    assert not any("exports:live" in command for command in changing)
    again = Fix("Start it again.", ("aws ecs update-service --cluster demo --service web --force-new-deployment",))
    assert with_aws_commands(again, subject, None).commands[0].startswith("# the next task that the ")


@pytest.mark.skipif(not shutil.which("jq"), reason="jq is not installed")
@pytest.mark.parametrize("tags", [[], [{"key": "team", "value": "web"}]])
def test_a_new_revision_keeps_the_tags(tags: list[dict[str, str]]) -> None:
    (command,) = (one for one in register_again("Change it", SERVICE).commands if "jq" in one)
    program = shlex.split(command.partition(" | jq ")[2])[0]
    answer = {"taskDefinition": {"family": "web", "revision": 3, "status": "ACTIVE"}, "tags": tags}
    made = subprocess.run(["jq", program], input=json.dumps(answer), capture_output=True, text=True, check=True)
    assert json.loads(made.stdout) == {"family": "web", **({"tags": tags} if tags else {})}
