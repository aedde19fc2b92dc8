"""The execution role: what it lacks, other ways for it to be right, and what cannot be known about it."""

from tests.lab.aws import ACCOUNT
from tests.lab.environment import trust
from tests.scenarios.changes import (
    all_of,
    boundary,
    credential_arn,
    denied,
    in_a_parameter,
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
from tests.scenarios.policies import (
    ALL,
    OBJECT,
    ROLE,
    VALUE,
    allow,
    bucket_policy,
    deny,
    secret_policy,
    to,
    when,
)

_TRUST, _CREDSPEC, _SECRET = "execution-role.trust", "execution-role.credspec", "execution-role.secret"
_ECS = "ecs-tasks.amazonaws.com"
_WORD = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:gmsa-secret"
"""A name that ends in what looks like the six characters."""
_NAME = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:gmsa/webapp01"
_OBJECTS = "arn:aws:s3:::gmsa-credspecs/*"


FAULTS = (
    Scenario("a role that does not exist", _TRUST, no_role, "does not exist"),
    Scenario("a role for instances", _TRUST, trusted_by(trust("ec2.amazonaws.com")), "names ec2.amazonaws.com"),
    Scenario("a role for the ECS service", _TRUST, trusted_by(trust("ecs.amazonaws.com")), _ECS),
    Scenario(
        "a role for another account's tasks",
        _TRUST,
        trusted_by(trust(_ECS, **when("StringEquals", "aws:SourceAccount", "210987654321"))),
        "aws:SourceAccount",
    ),
    Scenario(
        "a role for another region's tasks",
        _TRUST,
        trusted_by(trust(_ECS, **when("ArnLike", "aws:SourceArn", f"arn:aws:ecs:eu-west-1:{ACCOUNT}:*"))),
        "aws:SourceArn",
    ),
    Scenario("a role that may be tagged only", _TRUST, trusted_by(trust(_ECS, Action="sts:TagSession")), _ECS),
    Scenario("a trust that is denied", _TRUST, trusted_by(trust(_ECS, Effect="Deny")), "a statement denies it"),
    Scenario("no s3:GetObject", _CREDSPEC, role(VALUE), "none of its policies allows s3:GetObject"),
    Scenario(
        "the sample policy in AWS's documentation",
        _CREDSPEC,
        role(VALUE, allow("s3:GetObjectVersion", "s3:ListBucket")),
        "s3:GetObjectVersion alone is not enough",
    ),
    Scenario(
        "s3:GetObject on the bucket", _CREDSPEC, role(VALUE, {**OBJECT, "Resource": "arn:aws:s3:::gmsa-credspecs"}),
        "none of its policies allows s3:GetObject",
    ),
    Scenario("a Deny on the object", _CREDSPEC, role_also(deny("s3:Get*")), "gmsa-webapp01 denies s3:GetObject"),
    Scenario(
        "a Deny without TLS the wrong way round",
        _CREDSPEC,
        role_also(deny("s3:*", **when("Bool", "aws:SecureTransport", "true"))),
        "denies s3:GetObject",
    ),
    Scenario(
        "no ssm:GetParameters",
        "execution-role.ssm",
        all_of(in_a_parameter(), role(VALUE, allow("ssm:GetParameter"))),
        "none of its policies allows ssm:GetParameters",
    ),
    Scenario(
        "ssm:GetParameters in the region of the ARN, not in the task's",
        "execution-role.ssm",
        all_of(
            in_a_parameter(region="eu-west-1"),
            role(VALUE, allow("ssm:GetParameters", resource=f"arn:aws:ssm:eu-west-1:{ACCOUNT}:parameter/gmsa/*")),
        ),
        "none of its policies allows ssm:GetParameters",
    ),
    Scenario("no secretsmanager:GetSecretValue", _SECRET, role(OBJECT), "secretsmanager:GetSecretValue"),
    Scenario(
        "secretsmanager:DescribeSecret only",
        _SECRET,
        role(OBJECT, allow("secretsmanager:DescribeSecret")),
        "none of its policies allows secretsmanager:GetSecretValue",
    ),
    Scenario("the secret by its name", _SECRET, role(OBJECT, {**VALUE, "Resource": _NAME}), f"{_NAME}-??????"),
    Scenario(
        "the secret by a name that seems to have its suffix",
        _SECRET,
        all_of(
            role(OBJECT, {**VALUE, "Resource": _WORD}),
            lambda it, _: setattr(it, "secret_name", "gmsa-secret"),
            credential_arn(_WORD),
        ),
        f"{_WORD}-??????",
    ),
    Scenario("a Deny on the secret", _SECRET, role_also(deny("secretsmanager:*", _NAME + "*")), "gmsa-webapp01 denies"),
    Scenario("a boundary without the secret", _SECRET, boundary(allow("s3:*")), "permissions boundary"),
    Scenario("a boundary without the object", _CREDSPEC, boundary(allow("secretsmanager:*")), "permissions boundary"),
    Scenario(
        "a bucket policy that denies", _CREDSPEC, bucket_policy(deny("s3:*", _OBJECTS, Sid="Keep", **to())), "(Keep)"
    ),
    Scenario(
        "a bucket policy for other roles",
        _CREDSPEC,
        bucket_policy(deny("s3:*", _OBJECTS, **to(), **when("ArnNotEquals", "aws:PrincipalArn", f"{ROLE}2"))),
        "denies s3:GetObject",
    ),
    Scenario(
        "a bucket policy for another account's role",
        _CREDSPEC,
        all_of(role(VALUE), bucket_policy(allow("s3:GetObject", resource=_OBJECTS, **to(f"{ROLE}2")))),
        "does not allow it either",
    ),
    Scenario(
        "a bucket policy that delegates to the account",
        _CREDSPEC,
        all_of(role(VALUE), bucket_policy(allow("s3:GetObject", resource=_OBJECTS, **to(ACCOUNT)))),
        "none of its policies allows s3:GetObject",
    ),
    Scenario(
        "a boundary, and a bucket policy for the role",
        _CREDSPEC,
        all_of(
            boundary(allow("secretsmanager:*")), bucket_policy(allow("s3:GetObject", resource=_OBJECTS, **to(ROLE)))
        ),
        "permissions boundary",
    ),
    Scenario(
        "a secret policy that denies",
        _SECRET,
        secret_policy(deny("secretsmanager:GetSecretValue", **to(ROLE))),
        "the policy of the secret denies",
    ),
    Scenario(
        "a secret policy for everyone else",
        _SECRET,
        secret_policy(
            deny("secretsmanager:*", NotPrincipal={"AWS": f"{ROLE}2"}, Sid="OnlyTheOther")
        ),
        "(OnlyTheOther)",
    ),
)  # fmt: skip

HEALTHY = (
    Scenario("a role of any action", "", role(ALL)),
    Scenario("a role of any action but some", "", role({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"})),
    Scenario("the secret's six characters as ??????", "", role(OBJECT, {**VALUE, "Resource": _NAME + "-??????"})),
    Scenario(
        "a secret without its suffix whose own name seems to have one",
        "",
        all_of(
            lambda it, _: setattr(it, "secret_name", "gmsa-secret"),
            credential_arn(_WORD),
        ),
    ),
    Scenario("the secret's six characters as *", "", role(OBJECT, {**VALUE, "Resource": _NAME + "*"})),
    Scenario("actions in other case", "", role({**OBJECT, "Action": "S3:getobject"}, VALUE)),
    Scenario("a Deny of something else", "", role_also(deny("s3:Put*"), deny("secretsmanager:*", _NAME + "2-*"))),
    Scenario(
        "a Deny without TLS", "", role_also(deny("s3:*", **when("Bool", "aws:SecureTransport", "false")))
    ),
    Scenario(
        "a Deny in other regions",
        "",
        role_also(deny("*", **when("StringNotEquals", "aws:RequestedRegion", "us-east-1"))),
    ),
    Scenario(
        "a Deny without TLS in the bucket policy",
        "",
        bucket_policy(deny("s3:*", _OBJECTS, **to(), **when("Bool", "aws:SecureTransport", "false"))),
    ),
    Scenario(
        "a Deny of old TLS in the bucket policy",
        "",
        bucket_policy(deny("s3:*", _OBJECTS, **to(), **when("NumericLessThan", "s3:TlsVersion", "1.2"))),
    ),
    Scenario(
        "a Deny to all but this account",
        "",
        bucket_policy(deny("s3:*", _OBJECTS, **to(), **when("StringNotEquals", "aws:PrincipalAccount", ACCOUNT))),
    ),
    Scenario(
        "a bucket policy that allows the role",
        "",
        all_of(role(VALUE), bucket_policy(allow("s3:GetObject", resource=_OBJECTS, **to(ROLE)))),
    ),
    Scenario(
        "a secret policy that allows the role",
        "",
        all_of(role(OBJECT), secret_policy(allow("secretsmanager:GetSecretValue", **to(ROLE)))),
    ),
    Scenario("a boundary that holds both", "", boundary(allow("s3:*", "secretsmanager:*"))),
    Scenario("an organization that allows all", "", organization(ALL)),
    Scenario("a trust of several services", "", trusted_by(trust("ec2.amazonaws.com", _ECS))),
    Scenario(
        "a trust for this account", "", trusted_by(trust(_ECS, **when("StringEquals", "aws:SourceAccount", ACCOUNT)))
    ),
    Scenario(
        "a trust for this region",
        "",
        trusted_by(trust(_ECS, **when("ArnLike", "aws:SourceArn", f"arn:aws:ecs:us-east-1:{ACCOUNT}:*"))),
    ),
    Scenario("China, and its partition", "", all_of(region("cn-north-1"), role(OBJECT, VALUE))),
    Scenario("a role on EC2", "", all_of(on_ec2, options("--fetcher", "2"))),
)  # fmt: skip

WARNINGS = (
    Scenario(
        "a bucket policy for an endpoint",
        _CREDSPEC,
        bucket_policy(deny("s3:*", _OBJECTS, **to(), **when("StringNotEquals", "aws:SourceVpce", "vpce-1"))),
        "aws:SourceVpce",
    ),
    Scenario(
        "a secret policy with a NotPrincipal for the role",
        _SECRET,
        secret_policy(deny("secretsmanager:*", NotPrincipal={"AWS": ROLE})),
        "NotPrincipal excludes a role only if",
    ),
)

DOUBTS = (
    Scenario("the bucket policy denied", _CREDSPEC, denied("s3", "GetBucketPolicy"), "s3:GetBucketPolicy"),
    Scenario(
        "the bucket policy denied, with no policy of the role",
        _CREDSPEC,
        all_of(role(VALUE), denied("s3", "GetBucketPolicy")),
        "access denied: s3:GetBucketPolicy on gmsa-credspecs",
    ),
    Scenario(
        "the secret's policy denied",
        _SECRET,
        denied("secretsmanager", "GetResourcePolicy"),
        "secretsmanager:GetResourcePolicy",
    ),
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
        role_also(deny("s3:*", **when("StringNotEquals", "aws:SourceVpce", "vpce-1"))),
        "aws:SourceVpce",
    ),
    Scenario(
        "a trust with an external id", _TRUST, trusted_by(trust(_ECS, **when("StringEquals", "sts:ExternalId", "x"))),
        "sts:ExternalId",
    ),
)  # fmt: skip
