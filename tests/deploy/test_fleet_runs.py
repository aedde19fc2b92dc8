"""The fleet's stack at work: Step Functions starts tasks, which check accounts and regions with the real command."""

import json
from collections.abc import Iterator

import pytest

from tests.deploy.fleet import EXTERNAL_ID, ORGANIZATION, REGIONS, FleetStack
from tests.deploy.templates import FLEET, FLEET_MEMBER, Template, statements
from tests.lab.aws import EmbeddedAws
from tests.lab.environment import Environment
from tests.lab.fargate_account import until
from tests.lab.step_functions import step_functions

pytestmark = pytest.mark.filterwarnings("ignore:Tried to parse:UserWarning")


@pytest.fixture
def organization(aws: EmbeddedAws) -> Iterator[EmbeddedAws]:
    """Give an organization whose state machines run."""
    aws.client("organizations").create_organization(FeatureSet="ALL")
    with step_functions(aws):
        yield aws


def without_password(environment: Environment) -> None:
    assert isinstance(environment.secret, dict)
    del environment.secret["password"]


def without_object(environment: Environment) -> None:
    environment.credspec = None


def without_role(environment: Environment) -> None:
    environment.task_definition["executionRoleArn"] += "-gone"


def with_another_driver(environment: Environment) -> None:
    environment.container["credentialSpecs"] = ["credentialspecdomainless:nothing"]


def test_each_fault_is_found_where_it_is_though_a_task_breaks_and_an_account_is_closed_to_us(
    organization: EmbeddedAws,
) -> None:
    given = {"ToleratedFailurePercentage": "50", "ReadSecrets": "yes", "MetricsNamespace": "gmsa-doctor"}
    stack = FleetStack(organization, ExternalId=EXTERNAL_ID, **given)
    first = stack.account("first", {REGIONS[0]: without_password, REGIONS[1]: without_object})
    second = stack.account("second", {REGIONS[0]: without_role, REGIONS[1]: with_another_driver})
    closed = stack.account("closed", services=0)
    stack.member(closed, ExternalId="another-word")
    policies = [stack.member(account) for account in (first, second)]
    organization.permit({"Statement": [one for policy in policies for one in policy["Statement"]]}, "gmsa-doctor")
    organization.checks_trust, organization.organization = True, ORGANIZATION
    for name, role in (("TaskRole", "gmsa-doctor-fleet"), ("MachineRole", stack.ids["MachineRole"])):
        organization.permit(stack.inline_policy(name), role)
    broken = f"{second}/{REGIONS[1]}.json"
    # The client tries three times; then the task ends with an error.
    organization.fail_with("s3", "PutObject", "InternalError", "We encountered an internal error.", 500, broken, 3)

    ended = stack.end_of(stack.start())

    assert (ended["status"], ended["error"]) == ("FAILED", "gmsa-doctor.fail")
    report = stack.report(ended["name"])
    causes = {(one["check"], *one["accounts"], *one["regions"]) for one in report["causes"] if one["status"] == "fail"}
    assert causes == {
        ("secret.fields", first, REGIONS[0]),
        ("credspec.object", first, REGIONS[1]),
        ("execution-role.trust", second, REGIONS[0]),
        ("task-definition.arn", second, REGIONS[1]),
    }
    assert {(one["account"], one["status"]) for one in report["shards"]} == {
        (first, "checked"),
        (second, "checked"),
        (closed, "not-entered"),
    }
    places = [(account, region) for account in (first, second, closed) for region in REGIONS]
    assert sorted(stack.shards) == sorted([*places, (second, REGIONS[1])])  # the one that broke ran again
    assert {one["facts"]["vantage"] for one in report["subjects"]} == {"outside"}
    (merge,) = (task for task in organization.fargate.tasks if task.override["command"][1] == "merge")
    metrics = [json.loads(line) for line in merge.output if "CloudWatchMetrics" in line]
    failed = {(one["Account"], one["Region"]) for one in metrics if one["FailedServices"]}
    assert failed == set(places[:4])
    assert b"credspec.object" in stack.file(ended["name"], "fleet.html")


def test_a_run_that_was_stopped_goes_on_with_what_is_missing(organization: EmbeddedAws) -> None:
    stack = FleetStack(organization, MaxConcurrency="1")
    account = stack.account("first")
    organization.deny("secretsmanager", "GetSecretValue", role="gmsa-doctor")  # as the member role without ReadSecrets
    organization.fargate.stop_timeout = 0.1
    execution = stack.start()
    until(lambda: len(stack.shards) == 2, seconds=60)
    organization.client("stepfunctions").stop_execution(executionArn=execution)
    stopped = stack.end_of(execution)
    until(lambda: not organization.fargate.running)
    assert stopped["status"] == "ABORTED"

    before = len(organization.calls)
    ended = stack.end_of(stack.start(run=stopped["name"]))

    assert ended["status"] == "SUCCEEDED"
    assert [one["status"] for one in stack.report(stopped["name"])["shards"]] == ["checked", "checked"]
    again = [task.output for task in organization.fargate.tasks if task.override["command"][1] == "shard"][2:]
    assert sorted("checked already" in " ".join(output) for output in again) == [False, True]
    assert organization.calls[before:].count(("ecs", "ListClusters")) == 1
    assert {one[0] for one in stack.shards} == {account}
    require_the_permissions_that_are_used(stack)


def test_the_end_of_the_execution_says_what_the_exit_code_of_merge_means(organization: EmbeddedAws) -> None:
    """A shell in place of the command: only the exit codes of the tasks count here."""
    stack = FleetStack(organization)
    shards = json.dumps([{"account": "111122223333", "region": region} for region in REGIONS])
    organization.client("s3").put_object(Bucket=stack.outputs["BucketName"], Key="r/shards.json", Body=shards)
    ends = {}
    for shard, merge in ((0, 0), (0, 1), (0, 3), (0, 70), (70, 3)):
        script = f"case $2 in shard) exit {shard};; merge) exit {merge};; esac"
        organization.fargate.run_as("gmsa-doctor", "/bin/sh", "-c", script, "sh")
        ended = stack.end_of(stack.start(run="r"))
        ends[shard, merge] = ended.get("error", ended["status"])
    assert ends == {
        (0, 0): "SUCCEEDED",
        (0, 1): "gmsa-doctor.fail",
        (0, 3): "gmsa-doctor.incomplete",
        (0, 70): "gmsa-doctor.error",
        (70, 3): "gmsa-doctor.incomplete",  # more failed than are tolerated, and the others are merged
    }


def require_the_permissions_that_are_used(stack: FleetStack) -> None:
    """Require that each role permits what was called with it; what only AWS or another option calls is named here."""
    policies = {
        "gmsa-doctor-fleet": Template(FLEET).properties("TaskRole")["Policies"][0]["PolicyDocument"],
        stack.ids["MachineRole"]: Template(FLEET).properties("MachineRole")["Policies"][0]["PolicyDocument"],
        "gmsa-doctor": Template(
            FLEET_MEMBER, CredSpecBucketArns=["arn:aws:s3:::specs-*"], ReadSecrets="yes"
        ).properties("Policy")["PolicyDocument"],
    }
    unused = {
        "gmsa-doctor-fleet": {"organizations:ListAccountsForParent", "organizations:ListOrganizationalUnitsForParent"},
        stack.ids["MachineRole"]: {
            *("events:DescribeRule", "events:PutRule", "events:PutTargets", "iam:PassRole"),
            *(f"states:{one}Execution" for one in ("Describe", "Redrive", "Start", "Stop")),
        },
    }
    other = {"s3:ListObjectsV2": "s3:ListBucket", "s3:HeadObject": "s3:GetObject", "s3:HeadBucket": "s3:ListBucket"}
    for role, document in policies.items():
        called = {f"{service}:{operation}" for service, operation in stack.aws.calls_by(role)} - {
            "sts:GetCallerIdentity"
        }
        asked = {other.get(one, one) for one in called}
        permitted = {action for statement in statements(document).values() for action in statement["Action"]}
        assert asked <= permitted, role
        assert permitted - asked == unused.get(role, permitted - asked), role
