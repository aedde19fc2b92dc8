"""An AWS account in which a test runs tasks."""

import time
from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config

from tests.lab.aws import EmbeddedAws
from tests.lab.fargate_task import Task

ROLE = "arn:aws:iam::123456789012:role"
KEY = "AKIAIOSFODNN7EXAMPLE"
SHELL = "registry.example/tools/shell:1"
GROUP = "/ecs/one-off"
CREDSPEC = {"credentialSpecs": ["credentialspecdomainless:arn:aws:s3:::credspecs/web.json"]}
Answer = dict[str, Any]


class Account:
    """An AWS account with a cluster and a VPC of two subnets, and the means to run a shell in them."""

    def __init__(self, aws: EmbeddedAws) -> None:
        self.aws = aws
        self.fargate = aws.fargate
        self.fargate.run_as(SHELL, "/bin/sh", "-c")
        ec2 = aws.client("ec2")
        self.vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.subnets = [
            ec2.create_subnet(VpcId=self.vpc, CidrBlock=f"10.0.{n}.0/24")["Subnet"]["SubnetId"] for n in (1, 2)
        ]
        aws.client("ecs").create_cluster(clusterName="demo")
        aws.client("logs").create_log_group(logGroupName=GROUP)
        session: Any = boto3.Session(KEY, "none")
        config = Config(retries={"max_attempts": 0}, proxies={})
        self.ecs = session.client("ecs", region_name="us-east-1", endpoint_url=aws.endpoint, config=config)

    def dhcp(self, **options: list[str]) -> None:
        """Give the VPC these DHCP options; `_` in their names stands for `-`."""
        ec2 = self.aws.client("ec2")
        wanted = [{"Key": name.replace("_", "-"), "Values": values} for name, values in options.items()]
        made = ec2.create_dhcp_options(DhcpConfigurations=wanted)["DhcpOptions"]["DhcpOptionsId"]
        ec2.associate_dhcp_options(DhcpOptionsId=made, VpcId=self.vpc)

    def register(self, script: str, container: Answer | None = None, **changes: Any) -> str:
        """Register a task definition for the script."""
        options = {"awslogs-group": GROUP, "awslogs-region": "us-east-1", "awslogs-stream-prefix": "run"}
        definition: Answer = {
            "family": "probe",
            "requiresCompatibilities": ["FARGATE"],
            "networkMode": "awsvpc",
            "cpu": "256",
            "memory": "512",
            "taskRoleArn": f"{ROLE}/ecsTaskExecutionRole",
            "executionRoleArn": f"{ROLE}/pull",
            "containerDefinitions": [
                {
                    "name": "doctor",
                    "image": SHELL,
                    "memory": 512,
                    "command": [script],
                    "logConfiguration": {"logDriver": "awslogs", "options": options},
                    **(container or {}),
                }
            ],
            **changes,
        }
        answer = self.ecs.register_task_definition(**definition)
        return str(answer["taskDefinition"]["taskDefinitionArn"])

    def run_task(self, definition: str, subnet: int = 0, **changes: Any) -> Answer:
        """RunTask in one subnet."""
        network = {"awsvpcConfiguration": {"subnets": [self.subnets[subnet]]}}
        arguments: Answer = {"cluster": "demo", "launchType": "FARGATE", "networkConfiguration": network, **changes}
        answer: Answer = self.ecs.run_task(taskDefinition=definition, **arguments)
        return answer

    def start(self, script: str, container: Answer | None = None, **changes: Any) -> Task:
        """Start a task that runs the script."""
        self.run_task(self.register(script, container), **changes)
        return self.fargate.tasks[-1]

    def run(self, script: str, container: Answer | None = None, **changes: Any) -> Answer:
        """Run a task to its end, and return DescribeTasks' answer."""
        task = self.start(script, container, **changes)
        assert task.ended.wait(30)
        return self.describe(task)

    def describe(self, task: Task, **more: Any) -> Answer:
        """DescribeTasks of one task."""
        (found,) = self.ecs.describe_tasks(cluster="demo", tasks=[task.arn], **more)["tasks"]
        return dict(found)

    def events(self, task: Task | None = None) -> list[Answer]:
        """Give the events in the log stream of a task, by default of the last one."""
        task_id = (task or self.fargate.tasks[-1]).id
        answer = self.aws.client("logs").get_log_events(
            logGroupName=GROUP, logStreamName=f"run/doctor/{task_id}", startFromHead=True
        )
        return list(answer["events"])

    def lines(self, task: Task | None = None) -> list[str]:
        """Give the log lines of a task, by default of the last one."""
        return [event["message"] for event in self.events(task)]

    def output(self, script: str, container: Answer | None = None, **changes: Any) -> str:
        """Run the script in a task and return its output."""
        self.run(script, container, **changes)
        return "\n".join(self.lines())


def until(condition: Callable[[], object], seconds: float = 20) -> None:
    """Wait for something that must come."""
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.02)
