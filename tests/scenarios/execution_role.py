"""The execution role: what it lacks, other ways for it to be right, and what cannot be known about it."""

from typing import Any

from tests.lab.aws import ACCOUNT
from tests.lab.environment import trust
from tests.scenarios.changes import (
    all_of,
    boundary,
    denied,
    no_role,
    on_ec2,
    options,
    organization,
    region,
    role,
    role_also,
    trusted_by,
)
from tests.scenarios.lab import Scenario

Statement = dict[str, Any]
_TRUST, _CREDSPEC, _SECRET = "execution-role.trust", "execution-role.credspec", "execution-role.secret"
_ECS = "ecs-tasks.amazonaws.com"
_NAME = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:gmsa/webapp01"
_OBJECT = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "{credspec_arn}"}
_VALUE = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "{secret_arn}"}
_ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def _allow(*actions: str, resource: str = "*", **more: Any) -> Statement:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource, **more}


def _deny(action: str, resource: str = "*", **more: Any) -> Statement:
    return {"Effect": "Deny", "Action": action, "Resource": resource, **more}


def _if(operator: str, key: str, value: str) -> dict[str, Any]:
    return {"Condition": {operator: {key: value}}}


FAULTS = (
    Scenario("a role that does not exist", _TRUST, no_role, "does not exist"),
    Scenario("a role for instances", _TRUST, trusted_by(trust("ec2.amazonaws.com")), "names ec2.amazonaws.com"),
    Scenario("a role for the ECS service", _TRUST, trusted_by(trust("ecs.amazonaws.com")), _ECS),
    Scenario(
        "a role for another account's tasks",
        _TRUST,
        trusted_by(trust(_ECS, **_if("StringEquals", "aws:SourceAccount", "210987654321"))),
        "aws:SourceAccount",
    ),
    Scenario(
        "a role for another region's tasks",
        _TRUST,
        trusted_by(trust(_ECS, **_if("ArnLike", "aws:SourceArn", f"arn:aws:ecs:eu-west-1:{ACCOUNT}:*"))),
        "aws:SourceArn",
    ),
    Scenario("a role that may be tagged only", _TRUST, trusted_by(trust(_ECS, Action="sts:TagSession")), _ECS),
    Scenario("a trust that is denied", _TRUST, trusted_by(trust(_ECS, Effect="Deny")), "a statement denies it"),
    Scenario("no s3:GetObject", _CREDSPEC, role(_VALUE), "no policy of it allows s3:GetObject"),
    Scenario(
        "the sample of AWS's page",
        _CREDSPEC,
        role(_VALUE, _allow("s3:GetObjectVersion", "s3:ListBucket")),
        "s3:GetObjectVersion, which is allowed to it, is not enough",
    ),
    Scenario(
        "s3:GetObject on the bucket", _CREDSPEC, role(_VALUE, {**_OBJECT, "Resource": "arn:aws:s3:::gmsa-credspecs"}),
        "no policy of it allows s3:GetObject",
    ),
    Scenario("a Deny on the object", _CREDSPEC, role_also(_deny("s3:Get*")), "s3:GetObject (gmsa-webapp01)"),
    Scenario(
        "a Deny without TLS the wrong way round",
        _CREDSPEC,
        role_also(_deny("s3:*", **_if("Bool", "aws:SecureTransport", "true"))),
        "a policy denies",
    ),
    Scenario("no secretsmanager:GetSecretValue", _SECRET, role(_OBJECT), "secretsmanager:GetSecretValue"),
    Scenario(
        "secretsmanager:DescribeSecret only",
        _SECRET,
        role(_OBJECT, _allow("secretsmanager:DescribeSecret")),
        "no policy of it allows secretsmanager:GetSecretValue",
    ),
    Scenario("the secret by its name", _SECRET, role(_OBJECT, {**_VALUE, "Resource": _NAME}), f"{_NAME}-??????"),
    Scenario("a Deny on the secret", _SECRET, role_also(_deny("secretsmanager:*", _NAME + "*")), "a policy denies"),
    Scenario("a boundary without the secret", _SECRET, boundary(_allow("s3:*")), "permissions boundary"),
    Scenario("a boundary without the object", _CREDSPEC, boundary(_allow("secretsmanager:*")), "permissions boundary"),
    Scenario("an organization without the secret", _SECRET, organization(_ALL, _deny("secretsmanager:*")), "SCP"),
)  # fmt: skip

HEALTHY = (
    Scenario("a role of any action", "", role(_ALL)),
    Scenario("a role of any action but some", "", role({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"})),
    Scenario("the secret's six characters as ??????", "", role(_OBJECT, {**_VALUE, "Resource": _NAME + "-??????"})),
    Scenario("the secret's six characters as *", "", role(_OBJECT, {**_VALUE, "Resource": _NAME + "*"})),
    Scenario("actions in other case", "", role({**_OBJECT, "Action": "S3:getobject"}, _VALUE)),
    Scenario("a Deny of something else", "", role_also(_deny("s3:Put*"), _deny("secretsmanager:*", _NAME + "2-*"))),
    Scenario(
        "a Deny without TLS", "", role_also(_deny("s3:*", **_if("Bool", "aws:SecureTransport", "false")))
    ),
    Scenario(
        "a Deny in other regions",
        "",
        role_also(_deny("*", **_if("StringNotEquals", "aws:RequestedRegion", "us-east-1"))),
    ),
    Scenario("a boundary that holds both", "", boundary(_allow("s3:*", "secretsmanager:*"))),
    Scenario("an organization that allows all", "", organization(_ALL)),
    Scenario("a trust of several services", "", trusted_by(trust("ec2.amazonaws.com", _ECS))),
    Scenario(
        "a trust for this account", "", trusted_by(trust(_ECS, **_if("StringEquals", "aws:SourceAccount", ACCOUNT)))
    ),
    Scenario(
        "a trust for this region",
        "",
        trusted_by(trust(_ECS, **_if("ArnLike", "aws:SourceArn", f"arn:aws:ecs:us-east-1:{ACCOUNT}:*"))),
    ),
    Scenario("China, and its partition", "", all_of(region("cn-north-1"), role(_OBJECT, _VALUE))),
    Scenario("a role on EC2", "", all_of(on_ec2, options("--fetcher", "2"))),
)  # fmt: skip

DOUBTS = (
    Scenario("the role denied", _TRUST, denied("iam", "GetRole"), "iam:GetRole"),
    Scenario(
        "the role throttled", _TRUST, lambda _, lab: lab.aws.throttle("iam", "GetRole"), "AWS throttled iam:GetRole"
    ),
    Scenario(
        "the secret's simulation denied",
        _SECRET,
        lambda _, lab: lab.aws.deny("iam", "SimulatePrincipalPolicy", "GetSecretValue"),
        "iam:SimulatePrincipalPolicy on arn:aws:iam::123456789012:role/ecsTaskExecutionRole",
    ),
    Scenario(
        "the object's simulation denied",
        _CREDSPEC,
        lambda _, lab: lab.aws.deny("iam", "SimulatePrincipalPolicy", "GetObject"),
        "iam:SimulatePrincipalPolicy",
    ),
    Scenario(
        "a Deny outside an endpoint",
        _CREDSPEC,
        role_also(_deny("s3:*", **_if("StringNotEquals", "aws:SourceVpce", "vpce-1"))),
        "aws:SourceVpce",
    ),
    Scenario(
        "a secret by its tag",
        _SECRET,
        role(_OBJECT, {**_VALUE, **_if("StringEquals", "secretsmanager:ResourceTag/app", "web")}),
        "secretsmanager:ResourceTag/app",
    ),
    Scenario(
        "a trust with an external id", _TRUST, trusted_by(trust(_ECS, **_if("StringEquals", "sts:ExternalId", "x"))),
        "sts:ExternalId",
    ),
)  # fmt: skip
