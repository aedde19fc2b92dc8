"""The embedded Fargate: what the ECS API returns for tasks, and how they stop."""

import os
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.lab.aws import embedded_aws
from tests.lab.fargate_account import Account, Answer, until


def code_and_text(error: pytest.ExceptionInfo[ClientError]) -> tuple[str, str]:
    answer = error.value.response["Error"]
    return answer["Code"], answer["Message"]


def test_a_task_goes_through_the_states_of_a_real_one(account: Account) -> None:
    account.fargate.speed = 0.3
    account.start("sleep 0.3; exit 3")
    task = account.fargate.tasks[0]
    seen: list[str] = []
    while not seen or seen[-1] != "STOPPED":
        status = account.describe(task)["lastStatus"]
        seen += [] if seen and seen[-1] == status else [status]
        time.sleep(0.02)
    assert seen == ["PROVISIONING", "PENDING", "RUNNING", "DEPROVISIONING", "STOPPED"]


def test_run_task_answers_before_anything_has_started(account: Account) -> None:
    tags = [{"key": "gmsa-doctor", "value": "run-1"}]
    definition = account.register("true")
    answer = account.run_task(definition, startedBy="run-1", tags=tags, platformVersion="LATEST")
    (task,) = answer["tasks"]
    assert answer["failures"] == []
    assert task["taskArn"].startswith("arn:aws:ecs:us-east-1:123456789012:task/demo/")
    assert task["clusterArn"] == "arn:aws:ecs:us-east-1:123456789012:cluster/demo"
    assert task["taskDefinitionArn"] == definition
    assert (task["lastStatus"], task["desiredStatus"]) == ("PROVISIONING", "RUNNING")
    assert (task["launchType"], task["platformVersion"]) == ("FARGATE", "1.4.0")
    assert (task["startedBy"], task["group"], task["tags"]) == ("run-1", "family:probe", tags)
    assert "startedAt" not in task


def test_a_task_that_has_ended_tells_why_and_where_it_was(account: Account) -> None:
    task = account.run("exit 3")
    assert (task["lastStatus"], task["desiredStatus"]) == ("STOPPED", "STOPPED")
    assert (task["stopCode"], task["stoppedReason"]) == (
        "EssentialContainerExited",
        "Essential container in task exited",
    )
    assert task["createdAt"] <= task["startedAt"] <= task["stoppedAt"]
    (container,) = task["containers"]
    assert (container["name"], container["exitCode"], container["lastStatus"]) == ("doctor", 3, "STOPPED")
    assert "reason" not in container
    (attachment,) = task["attachments"]
    details = {one["name"]: one["value"] for one in attachment["details"]}
    assert details["subnetId"] == account.subnets[0]
    assert details["networkInterfaceId"].startswith("eni-")
    assert details["privateIPv4Address"].startswith("10.0.1.")


def test_a_task_that_dies_of_a_signal_has_its_number_in_the_exit_code(account: Account) -> None:
    assert account.run("sh -c 'kill -SEGV $$'; exit $?")["containers"][0]["exitCode"] == 139


def test_tags_are_told_to_who_asks_for_them(account: Account) -> None:
    task = account.start("true", tags=[{"key": "gmsa-doctor", "value": "run-1"}])
    assert account.describe(task)["tags"] == []
    assert account.describe(task, include=["TAGS"])["tags"] == [{"key": "gmsa-doctor", "value": "run-1"}]


def test_an_unknown_task_is_a_failure_of_describe_tasks(account: Account) -> None:
    answer = account.ecs.describe_tasks(cluster="demo", tasks=["0123"])
    assert answer["tasks"] == []
    arn = "arn:aws:ecs:us-east-1:123456789012:task/demo/0123"
    assert answer["failures"] == [{"arn": arn, "reason": "MISSING"}]


def test_a_client_token_starts_one_task_only(account: Account) -> None:
    definition = account.register("true")
    first, second = (account.run_task(definition, clientToken="token") for _ in range(2))
    assert first["tasks"][0]["taskArn"] == second["tasks"][0]["taskArn"]
    assert len(account.fargate.tasks) == 1


def test_tasks_are_listed_by_what_they_are_wanted_for(account: Account) -> None:
    running, other = account.start("sleep 60", startedBy="a"), account.start("sleep 60", startedBy="b")
    ended = account.start("true")
    assert ended.ended.wait(30)
    pages = account.ecs.get_paginator("list_tasks")

    def listed(**wanted: Any) -> list[str]:
        found = pages.paginate(cluster="demo", PaginationConfig={"PageSize": 1}, **wanted)
        return [arn for page in found for arn in page["taskArns"]]

    assert listed() == listed(family="probe", desiredStatus="RUNNING") == [running.arn, other.arn]
    assert listed(startedBy="b") == [other.arn]
    assert listed(desiredStatus="STOPPED") == [ended.arn]
    assert listed(family="another") == []
    assert account.fargate.running == [running, other]


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        ({"cluster": "none"}, "ClusterNotFoundException", "Cluster not found."),
        ({"taskDefinition": "none"}, "ClientException", "TaskDefinition not found."),
        ({"launchType": "EC2"}, "InvalidParameterException", "No Container Instances were found in your cluster."),
        ({"networkConfiguration": {}}, "InvalidParameterException", "Network Configuration must be provided"),
        (
            {"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}},
            "InvalidParameterException",
            "Error retrieving subnet information for [subnet-1]: ",
        ),
        (
            {"overrides": {"containerOverrides": [{"name": "web", "command": ["x"]}]}},
            "InvalidParameterException",
            "Override for container named web is not a container in the TaskDefinition.",
        ),
        (
            {"overrides": {"containerOverrides": [{"name": "doctor", "command": ["x" * 8192]}]}},
            "InvalidParameterException",
            "Container Overrides length must be at most 8192",
        ),
        ({"startedBy": "a b"}, "InvalidParameterException", "startedBy"),
    ],
)
def test_run_task_refuses_what_cannot_be(account: Account, arguments: Answer, code: str, text: str) -> None:
    definition = arguments.pop("taskDefinition", None) or account.register("true")
    with pytest.raises(ClientError) as caught:
        account.run_task(definition, **arguments)
    found, message = code_and_text(caught)
    assert found == code
    assert message.startswith(text)
    assert account.fargate.tasks == []


def test_an_inactive_task_definition_is_not_run(account: Account) -> None:
    definition = account.register("true")
    account.ecs.deregister_task_definition(taskDefinition=definition)
    with pytest.raises(ClientError, match="TaskDefinition is inactive"):
        account.run_task(definition)


def test_a_task_definition_has_a_greatest_size(account: Account) -> None:
    with pytest.raises(ClientError, match="Max allowed length is '65536' bytes"):
        account.register("x" * 65536)


def test_logs_need_an_execution_role(account: Account) -> None:
    with pytest.raises(ClientError, match="execution role ARN to support log driver awslogs"):
        account.register("true", executionRoleArn="")


def stopped(account: Account, script: str, container: Answer | None = None) -> Answer:
    """Stop a task whose script has printed something."""
    task = account.start(script, container)
    until(lambda: task.output)
    answer = account.ecs.stop_task(cluster="demo", task=task.id, reason="enough")["task"]
    assert (answer["lastStatus"], answer["desiredStatus"]) == ("RUNNING", "STOPPED")
    assert task.ended.wait(30)
    found = account.describe(task)
    assert (found["stopCode"], found["stoppedReason"]) == ("UserInitiated", "enough")
    return found


def test_a_container_that_heeds_sigterm_ends_in_its_own_way(account: Account) -> None:
    script = "trap 'echo bye; exit 9' TERM; echo up; while :; do sleep 0.05; done"
    assert stopped(account, script)["containers"][0]["exitCode"] == 9
    assert account.lines() == ["up", "bye"]


def test_a_first_process_that_does_not_heed_sigterm_is_killed_in_the_end(account: Account) -> None:
    account.fargate.stop_timeout = 0.2
    assert stopped(account, "echo up; exec sleep 600")["containers"][0]["exitCode"] == 137


def test_an_init_process_passes_sigterm_on(account: Account) -> None:
    init = {"linuxParameters": {"initProcessEnabled": True}}
    assert stopped(account, "echo up; exec sleep 600", init)["containers"][0]["exitCode"] == 143
    assert account.run("exit 4", init)["containers"][0]["exitCode"] == 4


def test_a_task_can_be_stopped_before_its_container_runs(account: Account) -> None:
    account.fargate.speed = 0.3
    task = account.start("echo up")
    account.ecs.stop_task(cluster="demo", task=task.arn)
    assert task.ended.wait(30)
    found = account.describe(task)
    assert found["stopCode"] == "UserInitiated"
    assert "exitCode" not in found["containers"][0]
    assert task.output == []


def test_stopping_a_task_that_has_ended_changes_nothing(account: Account) -> None:
    before = account.run("exit 3")
    account.ecs.stop_task(cluster="demo", task=before["taskArn"], reason="too late")
    assert account.describe(account.fargate.tasks[0]) == before


def test_an_unknown_task_cannot_be_stopped(account: Account) -> None:
    with pytest.raises(ClientError) as caught:
        account.ecs.stop_task(cluster="demo", task="0123")
    assert code_and_text(caught) == ("InvalidParameterException", "The referenced task was not found.")


def pids_of(marker: str) -> list[int]:
    """The processes with this word in their command line."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
        except OSError:
            continue
        found += [int(pid)] if marker.encode() in words else []
    return found


def test_a_reset_ends_all_that_was_started(account: Account) -> None:
    marker = f"600.{os.getpid()}"
    task = account.start(f"trap '' TERM; sleep {marker} & echo up; sleep {marker}")
    until(lambda: len(pids_of(marker)) == 2)
    account.aws.reset()
    assert pids_of(marker) == []
    assert account.fargate.tasks == []
    assert task.ended.is_set()


def test_the_end_of_the_context_ends_all_that_was_started() -> None:
    marker = f"601.{os.getpid()}"
    with embedded_aws() as aws:
        task = Account(aws).start(f"echo up; exec sleep {marker}")
        until(lambda: pids_of(marker))
        assert not task.ended.is_set()
    assert pids_of(marker) == []
