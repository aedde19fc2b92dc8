"""The policies that `gmsa-doctor iam-policy` prints are enough, and nothing in them is too much."""

import copy
import json
from contextlib import ExitStack
from typing import Any

import pytest

from gmsa_doctor.clients.aws.services import AWS_CLIENTS
from gmsa_doctor.clients.aws.session import operations
from tests.command import Ended, doctor
from tests.here import doctor_here
from tests.lab.ad import DomainController
from tests.lab.aws import ACCOUNT, EmbeddedAws
from tests.lab.creation import create, healthy_account
from tests.lab.environment import Created, Environment, healthy
from tests.scenarios import tiers
from tests.scenarios.changes import all_of
from tests.scenarios.execution_role_start import REPOSITORY, image, logs, object_key, object_key_of_aws, secret_key
from tests.scenarios.images import image_with
from tests.scenarios.judge import brief, told
from tests.scenarios.lab import Change, Lab
from tests.scenarios.policies import ROLE
from tests.scenarios.test_aws_calls import RUNS, STARTS

Policy = dict[str, Any]
INSTANCE_ROLE = f"arn:aws:iam::{ACCOUNT}:role/ecsInstance"
PARAMETER = f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/gmsa/webapp01"
ENVIRONMENTS: dict[str, Change] = {
    **RUNS,
    "an image that may be pulled": image_with(user="root"),
    "no such object": lambda it, _: setattr(it, "credspec", None),
}


def printed(purpose: str, *arguments: str, aws: EmbeddedAws) -> Policy:
    options = ("--for", purpose, "--account", ACCOUNT, "--region", "us-east-1", *arguments)
    ended = doctor_here("iam-policy", *options, aws=aws, env=aws.environ())
    assert ended.code == 0, ended.err
    return ended.document


def about(made: Created, aws: EmbeddedAws) -> list[str]:
    """The options that name what is checked, and the keys that there are."""
    keys = [one["KeyArn"] for one in aws.client("kms").list_keys()["Keys"]]
    named = ["--credspec", made.credspec_arn, "--secret", made.secret_arn]
    return [*named, *(word for key in keys for word in ("--kms-key", key))]


def for_doctor(made: Created, aws: EmbeddedAws) -> Policy:
    named = ["--cluster", "demo", "--execution-role", ROLE, "--instance-role", INSTANCE_ROLE, "--credspec", PARAMETER]
    named += ["--log-group", "/ecs/webapp"]
    return printed("doctor", *named, *about(made, aws), aws=aws)


def without(action: str, policy: Policy) -> Policy:
    found = copy.deepcopy(policy)
    for statement in found["Statement"]:
        statement["Action"] = [one for one in statement["Action"] if one != action]
    found["Statement"] = [one for one in found["Statement"] if one["Action"]]
    return found


def actions(policy: Policy) -> set[str]:
    return {action for one in policy["Statement"] for action in one["Action"]}


def asked_for(aws: EmbeddedAws) -> set[str]:
    """The IAM actions of the calls that were made."""
    known = {one.name: one.action for client in AWS_CLIENTS for one in operations(client)}
    return {known[f"{service}:{operation}"] for service, operation in aws.calls}


def made(change: Change, dc: DomainController, aws: EmbeddedAws, stack: ExitStack) -> tuple[Environment, Created]:
    aws.reset()
    if not tiers.all_through_process:
        aws.player.play(healthy_account(dc, aws))
    environment = healthy(dc)
    change(environment, Lab(dc, aws, stack))
    return environment, create(environment, aws)


def check(environment: Environment, aws: EmbeddedAws) -> Ended:
    command, env = environment.command_with("--live", "never", "--format", "json"), aws.environ()
    ended = doctor(*command, env=env) if tiers.all_through_process else doctor_here(*command, aws=aws, env=env)
    assert ended.code in (0, 1, 3), ended.err
    return ended


@pytest.mark.parametrize("change", ENVIRONMENTS.values(), ids=ENVIRONMENTS)
def test_what_is_printed_for_doctor_is_enough(change: Change, dc: DomainController, aws: EmbeddedAws) -> None:
    with ExitStack() as stack:
        environment, created = made(change, dc, aws, stack)
        free = check(environment, aws)
        aws.permit(for_doctor(created, aws))
        assert check(environment, aws).statuses() == free.statuses()


def asked_and_missed(dc: DomainController, aws: EmbeddedAws) -> tuple[set[str], set[str]]:
    """The actions of all calls that were made, and those whose lack has left a question open that names it."""
    asked: set[str] = set()
    missed: set[str] = set()
    for change in ENVIRONMENTS.values():
        with ExitStack() as stack:
            environment, created = made(change, dc, aws, stack)
            policy = for_doctor(created, aws)
            check(environment, aws)
            here = asked_for(aws) & actions(policy)
            asked |= here
            for action in sorted(here - missed):
                aws.permit(without(action, policy))
                if any(action in told(one) for one in unknowns(check(environment, aws))):
                    missed.add(action)
    return asked, missed


def unknowns(ended: Ended) -> list[dict[str, Any]]:
    found = (one for each in ended.document["subjects"] for one in each["findings"])
    return [one for one in found if one["status"] == "unknown"]


def test_whatever_is_taken_away_leaves_a_question_open_that_names_it(dc: DomainController, aws: EmbeddedAws) -> None:
    asked, missed = asked_and_missed(dc, aws)
    assert {"s3:ListBucket", "s3:GetBucketPolicy", "kms:ListGrants", "iam:SimulatePrincipalPolicy"} <= missed
    assert asked - missed == set()


@pytest.mark.parametrize("change", STARTS.values(), ids=STARTS)
def test_what_starts_the_task_is_in_the_policy(change: Change, dc: DomainController, aws: EmbeddedAws) -> None:
    with ExitStack() as stack:
        environment, _ = made(change, dc, aws, stack)
        free = check(environment, aws)
        policy = doctor("iam-policy", *environment.started_by, env=aws.environ()).document
        aws.permit(policy)
        assert check(environment, aws).statuses() == free.statuses()
        reading = {one for one in actions(policy) if one.split(":")[0] in ("scheduler", "events", "states")}
        for action in sorted(one for one in reading if ":List" not in one or one == "events:ListTargetsByRule"):
            aws.permit(without(action, policy))
            assert action in told(unknowns(check(environment, aws))[0])


def test_a_key_of_awss_own_is_told_by_asking_for_it_and_needs_no_option(dc: DomainController, aws: EmbeddedAws) -> None:
    with ExitStack() as stack:
        environment, created = made(object_key_of_aws, dc, aws, stack)
        named = ["--cluster", "demo", "--execution-role", ROLE, "--credspec", created.credspec_arn]
        policy = printed("doctor", *named, "--secret", created.secret_arn, aws=aws)
        aws.permit(policy)
        ended = check(environment, aws)
        assert (ended.code, ended.statuses()["execution-role.kms"]) == (0, "pass"), brief(ended)
        aws.permit(without("kms:DescribeKey", policy))
        (open_,) = unknowns(check(environment, aws))
    assert open_["check"] == "execution-role.kms"
    assert "kms:DescribeKey" in told(open_)


# The execution role ---------------------------------------------------------------------------------


WHOLE = all_of(image(), logs(), object_key(), secret_key())


def for_execution_role(created: Created, aws: EmbeddedAws) -> Policy:
    more = ["--repository", REPOSITORY, "--log-group", "/ecs/webapp"]
    return printed("execution-role", *about(created, aws), *more, aws=aws)


def give_the_role(policy: Policy, aws: EmbeddedAws) -> None:
    aws.client("iam").put_role_policy(
        RoleName=ROLE.rpartition("/")[2], PolicyName="gmsa-webapp01", PolicyDocument=json.dumps(policy)
    )


def test_what_is_printed_for_the_execution_role_is_enough(dc: DomainController, aws: EmbeddedAws) -> None:
    with ExitStack() as stack:
        environment, created = made(WHOLE, dc, aws, stack)
        give_the_role(for_execution_role(created, aws), aws)
        ended = check(environment, aws)
    assert ended.code == 0, brief(ended)


def test_without_any_of_it_a_check_of_the_role_does_not_pass(dc: DomainController, aws: EmbeddedAws) -> None:
    with ExitStack() as stack:
        environment, created = made(WHOLE, dc, aws, stack)
        policy = for_execution_role(created, aws)
        for action in sorted(actions(policy)):
            give_the_role(without(action, policy), aws)
            ended = check(environment, aws)
            found = (one for each in ended.document["subjects"] for one in each["findings"])
            wrong = [one for one in found if one["status"] in ("fail", "warn")]
            assert [one for one in wrong if action in told(one)], (action, brief(ended))
