"""The recorded account is the one that the embedded AWS gives, and leaves nothing to the next test."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.here import doctor_here
from tests.lab import recorded
from tests.lab.ad import DomainController
from tests.lab.aws import EmbeddedAws
from tests.lab.creation import create, healthy_account
from tests.lab.environment import Environment, healthy
from tests.lab.tape import recorded_anew

NOBODY = DomainController(ip="127.77.255.254", state=Path("/nonexistent"))
"""What does not run: for the account alone."""


def test_the_tape_holds_what_the_embedded_aws_answers_today(dc: DomainController, aws: EmbeddedAws) -> None:
    assert recorded.FILE.read_text(encoding="utf-8") == recorded_anew(dc, aws), "write it: python -m tests.lab.tape"


def played(aws: EmbeddedAws) -> Environment:
    aws.player.play(healthy_account(NOBODY, aws))
    return healthy(NOBODY)


def test_what_is_as_recorded_is_not_made(aws: EmbeddedAws) -> None:
    environment = played(aws)
    created = create(environment, aws)
    assert created == healthy_account(NOBODY, aws).created
    assert aws.player.tape_for("ec2")


@pytest.mark.parametrize("service", ["ec2", "ds", "secretsmanager", "s3", "iam", "ecs"])
def test_moto_remembers_what_is_recorded_as_soon_as_somebody_looks(service: str, aws: EmbeddedAws) -> None:
    created = create(played(aws), aws)
    looks: dict[str, Callable[[Any], object]] = {
        "ec2": lambda it: it.describe_subnets(SubnetIds=list(created.subnets)),
        "ds": lambda it: it.describe_directories(DirectoryIds=[created.directory]),
        "secretsmanager": lambda it: it.get_secret_value(SecretId=created.secret_arn),
        "s3": lambda it: it.get_object(Bucket="gmsa-credspecs", Key="webapp01_CredSpec.json"),
        "iam": lambda it: it.get_role(RoleName="ecsTaskExecutionRole"),
        "ecs": lambda it: it.describe_task_definition(taskDefinition=created.task_definition_arn),
    }
    looks[service](aws.client(service))
    assert aws.player.tape_for(service) is None


def test_only_what_differs_is_made_anew_with_the_same_names(aws: EmbeddedAws) -> None:
    environment = played(aws)
    environment.secret = "nonsense"
    assert create(environment, aws) == healthy_account(NOBODY, aws).created
    assert aws.player.tape_for("secretsmanager") is None
    assert aws.player.tape_for("ec2")
    assert aws.client("secretsmanager").get_secret_value(SecretId="gmsa/webapp01")["SecretString"] == "nonsense"


def test_other_services_answer_as_recorded_although_the_network_is_changed(aws: EmbeddedAws) -> None:
    created = create(played(aws), aws)
    aws.client("ec2").create_route_table(VpcId=created.vpc)
    others = [service for service in ("ds", "route53", "route53resolver", "sts") if aws.player.tape_for(service)]
    assert others
    assert aws.player.tape_for("ec2") is None
    answers = healthy_account(NOBODY, aws).tape.answers
    recorded_of = {call: answer for call, answer in answers.items() if call.split()[0] in others}
    today: dict[str, bytes] = {}
    for call in recorded_of:
        service, operation, region, parameters = call.split(" ", 3)
        today[call] = pickle.dumps(dict(aws.client(service, region)._make_api_call(operation, json.loads(parameters))))
    texts = [recorded.text_of(recorded.Tape(given), NOBODY.ip) for given in (today, recorded_of)]
    assert texts[0] == texts[1]
    assert aws.player.tape_for("ds") is None


def test_an_account_that_was_changed_before_is_made_as_a_whole(aws: EmbeddedAws) -> None:
    environment = played(aws)
    aws.client("s3").create_bucket(Bucket="other")
    create(environment, aws)
    assert aws.player.account is None
    assert len(aws.client("s3").list_buckets()["Buckets"]) == 2


def test_a_run_in_this_process_answers_as_the_command_does(aws: EmbeddedAws) -> None:
    ended = doctor_here("check", "--service", "a", aws=aws, env=aws.environ())
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("gmsa-doctor: ")
