"""`gmsa-doctor run` against the embedded Fargate: its report, and no leftovers."""

import random

import pytest

from gmsa_doctor.probe.envelope import LINE_LIMIT
from tests.command import PACE, Ended, doctor
from tests.lab import accounts, ad
from tests.lab.ad import DomainController
from tests.lab.aws import EmbeddedAws
from tests.lab.dns_server import domain_records
from tests.lab.environment import Environment
from tests.lab.loopback import fresh_address
from tests.probe.service import (
    IMAGE,
    LOG_GROUP,
    ROLE,
    arguments,
    known_at,
    left,
    log_in,
    made,
    makes_its_log_group,
    roots,
    run,
    three_subnets,
    two_containers,
    without_log,
)
from tests.scenarios import changes
from tests.scenarios.judge import brief, told, with_status
from tests.scenarios.lab import Lab
from tests.schema import assert_fits


def whole(ended: Ended, aws: EmbeddedAws) -> Ended:
    """What holds of every run: a report that fits the schema, no secret in it or in a log line, nothing left."""
    assert ended.code in (0, 1, 3), ended.err
    assert_fits(ended.document)
    logged = "\n".join(line for task in aws.fargate.tasks for line in task.output)
    for secret in set(accounts.PASSWORDS.values()):
        assert secret not in ended.out + ended.err + logged
    assert left(aws) == []
    return ended


# What it sees -----------------------------------------------------------------------------------------------


def test_a_healthy_service_passes_from_inside_without_leftovers(dc: DomainController, aws: EmbeddedAws) -> None:
    with made(dc, aws) as (environment, created):
        ended = whole(run(environment, aws, "--spn", f"MSSQLSvc/sql.{dc.domain}:1433"), aws)
    assert (ended.code, ended.document["verdict"]) == (0, "pass"), brief(ended)
    assert with_status(ended, "skipped") == set()
    assert ended.finding("kerberos.service-ticket")["vantage"] == "inside"
    assert ended.finding("dhcp-options.set")["vantage"] == "outside"
    assert ended.document["subjects"][0]["facts"]["vantage"] == f"outside, and from inside {created.subnets[0]}"


def test_the_probe_runs_like_the_service_with_its_execution_role(dc: DomainController, aws: EmbeddedAws) -> None:
    with made(dc, aws) as (environment, created):
        whole(run(environment, aws), aws)
        (task,) = aws.fargate.tasks
    definition = task.definition
    assert definition["taskRoleArn"] == definition["executionRoleArn"]
    assert definition["taskRoleArn"].endswith(f":role/{ROLE}")
    assert definition["runtimePlatform"] == environment.task_definition["runtimePlatform"]
    assert "credentialSpecs" not in definition["containerDefinitions"][0]
    assert task.arguments["platformVersion"] == "1.4.0"
    vpc = task.arguments["networkConfiguration"]["awsvpcConfiguration"]
    assert vpc == {
        "subnets": [created.subnets[0]],
        "securityGroups": [created.security_group],
        "assignPublicIp": "DISABLED",
    }
    assert set(aws.calls_by(ROLE)) == {
        ("s3", "GetObject"),
        ("s3", "HeadBucket"),
        ("secretsmanager", "GetSecretValue"),
    }


def test_wrong_dhcp_options_are_visible_from_inside_only(dc: DomainController, aws: EmbeddedAws) -> None:
    nowhere = fresh_address()

    with made(dc, aws, changes.dhcp(nowhere), changes.no_directory) as (environment, _):
        outside = doctor(*environment.command, "--format", "json", env=aws.environ())
        ended = whole(run(environment, aws), aws)
    assert (outside.code, outside.document["verdict"]) == (3, "unproven"), brief(outside)
    assert (ended.code, roots(ended)) == (1, ["dns.domain-controllers"]), brief(ended)
    assert nowhere in told(ended.finding("dns.domain-controllers"))


def test_one_bad_subnet_of_three_is_named(dc: DomainController, aws: EmbeddedAws) -> None:
    with made(dc, aws, three_subnets) as (environment, created):
        bad = created.subnets[1]
        aws.fargate.dns_cut(bad)
        ended = whole(run(environment, aws), aws)
    assert (ended.code, roots(ended)) == (1, ["dns.domain-controllers"]), brief(ended)
    finding = ended.finding("dns.domain-controllers")
    assert finding["summary"].startswith(f"in {bad} (1 of 3 subnets): ")
    assert {row["name"]: row["status"] for row in finding["rows"]} == {
        subnet: "fail" if subnet == bad else "pass" for subnet in created.subnets
    }
    assert ended.finding("kerberos.user-ticket")["status"] == "pass"


def test_the_first_subnet_may_be_the_bad_one(dc: DomainController, aws: EmbeddedAws) -> None:
    with made(dc, aws, three_subnets) as (environment, created):
        aws.fargate.dns_cut(created.subnets[0])
        ended = whole(run(environment, aws), aws)
    assert roots(ended) == ["dns.domain-controllers"], brief(ended)
    logons = {row["name"]: row["status"] for row in ended.finding("kerberos.user-ticket")["rows"]}
    assert list(logons.values()) == ["skipped", "pass", "pass"]


def test_with_one_subnet_only_the_first_is_checked(dc: DomainController, aws: EmbeddedAws) -> None:
    with made(dc, aws, three_subnets) as (environment, created):
        whole(run(environment, aws, "--subnet-mode", "one"), aws)
        assert [task.subnet for task in aws.fargate.tasks] == [created.subnets[0]]


def test_a_wrong_password_is_tried_once_however_many_subnets_there_are(dc: DomainController, aws: EmbeddedAws) -> None:
    ad.reset_bad_password_count(dc, accounts.READER)
    with made(dc, aws, three_subnets, changes.secret(password="not-the-password")) as (environment, created):
        ended = whole(run(environment, aws), aws)
        assert [task.subnet for task in aws.fargate.tasks] == list(created.subnets)
    assert (ended.code, roots(ended)) == (1, ["kerberos.user-ticket"]), brief(ended)
    assert ad.bad_password_count(dc, accounts.READER) == 1
    assert ended.finding("network.kerberos")["status"] == "pass"


def test_a_secret_that_the_execution_role_cannot_read_is_a_failure(dc: DomainController, aws: EmbeddedAws) -> None:
    aws.deny("secretsmanager", "GetSecretValue", role=ROLE)
    with made(dc, aws) as (environment, _):
        ended = whole(run(environment, aws), aws)
    assert (ended.code, roots(ended)) == (1, ["secret.value"]), brief(ended)
    assert "the execution role is not allowed to read" in ended.finding("secret.value")["summary"]


def test_the_role_can_read_what_the_caller_cannot(dc: DomainController, aws: EmbeddedAws) -> None:
    """The engineer has no access to the secret, as it should be."""
    with made(dc, aws) as (environment, _):
        caller = aws.variables()["AWS_ACCESS_KEY_ID"]
        aws.deny("secretsmanager", "GetSecretValue", role=caller)
        ended = whole(run(environment, aws), aws)
    assert ended.document["verdict"] == "pass", brief(ended)


def test_a_doubt_about_dns_servers_ends_where_they_answer_inside(dc: DomainController, aws: EmbeddedAws) -> None:
    with made(dc, aws, known_at("127.77.255.1")) as (environment, _):
        ended = whole(run(environment, aws), aws)
    assert ended.code == 0, brief(ended)
    finding = ended.finding("dhcp-options.domain-name-servers")
    assert finding["status"] == "pass"
    assert ended.finding("dns.domain-controllers")["vantage"] == "inside"


def test_a_simulated_denial_that_the_roles_own_read_contradicts_is_a_warning(
    dc: DomainController, aws: EmbeddedAws
) -> None:
    """As where a bucket policy and the secret's own policy name the role."""
    with made(dc, aws, changes.role({"Effect": "Allow", "Action": "logs:*", "Resource": "*"})) as (environment, _):
        ended = whole(run(environment, aws), aws)
    assert ended.code == 0, brief(ended)
    for check, evidence in (("execution-role.credspec", "credspec.object"), ("execution-role.secret", "secret.value")):
        finding = ended.finding(check)
        assert (finding["status"], finding["root"]) == ("warn", False)
        assert f"{evidence} passes from inside" in finding["summary"]


def test_no_probe_is_started_that_would_report_nothing(dc: DomainController, aws: EmbeddedAws) -> None:
    with made(dc, aws, changes.container(credentialSpecs=[])) as (environment, _):
        ended = whole(run(environment, aws), aws)
        assert aws.fargate.tasks == []
    assert (ended.code, roots(ended)) == (1, ["task-definition.credentialspecs"]), brief(ended)
    assert ended.finding("probe.task")["because"] == ["task-definition.credentialspecs"]


# What becomes of the tasks ----------------------------------------------------------------------------------


def test_without_capacity_the_probe_is_unknown(dc: DomainController, aws: EmbeddedAws) -> None:
    aws.fargate.no_capacity()
    with made(dc, aws) as (environment, _):
        ended = whole(run(environment, aws), aws)
    assert (ended.code, roots(ended)) == (3, ["probe.task"]), brief(ended)
    assert "Capacity is unavailable" in told(ended.finding("probe.task"))


def test_an_image_that_cannot_be_pulled_is_reported_in_ecss_words(dc: DomainController, aws: EmbeddedAws) -> None:
    aws.fargate.cannot_pull()
    with made(dc, aws) as (environment, _):
        ended = whole(run(environment, aws), aws)
    assert (ended.code, roots(ended)) == (3, ["probe.task"]), brief(ended)
    finding = ended.finding("probe.task")
    assert "CannotPullContainerError" in finding["observed"]
    assert IMAGE in finding["summary"]


def test_a_missing_log_group_of_the_service_is_its_own_failure(dc: DomainController, aws: EmbeddedAws) -> None:
    with made(dc, aws) as (environment, _):
        aws.client("logs").delete_log_group(logGroupName=LOG_GROUP)
        ended = whole(run(environment, aws), aws)
    assert (ended.code, roots(ended)) == (1, ["log-group.present"]), brief(ended)
    assert LOG_GROUP in told(ended.finding("log-group.present"))
    assert ended.finding("probe.task")["because"] == ["log-group.present"]


def test_the_report_of_a_killed_probe_is_unknown(dc: DomainController, aws: EmbeddedAws) -> None:
    aws.fargate.kill_after(0.2)
    with made(dc, aws) as (environment, _):
        ended = whole(run(environment, aws, "--timeout", "120"), aws)
    assert (ended.code, roots(ended)) == (3, ["probe.report"]), brief(ended)
    assert "137" in told(ended.finding("probe.report"))


@pytest.mark.parametrize(
    ("call", "action"),
    [("RegisterTaskDefinition", "ecs:RegisterTaskDefinition"), ("RunTask", "ecs:RunTask")],
)
def test_a_denied_start_is_named(call: str, action: str, dc: DomainController, aws: EmbeddedAws) -> None:
    aws.deny("ecs", call)
    with made(dc, aws, three_subnets) as (environment, _):
        ended = whole(run(environment, aws), aws)
    assert (ended.code, roots(ended)) == (3, ["probe.task"]), brief(ended)
    assert action in told(ended.finding("probe.task"))
    assert "gmsa-doctor iam-policy --for run" in ended.finding("probe.task")["fix"]["commands"]
    assert aws.calls.count(("ecs", call)) == 1


def test_a_denied_log_is_named(dc: DomainController, aws: EmbeddedAws) -> None:
    aws.deny("logs", "GetLogEvents")
    with made(dc, aws) as (environment, _):
        ended = whole(run(environment, aws, "--timeout", "120"), aws)
    assert (ended.code, roots(ended)) == (3, ["probe.report"]), brief(ended)
    assert "logs:GetLogEvents" in told(ended.finding("probe.report"))


def test_a_denied_removal_is_a_warning(dc: DomainController, aws: EmbeddedAws) -> None:
    aws.deny("logs", "DeleteLogStream")
    with made(dc, aws) as (environment, _):
        ended = run(environment, aws)
    assert ended.code == 0, brief(ended)
    finding = ended.finding("probe.removed")
    assert finding["status"] == "warn"
    assert "logs:DeleteLogStream" in finding["observed"]


def test_throttled_calls_are_repeated(dc: DomainController, aws: EmbeddedAws) -> None:
    for service, call in (("ecs", "RunTask"), ("ecs", "DescribeTasks"), ("logs", "GetLogEvents")):
        aws.throttle(service, call, times=2)
    with made(dc, aws) as (environment, _):
        ended = whole(run(environment, aws), aws)
        assert len(aws.fargate.tasks) == 1
    assert ended.document["verdict"] == "pass", brief(ended)


# How the report comes back ------------------------------------------------------------------------------------


def test_a_report_is_complete_despite_repeated_and_reordered_lines(dc: DomainController, aws: EmbeddedAws) -> None:
    aws.fargate.logs_duplicated()
    aws.fargate.logs_shuffled()
    with made(dc, aws) as (environment, _):
        ended = whole(run(environment, aws), aws)
    assert ended.document["verdict"] == "pass", brief(ended)


def test_a_late_report_is_complete(dc: DomainController, aws: EmbeddedAws) -> None:
    aws.fargate.logs_late(30 * PACE)
    with made(dc, aws) as (environment, _):
        ended = whole(run(environment, aws), aws)
    assert ended.document["verdict"] == "pass", brief(ended)


def test_with_a_line_lost_the_run_is_incomplete(dc: DomainController, aws: EmbeddedAws) -> None:
    aws.fargate.logs_lost(-1)
    with made(dc, aws) as (environment, _):
        ended = whole(run(environment, aws, "--timeout", "120"), aws)
    assert (ended.code, ended.document["verdict"]) == (3, "incomplete"), brief(ended)
    assert roots(ended) == ["probe.report"]


def test_a_report_in_s3_needs_no_log(dc: DomainController, aws: EmbeddedAws) -> None:
    with made(dc, aws, without_log) as (environment, _):
        aws.fargate.logs_lost(*range(1, 100))
        ended = whole(run(environment, aws, "--report-s3", f"s3://{environment.bucket}/reports"), aws)
        keys = [item["Key"] for item in aws.client("s3").list_objects_v2(Bucket=environment.bucket)["Contents"]]
    assert ended.document["verdict"] == "pass", brief(ended)
    assert keys == [environment.key]


def test_a_report_that_cannot_be_written_to_s3_uses_the_log(dc: DomainController, aws: EmbeddedAws) -> None:
    aws.deny("s3", "PutObject", role=ROLE)
    with made(dc, aws) as (environment, _):
        ended = whole(run(environment, aws, "--report-s3", f"s3://{environment.bucket}"), aws)
    assert ended.document["verdict"] == "pass", brief(ended)


# Words before anything is made ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--execution-role", "web"], "give a role's ARN"),
        (["--report-s3", "bucket/key"], "give s3://BUCKET"),
        (["--spn", "nonsense"], "--spn nonsense"),
        (["--ad-dns", "nonsense"], "--ad-dns nonsense"),
        (["--only", "nonsense"], "there is no check or area 'nonsense'"),
    ],
)
def test_invalid_options_are_reported_in_one_line(
    options: list[str], says: str, dc: DomainController, aws: EmbeddedAws
) -> None:
    with made(dc, aws) as (environment, _):
        ended = doctor(*arguments(environment, *options), env=aws.environ())
    assert (ended.code, ended.out) == (2, "")
    assert says in ended.err
    assert len(ended.err.strip().splitlines()) == 1
    assert aws.fargate.tasks == []


def test_without_a_terminal_and_without_yes_nothing_is_created(dc: DomainController, aws: EmbeddedAws) -> None:
    with made(dc, aws) as (environment, _):
        ended = doctor(*(argument for argument in arguments(environment) if argument != "--yes"), env=aws.environ())
    assert (ended.code, aws.calls) == (2, [])
    assert "--yes" in ended.err


def test_a_service_without_a_log_group_requires_an_option_for_the_report(
    dc: DomainController, aws: EmbeddedAws
) -> None:
    with made(dc, aws, without_log) as (environment, _):
        ended = run(environment, aws)
        assert "--log-group" in ended.err
        assert ended.code == 2
        aws.client("logs").create_log_group(logGroupName="/elsewhere")
        assert whole(run(environment, aws, "--log-group", "/elsewhere"), aws).document["verdict"] == "pass"


# What is selected, and what that is worth ------------------------------------------------------------------------


def test_a_skipped_logon_is_not_tried(dc: DomainController, aws: EmbeddedAws) -> None:
    ad.reset_bad_password_count(dc, accounts.READER)
    with made(dc, aws, changes.secret(password="not-the-password")) as (environment, _):
        ended = whole(run(environment, aws, "--skip", "kerberos.user-ticket"), aws)
    assert ad.bad_password_count(dc, accounts.READER) == 0
    assert ended.finding("kerberos.user-ticket")["status"] == "skipped"


@pytest.mark.parametrize("only", ["dns", "kerberos"])
def test_a_check_without_an_answer_from_a_probe_never_passes(only: str, dc: DomainController, aws: EmbeddedAws) -> None:
    aws.fargate.cannot_pull()
    with made(dc, aws) as (environment, _):
        ended = whole(run(environment, aws, "--only", only), aws)
    assert (ended.code, roots(ended)) == (3, ["probe.task"]), brief(ended)


@pytest.mark.parametrize("only", ["probe", "task-definition"])
def test_checks_outside_start_no_task(only: str, dc: DomainController, aws: EmbeddedAws) -> None:
    with made(dc, aws) as (environment, _):
        ended = run(environment, aws, "--only", only)
        assert (ended.code, ended.out, aws.fargate.tasks) == (2, "", [])
    assert "select no check that runs inside" in ended.err


def test_a_required_canary_that_was_not_requested_is_missing(dc: DomainController, aws: EmbeddedAws) -> None:
    with made(dc, aws) as (environment, _):
        ended = whole(run(environment, aws, "--require", "canary.ticket"), aws)
    assert (ended.code, ended.document["missing"]) == (3, ["canary.ticket"])


def test_a_log_group_in_another_region_is_read_and_emptied(dc: DomainController, aws: EmbeddedAws) -> None:
    elsewhere = aws.client("logs", "eu-west-1")
    with made(dc, aws, log_in("eu-west-1")) as (environment, _):
        elsewhere.create_log_group(logGroupName=LOG_GROUP)
        ended = whole(run(environment, aws), aws)
        streams = elsewhere.describe_log_streams(logGroupName=LOG_GROUP)["logStreams"]
    assert ended.document["verdict"] == "pass", brief(ended)
    assert streams == []


def test_a_log_group_that_the_service_would_create_is_not_its_failure(dc: DomainController, aws: EmbeddedAws) -> None:
    with made(dc, aws, makes_its_log_group) as (environment, _):
        aws.client("logs").delete_log_group(logGroupName=LOG_GROUP)
        ended = whole(run(environment, aws), aws)
    assert (ended.code, roots(ended)) == (3, ["probe.task"]), brief(ended)
    assert "--log-group" in ended.finding("probe.task")["fix"]["text"]


def test_findings_about_the_tasks_appear_once_for_several_subjects(dc: DomainController, aws: EmbeddedAws) -> None:
    with made(dc, aws, two_containers) as (environment, _):
        ended = whole(run(environment, aws), aws)
        assert len(aws.fargate.tasks) == 1
    assert ended.document["verdict"] == "pass", brief(ended)
    assert [("probe.task" in ended.statuses(number)) for number in (0, 1)] == [True, False]
    assert ended.finding("kerberos.gmsa-ticket", 1)["vantage"] == "inside"


def many_controllers(environment: Environment, lab: Lab) -> None:
    """Let DNS name very many domain controllers, of which one has an address: a report of several lines."""
    chance = random.Random(11)
    names = [f"{chance.randbytes(24).hex()}.{environment.domain}." for _ in range(500)]
    records = domain_records(environment.domain, {lab.dc.host: lab.dc.ip})
    for (name, kind), data in records.items():
        if kind == "SRV" and "_kerberos._udp" not in name:
            data.extend(f"0 100 {data[0].split()[2]} {name}" for name in names)
    changes.dhcp(lab.dns(records))(environment, lab)
    environment.directory = None


def test_a_report_of_many_lines_is_complete_despite_a_disordered_log(dc: DomainController, aws: EmbeddedAws) -> None:
    aws.fargate.logs_duplicated()
    aws.fargate.logs_shuffled()
    with made(dc, aws, many_controllers) as (environment, _):
        ended = whole(run(environment, aws), aws)
        (task,) = aws.fargate.tasks
    assert len(task.output) > 2
    assert max(map(len, task.output)) <= LINE_LIMIT
    assert (ended.code, ended.document["verdict"]) == (0, "pass"), brief(ended)
    assert len(ended.finding("dns.domain-controllers")["rows"]) == 501


def test_one_lost_line_of_many_is_named(dc: DomainController, aws: EmbeddedAws) -> None:
    aws.fargate.logs_lost(2)
    with made(dc, aws, many_controllers) as (environment, _):
        ended = whole(run(environment, aws, "--timeout", "120"), aws)
    assert (ended.code, ended.document["verdict"]) == (3, "incomplete"), brief(ended)
    assert "lines of the report have not arrived: 2" in told(ended.finding("probe.report"))
