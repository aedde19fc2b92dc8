"""The embedded Fargate: its faults, and the path of the log lines."""

import pytest
from botocore.exceptions import ClientError

from tests.lab.fargate_account import CREDSPEC, GROUP, Account, Answer, until


def printing(numbers: int) -> str:
    return f"for n in $(seq {numbers}); do echo line $n; done"


LINES = [f"line {n}" for n in range(1, 6)]


def test_there_may_be_no_capacity(account: Account) -> None:
    account.fargate.no_capacity(account.subnets[1])
    definition = account.register("true")
    reason = "Capacity is unavailable at this time. Please try again later or in a different availability zone"
    answer = account.run_task(definition, subnet=1)
    assert (answer["tasks"], answer["failures"]) == ([], [{"reason": reason}])
    assert len(account.run_task(definition, subnet=0)["tasks"]) == 1


def failing_to_start(account: Account, container: Answer | None = None, subnet: int = 0) -> tuple[str, str | None]:
    """Run a task that must not start, and give its stoppedReason and its container's reason."""
    definition = account.register("echo started", container)
    account.run_task(definition, subnet=subnet)
    task = account.fargate.tasks[-1]
    assert task.ended.wait(30)
    found = account.describe(task)
    assert found["stopCode"] == "TaskFailedToStart"
    assert "startedAt" not in found
    assert "exitCode" not in found["containers"][0]
    assert task.output == []
    return found["stoppedReason"], found["containers"][0].get("reason")


def test_an_image_may_not_be_found(account: Account) -> None:
    account.fargate.cannot_pull(account.subnets[1])
    text = (
        "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref "
        "registry.example/tools/shell:1: not found"
    )
    assert failing_to_start(account, subnet=1) == (text, text)
    assert account.run("true")["stopCode"] == "EssentialContainerExited"


def test_an_image_that_nobody_has_named_is_not_found(account: Account) -> None:
    reason, _ = failing_to_start(account, {"image": "web"})
    assert reason.endswith("failed to resolve ref docker.io/library/web:latest: not found")


def test_a_task_may_fail_to_start_for_any_reason(account: Account) -> None:
    account.fargate.stop_reason("Timeout waiting for network interface provisioning to complete.", account.subnets[0])
    assert failing_to_start(account) == ("Timeout waiting for network interface provisioning to complete.", None)


def test_the_dns_of_one_subnet_may_be_out_of_reach(account: Account) -> None:
    account.dhcp(domain_name_servers=["127.0.0.53"])
    account.fargate.dns_cut(account.subnets[1])
    definition = account.register("cat /etc/resolv.conf")
    found = []
    for subnet in (0, 1):
        account.run_task(definition, subnet=subnet)
        assert account.fargate.tasks[-1].ended.wait(30)
        found += account.lines()
    assert found[0] == "nameserver 127.0.0.53"
    assert found[1].startswith("nameserver 127.77.")


def test_credentials_fetcher_may_fail_for_tasks_with_credential_specs(account: Account) -> None:
    account.fargate.credentials_fetcher_fails("Cannot get gMSA krb ticket")
    assert failing_to_start(account, CREDSPEC) == ("Cannot get gMSA krb ticket", None)
    assert account.run("true")["stopCode"] == "EssentialContainerExited"


def test_a_container_may_be_killed_for_its_memory(account: Account) -> None:
    account.fargate.kill_after(0.2)
    found = account.run("echo up; trap '' TERM; sleep 600")
    (container,) = found["containers"]
    assert found["stopCode"] == "EssentialContainerExited"
    assert container["exitCode"] == 137
    assert container["reason"] == "OutOfMemoryError: Container killed due to memory usage"


def test_a_missing_log_group_keeps_a_task_from_starting(account: Account) -> None:
    account.aws.client("logs").delete_log_group(logGroupName=GROUP)
    reason, _ = failing_to_start(account)
    assert reason == (
        "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: "
        "failed to create Cloudwatch log stream: ResourceNotFoundException: "
        "The specified log group does not exist. : exit status 1"
    )


def test_a_missing_log_group_can_be_made(account: Account) -> None:
    account.aws.client("logs").delete_log_group(logGroupName=GROUP)
    options = {"awslogs-group": GROUP, "awslogs-stream-prefix": "run", "awslogs-create-group": "true"}
    assert account.output("echo up", {"logConfiguration": {"logDriver": "awslogs", "options": options}}) == "up"


def test_an_execution_role_that_may_not_write_logs_keeps_a_task_from_starting(account: Account) -> None:
    account.aws.deny("logs", "CreateLogStream", role="pull")
    reason, _ = failing_to_start(account)
    assert "AccessDeniedException: User: arn:aws:sts::123456789012:assumed-role/pull/" in reason


def test_faults_of_the_api_strike_here_too(account: Account) -> None:
    definition = account.register("true")
    account.aws.deny("ecs", "RunTask", times=1)
    with pytest.raises(ClientError, match="is not authorized to perform: ecs:RunTask"):
        account.run_task(definition)
    account.aws.throttle("ecs", "DescribeTasks", times=1)
    with pytest.raises(ClientError, match="Rate exceeded"):
        account.ecs.describe_tasks(cluster="demo", tasks=["0123"])


def test_both_outputs_are_in_the_log_stream_as_they_come(account: Account) -> None:
    script = "trap 'printf rest; exit' TERM; echo out; sleep 0.3; echo err >&2; echo; while :; do sleep 0.05; done"
    task = account.start(script)
    until(lambda: len(task.output) == 2)
    until(lambda: account.lines(task) == ["out", "err"])
    assert account.fargate.running == [task]
    account.ecs.stop_task(cluster="demo", task=task.id)
    assert task.ended.wait(30)
    assert account.lines() == ["out", "err", "rest"]


def test_lines_are_cut_after_16_kib(account: Account) -> None:
    account.run("head -c 40000 /dev/zero | tr '\\0' x; echo; echo next")
    assert [len(line) for line in account.lines()] == [16384, 16384, 40000 - 32768, 4]


def test_lines_can_be_lost(account: Account) -> None:
    account.fargate.logs_lost(2, -1)
    account.run(printing(5))
    assert account.lines() == ["line 1", "line 3", "line 4"]
    assert account.fargate.tasks[0].output == LINES


def test_lines_can_be_doubled(account: Account) -> None:
    account.fargate.logs_duplicated()
    account.run(printing(2))
    assert account.lines() == ["line 1", "line 1", "line 2", "line 2"]


def test_lines_can_come_in_another_order(account: Account) -> None:
    account.fargate.logs_shuffled()
    account.run(printing(5))
    assert account.lines() != LINES
    assert sorted(account.lines()) == LINES


def test_lines_can_come_when_the_task_has_stopped(account: Account) -> None:
    account.fargate.logs_late(0.5, account.subnets[0])
    account.run(printing(5))
    assert account.lines() == []
    until(lambda: account.lines() == LINES)


def test_late_lines_do_not_come_after_a_reset(account: Account) -> None:
    account.fargate.logs_late(600)
    account.run(printing(5))
    account.aws.reset()
    assert account.fargate.tasks == []
