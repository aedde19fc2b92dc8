"""The stack of gmsa-doctor fleet in the embedded AWS, and accounts for it to check."""

import json
from ast import literal_eval
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.deploy.templates import FLEET, FLEET_MEMBER, Template
from tests.lab.ad import DomainController
from tests.lab.aws import EmbeddedAws
from tests.lab.creation import create_in
from tests.lab.environment import Environment, healthy
from tests.lab.fargate_account import until

NO_AD = DomainController(ip="127.77.0.1", state=Path("/nonexistent"))
REGIONS = ("us-east-1", "eu-west-1")
ORGANIZATION = "o-a1b2c3d4e5"
EXTERNAL_ID = "a-word"
Fault = Callable[[Environment], object]


class FleetStack:
    """The stack, made by the embedded CloudFormation in the account 123456789012."""

    def __init__(self, aws: EmbeddedAws, **parameters: str) -> None:
        self.aws = aws
        aws.fargate.speed = 0.01
        ec2, cloudformation = aws.client("ec2"), aws.client("cloudformation")
        vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
        subnets = [ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.9.{n}.0/24")["Subnet"]["SubnetId"] for n in (1, 2)]
        group = ec2.create_security_group(GroupName="fleet", Description="fleet", VpcId=vpc)["GroupId"]
        given = {
            "ImageUri": "registry.example/gmsa-doctor:1",
            "SubnetIds": ",".join(subnets),
            "SecurityGroupIds": group,
            "Regions": ",".join(REGIONS),
            **parameters,
        }
        cloudformation.create_stack(
            StackName="fleet",
            TemplateBody=FLEET.read_text(),
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in given.items()],
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        (stack,) = cloudformation.describe_stacks(StackName="fleet")["Stacks"]
        assert stack["StackStatus"] == "CREATE_COMPLETE"
        self.outputs = {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}
        resources = cloudformation.list_stack_resources(StackName="fleet")["StackResourceSummaries"]
        self.ids = {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in resources if one["ResourceType"]}
        self._complete_task_definition()

    def _complete_task_definition(self) -> None:
        """Add what the embedded CloudFormation leaves out of a task definition."""
        properties = Template(FLEET).properties("TaskDefinition")
        definition = self.aws.backend("ecs").task_definitions[properties["Family"]][1]
        definition.requires_compatibilities = properties["RequiresCompatibilities"]
        definition.network_mode, definition.cpu = properties["NetworkMode"], properties["Cpu"]
        execution_role = self.aws.client("iam").get_role(RoleName=self.ids["ExecutionRole"])["Role"]["Arn"]
        definition.execution_role_arn, definition.task_role_arn = execution_role, self.outputs["TaskRoleArn"]

    def inline_policy(self, role: str) -> dict[str, Any]:
        """The policy of a role of the stack."""
        iam, name = self.aws.client("iam"), self.ids[role]
        (policy,) = iam.list_role_policies(RoleName=name)["PolicyNames"]
        document = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
        found: dict[str, Any] = literal_eval(document) if isinstance(document, str) else document  # as moto writes it
        return found

    def member(self, account: str, **parameters: str) -> dict[str, Any]:
        """Make the member stack in an account, and return the role's policy.

        The embedded CloudFormation needs a value for each parameter, since it takes no AWS::NoValue in lists.
        """
        given = {
            "OrganizationId": ORGANIZATION,
            "FleetRoleArn": self.outputs["TaskRoleArn"],
            "CredSpecBucketArns": "arn:aws:s3:::specs-*",
            "CredSpecParameterArns": "arn:aws:ssm:*:*:parameter/gmsa/*",
            "ReadSecrets": "yes",
            "ExternalId": EXTERNAL_ID,
            **parameters,
        }
        client = self.aws.account(account).client
        client("cloudformation").create_stack(
            StackName="member",
            TemplateBody=FLEET_MEMBER.read_text(),
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in given.items()],
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        arn = f"arn:aws:iam::{account}:policy/gmsa-doctor"
        document = client("iam").get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"]
        found: dict[str, Any] = json.loads(document) if isinstance(document, str) else document
        return found

    def account(self, name: str, faults: dict[str, Fault] | None = None, services: int = 1) -> str:
        """Make an account of the organization with services in each region; `faults` by region."""
        organizations = self.aws.client("organizations")
        answer = organizations.create_account(AccountName=name, Email=f"{name}@corp.example")
        id = str(answer["CreateAccountStatus"]["AccountId"])
        for region in REGIONS:
            for number in range(services):
                environment = replace(
                    healthy(NO_AD), region=region, directory=None, bucket=f"specs-{id}-{region}",
                    name=f"web{number}", key=f"web{number}.json", secret_name=f"gmsa/{region}/web{number}",
                )  # fmt: skip
                if number == services - 1 and faults and region in faults:
                    faults[region](environment)
                create_in(self.aws.account(id), environment)
        return id

    def start(self, run: str = "") -> str:
        """Start the state machine: a new run, or one that is continued."""
        answer = self.aws.client("stepfunctions").start_execution(
            stateMachineArn=self.outputs["StateMachineArn"],
            name=f"run-{len(self.executions)}",
            input=json.dumps({"run": run} if run else {}),
        )
        return str(answer["executionArn"])

    def end_of(self, execution: str) -> dict[str, Any]:
        """Wait for the end of an execution, and return DescribeExecution's answer."""
        client = self.aws.client("stepfunctions")
        until(lambda: client.describe_execution(executionArn=execution)["status"] != "RUNNING", seconds=60)
        found: dict[str, Any] = client.describe_execution(executionArn=execution)
        return found

    @property
    def executions(self) -> list[dict[str, Any]]:
        """All executions."""
        arn = self.outputs["StateMachineArn"]
        return list(self.aws.client("stepfunctions").list_executions(stateMachineArn=arn)["executions"])

    @property
    def commands(self) -> list[Sequence[str]]:
        """The commands of the tasks that were started."""
        return [task.override["command"] for task in self.aws.fargate.tasks]

    @property
    def shards(self) -> list[tuple[str, str]]:
        """Account and region of each task that checked a shard, in order of their start."""
        return [(one[3], one[5]) for one in self.commands if one[:2] == ["fleet", "shard"]]

    def report(self, run: str) -> Any:
        """The whole report of a run."""
        return json.loads(self.file(run, "fleet.json"))

    def file(self, run: str, name: str) -> bytes:
        """A file of a run."""
        answer = self.aws.client("s3").get_object(Bucket=self.outputs["BucketName"], Key=f"{run}/{name}")
        content: bytes = answer["Body"].read()
        return content
