"""The embedded Step Functions: state machines whose tasks run in the embedded Fargate."""

import json
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from tests.lab.fargate_account import ROLE, Account, until
from tests.lab.step_functions import step_functions

MACHINE_ROLE = f"{ROLE}/machine"


class Machines:
    """An account whose state machines run."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.client = account.aws.client("stepfunctions")
        self.names = map("machine-{}".format, count())

    def start(self, states: dict[str, Any], content: object = None) -> str:
        """Start an execution of a state machine with these states, the first one first."""
        definition = json.dumps({"StartAt": next(iter(states)), "States": states})
        name = next(self.names)
        made = self.client.create_state_machine(name=name, definition=definition, roleArn=MACHINE_ROLE)
        arn, given = made["stateMachineArn"], json.dumps(content or {})
        answer = self.client.start_execution(stateMachineArn=arn, name=name, input=given)
        return str(answer["executionArn"])

    def run(self, states: dict[str, Any], content: object = None) -> dict[str, Any]:
        """Run it to its end, and return DescribeExecution's answer."""
        arn = self.start(states, content)
        return self.end_of(arn)

    def end_of(self, arn: str) -> dict[str, Any]:
        """Wait for the end of an execution."""
        until(lambda: self.client.describe_execution(executionArn=arn)["status"] != "RUNNING")
        found: dict[str, Any] = self.client.describe_execution(executionArn=arn)
        return found

    def task(self, script: str, **more: Any) -> dict[str, Any]:
        """Give a state that runs a script, which may use `$.item`."""
        command = f"States.Array(States.Format('item={{}}; {script}', $.item))"
        return {
            "Type": "Task",
            "Resource": "arn:aws:states:::ecs:runTask.sync",
            "Parameters": {
                "Cluster": "demo",
                "TaskDefinition": self.account.register("true"),
                "LaunchType": "FARGATE",
                "NetworkConfiguration": {"AwsvpcConfiguration": {"Subnets": self.account.subnets[:1]}},
                "Overrides": {"ContainerOverrides": [{"Name": "doctor", "Command.$": command}]},
            },
            "ResultSelector": {"containers.$": "$.Containers"},
            "End": True,
            **more,
        }

    def map_over(self, items: str, state: dict[str, Any], **more: Any) -> dict[str, Any]:
        """Give a Distributed Map over the items of an object in S3."""
        s3 = self.account.aws.client("s3")
        s3.create_bucket(Bucket="fleet")
        s3.put_object(Bucket="fleet", Key="items.json", Body=items.encode())
        return {
            "Type": "Map",
            "Label": "Items",
            "ItemReader": {
                "Resource": "arn:aws:states:::s3:getObject",
                "ReaderConfig": {"InputType": "JSON"},
                "Parameters": {"Bucket": "fleet", "Key": "items.json"},
            },
            "ItemSelector": {"item.$": "$$.Map.Item.Value"},
            "MaxConcurrency": 2,
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                "StartAt": "One",
                "States": {"One": state},
            },
            "End": True,
            **more,
        }

    def counts(self, arn: str) -> dict[str, int]:
        """Give the numbers of items of an execution's Map Run by their status."""
        (run,) = self.client.list_map_runs(executionArn=arn)["mapRuns"]
        return dict(self.client.describe_map_run(mapRunArn=run["mapRunArn"])["itemCounts"])


@pytest.fixture
def machines(account: Account) -> Iterator[Machines]:
    with step_functions(account.aws):
        yield Machines(account)


def retry(*errors: str, attempts: int = 1) -> dict[str, Any]:
    return {"Retry": [{"ErrorEquals": list(errors), "IntervalSeconds": 1, "MaxAttempts": attempts}]}


def test_a_task_runs_and_its_description_is_the_states_result(machines: Machines) -> None:
    ended = machines.run({"Only": machines.task("echo $item")}, {"item": "x"})
    assert ended["status"] == "SUCCEEDED"
    assert [one["ExitCode"] for one in json.loads(ended["output"])["containers"]] == [0]
    assert machines.account.lines() == ["x"]


def test_step_functions_acts_with_the_role_of_the_state_machine(machines: Machines) -> None:
    assert machines.run({"Only": machines.task("true")}, {"item": ""})["status"] == "SUCCEEDED"
    calls = machines.account.aws.calls_by("machine")
    assert set(calls) == {("ecs", "RunTask"), ("ecs", "DescribeTasks")}


def test_a_container_that_ends_with_another_code_than_0_fails_the_state(machines: Machines) -> None:
    ended = machines.run({"Only": machines.task("exit 70")}, {"item": ""})
    assert (ended["status"], ended["error"]) == ("FAILED", "States.TaskFailed")
    assert json.loads(ended["cause"])["Containers"][0]["ExitCode"] == 70


def test_a_task_that_failed_is_retried_as_often_as_the_definition_says(machines: Machines) -> None:
    ended = machines.run({"Only": machines.task("exit 70", **retry("States.TaskFailed", attempts=2))}, {"item": ""})
    assert ended["status"] == "FAILED"
    assert [task.exit_code for task in machines.account.fargate.tasks] == [70, 70, 70]


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("ThrottlingException", "ECS.AmazonECSException"),
        ("InvalidParameterException", "ECS.InvalidParameterException"),
    ],
)
def test_an_error_of_run_task_has_the_name_that_step_functions_gives_it(
    code: str, error: str, machines: Machines
) -> None:
    machines.account.aws.fail_with("ecs", "RunTask", code, "Rate exceeded", times=1)
    assert machines.run({"Only": machines.task("true")}, {"item": ""})["error"] == error
    machines.account.aws.fail_with("ecs", "RunTask", code, "Rate exceeded", times=1)
    assert machines.run({"Only": machines.task("true", **retry(error))}, {"item": ""})["status"] == "SUCCEEDED"


def test_run_task_without_capacity_fails_the_state(machines: Machines) -> None:
    machines.account.fargate.no_capacity(machines.account.subnets[0])
    ended = machines.run({"Only": machines.task("true")}, {"item": ""})
    assert (ended["status"], ended["error"]) == ("FAILED", "AmazonECS.Unknown")


def test_a_map_runs_a_task_for_each_item_of_an_object(machines: Machines) -> None:
    arn = machines.start({"All": machines.map_over('["a", "b", "c"]', machines.task("echo $item"))})
    assert machines.end_of(arn)["status"] == "SUCCEEDED"
    assert sorted(line for task in machines.account.fargate.tasks for line in task.output) == ["a", "b", "c"]
    assert machines.counts(arn)["succeeded"] == 3


@pytest.mark.parametrize(("tolerated", "status"), [(40.5, "SUCCEEDED"), (30.5, "FAILED")])
def test_a_map_fails_if_more_items_failed_than_are_tolerated(tolerated: float, status: str, machines: Machines) -> None:
    one = machines.task("test $item != b")
    arn = machines.start({"All": machines.map_over('["a", "b", "c"]', one, ToleratedFailurePercentage=tolerated)})
    ended = machines.end_of(arn)
    assert ended["status"] == status
    assert ended.get("error") == (None if status == "SUCCEEDED" else "States.ExceedToleratedFailureThreshold")
    assert machines.counts(arn)["failed"] == 1


def test_an_execution_that_is_stopped_stops_its_tasks(machines: Machines) -> None:
    one = machines.task("sleep 600")
    machines.account.fargate.stop_timeout = 0.1
    arn = machines.start({"All": machines.map_over('["a", "b", "c"]', one)})
    until(lambda: len(machines.account.fargate.running) == 2)
    machines.client.stop_execution(executionArn=arn)
    assert machines.end_of(arn)["status"] == "ABORTED"
    until(lambda: not machines.account.fargate.running)
    assert [task.stop_code for task in machines.account.fargate.tasks] == ["UserInitiated"] * 2
