"""Tasks without a service: a schedule, a rule or a state machine starts them."""

import json
from collections.abc import Mapping
from typing import Any

from tests.lab.aws import ACCOUNT, EmbeddedAws
from tests.lab.environment import EXECUTION_ROLE, Created, Environment, fill, trust
from tests.scenarios.changes import after, all_of, entry, role, task
from tests.scenarios.lab import Change, Lab, Scenario
from tests.scenarios.policies import OBJECT, allow, document, when

_TASKS = "ecs-tasks.amazonaws.com"

STARTER_ROLE = f"arn:aws:iam::{ACCOUNT}:role/starts-tasks"
SERVICES = {
    "--schedule": "scheduler.amazonaws.com",
    "--rule": "events.amazonaws.com",
    "--state-machine": "states.amazonaws.com",
}
_CAN_START = (allow("ecs:RunTask"), allow("iam:PassRole", **when("StringEquals", "iam:PassedToService", _TASKS)))


def network(made: Created) -> dict[str, Any]:
    """The network configuration of RunTask, in the case of a schedule's and a rule's target."""
    vpc = {"Subnets": [made.subnets[0]], "SecurityGroups": [made.security_group]}
    return {"awsvpcConfiguration": {**vpc, "AssignPublicIp": "DISABLED"}}


def cluster(made: Created) -> str:
    """The ARN of the cluster."""
    return f"arn:{made.partition}:ecs:{made.region}:{ACCOUNT}:cluster/demo"


def _started(option: str, name: str) -> Change:
    def change(it: Environment, _: Lab) -> None:
        it.service = None
        it.started_by = (option, name)

        def make(aws: EmbeddedAws, made: Created) -> None:
            iam = aws.client("iam", made.region)
            iam.create_role(RoleName="starts-tasks", AssumeRolePolicyDocument=json.dumps(trust(SERVICES[option])))

        it.after.append(make)
        starter_may(*_CAN_START)(it, _)

    return change


def starter_may(*statements: dict[str, Any]) -> Change:
    """Let the role that starts the task have this policy; `{task_definition_arn}` is filled in."""

    def put(aws: EmbeddedAws, made: Created) -> None:
        text = document(*fill(list(statements), made.names))
        aws.client("iam", made.region).put_role_policy(RoleName="starts-tasks", PolicyName="own", PolicyDocument=text)

    return after(put)


def schedule(parameters: Mapping[str, Any] | None = None, **target: Any) -> Change:
    """Let a schedule start the task; `target` replaces parts of its target, a function is given what was made."""

    def make(aws: EmbeddedAws, made: Created) -> None:
        ecs = {
            "TaskDefinitionArn": made.task_definition_arn,
            "LaunchType": "FARGATE",
            "NetworkConfiguration": network(made),
            **(parameters or {}),
        }
        given = {key: value(made) if callable(value) else value for key, value in target.items()}
        whole = {"Arn": cluster(made), "RoleArn": STARTER_ROLE, "EcsParameters": ecs, **given}
        aws.client("scheduler", made.region).create_schedule(
            Name="nightly",
            ScheduleExpression="rate(1 day)",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={key: value for key, value in whole.items() if value is not None},
        )

    return all_of(_started("--schedule", "nightly"), lambda it, _: it.after.append(make))


def rule(parameters: Mapping[str, Any] | None = None, **target: Any) -> Change:
    """A rule starts the task, and has another target of another kind."""

    def make(aws: EmbeddedAws, made: Created) -> None:
        ecs = {
            "TaskDefinitionArn": made.task_definition_arn,
            "LaunchType": "FARGATE",
            "NetworkConfiguration": network(made),
            **(parameters or {}),
        }
        events = aws.client("events", made.region)
        events.put_rule(Name="on-upload", EventPattern='{"source": ["aws.s3"]}')
        queue = {"Id": "queue", "Arn": f"arn:aws:sqs:{made.region}:{ACCOUNT}:uploads"}
        own = {"Id": "task", "Arn": cluster(made), "RoleArn": STARTER_ROLE, "EcsParameters": ecs, **target}
        events.put_targets(Rule="on-upload", Targets=[queue, own])

    return all_of(_started("--rule", "on-upload"), lambda it, _: it.after.append(make))


def state_machine(arguments: Mapping[str, Any] | None = None, *, jsonata: bool = False, sync: str = ".sync") -> Change:
    """Let a state in a map of a state machine start the task; values that are None are left out."""

    def make(aws: EmbeddedAws, made: Created) -> None:
        given = {
            "Cluster": cluster(made),
            "TaskDefinition": "webapp",
            "LaunchType": "FARGATE",
            "NetworkConfiguration": {"AwsvpcConfiguration": network(made)["awsvpcConfiguration"]},
            **(arguments or {}),
        }
        given = {key: value for key, value in given.items() if value is not None}
        state = {
            "Type": "Task",
            "Resource": f"arn:{made.partition}:states:::ecs:runTask{sync}",
            "Arguments" if jsonata else "Parameters": given,
            "End": True,
        }
        inner = {"StartAt": "Export", "States": {"Export": state}}
        language = {"QueryLanguage": "JSONata"} if jsonata else {}
        definition = {
            **language,
            "StartAt": "Each",
            "States": {"Each": {"Type": "Map", "ItemProcessor": inner, "End": True}},
        }
        aws.client("stepfunctions", made.region).create_state_machine(
            name="exports", definition=json.dumps(definition), roleArn=STARTER_ROLE
        )

    return all_of(_started("--state-machine", "exports"), lambda it, _: it.after.append(make))


def trusts(service: str, **conditions: Any) -> Change:
    """Let this service assume the role that starts the task, on these conditions."""
    policy = json.dumps(trust(service, **({"Condition": conditions} if conditions else {})))
    return after(
        lambda aws, _: aws.client("iam").update_assume_role_policy(RoleName="starts-tasks", PolicyDocument=policy)
    )


def _from(arn: str) -> dict[str, Any]:
    return {"ArnLike": {"aws:SourceArn": arn}}


_SCHEDULES, _STATES = f"arn:aws:scheduler:us-east-1:{ACCOUNT}", f"arn:aws:states:us-east-1:{ACCOUNT}"
_OTHER_ROLE = f"arn:aws:iam::{ACCOUNT}:role/nobody"
_WRONG_PREFIX = entry("CredentialSpecDomainless:{credspec_arn}")
_NO_ROLE = task(executionRoleArn=None)
_OVERRIDES = {"executionRoleArn": f"arn:aws:iam::{ACCOUNT}:role/{EXECUTION_ROLE}"}


def _universal(made: Created) -> str:
    return json.dumps(
        {
            "Cluster": cluster(made),
            "TaskDefinition": "webapp",
            "LaunchType": "FARGATE",
            "NetworkConfiguration": network(made),
        }
    )


UNIVERSAL = schedule(EcsParameters=None, Arn="arn:aws:scheduler:::aws-sdk:ecs:runTask", Input=_universal)

_TAGS = {"Tags": [{"key": "team", "value": "web"}]}


def _with_tag(value: str) -> Change:
    run = allow("ecs:RunTask", **when("StringEquals", "aws:RequestTag/team", value))
    return all_of(schedule(_TAGS), starter_may(run, allow("iam:PassRole", "ecs:TagResource")))


FAULTS = (
    Scenario(
        "a schedule, whose role trusts rules only",
        "task-start.trust",
        all_of(schedule(), trusts("events.amazonaws.com")),
        "EventBridge Scheduler cannot assume the schedule's role starts-tasks: its trust policy names events",
    ),
    Scenario(
        "a schedule, whose role trusts one schedule instead of its group",
        "task-start.trust",
        all_of(schedule(), trusts("scheduler.amazonaws.com", **_from(f"{_SCHEDULES}:schedule/default/nightly"))),
        "the condition on aws:SourceArn",
    ),
    Scenario(
        "a rule, whose role trusts schedules only",
        "task-start.trust",
        all_of(rule(), trusts("scheduler.amazonaws.com")),
        "events.amazonaws.com",
    ),
    Scenario(
        "a state machine, whose role trusts those of another account",
        "task-start.trust",
        all_of(
            state_machine(),
            trusts("states.amazonaws.com", StringEquals={"aws:SourceAccount": "210987654321"}),
        ),
        "Step Functions cannot assume the state machine's role",
    ),
    Scenario(
        "a rule, whose role does not exist",
        "task-start.trust",
        rule(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/nobody"),
        "the rule's role nobody does not exist",
    ),
    Scenario("a schedule with another tag than its role may set", "task-start.permissions", _with_tag("data")),
    Scenario(
        "a schedule, whose role may not pass the execution role",
        "task-start.permissions",
        all_of(schedule(), starter_may(allow("ecs:RunTask"))),
        "none of its policies allows iam:PassRole",
    ),
    Scenario(
        "a rule, whose role may run tasks of another cluster",
        "task-start.permissions",
        all_of(
            rule(),
            starter_may(
                allow("ecs:RunTask", **when("ArnEquals", "ecs:cluster", f"arn:aws:ecs:*:{ACCOUNT}:cluster/other")),
                allow("iam:PassRole"),
            ),
        ),
        "none of its policies allows ecs:RunTask",
    ),
    Scenario(
        "a schedule, whose task definition has a wrong prefix",
        "task-definition.prefix",
        all_of(schedule(), _WRONG_PREFIX),
        "in schedule.json, in Target.EcsParameters, set TaskDefinitionArn",
    ),
    Scenario(
        "a schedule that names a revision which was deleted",
        "task-definition.registered",
        schedule({"TaskDefinitionArn": f"arn:aws:ecs:us-east-1:{ACCOUNT}:task-definition/webapp:77"}),
        "there is no task definition webapp:77",
    ),
    Scenario(
        "a schedule with an old platform version",
        "task-definition.platform-version",
        schedule({"PlatformVersion": "1.3.0"}),
        "Set the platform version of the schedule to LATEST",
    ),
    Scenario(
        "a schedule that overrides the execution role with one that does not exist",
        "execution-role.trust",
        schedule(Input=json.dumps({"executionRoleArn": _OTHER_ROLE})),
        "nobody",
    ),
    Scenario("a rule, without an execution role", "execution-role.present", all_of(rule(), _NO_ROLE), "targets.json"),
    Scenario(
        "a state machine, without an execution role",
        "execution-role.present",
        all_of(state_machine(), _NO_ROLE),
        "in state-machine.json, in Parameters or Arguments of the state Export, set TaskDefinition",
    ),
    Scenario(
        "a state machine, whose execution role may not read the secret",
        "execution-role.secret",
        all_of(state_machine(jsonata=True, sync=".waitForTaskToken"), role(OBJECT)),
    ),
)

WARNINGS = (
    Scenario(
        "a state machine, whose role may run one revision",
        "task-start.permissions",
        all_of(
            state_machine(), starter_may(allow("ecs:RunTask", resource="{task_definition_arn}"), allow("iam:PassRole"))
        ),
        "the state machine names the task definition without a revision",
    ),
    Scenario(
        "a schedule with tags, whose role may not tag",
        "task-start.permissions",
        schedule(_TAGS),
        "unless tagResourceAuthorization is off",
    ),
)

HEALTHY = (
    Scenario("a schedule with the tag that its role must set", "", _with_tag("web")),
    Scenario("a schedule", "", schedule()),
    Scenario(
        "a schedule, whose role trusts its group",
        "",
        all_of(schedule(), trusts("scheduler.amazonaws.com", **_from(f"{_SCHEDULES}:schedule-group/default"))),
    ),
    Scenario(
        "a rule, whose role trusts rules of the account",
        "",
        all_of(rule(), trusts("events.amazonaws.com", StringEquals={"aws:SourceAccount": ACCOUNT})),
    ),
    Scenario(
        "a state machine, whose role trusts the service of the region, and state machines of the account",
        "",
        all_of(state_machine(), trusts("states.us-east-1.amazonaws.com", **_from(f"{_STATES}:stateMachine:*"))),
    ),
    Scenario("a schedule with a universal target", "", UNIVERSAL),
    Scenario(
        "a schedule that overrides a missing execution role",
        "",
        all_of(schedule(Input=json.dumps(_OVERRIDES)), _NO_ROLE),
    ),
    Scenario("a rule", "", rule()),
    Scenario(
        "a rule with an input transformer",
        "",
        rule(
            InputTransformer={
                "InputPathsMap": {"key": "$.detail.object.key"},
                "InputTemplate": json.dumps(
                    {"containerOverrides": [{"name": "web", "environment": [{"name": "KEY", "value": "<key>"}]}]}
                ),
            }
        ),
    ),
    Scenario("a state machine", "", state_machine()),
    Scenario(
        "a state machine whose command and network come from its input",
        "",
        state_machine(
            {
                "NetworkConfiguration": None,
                "NetworkConfiguration.$": "$.network",
                "Overrides": {"ContainerOverrides": [{"Name": "web", "Command.$": "$.command"}]},
            }
        ),
    ),
    Scenario(
        "a state machine in JSONata whose subnets come from its input",
        "",
        state_machine(
            {"NetworkConfiguration": {"AwsvpcConfiguration": {"Subnets": "{% $states.input.subnets %}"}}}, jsonata=True
        ),
    ),
)


def _rule_off(aws: EmbeddedAws, made: Created) -> None:
    aws.client("events", made.region).disable_rule(Name="on-upload")


def _schedule_off(aws: EmbeddedAws, made: Created) -> None:
    found = aws.client("scheduler", made.region).get_schedule(Name="nightly")
    kept = {key: found[key] for key in ("Name", "ScheduleExpression", "FlexibleTimeWindow", "Target")}
    aws.client("scheduler", made.region).update_schedule(State="DISABLED", **kept)


OFF = (
    Scenario("a rule that is off", "task-start.permissions", all_of(rule(), after(_rule_off)), "the rule is DISABLED"),
    Scenario(
        "a schedule that is off", "task-start.permissions", all_of(schedule(), after(_schedule_off)), "is DISABLED"
    ),
)

DOUBTS = (
    Scenario(
        "a state machine, whose role trusts executions, and it is not known whether that is enough",
        "task-start.trust",
        all_of(state_machine(), trusts("states.amazonaws.com", **_from(f"{_STATES}:execution:exports:*"))),
        "depends on conditions that cannot be evaluated here: aws:SourceArn",
    ),
    Scenario(
        "a state machine whose cluster comes from its input, and whose role may run tasks of one cluster",
        "task-start.permissions",
        all_of(
            state_machine({"Cluster": None, "Cluster.$": "$.cluster"}),
            starter_may(
                allow("ecs:RunTask", **when("ArnEquals", "ecs:cluster", f"arn:aws:ecs:*:{ACCOUNT}:cluster/demo")),
                allow("iam:PassRole"),
            ),
        ),
        "Add --cluster",
    ),
    Scenario(
        "a state machine that names no revision, and whose role may run revisions with a tag",
        "task-start.permissions",
        all_of(
            state_machine(),
            starter_may(
                allow(
                    "ecs:RunTask",
                    resource=f"arn:aws:ecs:*:{ACCOUNT}:task-definition/webapp:*",
                    **when("StringEquals", "aws:ResourceTag/env", "prod"),
                ),
                allow("iam:PassRole"),
            ),
        ),
        "aws:ResourceTag/env",
    ),
    Scenario(
        "a state machine whose task definition comes from its input",
        "task-definition.registered",
        state_machine({"TaskDefinition": None, "TaskDefinition.$": "$.definition"}),
        "$.definition",
    ),
    Scenario(
        "a state machine whose execution role comes from its input",
        "execution-role.present",
        state_machine({"Overrides": {"ExecutionRoleArn.$": "$.role"}}),
        "$.role",
    ),
    Scenario(
        "a schedule that may not be read",
        "task-definition.registered",
        all_of(schedule(), lambda it, lab: lab.aws.deny("scheduler", "GetSchedule")),
        "scheduler:GetSchedule",
    ),
)
