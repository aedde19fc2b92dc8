"""Whether the policy of a resource allows a role: yes, no, or unknown."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gmsa_doctor.formats.aws.arn import parse_role_arn
from gmsa_doctor.formats.aws.iam_policy_document import PolicyError, PolicyRequest, Ruling, fits, rule, rule_identity

ACCOUNT = "123456789012"
ARN = f"arn:aws:iam::{ACCOUNT}:role/services/web"
ROLE = parse_role_arn(ARN)
OBJECT = "arn:aws:s3:::credspecs/gmsa/web.json"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/web/0123"
CONTEXT = {
    "aws:securetransport": ("true",),
    "aws:principalaccount": (ACCOUNT,),
    "aws:principalarn": (ARN,),
    "aws:requestedregion": ("eu-west-1",),
    "s3:tlsversion": ("1.2", "1.3"),
}
REQUEST = PolicyRequest(ROLE, "s3:GetObject", OBJECT, CONTEXT)
NOTHING = Ruling()


def said(*statements: dict[str, Any]) -> Ruling:
    return rule(json.dumps({"Version": "2012-10-17", "Statement": list(statements)}), REQUEST)


def allow(**more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": {"AWS": ARN}, "Action": "s3:GetObject", "Resource": OBJECT, **more}


def deny(**more: Any) -> dict[str, Any]:
    return {**allow(**{"Principal": "*", **more}), "Effect": "Deny"}


def denies(condition: dict[str, Any]) -> bool | None:
    return said(deny(Condition=condition)).denies


# Principals -----------------------------------------------------------------------------------------


def test_no_policy_allows_and_denies_nothing() -> None:
    assert rule(None, REQUEST) == NOTHING


@pytest.mark.parametrize("principal", ["*", {"AWS": "*"}, {"AWS": ARN}, {"AWS": [f"{ARN}2", ARN]}])
def test_the_role_is_allowed_by_name_or_with_everyone(principal: Any) -> None:
    ruling = said(allow(Principal=principal))
    assert (ruling.allows, ruling.delegates) == (True, False)
    assert ruling.open_to_all is ("*" in str(principal))


@pytest.mark.parametrize("principal", [ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root"])
def test_a_statement_for_the_account_only_delegates(principal: str) -> None:
    ruling = said(allow(Principal={"AWS": principal}))
    assert (ruling.allows, ruling.delegates) == (False, True)


@pytest.mark.parametrize(
    "principal",
    [
        {"AWS": f"{ARN}2"},
        {"AWS": "AROAIOSFODNN7EXAMPLE1"},
        {"AWS": "210987654321"},
        {"Service": "ecs-tasks.amazonaws.com"},
        {"Federated": "*"},
        None,
    ],
)
def test_other_principals_are_not_the_role(principal: Any) -> None:
    assert said(allow(Principal=principal)) == NOTHING
    assert said(deny(Principal=principal)) == NOTHING


def test_a_statement_for_a_session_of_the_role_is_unknown() -> None:
    assert said(allow(Principal={"AWS": SESSION})).allows is None
    assert said(allow(Principal={"AWS": SESSION})).allow_keys == ("Principal",)


def test_a_deny_for_the_account_denies_the_role() -> None:
    assert said(deny(Principal={"AWS": ACCOUNT}, Sid="Closed")).denied_by == "Closed"


@pytest.mark.parametrize(("listed", "answer"), [(f"{ARN}2", True), (ARN, None), (ACCOUNT, None), (SESSION, None)])
def test_a_partial_exclusion_is_unknown(listed: str, answer: bool | None) -> None:
    statement = {key: value for key, value in deny().items() if key != "Principal"}
    assert said({**statement, "NotPrincipal": {"AWS": listed}}).denies is answer


# Actions and resources ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "answer"),
    [
        ({"Action": "s3:*"}, True),
        ({"Action": ["s3:PutObject", "S3:getobject"]}, True),
        ({"Action": "s3:Get?bject"}, True),
        ({"Action": "s3:GetObjectVersion"}, False),
        ({"Action": "s3:Put*"}, False),
        ({"Resource": "arn:aws:s3:::credspecs/*"}, True),
        ({"Resource": "arn:aws:s3:::credspecs"}, False),
        ({"Resource": "arn:aws:s3:::credspecs/GMSA/*"}, False),
        ({"Resource": "arn:aws:s3:::credspecs/gmsa/${aws:PrincipalAccount}/*"}, False),
        ({"Resource": "arn:aws:s3:::credspecs/gmsa/${aws:username}*"}, None),
        ({"Resource": "arn:aws:s3:::credspecs/gmsa/web${*}json"}, False),
    ],
)
def test_actions_ignore_case_and_resources_do_not(part: dict[str, Any], answer: bool | None) -> None:
    assert said(allow(**part)).allows is answer


def test_not_action_and_not_resource_include_all_others() -> None:
    others = {key: value for key, value in allow().items() if key not in ("Action", "Resource")}
    assert said({**others, "NotAction": "s3:Put*", "NotResource": "arn:aws:s3:::credspecs/other/*"}).allows is True
    assert said({**others, "NotAction": "s3:Get*", "Resource": "*"}).allows is False
    assert said({**others, "Action": "*", "NotResource": "arn:aws:s3:::credspecs/*"}).allows is False
    assert said({**others, "Action": "*"}).allows is True


# Conditions -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "answer"),
    [
        ({"Bool": {"aws:SecureTransport": "false"}}, False),
        ({"Bool": {"aws:SecureTransport": False}}, False),
        ({"Bool": {"AWS:securetransport": "true"}}, True),
        ({"BoolIfExists": {"aws:SecureTransport": "false"}}, False),
        ({"NumericLessThan": {"s3:TlsVersion": 1.2}}, False),
        ({"NumericLessThan": {"s3:TlsVersion": "1.3"}}, None),
        ({"StringNotEquals": {"aws:PrincipalAccount": [ACCOUNT, "210987654321"]}}, False),
        ({"StringNotEquals": {"aws:PrincipalAccount": "210987654321"}}, True),
        ({"StringEquals": {"aws:PrincipalAccount": "${aws:PrincipalAccount}"}}, True),
        ({"ArnNotLike": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/*"}}, False),
        ({"ArnLike": {"aws:PrincipalArn": "arn:*"}}, False),
        ({"StringNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/*web"}}, False),
        ({"StringEqualsIgnoreCase": {"aws:RequestedRegion": "EU-west-1"}}, True),
        ({"ForAnyValue:StringEquals": {"aws:RequestedRegion": "eu-west-1"}}, True),
        ({"Null": {"aws:PrincipalArn": "true"}}, False),
        ({"Null": {"aws:PrincipalArn": "false"}}, True),
        ({"Null": {"aws:SourceVpce": "true"}}, None),
        ({"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}, None),
        ({"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, None),
        ({"DateGreaterThan": {"aws:SecureTransport": "2030-01-01T00:00:00Z"}}, None),
        ({"StringNotEquals": {"aws:SourceVpce": "vpce-1", "aws:PrincipalAccount": ACCOUNT}}, False),
        ({"Bool": {"aws:SecureTransport": "true"}, "StringEquals": {"aws:PrincipalOrgID": "o-1"}}, None),
    ],
)
def test_a_condition_is_evaluated_as_far_as_the_request_is_known(
    condition: dict[str, Any], answer: bool | None
) -> None:
    assert denies(condition) is answer


def test_an_unknown_answer_lists_its_condition_keys() -> None:
    ruling = said(
        deny(Sid="Inside", Condition={"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}),
        allow(Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1"}}),
    )
    assert (ruling.denied_by, ruling.deny_keys, ruling.allow_keys) == (
        "Inside",
        ("aws:SourceVpce",),
        ("aws:PrincipalOrgID",),
    )


def test_a_certain_deny_outweighs_an_unknown_one() -> None:
    doubtful = deny(Sid="Perhaps", Condition={"StringNotEquals": {"aws:SourceVpce": "vpce-1"}})
    ruling = said(doubtful, deny(Sid="Surely"))
    assert (ruling.denies, ruling.denied_by) == (True, "Surely")


# Invalid policies -----------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"Statement": ["a"]}', "null", '"Statement"'])
def test_another_text_than_a_policy_is_an_error(text: str) -> None:
    with pytest.raises(PolicyError):
        rule(text, REQUEST)


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
_STATEMENT = st.fixed_dictionaries(
    {"Effect": st.sampled_from(["Allow", "Deny"])},
    optional=dict.fromkeys(("Principal", "NotPrincipal", "Action", "NotAction", "Resource", "Condition", "Sid"), _JSON),
)


@given(st.lists(_STATEMENT, max_size=3))
def test_any_statement_gives_an_answer(statements: list[dict[str, Any]]) -> None:
    with suppress(PolicyError):
        assert said(*statements).denies in (True, False, None)


@given(st.text(), st.text(max_size=3))
def test_a_pattern_without_wildcards_matches_only_itself(text: str, more: str) -> None:
    plain = text.replace("*", "").replace("?", "")
    assert fits(plain, plain)
    assert fits(plain, plain + more) is (not more)
    assert fits("*", text)


def test_many_wildcards_are_fast() -> None:
    assert not fits("*" * 40 + "s?", "s3:getobject")
    assert not fits("*a" * 40 + "b", "a" * 200)
    assert fits("*a" * 40, "a" * 200)


@pytest.mark.parametrize(
    ("condition", "answer"),
    [
        ({"StringEquals": {"aws:SourceVpce": "vpce-1"}}, False),
        ({"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}, True),
        ({"StringEqualsIfExists": {"aws:SourceVpce": "vpce-1"}}, True),
        ({"Null": {"aws:SourceVpce": "true"}}, True),
        ({"Null": {"aws:SourceVpce": "false"}}, False),
        ({"ForAllValues:StringEquals": {"aws:SourceVpce": "vpce-1"}}, True),
        ({"ForAnyValue:StringNotEquals": {"aws:SourceVpce": "vpce-1"}}, False),
        ({"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, False),
        ({"IpAddress": {"aws:SourceIp": ["192.0.2.0/24", "10.1.0.0/16"]}}, True),
        ({"NumericGreaterThanEquals": {"aws:EpochTime": "5"}}, True),
        ({"DateLessThan": {"aws:TokenIssueTime": "2020-01-01T00:00:00Z"}}, False),
    ],
)
def test_a_key_that_the_request_lacks_is_evaluated_as_iam_does(condition: dict[str, Any], answer: bool) -> None:
    context = {
        "aws:sourceip": ("10.1.2.3",), "aws:epochtime": ("5",), "aws:tokenissuetime": ("2026-11-30T12:00:00Z",),
    }  # fmt: skip
    request = PolicyRequest(ROLE, "s3:GetObject", "arn:aws:s3:::b/k", context, frozenset({"aws:sourcevpce"}))
    statement = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition}
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    assert rule_identity({"read": text}, request).denies is answer
