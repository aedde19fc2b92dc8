"""Trust policies: who may assume a role, and when it is unknown."""

import json
from typing import Any

import pytest

from gmsa_doctor_checks.roles.trust_policy import TrustSource, read_trust
from tests.lab.environment import trust

ACCOUNT = "123456789012"
ECS = "ecs-tasks.amazonaws.com"
HERE = TrustSource("aws", ACCOUNT, "us-east-1")


def answer(document: Any, source: TrustSource = HERE) -> bool | None:
    return read_trust(json.dumps(document), source).allows


def on_condition(operator: str, key: str, *values: str) -> dict[str, Any]:
    return trust(ECS, Condition={operator: {key: list(values)}})


def with_statements(*documents: dict[str, Any]) -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [statement for document in documents for statement in document["Statement"]],
    }


DENY = trust(ECS, Effect="Deny")


@pytest.mark.parametrize(
    "document",
    [
        trust(ECS),
        trust("ec2.amazonaws.com", ECS),
        trust(ECS, Action=["sts:TagSession", "sts:AssumeRole"]),
        trust(ECS, Action="sts:*"),
        {"Statement": trust(ECS)["Statement"][0]},
        {"Statement": {"Effect": "Allow", "Principal": {"Service": ECS}, "Action": "STS:AssumeRole"}},
        on_condition("StringEquals", "aws:SourceAccount", ACCOUNT),
        on_condition("StringLike", "AWS:sourceaccount", "1234*"),
        on_condition("ArnLike", "aws:SourceArn", f"arn:aws:ecs:us-east-1:{ACCOUNT}:*"),
        on_condition("ArnLike", "aws:SourceArn", f"arn:aws:ecs:*:{ACCOUNT}:*"),
        on_condition("StringEquals", "aws:SourceAccount", "210987654321", ACCOUNT),
    ],
)
def test_ecs_tasks_may_assume_it(document: Any) -> None:
    assert answer(document) is True


@pytest.mark.parametrize(
    "document",
    [
        trust("ec2.amazonaws.com"),
        trust("ecs.amazonaws.com"),
        trust(ECS, Action="sts:AssumeRoleWithWebIdentity"),
        {"Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]},
        {"Statement": []},
        DENY,
        with_statements(trust(ECS), DENY),
        on_condition("StringEquals", "aws:SourceAccount", "210987654321"),
        on_condition("ArnLike", "aws:SourceArn", f"arn:aws:ecs:eu-west-1:{ACCOUNT}:*"),
        on_condition("ArnLike", "aws:SourceArn", f"arn:aws:lambda:us-east-1:{ACCOUNT}:*"),
        on_condition("ArnLike", "aws:SourceArn", f"arn:aws:ecs:us-east-1:{ACCOUNT}:cluster/prod"),
        on_condition("StringEquals", "aws:SourceArn", f"arn:aws:ecs:us-east-1:{ACCOUNT}:*"),
        on_condition("StringEqualsIfExists", "aws:SourceAccount", "1234*"),
    ],
)
def test_ecs_tasks_may_not_assume_it(document: Any) -> None:
    assert answer(document) is False


@pytest.mark.parametrize(
    "document",
    [
        on_condition("StringEquals", "sts:ExternalId", "x"),
        on_condition("StringNotEquals", "aws:SourceAccount", ACCOUNT),
        on_condition("ForAnyValue:StringEquals", "aws:SourceAccount", ACCOUNT),
        with_statements(trust(ECS), trust(ECS, Effect="Deny", Condition={"StringEquals": {"aws:PrincipalTag/a": "b"}})),
    ],
)
def test_an_unknown_condition_gives_no_answer(document: Any) -> None:
    assert answer(document) is None


GROUP = f"arn:aws:scheduler:us-east-1:{ACCOUNT}:schedule-group/nightly"
MACHINE = f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:exports"
OF_SCHEDULE = TrustSource("aws", ACCOUNT, "us-east-1", "scheduler.amazonaws.com", GROUP)
OF_MACHINE = TrustSource("aws", ACCOUNT, "us-east-1", "states.amazonaws.com", MACHINE)


@pytest.mark.parametrize(
    ("source", "principal", "arn", "allows"),
    [
        (OF_SCHEDULE, "scheduler.amazonaws.com", "*", True),
        (OF_SCHEDULE, "scheduler.amazonaws.com", GROUP, True),
        (OF_SCHEDULE, "scheduler.amazonaws.com", GROUP.replace("nightly", "*"), True),
        (OF_SCHEDULE, "scheduler.amazonaws.com", GROUP.replace("nightly", "weekly"), False),
        (OF_SCHEDULE, "events.amazonaws.com", "*", False),
        (OF_SCHEDULE, "evil-scheduler.amazonaws.com", "*", False),
        (OF_MACHINE, "states.us-east-1.amazonaws.com", "*", True),
        (OF_MACHINE, "states.amazonaws.com", MACHINE.replace("exports", "*"), True),
        (OF_MACHINE, "states.amazonaws.com", MACHINE.replace("exports", "other"), None),
        (OF_MACHINE, "states.amazonaws.com", MACHINE.replace("us-east-1", "eu-west-1"), False),
        (OF_MACHINE, "states.amazonaws.com", GROUP, False),
    ],
)
def test_services_that_start_tasks_assume_roles_for_their_own_resources(
    source: TrustSource, principal: str, arn: str, allows: bool | None
) -> None:
    condition = {"ArnLike": {"aws:SourceArn": arn}}
    assert answer(trust(principal, Condition=condition), source) is allows


def test_a_condition_on_the_region_gives_no_answer_if_the_region_is_unknown() -> None:
    document = on_condition("ArnLike", "aws:SourceArn", f"arn:aws:ecs:us-east-1:{ACCOUNT}:*")
    assert answer(document, TrustSource("aws", ACCOUNT, None)) is None


@pytest.mark.parametrize("operator", ["Bool", "BoolIfExists"])
def test_a_deny_for_all_but_aws_services_does_not_apply_to_ecs(operator: str) -> None:
    everybody = {"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"}
    other = {"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-1"}}
    for value, allowed in (("false", True), ("true", None)):
        condition = {**other, operator: {"aws:PrincipalIsAWSService": value}}
        statement = {"Statement": [{**everybody, "Condition": condition}]}
        assert answer(with_statements(trust(ECS), statement)) is allowed


def test_the_services_and_the_conditions_are_named() -> None:
    found = read_trust(json.dumps(on_condition("StringEquals", "sts:ExternalId", "x")), HERE)
    assert (found.services, found.conditions) == ((ECS,), ("sts:ExternalId",))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[]", "no Statement"),
        ("{}", "no Statement"),
        ('{"Statement": ["text"]}', "a Statement is not an object"),
    ],
)
def test_a_text_that_is_not_a_policy_is_rejected(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_trust(text, HERE)
