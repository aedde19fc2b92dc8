"""The CloudFormation templates made in the embedded AWS, as far as it goes.

It makes no schedules, alarms and topic policies out of a template, nothing that depends on a condition made of others,
no list with AWS::NoValue in it, and gives roles no managed policies: for those there are cfn-lint and the tests of the
templates as data.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.templates import ACCOUNT, CREDSPEC, KEYS, NIGHTLY, ROLES, RUN_ROLE, SECRETS, statements
from tests.lab.aws import EmbeddedAws

pytestmark = pytest.mark.filterwarnings("ignore:Tried to parse:UserWarning")

HERE = f"us-east-1:{ACCOUNT}"
COMMON = {"ClusterName": "prod", "CredSpecArn": CREDSPEC, "SecretArns": SECRETS[0], "KmsKeyArns": KEYS[0]}


def made(aws: EmbeddedAws, path: Path, **parameters: str) -> tuple[dict[str, str], dict[str, str]]:
    """Create a stack: its outputs, and its resources' own ids by their names in the template."""
    cloudformation = aws.client("cloudformation")
    given = [{"ParameterKey": name, "ParameterValue": value} for name, value in {**COMMON, **parameters}.items()]
    cloudformation.create_stack(
        StackName=path.stem, TemplateBody=path.read_text(), Parameters=given, Capabilities=["CAPABILITY_IAM"]
    )
    (stack,) = cloudformation.describe_stacks(StackName=path.stem)["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    resources = cloudformation.list_stack_resources(StackName=path.stem)["StackResourceSummaries"]
    outputs = {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}
    return outputs, {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in resources if one["ResourceType"]}


def as_document(policy: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(policy) if isinstance(policy, str) else policy
    return found


def test_the_run_roles_stack_makes_a_role_and_the_policy(aws: EmbeddedAws) -> None:
    outputs, ids = made(
        aws,
        RUN_ROLE,
        ExecutionRoleArns=",".join(ROLES),
        LogGroupName="/ecs/web",
        ReportBucket="reports",
        PrincipalArn=f"arn:aws:iam::{ACCOUNT}:root",
    )
    iam = aws.client("iam")
    arn = outputs["PolicyArn"]
    assert iam.get_role(RoleName=ids["RunRole"])["Role"]["Arn"] == outputs["RoleArn"]
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    stored = statements(
        as_document(iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"])
    )
    assert stored["PassProbeRoles"]["Resource"] == sorted(ROLES)
    assert stored["FindCredSpec"]["Resource"] == ["arn:aws:s3:::credspecs"]
    assert stored["Decrypt"]["Resource"] == KEYS
    assert stored["StartProbes"]["Condition"] == {"ArnEquals": {"ecs:cluster": f"arn:aws:ecs:{HERE}:cluster/prod"}}


def test_the_nightly_stack_makes_a_task_definition_with_roles_a_log_and_a_topic(aws: EmbeddedAws) -> None:
    ec2 = aws.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="web", Description="web", VpcId=vpc)["GroupId"]
    outputs, ids = made(
        aws,
        NIGHTLY,
        ImageUri="registry.example/gmsa-doctor:1",
        RepositoryArn=f"arn:aws:ecr:{HERE}:repository/gmsa-doctor",
        ServiceName="web",
        ExecutionRoleArns=ROLES[0],
        SubnetIds=subnet,
        SecurityGroupIds=group,
        NotificationEmail="team@corp.example",
    )
    ecs, iam = aws.client("ecs"), aws.client("iam")
    definition = ecs.describe_task_definition(taskDefinition=outputs["TaskDefinitionArn"])["taskDefinition"]
    (container,) = definition["containerDefinitions"]
    assert container["command"][:7] == ["check", "--region", "us-east-1", "--cluster", "prod", "--service", "web"]
    assert container["logConfiguration"]["options"]["awslogs-group"] == outputs["LogGroupName"]
    for role, policy in (("ExecutionRole", "pull-and-log"), ("TaskRole", "check"), ("ScheduleRole", "start")):
        assert iam.list_role_policies(RoleName=ids[role])["PolicyNames"] == [policy]
    (subscription,) = aws.client("sns").list_subscriptions()["Subscriptions"]
    assert (subscription["TopicArn"], subscription["Endpoint"]) == (outputs["TopicArn"], "team@corp.example")
