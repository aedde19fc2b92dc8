"""The embedded AWS's simulation of policies, which moto lacks."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.lab.aws import ACCOUNT, EmbeddedAws
from tests.lab.environment import trust

ROLE = f"arn:aws:iam::{ACCOUNT}:role/web"
OBJECT = "arn:aws:s3:::b/web.json"
Statement = dict[str, Any]


def say(effect: str, action: Any = "s3:GetObject", **more: Any) -> Statement:
    return {"Effect": effect, "Action": action, "Resource": "*", **more}


def document(*statements: Statement) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


@pytest.fixture
def iam(aws: EmbeddedAws) -> Any:
    client = aws.client("iam")
    client.create_role(RoleName="web", AssumeRolePolicyDocument=json.dumps(trust("ecs-tasks.amazonaws.com")))
    return client


def simulate(iam: Any, **context: str) -> dict[str, Any]:
    entries = [
        {"ContextKeyName": key.replace("_", ":"), "ContextKeyType": "string", "ContextKeyValues": [value]}
        for key, value in context.items()
    ]
    answer = iam.simulate_principal_policy(
        PolicySourceArn=ROLE, ActionNames=["s3:GetObject"], ResourceArns=[OBJECT], ContextEntries=entries
    )
    assert answer["IsTruncated"] is False
    (result,) = answer["EvaluationResults"]
    assert (result["EvalActionName"], result["EvalResourceName"]) == ("s3:GetObject", OBJECT)
    return dict(result)


@pytest.mark.parametrize(
    ("statements", "decision"),
    [
        ([say("Allow")], "allowed"),
        ([say("Allow", "s3:Get*")], "allowed"),
        ([say("Allow", "s3:Put*")], "implicitDeny"),
        ([say("Allow", Resource=["arn:aws:s3:::b/*.json"])], "allowed"),
        ([say("Allow", Resource="arn:aws:s3:::b")], "implicitDeny"),
        ([say("Allow"), say("Deny", ["s3:*"])], "explicitDeny"),
        ([{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}], "allowed"),
        ([{"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::b/*"}], "implicitDeny"),
    ],
)
def test_a_deny_wins_and_without_an_allow_there_is_none(iam: Any, statements: list[Statement], decision: str) -> None:
    iam.put_role_policy(RoleName="web", PolicyName="own", PolicyDocument=document(*statements))
    assert simulate(iam)["EvalDecision"] == decision


def test_a_role_without_policies_may_do_nothing(iam: Any) -> None:
    found = simulate(iam)
    assert (found["EvalDecision"], found["MatchedStatements"]) == ("implicitDeny", [])


def test_attached_policies_count_in_their_default_version(iam: Any) -> None:
    arn = iam.create_policy(PolicyName="read", PolicyDocument=document(say("Deny")))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="web", PolicyArn=arn)
    assert simulate(iam)["EvalDecision"] == "explicitDeny"
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=document(say("Allow")), SetAsDefault=True)
    found = simulate(iam)
    assert found["EvalDecision"] == "allowed"
    assert [one["SourcePolicyId"] for one in found["MatchedStatements"]] == ["read"]


def test_a_boundary_limits_and_is_named(iam: Any) -> None:
    iam.put_role_policy(RoleName="web", PolicyName="own", PolicyDocument=document(say("Allow", "*")))
    arn = iam.create_policy(PolicyName="limit", PolicyDocument=document(say("Allow", "ec2:*")))["Policy"]["Arn"]
    iam.put_role_permissions_boundary(RoleName="web", PermissionsBoundary=arn)
    found = simulate(iam)
    assert found["EvalDecision"] == "implicitDeny"
    assert found["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}


def test_an_organizations_policy_limits_until_the_reset(iam: Any, aws: EmbeddedAws) -> None:
    iam.put_role_policy(RoleName="web", PolicyName="own", PolicyDocument=document(say("Allow", "*")))
    aws.organization_policy = [say("Allow", "*"), say("Deny")]
    found = simulate(iam)
    assert found["EvalDecision"] == "explicitDeny"
    assert found["OrganizationsDecisionDetail"] == {"AllowedByOrganizations": False}
    aws.reset()
    assert aws.organization_policy is None


def test_conditions_are_judged_by_the_context_and_what_it_lacks_is_told(iam: Any) -> None:
    condition = {"StringEquals": {"aws:RequestedRegion": "us-east-1"}}
    statements = [say("Allow", Condition=condition)]
    iam.put_role_policy(RoleName="web", PolicyName="own", PolicyDocument=document(*statements))
    assert simulate(iam, aws_RequestedRegion="us-east-1")["EvalDecision"] == "allowed"
    assert simulate(iam, aws_RequestedRegion="eu-west-1")["EvalDecision"] == "implicitDeny"
    without = simulate(iam)
    assert (without["EvalDecision"], without["MissingContextValues"]) == ("implicitDeny", ["aws:RequestedRegion"])


@pytest.mark.parametrize(
    ("operator", "value", "ours", "elsewhere", "untold"),
    [
        ("StringEquals", ACCOUNT, True, False, False),
        ("StringEqualsIfExists", ACCOUNT, True, False, True),
        ("StringNotEquals", ACCOUNT, False, True, True),
        ("StringNotEqualsIfExists", ACCOUNT, False, True, True),
        ("StringEquals", "${aws:PrincipalAccount}", True, False, False),
        ("Null", "true", False, False, True),
        ("Null", "false", True, True, False),
    ],
)
def test_a_key_that_is_not_there_is_as_iam_has_it(
    iam: Any, operator: str, value: str, ours: bool, elsewhere: bool, untold: bool
) -> None:
    statement = say("Allow", Condition={operator: {"aws:ResourceAccount": value}})
    iam.put_role_policy(RoleName="web", PolicyName="own", PolicyDocument=document(statement))
    decisions = {True: "allowed", False: "implicitDeny"}
    for account, holds in ((ACCOUNT, ours), ("210987654321", elsewhere)):
        found = simulate(iam, aws_PrincipalAccount=ACCOUNT, aws_ResourceAccount=account)
        assert (found["EvalDecision"], found["MissingContextValues"]) == (decisions[holds], [])
    without = simulate(iam, aws_PrincipalAccount=ACCOUNT)
    assert (without["EvalDecision"], without["MissingContextValues"]) == (decisions[untold], ["aws:ResourceAccount"])


def test_an_unknown_role_is_refused(aws: EmbeddedAws) -> None:
    with pytest.raises(ClientError) as caught:
        simulate(aws.client("iam"))
    assert caught.value.response["Error"]["Code"] == "NoSuchEntity"
