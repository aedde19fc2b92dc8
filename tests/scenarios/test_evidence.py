"""What ECS has recorded: shown at the finding that explains it, out of date after the fix, and never lost."""

import json
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import pytest

from tests.command import Ended
from tests.here import doctor_here
from tests.lab import accounts, ad
from tests.lab.ad import DomainController
from tests.lab.aws import EmbeddedAws
from tests.lab.creation import create, healthy_account
from tests.lab.environment import Created, Environment, healthy
from tests.lab.fargate_task import Task
from tests.scenarios import changes
from tests.scenarios.execution_role_start import logs
from tests.scenarios.judge import brief
from tests.scenarios.lab import Change, Lab, Scenario
from tests.scenarios.recorded_texts import RECORDED
from tests.scenarios.task_starts import schedule
from tests.schema import assert_fits

UNEXPLAINED = "evidence.stopped-tasks"


class Account:
    """The recorded account with a change, whose service starts tasks."""

    def __init__(self, dc: DomainController, aws: EmbeddedAws, change: Change = changes.nothing) -> None:
        self.aws = aws
        aws.player.play(healthy_account(dc, aws))
        self.environment: Environment = healthy(dc)
        with ExitStack() as stack:
            change(self.environment, Lab(dc, aws, stack))
            self.made: Created = create(self.environment, aws)
        aws.player.change("ecs")
        aws.fargate.speed = 0

    def start(self, definition: str = "") -> Task:
        """Start a task of the service, and wait for its end."""
        network = {"subnets": [self.made.subnets[0]], "securityGroups": [self.made.security_group]}
        self.aws.client("ecs").run_task(
            cluster="demo",
            taskDefinition=definition or self.made.task_definition_arn,
            launchType="FARGATE",
            group="service:healthy",
            networkConfiguration={"awsvpcConfiguration": network},
        )
        task = self.aws.fargate.tasks[-1]
        assert task.ended.wait(30)
        return task

    def fails(self, text: str, times: int = 1, minutes: int = 4) -> list[Task]:
        """Let tasks of the service fail to start with this text, so many minutes ago."""
        self.aws.fargate.stop_reason(text)
        tasks = [self.start() for _ in range(times)]
        for task in tasks:
            task.times = {name: at - 60 * minutes for name, at in task.times.items()}
        return tasks

    def check(self, *options: str) -> Ended:
        command = (*self.environment.command_with(*options), "--format", "json")
        ended = doctor_here(*command, aws=self.aws, env=self.aws.environ())
        assert ended.code in (0, 1, 3), ended.err
        assert_fits(ended.document)
        return ended


def evidence(ended: Ended, check: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ended.finding(check)["evidence"]
    return found


def put_secret(account: Account, dc: DomainController) -> None:
    account.aws.client("secretsmanager").put_secret_value(
        SecretId=account.made.secret_arn, SecretString=json.dumps(healthy(dc).secret)
    )


@pytest.mark.parametrize("scenario", RECORDED, ids=lambda one: one.name)
def test_a_text_is_shown_at_the_finding_that_explains_it(
    scenario: Scenario, dc: DomainController, aws: EmbeddedAws
) -> None:
    account = Account(dc, aws, scenario.change)
    account.fails(scenario.says)
    ended = account.check()
    assert ended.roots == [scenario.check], brief(ended)
    (found,) = evidence(ended, scenario.check)
    assert found["summary"] == "ECS reported this 4 minutes ago"
    assert found["text"].startswith(scenario.says[:60])
    assert ended.statuses()[UNEXPLAINED] == "pass"
    ad.reset_bad_password_count(dc, accounts.READER)


def test_the_last_tasks_of_a_schedule_are_read_by_their_family(dc: DomainController, aws: EmbeddedAws) -> None:
    account = Account(dc, aws, changes.all_of(schedule(), changes.task(executionRoleArn=None)))
    account.fails("access credentials should not be empty")
    ended = account.check("--live", "never")
    assert ended.roots == ["execution-role.present"], brief(ended)
    (found,) = evidence(ended, "execution-role.present")
    assert found["summary"] == "ECS reported this 4 minutes ago"


def test_once_the_service_is_steady_all_of_them_are_out_of_date(dc: DomainController, aws: EmbeddedAws) -> None:
    account = Account(dc, aws)
    texts = list(dict.fromkeys(scenario.says for scenario in RECORDED))
    for text in texts:
        account.fails(text)
    aws.fargate.event("healthy", "has reached a steady state.")
    ended = account.check()
    assert (ended.document["verdict"], ended.code) == ("pass", 0), brief(ended)
    found = evidence(ended, UNEXPLAINED)
    assert len(found) == len(texts) - 1  # the same text of another gMSA is the same fault
    assert all(one["stale"] for one in found)
    assert "out of date" in ended.finding(UNEXPLAINED)["summary"]


@pytest.mark.parametrize(
    ("broken", "text", "reason"),
    [
        (changes.secret(username=None), "username not found in secret", "the secret was changed"),
        (
            lambda it, _: setattr(it, "credspec", b"{}"),
            "missing or invalid DomainJoinConfig",
            "the CredSpec was changed",
        ),
    ],
)
def test_a_text_is_out_of_date_if_what_it_is_about_was_changed_since(
    broken: Change, text: str, reason: str, dc: DomainController, aws: EmbeddedAws
) -> None:
    account = Account(dc, aws, broken)
    account.fails(text)
    put_secret(account, dc)
    right = healthy(dc)
    body = json.dumps(right.credspec).replace("{secret_arn}", account.made.secret_arn)
    aws.client("s3").put_object(Bucket=right.bucket, Key=right.key, Body=body.encode())
    ended = account.check("--live", "never")
    assert ended.document["verdict"] == "unproven", brief(ended)
    (found,) = evidence(ended, UNEXPLAINED)
    assert found["stale"].startswith(reason)


def test_a_text_of_an_earlier_revision_is_out_of_date(dc: DomainController, aws: EmbeddedAws) -> None:
    account = Account(dc, aws)
    account.fails("username not found in secret")
    (task,) = aws.fargate.tasks
    arn = task.definition["taskDefinitionArn"]
    task.definition = {**task.definition, "taskDefinitionArn": arn.replace("webapp:1", "webapp:0")}
    (found,) = evidence(account.check("--live", "never"), UNEXPLAINED)
    assert found["stale"] == "the task ran webapp:0, and webapp:1 is checked"


def test_a_text_whose_cause_passes_now_is_reported_with_both_and_fails_nothing(
    dc: DomainController, aws: EmbeddedAws
) -> None:
    account = Account(dc, aws)
    text = "failed to create gMSA ticket: failed to find gMSA password for service account webapp01"
    account.fails(text, times=3, minutes=0)
    ended = account.check()
    assert (ended.document["verdict"], ended.code) == ("pass", 0), brief(ended)
    finding = ended.finding(UNEXPLAINED)
    assert finding["status"] == "warn"
    assert finding["summary"].startswith("ECS reported this just now, 3 times: failed to create gMSA ticket:")
    assert "but directory.managed-password passes at " in finding["summary"]
    assert finding["fix"]["commands"][0].endswith("--cluster demo --service healthy --force-new-deployment")


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("CannotPullContainerError: ref pull has been retried 1 time(s)", "this is not a gMSA fault"),
        ("the flux capacitor is empty", "the text is not known"),
        ("failed to write metadata", "no check covers this"),
    ],
)
def test_a_text_that_no_check_explains_is_reported(
    text: str, verdict: str, dc: DomainController, aws: EmbeddedAws
) -> None:
    account = Account(dc, aws)
    account.fails(text)
    finding = account.check("--live", "never").finding(UNEXPLAINED)
    assert (finding["status"], finding["summary"]) == (
        "warn", f"ECS reported this 4 minutes ago: {text}; {verdict}"
    )  # fmt: skip


def test_evidence_comes_first_among_several_root_causes(dc: DomainController, aws: EmbeddedAws) -> None:
    several = changes.all_of(changes.task(executionRoleArn=None), changes.secret(username=None))
    account = Account(dc, aws, several)
    account.fails("failed to extract credentials from secret: username not found in secret", minutes=0)
    ended = account.check()
    assert ended.roots == ["secret.fields", "execution-role.present"]


def test_a_known_text_of_a_service_event_is_evidence_too(dc: DomainController, aws: EmbeddedAws) -> None:
    account = Account(dc, aws)
    aws.fargate.event("healthy", "has started 1 tasks: (task 0123).")
    aws.fargate.event("healthy", "is unable to consistently start tasks successfully.")
    finding = account.check("--live", "never").finding("evidence.service-events")
    assert finding["status"] == "warn"
    assert "is unable to consistently start tasks successfully" in finding["summary"]
    assert len(finding["evidence"]) == 1


def test_a_deployment_that_the_circuit_breaker_ended_is_reported(dc: DomainController, aws: EmbeddedAws) -> None:
    account = Account(dc, aws)
    aws.fargate.deployment = {"rolloutState": "FAILED", "rolloutStateReason": "tasks failed to start."}
    finding = account.check("--live", "never").finding("evidence.service-events")
    assert (finding["status"], finding["summary"]) == (
        "warn", "the deployment of webapp:1 failed: tasks failed to start."
    )  # fmt: skip


@pytest.mark.parametrize("operation", ["ListTasks", "DescribeTasks"])
def test_a_denied_call_is_unknown_and_leaves_the_verdict(
    operation: str, dc: DomainController, aws: EmbeddedAws
) -> None:
    account = Account(dc, aws)
    account.fails("anything")
    aws.deny("ecs", operation)
    ended = account.check()
    finding = ended.finding(UNEXPLAINED)
    assert (ended.document["verdict"], finding["status"], finding["root"]) == ("pass", "unknown", False)
    assert f"ecs:{operation}" in finding["fix"]["text"]
    required = account.check("--require", "evidence.stopped-tasks")
    assert (required.document["verdict"], required.code) == ("incomplete", 3)
    shown = doctor_here(*account.environment.command, aws=aws, env=aws.environ())
    assert f"? evidence.stopped-tasks: access denied: ecs:{operation}" in shown.out


def test_a_deployment_is_followed_to_its_first_failure_and_its_root_cause(
    dc: DomainController, aws: EmbeddedAws
) -> None:
    account = Account(dc, aws, changes.secret(username=None))
    aws.fargate.event("healthy", "has started 1 tasks: (task 0123).")
    account.fails("failed to extract credentials from secret: username not found in secret", minutes=0)
    ended = account.check("--live", "never", "--watch", "600")
    assert ended.roots == ["secret.fields"]
    event, stopped, last = ended.err.splitlines()
    assert event.endswith("UTC  (service healthy) has started 1 tasks: (task 0123).")
    assert stopped.endswith("stopped: failed to extract credentials from secret: username not found in secret")
    assert last == "a task of the deployment failed"


# A task, and logs ----------------------------------------------------------------------------------------


def test_a_task_is_checked_with_the_task_definition_that_it_ran(dc: DomainController, aws: EmbeddedAws) -> None:
    account = Account(dc, aws, changes.secret(username=None))
    (task,) = account.fails("username not found in secret")
    command = ("check", "--task", task.arn, "--live", "never", "--json")
    ended = doctor_here(*command, aws=aws, env=aws.environ())
    assert ended.roots == ["secret.fields"], brief(ended)
    assert ended.document["subjects"][0]["name"] == "demo/healthy/web"
    assert evidence(ended, "secret.fields")[0]["task"] == task.arn


def test_a_task_without_a_service_is_checked_in_its_own_subnet(dc: DomainController, aws: EmbeddedAws) -> None:
    account = Account(dc, aws)
    (task,) = account.fails("anything")
    task.arguments = {name: value for name, value in task.arguments.items() if name != "group"}
    command = ("check", "--task", task.id, "--cluster", "demo", "--live", "never", "--json")
    ended = doctor_here(*command, aws=aws, env=aws.environ())
    assert ended.document["subjects"][0]["name"] == f"demo/{task.id}/web"
    assert ended.statuses()["network-path.subnets"] == "pass", brief(ended)
    assert ended.statuses()[UNEXPLAINED] == "warn"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--task", "0123", "--cluster", "demo"), "there is no task 0123 in cluster demo in us-east-1"),
        (("--task", "arn:aws:s3:::bucket/key"), "is neither a name nor an ARN like"),
        (("--task", "0123", "--task-definition", "webapp"), "name the subject"),
        (("--task-definition", "webapp", "--logs"), "--logs has no effect without --service or --task"),
    ],
)
def test_what_cannot_work_is_refused(
    options: Sequence[str], message: str, dc: DomainController, aws: EmbeddedAws
) -> None:
    Account(dc, aws)
    ended = doctor_here("check", *options, aws=aws, env=aws.environ())
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert message in ended.err


NOISE = [f"2026-11-30 12:00:{n:02d} INFO request {n} served in 3 ms" for n in range(40)]
LINES = [
    *NOISE,
    "Unhandled exception. Microsoft.Data.SqlClient.SqlException: Cannot authenticate using Kerberos. Ensure "
    "Kerberos has been initialized on the client with 'kinit' ErrorCode=InternalError; Password=Pa55word;User ID=web",
    *NOISE,
]


def with_logs(account: Account, lines: Sequence[str]) -> Task:
    """A task that ended, and wrote these lines."""
    client = account.aws.client("logs")
    task = account.start()
    stream = {"logGroupName": "/ecs/webapp", "logStreamName": f"ecs/web/{task.id}"}
    client.create_log_stream(**stream)
    at = int(task.times["stoppedAt"] * 1000)
    client.put_log_events(**stream, logEvents=[{"timestamp": at, "message": line} for line in lines])
    return task


def test_with_logs_the_known_texts_in_them_are_evidence_without_secrets(dc: DomainController, aws: EmbeddedAws) -> None:
    account = Account(dc, aws, logs())
    aws.fargate.stop_reason("Essential container in task exited")
    with_logs(account, LINES)
    ended = account.check("--logs", "--live", "never")
    (found,) = evidence(ended, "evidence.logs")
    assert "Cannot authenticate using Kerberos" in found["text"]
    assert found["summary"].startswith("the log of container web reported this")
    assert "Pa55word" not in ended.out
    assert "request 7 served" not in ended.out


def test_without_the_option_no_log_is_read(dc: DomainController, aws: EmbeddedAws) -> None:
    account = Account(dc, aws, logs())
    aws.fargate.stop_reason("Essential container in task exited")
    with_logs(account, LINES)
    assert "evidence.logs" not in account.check("--live", "never").statuses()
    assert ("logs", "GetLogEvents") not in aws.calls


def test_logs_that_may_not_be_read_are_unknown(dc: DomainController, aws: EmbeddedAws) -> None:
    account = Account(dc, aws, logs())
    aws.fargate.stop_reason("Essential container in task exited")
    with_logs(account, LINES)
    aws.deny("logs", "GetLogEvents")
    finding = account.check("--logs", "--live", "never").finding("evidence.logs")
    assert finding["status"] == "unknown"
    assert "logs:GetLogEvents" in finding["fix"]["text"]
