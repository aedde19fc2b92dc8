"""The AWS calls that a run really makes are those in docs/aws-calls.md, and only read."""

import json
import re
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.command import doctor
from tests.here import doctor_here
from tests.lab.ad import DomainController
from tests.lab.aws import EmbeddedAws
from tests.lab.creation import create, healthy_account
from tests.lab.environment import Created, healthy, task_definition_file
from tests.metadata_endpoint import VARIABLE, answering, on_fargate
from tests.scenarios import changes
from tests.scenarios.execution_role_start import image, logs, secret_key
from tests.scenarios.images import image_with, untagged
from tests.scenarios.lab import Change, Lab
from tests.scenarios.network_access import peered
from tests.scenarios.network_path import ENDPOINTS_WITH_A_PREFIX_LIST
from tests.scenarios.network_path_of_landing_zones import FIRST_PULL, PUBLIC_ACCESS_BLOCKED
from tests.scenarios.policies import allow, bucket_of, deny, when
from tests.scenarios.sql_server import ON_RDS
from tests.scenarios.task_on_ecs import DOMAINLESS, instances
from tests.scenarios.task_secrets import SEVERAL
from tests.scenarios.task_starts import rule, schedule, state_machine
from tests.scenarios.variants import EC2_WITH_A_PARAMETER
from tests.scenarios.vpc_dns import NOT_LISTED, firewall, profile_with_rule

TABLE = Path(__file__).parents[2] / "docs/aws-calls.md"
READING = re.compile(r"(Get|BatchGet|List|Describe|Head|Simulate)[A-Z]\w+")


def documented(after: str = "## check", before: str = "With `--event-bus`") -> set[str]:
    """The operations in the table between two texts of the page."""
    section = TABLE.read_text().partition(after)[2].partition(before)[0]
    return set(re.findall(r"^\| `([a-z0-9]+:\w+)` \|", section, re.MULTILINE))


def stopped_task(aws: EmbeddedAws, made: Created) -> None:
    """Let a task of the service fail to start."""
    aws.fargate.speed = 0
    aws.fargate.stop_reason("username not found in secret")
    network = {"subnets": [made.subnets[0]], "securityGroups": [made.security_group]}
    aws.client("ecs").run_task(
        cluster="demo",
        taskDefinition=made.task_definition_arn,
        launchType="FARGATE",
        group="service:healthy",
        networkConfiguration={"awsvpcConfiguration": network},
    )
    assert aws.fargate.tasks[-1].ended.wait(30)


RUNS: dict[str, Change] = {
    "healthy": changes.nothing,
    "AmazonProvidedDNS with a rule": changes.all_of(
        changes.dhcp("AmazonProvidedDNS"), changes.forward_rule("corp.example.")
    ),
    "AmazonProvidedDNS": changes.dhcp("AmazonProvidedDNS"),
    "a private zone, and a rule that is not listed": NOT_LISTED,
    "a Profile": changes.all_of(changes.dhcp("AmazonProvidedDNS"), profile_with_rule),
    "Block Public Access": PUBLIC_ACCESS_BLOCKED,
    "a DNS Firewall": changes.all_of(
        changes.dhcp("AmazonProvidedDNS"),
        changes.forward_rule("corp.example."),
        firewall(("BLOCK", ["*.evil.example"])),
    ),
    "the secret denied": changes.denied("secretsmanager", "GetSecretValue"),
    "a parameter": EC2_WITH_A_PARAMETER,
    "a SQL Server on RDS": ON_RDS,
    "a bucket of another account": changes.all_of(
        changes.on_ec2, changes.options("--fetcher", "1.3"), bucket_of("210987654321")
    ),
    "an image whose configuration is read": image_with(user="root"),
    "an image whose tag was deleted": untagged(kept=True),
    "a path in an organization": changes.all_of(
        changes.known_path,
        changes.role_also(deny("s3:*", **when("StringEquals", "aws:PrincipalOrgPaths", "o-1/r-1/"))),
    ),
    "a key, an image and logs": changes.all_of(secret_key(), image(), logs()),
    "secrets of the containers": SEVERAL,
    "an image of a pull through cache rule": FIRST_PULL,
    "container instances": changes.all_of(changes.on_ec2, instances(DOMAINLESS)),
    "endpoints only": ENDPOINTS_WITH_A_PREFIX_LIST,
    "domain controllers in a peered VPC": peered(),
    "a stopped task and its log": changes.all_of(logs(), changes.options("--logs"), changes.after(stopped_task)),
    "conditions on an organization and on a network": changes.all_of(
        changes.in_organization,
        changes.role_also(
            deny("secretsmanager:*", **when("StringNotEquals", "aws:PrincipalOrgID", changes.ORGANIZATION)),
            deny("s3:*", **when("StringEquals", "aws:SourceVpce", "vpce-1")),
        ),
        changes.managed_policy(allow("sqs:*")),
    ),
}


STARTS = {"a schedule": schedule(), "a rule": rule(), "a state machine": state_machine()}


def operations(aws: EmbeddedAws) -> list[str]:
    return [f"{service}:{operation}" for service, operation in aws.calls]


def made_twice(aws: EmbeddedAws) -> list[str]:
    """Some are made for each of what they are about, a resource, an attribute: of these the arguments count too."""
    several = (
        "Simulate",
        "DescribeImages",
        "DescribeTaskDefinition",
        "ListTasks",
        "DescribeVpcAttribute",
        "DescribeNetworkInterfaces",
        "DescribeSecurityGroups",
        "GetManagedPrefixListEntries",
        "GetResolverRule",
    )
    made = [
        f"{name} {asked}" if any(one in name for one in several) else name
        for name, asked in zip(operations(aws), aws.asked, strict=True)
    ]
    return [one for one in set(made) if made.count(one) > 1]


def calls_of(change: Change, dc: DomainController, aws: EmbeddedAws) -> list[str]:
    aws.reset()
    aws.player.play(healthy_account(dc, aws))
    with ExitStack() as stack:
        environment = healthy(dc)
        change(environment, Lab(dc, aws, stack))
        create(environment, aws)
        ended = doctor_here(*environment.command_with("--live", "never"), aws=aws, env=aws.environ())
    assert ended.code in (0, 1, 3), ended.err
    return operations(aws)


def test_the_table_holds_what_reads_only() -> None:
    names = documented()
    assert "secretsmanager:GetSecretValue" in names
    assert all(READING.fullmatch(name.partition(":")[2]) for name in names)


def calls_inside(dc: DomainController, aws: EmbeddedAws) -> list[str]:
    """Those of `check` without a subject, in a task of the healthy environment."""
    aws.reset()
    created = create(healthy(dc), aws)
    network = {"subnets": [created.subnets[0]], "securityGroups": [created.security_group]}
    (task,) = aws.client("ecs").run_task(
        cluster="demo",
        taskDefinition=created.task_definition_arn,
        launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": network},
    )["tasks"]
    aws.fargate.tasks[-1].attachment_status = "ATTACHED"
    answer = on_fargate(dc.ip, TaskARN=task["taskArn"])
    with answering(json.dumps(answer).encode()) as url:
        ended = doctor("check", "--live", "never", env={**aws.environ(), VARIABLE: url})
    assert ended.code == 0, ended.out + ended.err
    return operations(aws)


def calls_for_a_misspelled_name(dc: DomainController, aws: EmbeddedAws) -> set[str]:
    aws.reset()
    create(healthy(dc), aws)
    for named in (
        ("--cluster", "demmo", "--service", "healthy"),
        ("--cluster", "demo", "--service", "helthy"),
        *(("--schedule", "nobody"), ("--rule", "nobody"), ("--state-machine", "nobody")),
    ):
        assert doctor("check", *named, env=aws.environ()).code == 2
    return set(operations(aws))


def test_the_calls_made_are_those_of_the_table(dc: DomainController, aws: EmbeddedAws) -> None:
    changes_ = (*RUNS.values(), *STARTS.values())
    made = {call for change in changes_ for call in calls_of(change, dc, aws)} | set(calls_inside(dc, aws))
    made |= calls_for_a_misspelled_name(dc, aws)
    asked_only_of_old_services = {
        "ecs:DescribeClusters"
    }  # moto always tells a launch type: tests/subjects/test_registered.py
    assert made | asked_only_of_old_services == documented()


@pytest.mark.parametrize("change", RUNS.values(), ids=RUNS)
def test_no_call_is_made_twice(change: Change, dc: DomainController, aws: EmbeddedAws) -> None:
    assert calls_of(change, dc, aws)
    assert not made_twice(aws)


def test_a_static_check_of_the_healthy_service_makes_25_calls_at_most(dc: DomainController, aws: EmbeddedAws) -> None:
    assert len(calls_of(changes.nothing, dc, aws)) <= 25


def test_what_ecs_recorded_of_a_healthy_service_costs_one_call(dc: DomainController, aws: EmbeddedAws) -> None:
    made = calls_of(changes.nothing, dc, aws)
    of_tasks = [one for one in made if one in ("ecs:DescribeServices", "ecs:ListTasks", "ecs:DescribeTasks")]
    assert of_tasks == ["ecs:DescribeServices", "ecs:ListTasks"]


def test_inside_ecs_no_call_is_made_twice_and_no_service_is_asked_for(dc: DomainController, aws: EmbeddedAws) -> None:
    made = calls_inside(dc, aws)
    assert not made_twice(aws)
    assert {"ecs:DescribeTaskDefinition", "ecs:DescribeTasks"} == {one for one in made if one.startswith("ecs:")}


@pytest.mark.parametrize(
    "command",
    [
        ["list"],
        ["explain", "credspec.object"],
        ["explain", "invalid s3 arn"],
        ["schema"],
        ["--version"],
        ["iam-policy", "--for", "run"],
    ],
)
def test_the_other_commands_call_nothing(command: list[str], aws: EmbeddedAws) -> None:
    assert doctor(*command, env=aws.environ()).code == 0
    assert aws.calls == []


@pytest.mark.parametrize("command", [["krb5-conf"], ["iam-policy"], ["iam-policy", "--for", "execution-role"]])
def test_what_looks_a_subject_up_calls_some_of_what_check_calls(
    command: list[str], dc: DomainController, aws: EmbeddedAws
) -> None:
    with ExitStack() as stack:
        environment = healthy(dc)
        changes.all_of(secret_key(), image(), logs())(environment, Lab(dc, aws, stack))
        create(environment, aws)
        ended = doctor(*command, "--cluster", "demo", "--service", "healthy", env=aws.environ())
    assert ended.code == 0, ended.err
    assert set(operations(aws)) < documented()
    assert not made_twice(aws)


def test_a_file_without_credentials_calls_nothing(dc: DomainController, aws: EmbeddedAws, tmp_path: Path) -> None:
    file = tmp_path / "td.json"
    file.write_text(task_definition_file(healthy(dc)))
    without = {name: value for name, value in aws.environ().items() if not name.startswith("AWS_ACCESS")}
    without = {name: value for name, value in without.items() if not name.startswith("AWS_SECRET")}
    ended = doctor("check", "--task-definition-file", str(file), "--live", "never", env=without)
    assert ended.code == 0, ended.out + ended.err
    assert aws.calls == []
