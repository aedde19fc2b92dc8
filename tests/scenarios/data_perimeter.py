"""Policies that are limited to resources and principals of ours, or of somebody else's."""

from typing import Any

from tests.lab.aws import ACCOUNT
from tests.lab.environment import Environment
from tests.scenarios.changes import all_of, boundary, denied, in_organization, role, role_also
from tests.scenarios.execution_role_start import DELEGATED, object_key, secret_key
from tests.scenarios.lab import Lab, Scenario
from tests.scenarios.policies import ALL, OBJECT, VALUE, allow, bucket_policy, deny, secret_policy, to, when

_CREDSPEC, _SECRET, _KMS = "execution-role.credspec", "execution-role.secret", "execution-role.kms"
_ELSEWHERE = "210987654321"
_OBJECTS = "arn:aws:s3:::gmsa-credspecs/*"
_OWNER = "aws:ResourceAccount"
_OURS, _THEIRS = (when("StringEquals", _OWNER, one) for one in (ACCOUNT, _ELSEWHERE))
_DIRECTLY, _THROUGH = (when("Bool", "aws:ViaAWSService", one) for one in ("false", "true"))


def _in_the_organization(key: str) -> dict[str, Any]:
    return when("StringEquals", key, "o-a1b2c3d4e5")


def _all_keys_are_named(_: Environment, lab: Lab) -> None:
    lab.aws.names_all_keys = True


FAULTS = (
    Scenario("objects of another account only", _CREDSPEC, role({**OBJECT, **_THEIRS}, VALUE), "none of its policies"),
    Scenario("secrets of another account only", _SECRET, role(OBJECT, {**VALUE, **_THEIRS}), "none of its policies"),
    Scenario(
        "no object but another account's",
        _CREDSPEC,
        role_also(deny("s3:*", **when("StringNotEqualsIfExists", _OWNER, _ELSEWHERE))),
        " denies s3:GetObject",
    ),
    Scenario(
        "no object whose account is known", _CREDSPEC, role_also(deny("s3:*", **when("Null", _OWNER, "false"))),
        " denies s3:GetObject",
    ),
    Scenario(
        "a boundary of secrets of another account",
        _SECRET,
        boundary(allow("s3:*"), allow("secretsmanager:*", **_THEIRS)),
        "permissions boundary",
    ),
    Scenario("no secret but through a service", _SECRET, role_also(deny("secretsmanager:*", **_DIRECTLY)), "denies"),
    Scenario(
        "no key through a service",
        _KMS,
        all_of(role_also(allow("kms:Decrypt"), deny("kms:*", **_THROUGH)), secret_key()),
        " denies kms:Decrypt",
    ),
    Scenario(
        "a bucket policy for the services of AWS",
        _CREDSPEC,
        bucket_policy(deny("s3:*", _OBJECTS, **to(), **when("Bool", "aws:PrincipalIsAWSService", "false"))),
        "denies s3:GetObject",
    ),
)  # fmt: skip

HEALTHY = (
    Scenario("everything of our account", "", role({**ALL, **_OURS})),
    Scenario(
        "everything of the role's own account",
        "",
        role({**ALL, **when("StringEquals", _OWNER, "${aws:PrincipalAccount}")}),
    ),
    Scenario(
        "objects of our account, in S3's words",
        "",
        role({**OBJECT, **when("StringEquals", "s3:ResourceAccount", ACCOUNT)}, VALUE),
    ),
    Scenario("nothing but of our account", "", role_also(deny("*", **when("StringNotEquals", _OWNER, ACCOUNT)))),
    Scenario(
        "nothing but of our account, if it is known",
        "",
        role_also(deny("*", **when("StringNotEqualsIfExists", _OWNER, ACCOUNT))),
    ),
    Scenario("nothing whose account is unknown", "", role_also(deny("s3:*", **when("Null", _OWNER, "true")))),
    Scenario("a boundary of our account", "", boundary({**ALL, **_OURS})),
    Scenario(
        "nothing for services of AWS", "", role_also(deny("*", **when("Bool", "aws:PrincipalIsAWSService", "true")))
    ),
    Scenario("nothing for users", "", role_also(deny("*", **when("StringEquals", "aws:PrincipalType", "User")))),
    Scenario("objects and secrets directly", "", role({**OBJECT, **_DIRECTLY}, {**VALUE, **_DIRECTLY})),
    Scenario(
        "keys through services", "", all_of(role_also(allow("kms:Decrypt", **_THROUGH)), secret_key(), object_key())
    ),
    Scenario(
        "a key policy for what services ask",
        "",
        all_of(role_also(allow("kms:Decrypt")), secret_key(DELEGATED, deny("kms:Decrypt", **to(), **_DIRECTLY))),
    ),
    Scenario(
        "a bucket policy for our account's principals and resources",
        "",
        bucket_policy(
            deny("s3:*", _OBJECTS, **to(), **when("StringNotEquals", "aws:PrincipalAccount", ACCOUNT)),
            deny("s3:*", _OBJECTS, **to(), **when("StringNotEquals", _OWNER, ACCOUNT)),
        ),
    ),
    Scenario(
        "a secret policy for our account",
        "",
        secret_policy(deny("secretsmanager:*", **to(), **when("StringNotEquals", "aws:PrincipalAccount", ACCOUNT))),
    ),
    Scenario(
        "conditions of statements about something else",
        "",
        all_of(
            _all_keys_are_named,
            role_also(
                allow("s3:ListBucket", **when("StringLike", "s3:prefix", "web/*")),
                allow("kms:Decrypt", **when("StringEquals", "kms:ViaService", "sqs.us-east-1.amazonaws.com")),
                allow("ecr:BatchGetImage", **when("StringEquals", "ecr:ResourceTag/app", "web")),
                allow("dynamodb:GetItem", **when("ForAllValues:StringEquals", "dynamodb:LeadingKeys", "web")),
                allow("iam:GetUser", **when("StringEquals", "aws:username", "me")),
                deny("sns:Publish", **when("StringEquals", "aws:SourceAccount", _ELSEWHERE)),
                deny("sqs:*", **when("ForAnyValue:StringEquals", "aws:CalledVia", "athena.amazonaws.com")),
            ),
        ),
    ),
)  # fmt: skip

DOUBTS = (
    Scenario(
        "secrets for a part of an organization",
        _SECRET,
        all_of(in_organization, role(OBJECT, {**VALUE, **_in_the_organization("aws:PrincipalOrgPaths")})),
        "depends on condition keys that the simulation cannot know: aws:PrincipalOrgPaths",
    ),
    Scenario(
        "secrets for an organization, which may not be described",
        _SECRET,
        all_of(
            denied("organizations", "DescribeOrganization"),
            role(OBJECT, {**VALUE, **_in_the_organization("aws:PrincipalOrgID")}),
        ),
        "access denied: organizations:DescribeOrganization",
    ),
    Scenario(
        "secrets of an owner of a name, and policies that may not be read",
        _SECRET,
        all_of(
            denied("iam", "ListRolePolicies"),
            role(OBJECT, {**VALUE, **when("StringEquals", "secretsmanager:Name", "gmsa/webapp01")}),
        ),
        "access denied: iam:ListRolePolicies",
    ),
    Scenario(
        "a bucket policy that allows an organization, which may not be described",
        _CREDSPEC,
        all_of(
            denied("organizations", "DescribeOrganization"),
            role(VALUE),
            bucket_policy(
                allow("s3:GetObject", resource=_OBJECTS, **to(), **_in_the_organization("aws:PrincipalOrgID"))
            ),
        ),
        "conditions that cannot be evaluated here: aws:PrincipalOrgID",
    ),
    Scenario(
        "keys called by a service of a name",
        _KMS,
        all_of(
            role_also(allow("kms:Decrypt", **when("ForAnyValue:StringEquals", "aws:CalledVia", "s3.amazonaws.com"))),
            secret_key(),
        ),
        "aws:CalledVia",
    ),
    Scenario(
        "objects of our account, with an unknown bucket owner",
        _CREDSPEC,
        all_of(role({**OBJECT, **_OURS}, VALUE), denied("s3", "HeadBucket")),
        "S3 shows the owner to callers with s3:ListBucket",
    ),
)
