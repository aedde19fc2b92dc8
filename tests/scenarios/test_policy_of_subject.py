"""`gmsa-doctor iam-policy` of a service or a task definition: limited to what that uses, and enough for it."""

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from gmsa_doctor.setup.iam.document import placeholders
from tests.command import Ended, doctor
from tests.here import doctor_here
from tests.lab.ad import DomainController
from tests.lab.aws import ACCOUNT, EmbeddedAws
from tests.lab.environment import healthy, task_definition_file
from tests.scenarios import changes
from tests.scenarios.changes import all_of, denied
from tests.scenarios.execution_role_start import (
    REPOSITORY,
    image,
    logs,
    object_key,
    object_key_of_aws,
    secret_key,
    secret_key_by_a_foreign_alias,
)
from tests.scenarios.judge import brief
from tests.scenarios.lab import Change, Lab
from tests.scenarios.policies import ROLE
from tests.scenarios.task_on_ecs import DOMAINLESS, instances
from tests.scenarios.test_least_privilege import Policy, check, give_the_role, made
from tests.scenarios.variants import EC2_WITH_A_PARAMETER

WHOLE = all_of(image(), logs(), object_key(), secret_key())
SERVICE = ("--cluster", "demo", "--service", "healthy")
FOR_ROLE = ("--for", "execution-role")
OBJECT = "arn:aws:s3:::gmsa-credspecs/webapp01_CredSpec.json"
GROUP = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/ecs/webapp:*"


def asked(*arguments: str, aws: EmbeddedAws) -> Ended:
    ended = doctor_here("iam-policy", *arguments, aws=aws, env=aws.environ())
    assert ended.code == 0, ended.err
    return ended


def whole(*arguments: str, aws: EmbeddedAws) -> Policy:
    """The policy, in which nothing is left open."""
    ended = asked(*arguments, aws=aws)
    assert (placeholders(ended.document), ended.err) == ((), "")
    return ended.document


def resources(policy: Policy) -> dict[str, list[str]]:
    return {action: one["Resource"] for one in policy["Statement"] for action in one["Action"]}


def keys(aws: EmbeddedAws) -> list[str]:
    return [one["KeyArn"] for one in aws.client("kms").list_keys()["Keys"]]


# What is looked up ----------------------------------------------------------------------------------


def test_for_the_execution_role_everything_of_the_service_is_looked_up(dc: DomainController, aws: EmbeddedAws) -> None:
    with ExitStack() as stack:
        _, created = made(WHOLE, dc, aws, stack)
        found = resources(whole(*SERVICE, *FOR_ROLE, aws=aws))
    assert sorted(found.pop("kms:Decrypt")) == sorted(keys(aws))
    pulling = ("BatchCheckLayerAvailability", "BatchGetImage", "GetDownloadUrlForLayer")
    assert found == {
        "s3:GetObject": [OBJECT],
        "secretsmanager:GetSecretValue": [created.secret_arn],
        "ecr:GetAuthorizationToken": ["*"],
        **{f"ecr:{one}": [REPOSITORY] for one in pulling},
        "logs:CreateLogStream": [GROUP],
        "logs:PutLogEvents": [GROUP],
    }


def test_for_who_checks_it_is_the_default_and_limited_as_well(dc: DomainController, aws: EmbeddedAws) -> None:
    with ExitStack() as stack:
        _, created = made(WHOLE, dc, aws, stack)
        found = resources(whole(*SERVICE, aws=aws))
    assert found["ecs:DescribeClusters"] == [f"arn:aws:ecs:us-east-1:{ACCOUNT}:cluster/demo"]
    assert found["iam:SimulatePrincipalPolicy"] == [ROLE]
    assert found["s3:ListBucket"] == ["arn:aws:s3:::gmsa-credspecs"]
    assert found["secretsmanager:DescribeSecret"] == [created.secret_arn]
    assert sorted(found["kms:GetKeyPolicy"]) == sorted(keys(aws))
    assert found["ecr:GetRepositoryPolicy"] == [REPOSITORY]


def test_for_who_runs_the_probes_nothing_is_left_open_either(dc: DomainController, aws: EmbeddedAws) -> None:
    with ExitStack() as stack:
        made(WHOLE, dc, aws, stack)
        found = resources(whole(*SERVICE, "--for", "run", aws=aws))
    assert found["iam:PassRole"] == [ROLE]
    assert found["logs:DescribeLogStreams"] == [GROUP]


def test_the_secret_is_described_and_not_read(dc: DomainController, aws: EmbeddedAws) -> None:
    with ExitStack() as stack:
        made(WHOLE, dc, aws, stack)
        whole(*SERVICE, *FOR_ROLE, aws=aws)
    assert ("secretsmanager", "DescribeSecret") in aws.calls
    assert ("secretsmanager", "GetSecretValue") not in aws.calls
    assert len(set(zip(aws.calls, aws.asked, strict=True))) == len(aws.calls)


def test_a_key_of_awss_own_needs_no_permission(dc: DomainController, aws: EmbeddedAws) -> None:
    with ExitStack() as stack:
        environment, _ = made(object_key_of_aws, dc, aws, stack)
        policy = whole(*SERVICE, *FOR_ROLE, aws=aws)
        give_the_role(policy, aws)
        ended = check(environment, aws)
    assert "kms:Decrypt" not in resources(policy)
    assert ended.code == 0, brief(ended)


def test_the_keys_of_the_containers_own_secrets_count_for_the_role_alone(
    dc: DomainController, aws: EmbeddedAws
) -> None:
    def encrypted(it: Any, lab: Lab) -> None:
        arn = lab.aws.client("kms").create_key()["KeyMetadata"]["Arn"]
        named = lab.aws.client("secretsmanager").create_secret(Name="app/db", SecretString="x", KmsKeyId=arn)["ARN"]
        it.container["secrets"] = [{"name": "DB", "valueFrom": named}]

    with ExitStack() as stack:
        made(encrypted, dc, aws, stack)
        assert resources(whole(*SERVICE, *FOR_ROLE, aws=aws))["kms:Decrypt"] == keys(aws)
        assert "kms:Decrypt" not in resources(whole(*SERVICE, aws=aws))
        aws.deny("secretsmanager", "DescribeSecret", "app/db")
        ended = asked(*SERVICE, *FOR_ROLE, aws=aws)
    assert "unknown: the KMS key of the secret app/db, if it has one (--kms-key): access denied" in ended.err


# It is enough ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [changes.nothing, WHOLE, all_of(image(), logs(there=False, awslogs_create_group="true")), EC2_WITH_A_PARAMETER],
    ids=["healthy", "keys, an image and logs", "a log group that is made", "a parameter on EC2"],
)
def test_with_the_policy_for_the_execution_role_nothing_fails(
    change: Change, dc: DomainController, aws: EmbeddedAws
) -> None:
    with ExitStack() as stack:
        environment, _ = made(change, dc, aws, stack)
        policy = whole(*SERVICE, *FOR_ROLE, aws=aws)
        give_the_role(policy, aws)
        ended = check(environment, aws)
    assert ended.code == 0, brief(ended)


@pytest.mark.parametrize(
    "change",
    [changes.nothing, WHOLE, EC2_WITH_A_PARAMETER, all_of(changes.on_ec2, instances(DOMAINLESS))],
    ids=["healthy", "keys and an image", "a parameter on EC2", "container instances"],
)
def test_with_the_policy_for_who_checks_the_report_is_the_same(
    change: Change, dc: DomainController, aws: EmbeddedAws
) -> None:
    with ExitStack() as stack:
        environment, _ = made(change, dc, aws, stack)
        free = check(environment, aws)
        policy = asked(*SERVICE, aws=aws).document
        aws.permit(policy)
        assert placeholders(policy) == ()
        assert check(environment, aws).statuses() == free.statuses()


# What is not found ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "left", "words"),
    [
        (
            denied("s3", "GetObject"),
            ("SECRET",),
            [
                "the KMS key of the CredSpec, if it has one (--kms-key): S3 returned 403 for s3://",
                "s3:GetObject",
            ],
        ),
        (
            lambda it, _: setattr(it, "credspec", None),
            ("SECRET",),
            ["unknown: the secret (--secret)", ": s3://gmsa-credspecs/webapp01_CredSpec.json does not exist"],
        ),
        (
            lambda it, _: it.container.pop("credentialSpecs"),
            ("CREDSPEC_BUCKET", "CREDSPEC_KEY", "SECRET"),
            ["CredSpec"],
        ),
        (
            denied("ecs", "DescribeTaskDefinition"),
            ("CREDSPEC_BUCKET", "CREDSPEC_KEY", "SECRET"),
            [
                "the location of the CredSpec (--credspec)",
                "the log groups (--log-group): access denied: ecs:DescribeTaskDefinition",
            ],
        ),
        (
            lambda it, _: setattr(it, "secret", None),
            ("SECRET",),
            ["unknown: the secret (--secret)", "secretsmanager:DescribeSecret"],
        ),
    ],
    ids=["the CredSpec denied", "no CredSpec", "no entry", "the task definition denied", "no secret"],
)
def test_what_cannot_be_found_stays_open_and_stderr_says_why(
    change: Change, left: tuple[str, ...], words: list[str], dc: DomainController, aws: EmbeddedAws
) -> None:
    with ExitStack() as stack:
        made(change, dc, aws, stack)
        ended = asked(*SERVICE, *FOR_ROLE, aws=aws)
    assert placeholders(ended.document) == left
    assert all(f"<{name}>" in ended.err for name in left)
    assert all(word in ended.err for word in words), ended.err
    assert all(line.startswith("gmsa-doctor: ") for line in ended.err.splitlines())


def test_a_secret_that_cannot_be_described_is_taken_as_it_is_written(dc: DomainController, aws: EmbeddedAws) -> None:
    with ExitStack() as stack:
        _, created = made(denied("secretsmanager", "DescribeSecret"), dc, aws, stack)
        ended = asked(*SERVICE, *FOR_ROLE, aws=aws)
    written = created.secret_arn
    assert resources(ended.document)["secretsmanager:GetSecretValue"] == [written, f"{written}-??????"]
    assert "unknown: the KMS key of the secret, if it has one (--kms-key)" in ended.err
    assert "secretsmanager:DescribeSecret" in ended.err


def test_a_key_that_cannot_be_described_is_named_all_the_same(dc: DomainController, aws: EmbeddedAws) -> None:
    with ExitStack() as stack:
        made(all_of(secret_key(), denied("kms", "DescribeKey")), dc, aws, stack)
        ended = asked(*SERVICE, *FOR_ROLE, aws=aws)
    assert resources(ended.document)["kms:Decrypt"] == keys(aws)
    assert "is an AWS managed key (--kms-key): access denied: kms:DescribeKey" in ended.err


@pytest.mark.parametrize(
    ("service", "operation", "action"),
    [
        ("ecs", "ListContainerInstances", "ecs:ListContainerInstances"),
        ("ec2", "DescribeInstances", "ec2:DescribeInstances"),
        ("iam", "GetInstanceProfile", "iam:GetInstanceProfile"),
    ],
)
def test_roles_of_container_instances_that_cannot_be_found_are_told(
    service: str, operation: str, action: str, dc: DomainController, aws: EmbeddedAws
) -> None:
    with ExitStack() as stack:
        made(all_of(changes.on_ec2, instances(DOMAINLESS), denied(service, operation)), dc, aws, stack)
        ended = asked(*SERVICE, aws=aws)
        for_role = asked(*SERVICE, *FOR_ROLE, aws=aws)
    assert resources(ended.document)["iam:GetRole"] == [ROLE]
    assert "the role of the container instances (--instance-role): access denied: " + action in ended.err
    assert ended.err.count("--instance-role") == 1
    assert for_role.err == ""


def test_a_cluster_without_container_instances_cannot_tell_their_role(dc: DomainController, aws: EmbeddedAws) -> None:
    with ExitStack() as stack:
        made(EC2_WITH_A_PARAMETER, dc, aws, stack)
        ended = asked(*SERVICE, aws=aws)
    assert "has no Linux container instance at the moment" in ended.err
    assert "(--instance-role)" in ended.err


# Options win ----------------------------------------------------------------------------------------


def test_what_an_option_names_is_not_what_was_found(dc: DomainController, aws: EmbeddedAws) -> None:
    secret = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:other-AbCdEf"
    with ExitStack() as stack:
        made(denied("s3", "GetObject"), dc, aws, stack)
        ended = asked(*SERVICE, *FOR_ROLE, "--secret", secret, "--log-group", "/ecs/other", aws=aws)
    found = resources(ended.document)
    assert secret in found["secretsmanager:GetSecretValue"]
    assert found["logs:PutLogEvents"] == [GROUP.replace("webapp", "other")]
    assert found["s3:GetObject"] == [OBJECT]
    assert "--secret" not in ended.err


# Other subjects, and none ---------------------------------------------------------------------------


def test_a_task_definition_tells_the_same_but_its_cluster(dc: DomainController, aws: EmbeddedAws) -> None:
    with ExitStack() as stack:
        made(WHOLE, dc, aws, stack)
        by_service = whole(*SERVICE, *FOR_ROLE, aws=aws)
        assert whole("--task-definition", "webapp", *FOR_ROLE, aws=aws) == by_service
        ended = asked("--task-definition", "webapp", aws=aws)
    assert placeholders(ended.document) == ("CLUSTER",)


def test_a_file_offline_tells_what_stands_in_it(dc: DomainController, aws: EmbeddedAws, tmp_path: Path) -> None:
    environment = healthy(dc)
    with ExitStack() as stack:
        all_of(image(), logs())(environment, Lab(dc, aws, stack))
    file = tmp_path / "td.json"
    file.write_text(task_definition_file(environment))
    ended = asked("--task-definition-file", str(file), "--offline", *FOR_ROLE, aws=aws)
    found = resources(ended.document)
    assert aws.calls == []
    assert placeholders(ended.document) == ("SECRET",)
    assert found["s3:GetObject"] == [OBJECT]
    assert found["ecr:BatchGetImage"] == [REPOSITORY]
    assert found["logs:PutLogEvents"] == [GROUP]
    assert "the KMS key of the CredSpec, if it has one (--kms-key): not checked: with --offline" in ended.err


def test_where_there_are_no_container_instances_nobody_is_told_to_name_their_role(
    dc: DomainController, aws: EmbeddedAws, tmp_path: Path
) -> None:
    environment = healthy(dc)
    environment.task_definition["requiresCompatibilities"] = ["FARGATE"]
    file = tmp_path / "td.json"
    file.write_text(task_definition_file(environment))
    ended = asked("--task-definition-file", str(file), "--offline", aws=aws)
    assert "the secret (--secret)" in ended.err
    assert "container instances" not in ended.err


def test_a_file_that_tells_no_account_leaves_it_open(dc: DomainController, aws: EmbeddedAws, tmp_path: Path) -> None:
    environment = healthy(dc)
    with ExitStack() as stack:
        logs()(environment, Lab(dc, aws, stack))
    registered = json.loads(task_definition_file(environment))["taskDefinition"]
    registered["containerDefinitions"][0]["secrets"] = [{"name": "KEY", "valueFrom": "/app/key"}]
    file = tmp_path / "td.json"
    file.write_text(json.dumps({name: value for name, value in registered.items() if name != "taskDefinitionArn"}))
    ended = asked("--task-definition-file", str(file), "--offline", *FOR_ROLE, aws=aws)
    assert resources(ended.document)["logs:PutLogEvents"] == [GROUP.replace(ACCOUNT, "<ACCOUNT>")]
    assert placeholders(ended.document) == ("REGION", "ACCOUNT", "SECRET")
    where = ("--account", ACCOUNT, "--region", "us-east-1")
    told = asked("--task-definition-file", str(file), "--offline", *where, *FOR_ROLE, aws=aws)
    assert resources(told.document)["logs:PutLogEvents"] == [GROUP]
    assert placeholders(told.document) == ("SECRET",)


def test_the_alias_of_another_accounts_key_is_not_what_iam_compares(dc: DomainController, aws: EmbeddedAws) -> None:
    with ExitStack() as stack:
        made(secret_key_by_a_foreign_alias, dc, aws, stack)
        ended = asked(*SERVICE, *FOR_ROLE, aws=aws)
    assert "kms:Decrypt" not in resources(ended.document)
    assert "alias/gmsa of the secret (--kms-key)" in ended.err


def test_without_credentials_a_file_still_tells_what_it_can(
    dc: DomainController, aws: EmbeddedAws, tmp_path: Path
) -> None:
    file = tmp_path / "td.json"
    file.write_text(task_definition_file(healthy(dc)))
    without = {name: value for name, value in aws.environ().items() if "KEY" not in name}
    ended = doctor("iam-policy", "--task-definition-file", str(file), *FOR_ROLE, env=without)
    assert (ended.code, placeholders(ended.document)) == (0, ("SECRET",))
    assert "the KMS key of the CredSpec, if it has one (--kms-key): AWS not checked: there are no AWS" in ended.err


def test_on_ec2_the_probes_still_need_the_containers_log_group(dc: DomainController, aws: EmbeddedAws) -> None:
    with ExitStack() as stack:
        made(all_of(changes.on_ec2, logs()), dc, aws, stack)
        for_run = asked(*SERVICE, "--for", "run", aws=aws)
        for_role = asked(*SERVICE, *FOR_ROLE, aws=aws)
    assert resources(for_run.document)["logs:DescribeLogStreams"] == [GROUP]
    assert "logs:PutLogEvents" not in resources(for_role.document)


def test_of_several_containers_all_count_and_one_can_be_named(dc: DomainController, aws: EmbeddedAws) -> None:
    other = OBJECT.replace("webapp01", "webapp02")

    def change(it: Any, _: Lab) -> None:
        second = {**it.container, "name": "second", "credentialSpecs": [f"credentialspecdomainless:{other}"]}
        it.task_definition["containerDefinitions"].append(second)

    with ExitStack() as stack:
        made(change, dc, aws, stack)
        both = asked(*SERVICE, *FOR_ROLE, aws=aws)
        one = asked(*SERVICE, *FOR_ROLE, "--container", "web", aws=aws)
    assert resources(both.document)["s3:GetObject"] == [OBJECT, other]
    assert "webapp02_CredSpec.json does not exist" in both.err
    assert resources(one.document)["s3:GetObject"] == [OBJECT]
    assert one.err == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--cluster", "demo", "--service", "nobody"], "there is no service nobody in cluster demo"),
        (["--task-definition", "nobody"], "there is no task definition nobody"),
        ([*SERVICE, "--container", "db"], "there is no container db"),
        ([*SERVICE, "--task-definition", "webapp"], "--service and --task-definition"),
        (["--container", "web"], "--container has no effect without a subject"),
        (["--profile", "prod"], "--profile has no effect without a subject"),
        ([*SERVICE, "--offline"], "--offline has no effect without FILES"),
        ([*SERVICE, *FOR_ROLE, "--execution-role", ROLE], "--execution-role: has an effect only with --for"),
    ],
)
def test_what_is_wrong_gives_one_message(
    arguments: list[str], words: str, dc: DomainController, aws: EmbeddedAws
) -> None:
    with ExitStack() as stack:
        made(changes.nothing, dc, aws, stack)
        ended = doctor_here("iam-policy", *arguments, aws=aws, env=aws.environ())
    assert (ended.code, ended.out) == (2, "")
    (line,) = ended.err.splitlines()
    assert words in line


def test_without_credentials_a_service_cannot_be_looked_up(aws: EmbeddedAws) -> None:
    without = {name: value for name, value in aws.environ().items() if "KEY" not in name}
    ended = doctor("iam-policy", *SERVICE, env=without)
    assert (ended.code, ended.out) == (2, "")
    assert "no AWS credentials are configured" in ended.err
    assert json.dumps(aws.calls) == "[]"
