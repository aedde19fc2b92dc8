"""The templates of the fleet: CloudFormation and Terraform alike, and narrow."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from cfnlint.api import lint  # type: ignore[import-untyped]
from cfnlint.config import ManualArgs  # type: ignore[import-untyped]

from tests.command import doctor, environ
from tests.deploy.templates import ACCOUNT, FLEET, FLEET_MEMBER, HERE, REGION, TERRAFORM, Template, filled, statements

ORGANIZATION = "o-a1b2c3d4e5"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/gmsa-doctor-fleet"
BUCKETS = ["arn:aws:s3:::*-credspecs", "arn:aws:s3:::specs"]
PARAMETERS = ["arn:aws:ssm:*:*:parameter/gmsa/*"]
MEMBER: dict[str, object] = {"OrganizationId": ORGANIZATION, "FleetRoleArn": ROLE, "CredSpecBucketArns": BUCKETS}
CENTRAL: dict[str, object] = {
    "ImageUri": "registry.example/gmsa-doctor:1",
    "SubnetIds": ["subnet-0a", "subnet-0b"],
    "SecurityGroupIds": ["sg-0a"],
    "Regions": ["all"],
}
IN_TERRAFORM: dict[str, str | list[str]] = {
    "partition": "aws",
    "region": REGION,
    "account": ACCOUNT,
    "role_name": "gmsa-doctor",
    "bucket": "<Bucket.Arn>",
    "execution_role": "<ExecutionRole.Arn>",
    "task_role": "<TaskRole.Arn>",
    "state_machine": "<StateMachine>",
    "log_group": "<LogGroup>",
    "repository": f"arn:aws:ecr:{HERE}:repository/gmsa-doctor",
    "topic": "<Topic>",
    "buckets": BUCKETS,
    "objects": [f"{one}/*" for one in BUCKETS],
    "parameters": PARAMETERS,
    "decrypted_by": ["s3.*", "secretsmanager.*", "ssm.*"],
}
MACHINE = TERRAFORM / "fleet" / "state_machine.json.tftpl"
RUN_TASK = "arn:aws:states:::ecs:runTask.sync"


def central(**more: object) -> Template:
    return Template(FLEET, **{**CENTRAL, **more})


def definition(template: Template) -> dict[str, Any]:
    """The state machine's definition, with its substitutions."""
    properties = template.properties("StateMachine")
    text = properties["DefinitionString"]
    for name, value in properties["DefinitionSubstitutions"].items():
        text = text.replace(f"${{{name}}}", str(value))
    found: dict[str, Any] = json.loads(text)
    return found


def tasks(machine: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The states that run a task."""
    states = {**machine["States"], **machine["States"]["Shards"]["ItemProcessor"]["States"]}
    return {name: state for name, state in states.items() if state.get("Resource") == RUN_TASK}


def command(state: dict[str, Any]) -> list[str]:
    """The words of a task's command; what is known at the run only is empty."""
    (container,) = state["Parameters"]["Overrides"]["ContainerOverrides"]
    return [one or "" for one in re.findall(r"'([^']*)'|\$\.\w+", container["Command.$"])]


def in_terraform(module: str, *names: str) -> dict[str, dict[str, Any]]:
    return statements(*(filled(TERRAFORM / module / "policies" / f"{one}.json.tftpl", IN_TERRAFORM) for one in names))


def member(**more: object) -> dict[str, dict[str, Any]]:
    return statements(Template(FLEET_MEMBER, **{**MEMBER, **more}).properties("Policy")["PolicyDocument"])


# The state machine --------------------------------------------------------------------------------------


def test_both_templates_have_the_same_state_machine_and_give_each_of_its_values() -> None:
    properties = central().properties("StateMachine")
    assert properties["DefinitionString"] == MACHINE.read_text()
    asked = set(re.findall(r"\$\{(\w+)\}", MACHINE.read_text()))
    assert set(properties["DefinitionSubstitutions"]) == asked
    (block,) = re.findall(
        r"state_machine\.json\.tftpl\", \{\n(.*?)\n  \}\)", (TERRAFORM / "fleet/main.tf").read_text(), re.DOTALL
    )
    assert set(re.findall(r"^ +(\w+)\s+=", block, re.MULTILINE)) == asked


def test_cfn_lint_has_no_finding_in_the_state_machine() -> None:
    machine = {"RoleArn": ROLE, "Definition": definition(central())}
    resource = {"Type": "AWS::StepFunctions::StateMachine", "Properties": machine}
    found = lint(json.dumps({"Resources": {"Machine": resource}}), ManualArgs(regions=[REGION]))
    assert found == []


def test_each_state_is_reached_and_each_next_state_is_there() -> None:
    states = definition(central())["States"]
    named = re.findall(r'"(?:Next|Default)": "([^"]+)"', json.dumps(states))
    assert set(states) - {"Which run"} == set(named)


def test_the_tasks_commands_are_ones_that_the_command_line_knows(tmp_path: Path) -> None:
    known = doctor("fleet", "--help", env=environ(tmp_path)).out
    given = {"ExternalId": "a-word", "OrganizationalUnitIds": ["ou-a1b2-c3d4e5f6"], "MetricsNamespace": "gmsa-doctor"}
    machine = definition(central(**given))
    actions = {}
    for state in tasks(machine).values():
        first, action, *arguments = command(state)
        options = [one for one in arguments if one.startswith("--")]
        assert first == "fleet"
        assert all(re.search(rf"^\s+{re.escape(one)}\s", known, re.MULTILINE) for one in options), options
        actions[action] = options
    assert set(actions) == {"plan", "shard", "merge"}
    assert "--external-id" in actions["plan"]
    assert "--metrics" in actions["merge"]
    assert "--external-id" in actions["shard"]


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({}, ["--organization", "--excluded-accounts", ACCOUNT, "--regions", "all"]),
        ({"AccountIds": ["111122223333"], "MemberPolicyArn": "arn"}, ["--accounts", "111122223333", "--regions"]),
        ({"OrganizationalUnitIds": ["ou-1", "ou-2"], "Regions": ["eu-*", "us-east-1"]},
         ["--ou", "ou-1,ou-2", "--excluded-accounts", ACCOUNT, "--regions", "eu-*,us-east-1"]),
    ],
    ids=["organization", "accounts", "units"],
)  # fmt: skip
def test_the_parameters_say_what_is_planned(parameters: dict[str, object], words: list[str]) -> None:
    plan = command(tasks(definition(central(**parameters)))["Plan"])
    assert plan[2 : 2 + len(words)] == words


def test_throttled_starts_are_retried_in_each_state_and_a_failed_task_of_plan_and_shards() -> None:
    retried = {name: state["Retry"] for name, state in tasks(definition(central())).items()}
    assert set(retried) == {"Plan", "Check", "Merge"}
    for retry in retried.values():
        assert retry[0]["ErrorEquals"] == [
            "ECS.AmazonECSException",
            "ECS.InvalidParameterException",
            "AmazonECS.Unknown",
        ]
    assert [retry[-1]["ErrorEquals"] == ["States.TaskFailed"] for retry in retried.values()] == [True, False, True]


def test_the_numbers_of_the_map_are_those_of_the_parameters() -> None:
    shards = definition(central(MaxConcurrency=7, ToleratedFailurePercentage=12.5))["States"]["Shards"]
    assert (shards["MaxConcurrency"], shards["ToleratedFailurePercentage"]) == (7, 12.5)


# Permissions --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "names"),
    [
        ("ExecutionRole", ["log", "pull"]),
        ("TaskRole", ["fleet"]),
        ("MachineRole", ["run"]),
        ("ScheduleRole", ["start"]),
    ],
)
def test_the_central_policies_are_the_same_in_both_templates(role: str, names: list[str]) -> None:
    template = central(RepositoryArn=str(IN_TERRAFORM["repository"]))
    (policy,) = template.properties(role)["Policies"]
    assert statements(policy["PolicyDocument"]) == in_terraform("fleet", *names)


@pytest.mark.parametrize(
    ("resource", "name"), [("BucketPolicy", "bucket"), ("TopicPolicy", "topic")], ids=["bucket", "topic"]
)
def test_the_policies_of_bucket_and_topic_are_the_same_in_both_templates(resource: str, name: str) -> None:
    document = central(NotificationEmail="team@corp.example").properties(resource)["PolicyDocument"]
    assert statements(document) == in_terraform("fleet", name)


def test_the_members_policy_is_the_same_in_both_templates() -> None:
    whole = in_terraform("fleet-member", "read", "credspec_buckets", "credspec_parameters", "secrets")
    assert member(CredSpecParameterArns=PARAMETERS, ReadSecrets="yes") == whole


def printed(purpose: str, *options: str, home: Path) -> dict[str, dict[str, Any]]:
    ended = doctor("iam-policy", "--for", purpose, "--account", ACCOUNT, *options, env=environ(home))
    assert ended.code == 0, ended.err
    return statements(ended.document)


def test_the_policies_are_those_that_the_command_prints_but_for_the_credspecs(tmp_path: Path) -> None:
    own = {"FindCredSpec", "ReadCredSpec", "ReadCredSpecParameter"}
    of_member = {sid: found for sid, found in printed("fleet-member", home=tmp_path).items() if sid not in own}
    assert {sid: found for sid, found in member().items() if sid not in own} == of_member
    (policy,) = central().properties("TaskRole")["Policies"]
    bucket = {"s3:ListBucket": ["<Bucket.Arn>"], "s3:GetObject": ["<Bucket.Arn>/*"]}
    with_bucket = {
        sid: {**found, "Resource": bucket.get(found["Action"][0], found["Resource"])}
        for sid, found in printed("fleet", "--report-s3", "s3://reports", home=tmp_path).items()
    }
    assert statements(policy["PolicyDocument"]) == with_bucket


def test_the_member_role_is_for_the_fleets_role_and_its_organization_only() -> None:
    (trust,) = Template(FLEET_MEMBER, **MEMBER).properties("Role")["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    assert trust["Condition"] == {
        "ArnEquals": {"aws:PrincipalArn": ROLE},
        "StringEquals": {"aws:PrincipalOrgID": ORGANIZATION},
    }
    (with_id,) = Template(FLEET_MEMBER, **MEMBER, ExternalId="word").properties("Role")["AssumeRolePolicyDocument"][
        "Statement"
    ]
    assert with_id["Condition"]["StringEquals"] == {"aws:PrincipalOrgID": ORGANIZATION, "sts:ExternalId": "word"}


def test_secrets_are_not_read_unless_a_parameter_says_so() -> None:
    off, on = member(), member(ReadSecrets="yes")
    assert set(on) - set(off) == {"ReadSecrets"}
    assert on["ReadSecrets"]["Action"] == ["secretsmanager:GetSecretValue"]
    assert "secretsmanager:GetSecretValue" not in str(off)
    assert off["Decrypt"]["Condition"] == {"StringLike": {"kms:ViaService": ["s3.*", "ssm.*"]}}


def test_the_member_role_reads_objects_and_parameters_of_credspecs_only() -> None:
    found = member(CredSpecParameterArns=PARAMETERS)
    assert found["FindCredSpec"]["Resource"] == sorted(BUCKETS)
    assert found["ReadCredSpec"]["Resource"] == sorted(f"{one}/*" for one in BUCKETS)
    assert found["ReadCredSpecParameter"]["Resource"] == PARAMETERS
    without = member(CredSpecBucketArns=[""])
    assert not {"FindCredSpec", "ReadCredSpec", "ReadCredSpecParameter"} & set(without)


def test_the_member_role_only_reads() -> None:
    actions = [one for statement in member(ReadSecrets="yes").values() for one in statement["Action"]]
    verbs = ("Describe", "Get", "List", "Simulate", "BatchGet")
    assert {one for one in actions if not one.partition(":")[2].startswith(verbs)} == {"kms:Decrypt"}


def test_the_members_policy_is_short_enough_for_iam() -> None:
    """A managed policy has at most 6,144 characters, without white space.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    """
    template = Template(FLEET_MEMBER, **MEMBER, CredSpecParameterArns=PARAMETERS, ReadSecrets="yes")
    document = json.dumps(template.properties("Policy")["PolicyDocument"], separators=(",", ":"))
    assert len(document) < 5_600


# Alarms and the bucket ----------------------------------------------------------------------------------


def test_the_alarms_are_the_same_in_both_templates() -> None:
    text = (TERRAFORM / "fleet" / "alarms.tf").read_text()
    for name in ("FailAlarm", "TimedOutAlarm", "NoRunAlarm"):
        alarm = central().properties(name)
        assert alarm["Namespace"] == "AWS/States"
        wanted = [
            ("metric", alarm["MetricName"]),
            ("comparison", alarm["ComparisonOperator"]),
            ("missing", alarm["TreatMissingData"]),
        ]
        pattern = r"\n(?:.*\n)?".join(rf' +{key} +\= "{value}"' for key, value in wanted)
        assert re.search(pattern, text), name


def test_the_variables_defaults_are_those_of_cloudformation() -> None:
    text = (TERRAFORM / "fleet" / "variables.tf").read_text()
    parameters = Template(FLEET).source["Parameters"]
    for parameter, variable in {
        "CpuArchitecture": "cpu_architecture",
        "RoleName": "role_name",
        "TaskRoleName": "task_role_name",
        "MaxConcurrency": "max_concurrency",
        "ToleratedFailurePercentage": "tolerated_failure_percentage",
        "Schedule": "schedule",
        "TimeZone": "time_zone",
        "HoursWithoutRun": "hours_without_run",
        "RetentionDays": "retention_days",
    }.items():
        (default,) = re.findall(rf'^variable "{variable}" \{{.*?^  default +\= (.*?)$', text, re.MULTILINE | re.DOTALL)
        assert default.strip('"') == str(parameters[parameter]["Default"])


def test_the_bucket_is_private_and_kept_when_the_stack_is_deleted() -> None:
    properties = central().properties("Bucket")
    assert all(properties["PublicAccessBlockConfiguration"].values())
    assert Template(FLEET).source["Resources"]["Bucket"]["DeletionPolicy"] == "Retain"
