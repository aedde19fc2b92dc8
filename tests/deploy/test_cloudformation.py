"""The CloudFormation templates: without a finding of cfn-lint, and in step with the command and what it writes."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from cfnlint.api import lint_file  # type: ignore[import-untyped]
from cfnlint.config import ManualArgs  # type: ignore[import-untyped]

from gmsa_doctor.clients.aws.event_bridge import EventBridge
from gmsa_doctor.clients.aws.session import Aws
from gmsa_doctor.core.model import Verdict
from gmsa_doctor.report.metrics import emf
from tests.command import doctor, environ
from tests.deploy.templates import CREDSPEC, FLEET, FLEET_MEMBER, NIGHTLY, ROLES, RUN_ROLE, SECRETS, Template
from tests.lab.aws import EmbeddedAws
from tests.report.samples import GOOD, report

PARAMETERS: dict[str, object] = {
    "ImageUri": "registry.example/gmsa-doctor:1",
    "ClusterName": "prod",
    "ServiceName": "web",
    "SubnetIds": ["subnet-0a"],
    "SecurityGroupIds": ["sg-0a"],
    "ExecutionRoleArns": ROLES,
    "CredSpecArn": CREDSPEC,
    "SecretArns": SECRETS,
    "NotificationEmail": "team@corp.example",
    "NotifyEachVerdict": "yes",
}
VERDICT = report(("prod/web/app", GOOD), verdict=Verdict.FAIL)
ALARMS = ("FailAlarm", "UnprovenAlarm", "IncompleteAlarm", "NoRunAlarm")


@pytest.fixture
def nightly() -> Template:
    return Template(NIGHTLY, **PARAMETERS)


def container(template: Template) -> dict[str, Any]:
    (one,) = template.properties("TaskDefinition")["ContainerDefinitions"]
    assert isinstance(one, dict)
    return one


@pytest.mark.parametrize("path", [RUN_ROLE, NIGHTLY, FLEET, FLEET_MEMBER], ids=lambda path: path.stem)
def test_cfn_lint_finds_nothing_not_even_for_information(path: Path) -> None:
    assert lint_file(path, ManualArgs(include_checks=["I"])) == []


def test_the_command_is_one_that_the_command_line_knows(nightly: Template, tmp_path: Path) -> None:
    command, *arguments = container(nightly)["Command"]
    known = doctor(command, "--help", env=environ(tmp_path)).out
    options, values = arguments[::2], arguments[1::2]
    assert command == "check"
    assert all(re.search(rf"^\s+{re.escape(one)}\s", known, re.MULTILINE) for one in options), options
    assert dict(zip(options, values, strict=True)) == {
        "--region": "eu-west-1",
        "--cluster": "prod",
        "--service": "web",
        "--live": "always",
        "--timeout": "300",
        "--metrics": "gmsa-doctor",
        "--event-bus": "default",
    }


def test_the_command_gets_as_far_as_aws(nightly: Template, tmp_path: Path) -> None:
    """All of its values are well-formed: without credentials, that is what it says."""
    arguments = container(nightly)["Command"]
    env = environ(tmp_path)
    ended = doctor(*arguments, env=env)
    assert ended.code == 2
    assert "no AWS credentials" in ended.err


def test_the_alarms_watch_the_metrics_that_a_run_writes(nightly: Template) -> None:
    written = json.loads(emf(VERDICT, str(nightly.resolve({"Ref": "MetricsNamespace"})), 0))
    (directive,) = written["_aws"]["CloudWatchMetrics"]
    for name in ALARMS:
        alarm = nightly.properties(name)
        assert alarm["Namespace"] == directive["Namespace"]
        assert alarm["MetricName"] in {one["Name"] for one in directive["Metrics"]}
        assert [[one["Name"] for one in alarm["Dimensions"]]] == directive["Dimensions"]
        assert all(one["Value"] == written[one["Name"]] for one in alarm["Dimensions"])
        assert alarm["AlarmActions"] == ["<Topic>"]


def test_a_failure_is_an_alarm_and_the_last_verdict_holds_until_the_next_run(nightly: Template) -> None:
    fail = nightly.properties("FailAlarm")
    assert (fail["MetricName"], fail["Statistic"], fail["Threshold"]) == ("Fail", "Maximum", 1)
    assert fail["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
    assert fail["TreatMissingData"] == "ignore"


@pytest.mark.parametrize("verdict", [Verdict.FAIL, Verdict.UNPROVEN, Verdict.INCOMPLETE])
def test_each_verdict_other_than_pass_fires_the_alarm_of_its_own_metric(verdict: Verdict, nightly: Template) -> None:
    written = json.loads(emf(report(("prod/web/app", GOOD), verdict=verdict), "gmsa-doctor", 0))
    verdicts = [nightly.properties(name) for name in ALARMS if name != "NoRunAlarm"]
    firing = [alarm["MetricName"] for alarm in verdicts if written[alarm["MetricName"]] >= alarm["Threshold"]]
    assert firing == [verdict.capitalize()]


def test_no_run_is_an_alarm_of_its_own(nightly: Template) -> None:
    missing = nightly.properties("NoRunAlarm")
    assert missing["TreatMissingData"] == "breaching"
    assert (missing["Statistic"], missing["Threshold"], missing["ComparisonOperator"]) == (
        "SampleCount", 1, "LessThanThreshold",
    )  # fmt: skip
    assert missing["EvaluationPeriods"] == missing["DatapointsToAlarm"]
    hours = missing["EvaluationPeriods"] * missing["Period"] / 3600
    assert 24 < hours <= 7 * 24  # more than from one night to the next, and no more than CloudWatch takes


def test_nobody_is_told_where_no_address_is_given() -> None:
    silent = Template(NIGHTLY, **{**PARAMETERS, "NotificationEmail": ""})
    assert all("AlarmActions" not in silent.properties(one) for one in ALARMS)
    assert silent.resolve({"Condition": "SendsEachVerdict"}) is False


@pytest.mark.parametrize(
    ("subject", "verdict", "told"),
    [
        ("prod/web/app", Verdict.FAIL, True),
        ("prod/web/app", Verdict.UNPROVEN, True),
        ("prod/web", Verdict.INCOMPLETE, True),
        ("prod/web/app", Verdict.PASS, False),
        ("prod/web2/app", Verdict.FAIL, False),
    ],
)
def test_the_rule_takes_the_verdicts_of_the_service_other_than_pass(
    subject: str, verdict: Verdict, told: bool, nightly: Template, aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = nightly.properties("VerdictRule")
    events = aws.client("events")
    events.create_archive(
        ArchiveName="seen",
        EventSourceArn="arn:aws:events:us-east-1:123456789012:event-bus/default",
        EventPattern=json.dumps(rule["EventPattern"]),
    )
    for name in [one for one in os.environ if one.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in aws.variables().items():
        monkeypatch.setenv(name, value)
    EventBridge(Aws()).put_verdict(rule["EventBusName"], report((subject, GOOD), verdict=verdict))
    assert events.describe_archive(ArchiveName="seen")["EventCount"] == (1 if told else 0)


def test_the_task_runs_where_the_service_does_and_as_nobody_in_particular(nightly: Template) -> None:
    target = nightly.properties("NightlySchedule")["Target"]
    assert target["Arn"] == "arn:aws:ecs:eu-west-1:123456789012:cluster/prod"
    assert target["EcsParameters"]["NetworkConfiguration"]["AwsvpcConfiguration"] == {
        "Subnets": ["subnet-0a"],
        "SecurityGroups": ["sg-0a"],
        "AssignPublicIp": "DISABLED",
    }
    one = container(nightly)
    assert one["ReadonlyRootFilesystem"] is True
    assert one["LinuxParameters"] == {"Capabilities": {"Drop": ["ALL"]}}
    assert "User" not in one
    assert "Environment" not in one


def test_the_nightly_task_is_no_leftover_of_a_run(nightly: Template) -> None:
    from gmsa_doctor.clients.aws.fargate import FAMILIES

    assert nightly.properties("TaskDefinition")["Family"] not in FAMILIES
