"""`gmsa-doctor iam-policy`: complete, limited as far as IAM can, with placeholders for missing values."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from cfnlint.data import AdditionalSpecs  # type: ignore[import-untyped]
from cfnlint.helpers import load_resource  # type: ignore[import-untyped]

from gmsa_doctor.clients.aws.event_bridge import EventBridge
from gmsa_doctor.clients.aws.fargate import FAMILIES, RUN_CLIENTS, TAG
from gmsa_doctor.clients.aws.services import AWS_CLIENTS
from gmsa_doctor.formats.aws.arn import parse_s3_object_arn, parse_secret_arn
from gmsa_doctor.setup.iam.document import declared, placeholders
from gmsa_doctor.setup.iam.policies import policy
from gmsa_doctor.setup.iam.scope import Purpose, Scope
from tests.command import doctor, environ
from tests.lab.aws import EmbeddedAws

Statement = dict[str, Any]

ACCOUNT = "123456789012"
HERE = f"eu-west-1:{ACCOUNT}"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/services/webExecution"
PROBES_ROLE = f"arn:aws:iam::{ACCOUNT}:role/probeExecution"
SECRET = f"arn:aws:secretsmanager:{HERE}:secret:gmsa/web-AbCdEf"
KEY = f"arn:aws:kms:{HERE}:key/12345678-90ab-cdef-1234-567890abcdef"
WHOLE = (
    "--cluster", f"arn:aws:ecs:{HERE}:cluster/prod",
    "--execution-role", ROLE, "--execution-role", PROBES_ROLE,
    "--log-group", "/ecs/web",
    "--credspec", "arn:aws:s3:::credspecs/web.json",
    "--secret", SECRET,
)  # fmt: skip
EVERYTHING = ["*"]
OF_EVERYBODY = "sts:GetCallerIdentity"
IN_CLUSTER = {"ArnEquals": {"ecs:cluster": f"arn:aws:ecs:{HERE}:cluster/prod"}}
OUR_DEFINITIONS = [f"arn:aws:ecs:{HERE}:task-definition/{family}:*" for family in FAMILIES]
TASKS = f"arn:aws:ecs:{HERE}:task/prod/*"


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """No AWS configuration at all: the command works offline."""
    return environ(tmp_path)


def printed(*arguments: str, env: dict[str, str], purpose: str = "run") -> dict[str, Any]:
    ended = doctor("iam-policy", "--for", purpose, *arguments, env=env)
    assert ended.code == 0, ended.err
    return ended.document


def of(document: dict[str, Any], action: str) -> list[Statement]:
    return [statement for statement in document["Statement"] if action in statement["Action"]]


def only(document: dict[str, Any], action: str) -> Statement:
    (statement,) = of(document, action)
    return statement


def allowed(document: dict[str, Any]) -> set[str]:
    return {action for statement in document["Statement"] for action in statement["Action"]}


# What is in it --------------------------------------------------------------------------------------


def test_run_is_allowed_all_declared_actions_except_writing_the_probes_report(env: dict[str, str]) -> None:
    actions = allowed(printed("--report-s3", "s3://reports", "--kms-key", KEY, env=env))
    beside = {"ecs:TagResource", "iam:PassRole", "kms:Decrypt"}
    assert actions == {*declared(AWS_CLIENTS), *declared(RUN_CLIENTS), *beside} - {"s3:PutObject", OF_EVERYBODY}


def test_check_is_allowed_exactly_the_actions_of_the_reading_clients(env: dict[str, str]) -> None:
    named = ("--kms-key", KEY, "--log-group", "/ecs/web")
    actions = allowed(printed(*named, env=env, purpose="doctor")) - {"kms:Decrypt"}
    assert actions == {*declared(AWS_CLIENTS)} - {OF_EVERYBODY}
    changing = re.compile(r":(?!(Get|BatchGet|List|Describe|Head|Simulate)[A-Z])")
    assert not [action for action in actions if changing.search(action)]


def test_sending_the_verdict_is_allowed_for_the_named_bus(env: dict[str, str]) -> None:
    document = printed(
        "--event-bus", "alerts", "--account", ACCOUNT, "--region", "eu-west-1", env=env, purpose="doctor"
    )
    assert declared((EventBridge,)) == ("events:PutEvents",)
    assert only(document, "events:PutEvents")["Resource"] == [f"arn:aws:events:{HERE}:event-bus/alerts"]
    assert only(document, "events:PutEvents")["Condition"] == {"StringEquals": {"events:source": "gmsa-doctor"}}


@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize("scope", [Scope(), Scope(kms_keys=(KEY,), report=("reports", "a"), event_bus="default")])
def test_the_document_has_the_form_that_iam_accepts(purpose: Purpose, scope: Scope) -> None:
    document = policy(purpose, scope)
    assert list(document) == ["Version", "Statement"]
    assert document["Version"] == "2012-10-17"
    sids = [statement["Sid"] for statement in document["Statement"]]
    assert len(sids) == len(set(sids))
    for statement in document["Statement"]:
        assert set(statement) <= {"Sid", "Effect", "Action", "Resource", "Condition"}
        assert re.fullmatch("[A-Za-z0-9]+", statement["Sid"])
        assert statement["Effect"] == "Allow"
        assert statement["Action"]
        assert all(re.fullmatch(r"[a-z0-9]+:[A-Z]\w+", action) for action in statement["Action"])
        assert all(re.fullmatch(r"\*|arn:aws:[a-z0-9]+:\S*", resource) for resource in statement["Resource"])


def test_a_whole_policy_fits_into_a_managed_policy(env: dict[str, str]) -> None:
    whole = printed(*WHOLE, "--kms-key", KEY, "--report-s3", "s3://reports/gmsa-doctor", env=env)
    assert len(json.dumps(whole, separators=(",", ":"))) <= 6144  # characters without white space, says IAM


# How it is limited ----------------------------------------------------------------------------------

NOT_LIMITED = {
    "ec2:DescribeVpcAttribute",
    "ec2:GetManagedPrefixListEntries",
    "ecs:ListTasks",
    "organizations:DescribeAccount",
    "route53resolver:GetResolverEndpoint",
    "route53resolver:GetResolverRule",
    "route53:ListResourceRecordSets",
    "route53profiles:ListProfileResourceAssociations",
    "route53resolver:ListFirewallDomains",
    "route53resolver:ListFirewallRules",
}
"""Could be limited to resources; those of VPCs and Route 53 may be another account's, and a task list is limited by the
cluster instead. The ARN of an account in an organization has the management account's id, which is not known.
"""


def test_every_action_that_iam_can_limit_is_limited(env: dict[str, str]) -> None:
    reference = load_resource(AdditionalSpecs, "Policies.json")  # of the service authorization reference
    for statement in printed(*WHOLE, "--report-s3", "s3://reports", "--kms-key", KEY, env=env)["Statement"]:
        for action in statement["Action"]:
            service, _, name = action.lower().partition(":")
            can_be_limited = bool(reference[service]["Actions"][name].get("Resources"))
            assert (statement["Resource"] != EVERYTHING) == (can_be_limited and action not in NOT_LIMITED), action


def test_only_our_own_families_can_be_started_in_the_cluster(env: dict[str, str]) -> None:
    statement = only(printed(*WHOLE, env=env), "ecs:RunTask")
    assert statement["Resource"] == OUR_DEFINITIONS
    assert statement["Condition"] == IN_CLUSTER


def test_only_tasks_with_our_tag_can_be_stopped(env: dict[str, str]) -> None:
    statement = only(printed(*WHOLE, env=env), "ecs:StopTask")
    assert statement["Resource"] == [TASKS]
    assert statement["Condition"] == {"Null": {f"aws:ResourceTag/{TAG}": "false"}}


def test_only_new_resources_can_be_tagged(env: dict[str, str]) -> None:
    statement = only(printed(*WHOLE, env=env), "ecs:TagResource")
    assert statement["Resource"] == [*OUR_DEFINITIONS, TASKS]
    assert statement["Condition"] == {"StringEquals": {"ecs:CreateAction": ["RegisterTaskDefinition", "RunTask"]}}


def test_the_two_roles_can_be_passed_to_tasks_only(env: dict[str, str]) -> None:
    statement = only(printed(*WHOLE, env=env), "iam:PassRole")
    assert statement["Resource"] == [ROLE, PROBES_ROLE]
    assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}


def test_only_the_probes_streams_of_the_log_group_can_be_removed(env: dict[str, str]) -> None:
    statement = only(printed(*WHOLE, env=env), "logs:DeleteLogStream")
    assert statement["Resource"] == [f"arn:aws:logs:{HERE}:log-group:/ecs/web:log-stream:*/gmsa-doctor/*"]


def test_reports_in_s3_are_limited_to_their_prefix(env: dict[str, str]) -> None:
    document = printed(*WHOLE, "--report-s3", "s3://reports/a/b/", env=env)
    assert only(document, "s3:DeleteObject")["Resource"] == ["arn:aws:s3:::reports/a/b/*"]
    assert [statement["Resource"] for statement in of(document, "s3:ListBucket")] == [
        ["arn:aws:s3:::credspecs"],
        ["arn:aws:s3:::reports"],
    ]


def test_without_reports_in_s3_nothing_can_be_removed_there(env: dict[str, str]) -> None:
    document = printed(*WHOLE, env=env)
    assert not of(document, "s3:DeleteObject")
    assert only(document, "s3:GetObject")["Resource"] == ["arn:aws:s3:::credspecs/web.json"]


@pytest.mark.parametrize(
    ("credspec", "action", "resource"),
    [
        ("arn:aws:s3:::b/web.json", "s3:GetObject", "arn:aws:s3:::b/web.json"),
        ("arn:aws:s3:::b/a*?$.json", "s3:GetObject", "arn:aws:s3:::b/a${*}${?}${$}.json"),
        ("arn:aws:s3:::b/<NAME>.json", "s3:GetObject", "arn:aws:s3:::b/<NAME>.json"),
        ("arn:aws:s3:::b/a,b.json", "s3:GetObject", "arn:aws:s3:::b/a,b.json"),
        (f"arn:aws:ssm:{HERE}:parameter/gmsa/web", "ssm:GetParameter", f"arn:aws:ssm:{HERE}:parameter/gmsa/web"),
    ],
)
def test_the_name_of_the_credspec_is_literal(credspec: str, action: str, resource: str, env: dict[str, str]) -> None:
    document = printed("--credspec", credspec, env=env, purpose="doctor")
    assert only(document, action)["Resource"] == [resource]
    (other,) = {"s3:GetObject", "ssm:GetParameter"} - {action}
    assert not of(document, other)


@pytest.mark.parametrize(
    ("written", "patterns"),
    [
        ("gmsa/web", ["gmsa/web-??????"]),
        ("gmsa/web-AbCdEf", ["gmsa/web-AbCdEf", "gmsa/web-AbCdEf-??????"]),
        ("gmsa-secret", ["gmsa-secret", "gmsa-secret-??????"]),
    ],
)
def test_a_secrets_arn_matches_with_and_without_its_last_six_characters(
    written: str, patterns: list[str], env: dict[str, str]
) -> None:
    start = SECRET.removesuffix("gmsa/web-AbCdEf")
    document = printed("--secret", start + written, env=env)
    assert only(document, "secretsmanager:GetSecretValue")["Resource"] == [start + pattern for pattern in patterns]


def test_a_secrets_arn_from_secrets_manager_is_used_unchanged() -> None:
    document = policy(Purpose.DOCTOR, Scope(full_secrets=(parse_secret_arn(SECRET),)))
    assert only(document, "secretsmanager:GetSecretValue")["Resource"] == [SECRET]


def test_without_a_secret_none_is_allowed() -> None:
    assert not of(policy(Purpose.EXECUTION_ROLE, Scope(without_secret=True)), "secretsmanager:GetSecretValue")


def test_every_key_of_the_account_can_be_described(env: dict[str, str]) -> None:
    document = printed("--account", ACCOUNT, "--region", "eu-west-1", env=env, purpose="doctor")
    assert only(document, "kms:DescribeKey")["Resource"] == [f"arn:aws:kms:{HERE}:key/*"]
    assert not of(document, "kms:GetKeyPolicy")


def test_a_customer_managed_key_can_be_used_through_the_services_only(env: dict[str, str]) -> None:
    statement = only(printed("--kms-key", KEY, env=env), "kms:Decrypt")
    assert statement["Resource"] == [KEY]
    assert statement["Condition"] == {"StringLike": {"kms:ViaService": ["s3.*", "secretsmanager.*", "ssm.*"]}}


def test_names_in_a_task_definition_allow_nothing_else() -> None:
    scope = Scope(
        account=ACCOUNT,
        region="eu-west-1",
        execution_roles=(f"arn:aws:iam::{ACCOUNT}:role/*",),
        log_groups=("*",),
        made_log_groups=("*",),
        secrets=(parse_secret_arn(f"arn:aws:secretsmanager:{HERE}:secret:*-AbCdEf"),),
        task_secrets=(parse_secret_arn(f"arn:aws:secretsmanager:{HERE}:secret:*"),),
        repositories=(f"arn:aws:ecr:{HERE}:repository/*",),
        credspecs=(parse_s3_object_arn("arn:aws:s3:::b/*"),),
    )
    document = policy(Purpose.EXECUTION_ROLE, scope)
    ends = ("-??????", "log-group:${*}:*")
    for statement in document["Statement"]:
        for resource in statement["Resource"]:
            rest = next((resource.removesuffix(ending) for ending in ends if resource.endswith(ending)), resource)
            assert rest == "*" or not re.search(r"[*?]", rest.replace("${*}", "")), statement
    assert [statement["Sid"] for statement in document["Statement"] if statement["Resource"] == ["*"]] == [
        "LogInToRegistry"
    ]
    assert only(policy(Purpose.DOCTOR, scope), "iam:GetRole")["Resource"] == [f"arn:aws:iam::{ACCOUNT}:role/${{*}}"]


# What is left open ----------------------------------------------------------------------------------


def test_a_complete_policy_has_no_placeholder_and_no_message(env: dict[str, str]) -> None:
    ended = doctor("iam-policy", "--for", "run", *WHOLE, env=env)
    assert placeholders(ended.document) == ()
    assert ended.err == ""


def test_a_missing_value_is_a_placeholder_and_stderr_names_its_option(env: dict[str, str]) -> None:
    ended = doctor("iam-policy", "--for", "run", env=env)
    left = placeholders(ended.document)
    assert set(left) == {
        "REGION", "ACCOUNT", "CLUSTER", "EXECUTION_ROLE", "LOG_GROUP", "SECRET",
        "CREDSPEC_BUCKET", "CREDSPEC_KEY", "CREDSPEC_PARAMETER",
    }  # fmt: skip
    assert len(ended.err.splitlines()) == 1
    for name in left:
        assert re.search(rf"<{name}> \(--[a-z-]+\)", ended.err)
    assert json.dumps(ended.document).count("<ACCOUNT>") > 5


def test_account_region_and_partition_are_taken_from_the_arns(env: dict[str, str]) -> None:
    china = "arn:aws-cn:ecs:cn-north-1:210987654321"
    document = printed("--cluster", f"{china}:cluster/prod", env=env)
    assert only(document, "ecs:DescribeServices")["Resource"] == [f"{china}:service*/prod/*"]
    assert all(
        resource == "*" or resource.startswith("arn:aws-cn:")
        for statement in document["Statement"]
        for resource in statement["Resource"]
    )


def test_the_region_determines_the_partition(env: dict[str, str]) -> None:
    document = printed("--region", "us-gov-west-1", "--cluster", "c", env=env)
    assert only(document, "ecs:DescribeClusters")["Resource"] == [
        "arn:aws-us-gov:ecs:us-gov-west-1:<ACCOUNT>:cluster/c"
    ]


# What is refused ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--account", "1234"], ["--account 1234", "12 digits"]),
        (["--account", "١٢٣٤٥٦٧٨٩٠١٢"], ["--account", "12 digits"]),
        (["--region", "the east"], ["--region the east", "us-east-1"]),
        (["--partition", "azure"], ["--partition azure", "aws-cn"]),
        (["--cluster", "prod*"], ["--cluster prod*", "a name, or an ARN"]),
        (["--cluster", f"arn:aws:ecs:{HERE}:service/prod/web"], ["--cluster", "cluster/NAME"]),
        (["--cluster", f"arn:aws:eks:{HERE}:cluster/prod"], ["an ARN of eks", "cluster/NAME"]),
        (["--execution-role", "webExecution"], ["--execution-role webExecution", "does not start with arn:"]),
        (["--execution-role", f"arn:aws:iam::{ACCOUNT}:role/*"], ["--execution-role", "the ARN of a role"]),
        (["--execution-role", f"arn:aws:sts::{ACCOUNT}:assumed-role/web/me"], ["a role session"]),
        (["--execution-role", f"arn:aws:iam::{ACCOUNT}:user/me"], ["role name is missing"]),
        (["--log-group", "/ecs/*"], ["--log-group /ecs/*", "log-group:NAME"]),
        (["--report-s3", "https://reports"], ["--report-s3", "s3://BUCKET/PREFIX"]),
        (["--report-s3", "s3://*/x"], ["--report-s3", "s3://BUCKET/PREFIX"]),
        (["--credspec", "s3://credspecs/web.json"], ["--credspec", "give arn:aws:s3:::credspecs/web.json"]),
        (["--credspec", "arn:aws:s3:::credspecs"], ["no object key"]),
        (["--secret", "gmsa/web"], ["--secret gmsa/web", "does not start with arn:"]),
        (["--secret", f"arn:aws:secretsmanager:{HERE}:secret:*"], ["--secret", "secret:NAME-AbCdEf"]),
        (["--kms-key", f"arn:aws:kms:{HERE}:alias/gmsa"], ["--kms-key", "does not take an alias"]),
        (["--kms-key", KEY.replace(":kms:", ":ecr:")], ["--kms-key", "an ARN of ecr"]),
        (["--event-bus", "al*"], ["--event-bus al*", "event-bus/NAME"]),
        (
            ["--account", ACCOUNT, "--execution-role", "arn:aws:iam::210987654321:role/x"],
            ["--execution-role is in account 210987654321", f"--account is in {ACCOUNT}"],
        ),
        (
            ["--region", "us-east-1", "--cluster", f"arn:aws:ecs:{HERE}:cluster/prod"],
            ["--cluster is in region eu-west-1", "--region is in us-east-1"],
        ),
        (["--region", "cn-north-1", "--credspec", "arn:aws:s3:::b/k"], ["--credspec is in partition aws", "aws-cn"]),
    ],
)  # fmt: skip
def test_an_invalid_option_gives_one_message(arguments: list[str], words: list[str], env: dict[str, str]) -> None:
    ended = doctor("iam-policy", "--for", "run", *arguments, env=env)
    assert ended.code == 2, ended
    assert ended.out == ""
    (line,) = ended.err.splitlines()
    assert line.startswith("gmsa-doctor: ")
    assert all(word in line for word in words), line


def test_check_needs_no_action_of_run(env: dict[str, str]) -> None:
    ended = doctor("iam-policy", "--for", "doctor", "--report-s3", "s3://reports", env=env)
    assert (ended.code, ended.out) == (2, "")
    assert "--report-s3: has an effect only with --for run" in ended.err


def test_check_may_read_the_log_groups_that_are_named(env: dict[str, str]) -> None:
    named = ("--log-group", "/ecs/web", "--account", ACCOUNT, "--region", "eu-west-1")
    document = printed(*named, env=env, purpose="doctor")
    assert only(document, "logs:GetLogEvents")["Resource"] == [f"arn:aws:logs:{HERE}:log-group:/ecs/web:log-stream:*"]
    assert "logs:GetLogEvents" not in allowed(printed(env=env, purpose="doctor"))


def test_the_execution_role_is_allowed_to_start_the_task(env: dict[str, str]) -> None:
    repository = f"arn:aws:ecr:{HERE}:repository/web"
    options = ["--credspec", "arn:aws:s3:::credspecs/web.json", "--secret", SECRET, "--region", "eu-west-1"]
    more = ["--account", ACCOUNT, "--kms-key", KEY, "--repository", repository, "--log-group", "/ecs/web"]
    document = printed(*options, *more, env=env, purpose="execution-role")
    resources = {action: statement["Resource"] for statement in document["Statement"] for action in statement["Action"]}
    assert resources == {
        "s3:GetObject": ["arn:aws:s3:::credspecs/web.json"],
        "secretsmanager:GetSecretValue": [SECRET, f"{SECRET}-??????"],
        "kms:Decrypt": [KEY],
        "ecr:GetAuthorizationToken": EVERYTHING,
        "ecr:BatchCheckLayerAvailability": [repository],
        "ecr:BatchGetImage": [repository],
        "ecr:GetDownloadUrlForLayer": [repository],
        "logs:CreateLogStream": [f"arn:aws:logs:{HERE}:log-group:/ecs/web:*"],
        "logs:PutLogEvents": [f"arn:aws:logs:{HERE}:log-group:/ecs/web:*"],
    }


def test_unneeded_actions_of_the_execution_role_are_left_out(env: dict[str, str]) -> None:
    assert allowed(printed(env=env, purpose="execution-role")) == {"s3:GetObject", "secretsmanager:GetSecretValue"}
    parameter = f"arn:aws:ssm:{HERE}:parameter/gmsa/web"
    with_parameter = printed("--credspec", parameter, "--secret", SECRET, env=env, purpose="execution-role")
    assert allowed(with_parameter) == {"ssm:GetParameters", "secretsmanager:GetSecretValue"}


@pytest.mark.parametrize(
    "option", [("--cluster", "prod"), ("--execution-role", ROLE), ("--event-bus", "a"), ("--report-s3", "s3://reports")]
)
def test_the_execution_role_needs_no_action_of_check(option: tuple[str, str], env: dict[str, str]) -> None:
    ended = doctor("iam-policy", "--for", "execution-role", *option, env=env)
    assert (ended.code, ended.out) == (2, "")
    assert f"{option[0]}: has an effect only with --for run" in ended.err


def test_check_can_simulate_the_execution_roles_only(env: dict[str, str]) -> None:
    document = printed("--execution-role", ROLE, env=env, purpose="doctor")
    for action in ("iam:GetRole", "iam:SimulatePrincipalPolicy"):
        assert only(document, action)["Resource"] == [ROLE]


def test_the_default_policy_is_for_check(env: dict[str, str]) -> None:
    assert doctor("iam-policy", env=env).document == printed(env=env, purpose="doctor")


def test_other_purposes_are_refused(env: dict[str, str]) -> None:
    ended = doctor("iam-policy", "--for", "nobody", env=env)
    assert ended.code == 2
    assert "--for" in ended.err
    assert "doctor" in ended.err


@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize("scope", [Scope(), Scope(kms_keys=(KEY,), report=("reports", "a"), event_bus="default")])
def test_the_embedded_iam_accepts_the_document(purpose: Purpose, scope: Scope, aws: EmbeddedAws) -> None:
    document = json.dumps(policy(purpose, scope))
    made = aws.client("iam").create_policy(PolicyName="gmsa-doctor", PolicyDocument=document)
    assert made["Policy"]["PolicyName"] == "gmsa-doctor"
