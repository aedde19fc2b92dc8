"""What the templates permit is what `gmsa-doctor iam-policy` prints, word for word."""

from pathlib import Path
from typing import Any

import pytest

from tests.command import doctor, environ
from tests.deploy.templates import (
    ACCOUNT,
    CREDSPEC,
    KEYS,
    NIGHTLY,
    REGION,
    ROLES,
    RUN_ROLE,
    SECRETS,
    TERRAFORM,
    Template,
    filled,
    statements,
)

OPTIONS = [
    "--account", ACCOUNT, "--region", REGION, "--cluster", "prod", "--credspec", CREDSPEC, "--secret", SECRETS[0],
]  # fmt: skip
FOR_RUN = [*OPTIONS, "--execution-role", ROLES[0], "--execution-role", ROLES[1], "--log-group", "/ecs/web"]
FOR_DOCTOR = [*OPTIONS, "--execution-role", ROLES[0], "--execution-role", ROLES[1], "--event-bus", "alerts"]
WITH_KEY = ["--kms-key", KEYS[0]]
WITH_REPORT = ["--report-s3", "s3://reports/gmsa-doctor"]
IN_TERRAFORM: dict[str, str | list[str]] = {
    "partition": "aws",
    "region": REGION,
    "account": ACCOUNT,
    "cluster": "prod",
    "execution_roles": ROLES,
    "roles": ROLES,
    "log_group": "/ecs/web",
    "credspec": CREDSPEC,
    "credspec_bucket": CREDSPEC.partition("/")[0],
    "secrets": SECRETS,
    "kms_keys": KEYS,
    "report_bucket": "reports",
    "report_prefix": "gmsa-doctor",
    "event_bus": "alerts",
    "service": "web",
    "execution_role": "<ExecutionRole.Arn>",
    "task_role": "<TaskRole.Arn>",
    "repository": "arn:aws:ecr:eu-west-1:123456789012:repository/gmsa-doctor",
    "topic": "<Topic>",
}
BOTH = {"PublishAlarms", "PublishVerdicts"}
COMMON: dict[str, object] = {"ClusterName": "prod", "CredSpecArn": CREDSPEC, "SecretArns": SECRETS}


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return environ(tmp_path)


def printed(purpose: str, options: list[str], env: dict[str, str]) -> dict[str, dict[str, Any]]:
    """The templates ask for full ARNs of secrets; the command cannot know that one is, and permits both forms."""
    ended = doctor("iam-policy", "--for", purpose, *options, env=env)
    assert (ended.code, ended.err) == (0, "")
    found = statements(ended.document)
    assert found["ReadSecret"]["Resource"] == [*SECRETS, f"{SECRETS[0]}-??????"]
    return {**found, "ReadSecret": {**found["ReadSecret"], "Resource": SECRETS}}


def run_role(**more: object) -> dict[str, dict[str, Any]]:
    template = Template(RUN_ROLE, **COMMON, ExecutionRoleArns=ROLES, LogGroupName="/ecs/web", **more)
    return statements(template.properties("RunPolicy")["PolicyDocument"])


def nightly(role: str, **more: object) -> dict[str, dict[str, Any]]:
    template = Template(NIGHTLY, **COMMON, ExecutionRoleArns=ROLES, ServiceName="web", EventBusName="alerts", **more)
    (policy,) = template.properties(role)["Policies"]
    return statements(policy["PolicyDocument"])


def in_terraform(module: str, *names: str) -> dict[str, dict[str, Any]]:
    return statements(*(filled(TERRAFORM / module / "policies" / f"{one}.json.tftpl", IN_TERRAFORM) for one in names))


def test_the_run_role_has_the_policy_that_the_command_prints(env: dict[str, str]) -> None:
    assert run_role() == printed("run", FOR_RUN, env)


def test_the_run_role_has_it_with_a_key_and_a_bucket_for_reports_too(env: dict[str, str]) -> None:
    with_both = run_role(KmsKeyArns=KEYS, ReportBucket="reports")
    assert with_both == printed("run", [*FOR_RUN, *WITH_KEY, *WITH_REPORT], env)


def test_with_the_roles_of_container_instances_they_permit_the_same_as_well(env: dict[str, str]) -> None:
    instance = f"arn:aws:iam::{ACCOUNT}:role/ecsInstance"
    given = ["--instance-role", instance]
    assert run_role(InstanceRoleArns=[instance]) == printed("run", [*FOR_RUN, *given], env)
    assert nightly("TaskRole", InstanceRoleArns=[instance]) == printed("doctor", [*FOR_DOCTOR, *given], env)
    with_roles = {**IN_TERRAFORM, "roles": [*ROLES, instance]}
    in_module = filled(TERRAFORM / "run-role/policies/run.json.tftpl", with_roles)
    assert statements(in_module) == run_role(InstanceRoleArns=[instance])


def test_the_nightly_task_has_the_policy_that_the_command_prints(env: dict[str, str]) -> None:
    assert nightly("TaskRole") == printed("doctor", FOR_DOCTOR, env)
    assert nightly("TaskRole", KmsKeyArns=KEYS) == printed("doctor", [*FOR_DOCTOR, *WITH_KEY], env)


def test_terraforms_run_role_permits_the_same(env: dict[str, str]) -> None:
    assert in_terraform("run-role", "run") == run_role()
    assert in_terraform("run-role", "run", "kms", "report") == run_role(KmsKeyArns=KEYS, ReportBucket="reports")


def test_terraforms_nightly_roles_permit_the_same(env: dict[str, str]) -> None:
    assert in_terraform("nightly", "check", "kms") == nightly("TaskRole", KmsKeyArns=KEYS)
    assert in_terraform("nightly", "start") == nightly("ScheduleRole")
    logs = {**IN_TERRAFORM, "log_group": "<LogGroup>"}
    log = filled(TERRAFORM / "nightly/policies/log.json.tftpl", logs)
    pull = filled(TERRAFORM / "nightly/policies/pull.json.tftpl", IN_TERRAFORM)
    assert statements(log) == nightly("ExecutionRole")
    assert statements(log, pull) == nightly("ExecutionRole", RepositoryArn=IN_TERRAFORM["repository"])


def test_terraforms_topic_lets_the_same_services_publish() -> None:
    for each, name, publishers in (("no", "topic", {"PublishAlarms"}), ("yes", "topic_with_verdicts", BOTH)):
        template = Template(
            NIGHTLY, **COMMON, ServiceName="web", NotificationEmail="team@corp.example", NotifyEachVerdict=each
        )
        found = statements(template.properties("TopicPolicy")["PolicyDocument"])
        assert in_terraform("nightly", name) == found
        assert set(found) == publishers


def test_what_starts_the_nightly_task_can_start_nothing_else_and_pass_nothing_else() -> None:
    start = nightly("ScheduleRole")
    assert start["StartTask"]["Resource"] == [
        f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/gmsa-doctor-nightly-web:*"
    ]
    assert start["PassRoles"]["Resource"] == ["<ExecutionRole.Arn>", "<TaskRole.Arn>"]
    assert start["PassRoles"]["Condition"] == {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
