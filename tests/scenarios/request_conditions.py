"""Conditions on what is known of the task's requests: network, organization, tags, time and signature."""

from collections.abc import Callable
from typing import Any

from tests.lab.aws import EmbeddedAws
from tests.lab.environment import EXECUTION_ROLE, Created
from tests.scenarios.changes import (
    ORGANIZATION,
    ORGANIZATION_PATH,
    after,
    all_of,
    answered,
    in_organization,
    known_path,
    organization,
    role,
    role_also,
)
from tests.scenarios.execution_role_start import REPOSITORY, secret_key
from tests.scenarios.lab import Change, Scenario
from tests.scenarios.network_path import BY_ENDPOINTS
from tests.scenarios.policies import ALL, OBJECT, VALUE, allow, bucket_policy, deny, document, secret_policy, to, when

_CREDSPEC, _SECRET, _KMS = "execution-role.credspec", "execution-role.secret", "execution-role.kms"
_IMAGE = "execution-role.image"
_OBJECTS = "arn:aws:s3:::gmsa-credspecs/*"
_VPCE, _VPC, _IP = "aws:SourceVpce", "aws:SourceVpc", "aws:SourceIp"
_LAYERS = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchCheckLayerAvailability")
_PAST, _FUTURE = "2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z"
Condition = dict[str, Any]


def _endpoint(service: str) -> Callable[[EmbeddedAws, Created], str]:
    """Give the id of the VPC's endpoint for a service."""

    def find(aws: EmbeddedAws, made: Created) -> str:
        found = aws.client("ec2", made.region).describe_vpc_endpoints()["VpcEndpoints"]
        return next(str(one["VpcEndpointId"]) for one in found if one["ServiceName"].endswith(f".{service}"))

    return find


def _vpc(_: EmbeddedAws, made: Created) -> str:
    return made.vpc


def _bucket_denies(operator: str, key: str, value: Callable[[EmbeddedAws, Created], str]) -> Change:
    def put(aws: EmbeddedAws, made: Created) -> None:
        statement = deny("s3:*", _OBJECTS, **to(), **when(operator, key, value(aws, made)))
        aws.buckets.policies["gmsa-credspecs"] = document(statement)

    return after(put)


def _secret_denies(operator: str, key: str, value: Callable[[EmbeddedAws, Created], str]) -> Change:
    def put(aws: EmbeddedAws, made: Created) -> None:
        statement = deny("secretsmanager:*", **to(), **when(operator, key, value(aws, made)))
        aws.client("secretsmanager", made.region).put_resource_policy(
            SecretId=made.secret_arn, ResourcePolicy=document(statement)
        )

    return after(put)


def _role_pulls(token: dict[str, Any]) -> Change:
    """Let the role pull from the VPC only, as AWS documents it; `token` is the condition on the authorization token."""

    def put(aws: EmbeddedAws, made: Created) -> None:
        here = when("StringEquals", _VPC, made.vpc)
        statements = [allow("ecr:GetAuthorizationToken", **token), allow(*_LAYERS, resource=REPOSITORY, **here)]
        aws.client("iam").put_role_policy(
            RoleName=EXECUTION_ROLE, PolicyName="pull", PolicyDocument=document(*statements)
        )

    return all_of(BY_ENDPOINTS, after(put), lambda it, _: setattr(it, "role_policy", _without_ecr(it.role_policy)))


def _without_ecr(statements: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
    return [one for one in statements or () if "ecr:" not in str(one)]


def _scp(operator: str, key: str, value: Callable[[EmbeddedAws, Created], str], action: str = "*") -> Change:
    """Give the account an SCP that denies on a condition, but not to services that act for a role."""

    def put(aws: EmbeddedAws, made: Created) -> None:
        condition = {operator: {key: value(aws, made)}, "BoolIfExists": {"aws:ViaAWSService": "false"}}
        aws.organization_policy = [ALL, deny(action, Condition=condition)]

    return all_of(in_organization, after(put))


def _role_tag(key: str, value: str) -> Change:
    return after(
        lambda aws, _: aws.client("iam").tag_role(RoleName=EXECUTION_ROLE, Tags=[{"Key": key, "Value": value}])
    )


def _secret_tag(key: str, value: str) -> Change:
    return after(
        lambda aws, made: aws.client("secretsmanager", made.region).tag_resource(
            SecretId=made.secret_arn, Tags=[{"Key": key, "Value": value}]
        )
    )


def _fixed(text: str) -> Callable[[EmbeddedAws, Created], str]:
    return lambda aws, made: text


FAULTS = (
    Scenario(
        "an archived CredSpec",
        "credspec.object",
        answered("s3", "GetObject", "InvalidObjectState", "The operation is not valid for the storage class", 403),
        "is archived",
    ),
    Scenario(
        "a bucket policy for another endpoint",
        _CREDSPEC,
        all_of(BY_ENDPOINTS, _bucket_denies("StringNotEquals", _VPCE, _fixed("vpce-0123456789abcdef0"))),
        "the task's requests have aws:SourceVpc vpc-",
    ),
    Scenario(
        "a bucket policy for addresses, which requests through an endpoint lack",
        _CREDSPEC,
        all_of(BY_ENDPOINTS, _bucket_denies("NotIpAddress", _IP, _fixed("203.0.113.0/24"))),
        "denies s3:GetObject",
    ),
    Scenario(
        "a secret policy for another VPC",
        _SECRET,
        all_of(BY_ENDPOINTS, _secret_denies("StringNotEquals", _VPC, _fixed("vpc-0123456789abcdef0"))),
        "the policy of the secret denies",
    ),
    Scenario(
        "a role for another endpoint",
        _CREDSPEC,
        all_of(BY_ENDPOINTS, role_also(deny("s3:*", **when("StringNotEquals", _VPCE, "vpce-1")))),
        " denies s3:GetObject",
    ),
    Scenario(
        "a secret policy for another organization",
        _SECRET,
        all_of(
            in_organization,
            secret_policy(deny("secretsmanager:*", **to(), **when("StringNotEquals", "aws:PrincipalOrgID", "o-1"))),
        ),
        "the task's requests have aws:PrincipalOrgID o-a1b2c3d4e5",
    ),
    Scenario(
        "a secret policy for an organization, and an account in none",
        _SECRET,
        secret_policy(deny("secretsmanager:*", **to(), **when("StringNotEquals", "aws:PrincipalOrgID", "o-1"))),
        "the policy of the secret denies",
    ),
    Scenario(
        "a role by a tag that it lacks",
        _SECRET,
        role(OBJECT, {**VALUE, **when("StringEquals", "aws:PrincipalTag/app", "web")}),
        "none of its policies allows",
    ),
    Scenario(
        "a secret by a tag that it lacks",
        _SECRET,
        role(OBJECT, {**VALUE, **when("StringEquals", "secretsmanager:ResourceTag/app", "web")}),
        "none of its policies allows",
    ),
    Scenario(
        "sessions that are revoked until later",
        _CREDSPEC,
        role_also(deny("s3:*", **when("DateLessThan", "aws:TokenIssueTime", _FUTURE))),
        " denies s3:GetObject",
    ),
    Scenario(
        "an authorization token from a VPC only",
        _IMAGE,
        _role_pulls(when("StringEquals", _VPC, "vpc-0123456789abcdef0")),
        "none of its policies allows ecr:GetAuthorizationToken",
    ),
    Scenario(
        "nothing that allows it, beside an open condition",
        _CREDSPEC,
        role(VALUE, deny("s3:*", **when("StringEquals", _VPCE, "vpce-1"))),
        "none of its policies allows s3:GetObject",
    ),
    Scenario(
        "an organization without the secret",
        _SECRET,
        all_of(BY_ENDPOINTS, known_path, organization(ALL, deny("secretsmanager:*"))),
        "a service control policy (SCP) of the organization does not allow secretsmanager:GetSecretValue",
    ),
    Scenario(
        "an organization whose SCP is for another organizational unit",
        _SECRET,
        all_of(
            BY_ENDPOINTS,
            known_path,
            _scp("StringNotLike", "aws:ResourceOrgPaths", _fixed(f"{ORGANIZATION}/r-ab12/ou-2/*"), "secretsmanager:*"),
        ),
        "a service control policy (SCP)",
    ),
    Scenario(
        "a role for another organizational unit",
        _SECRET,
        all_of(known_path, role(OBJECT, {**VALUE, **when("StringLike", "aws:PrincipalOrgPaths", "o-1/*")})),
        "none of its policies allows",
    ),
    Scenario(
        "an organization for another VPC",
        _CREDSPEC,
        all_of(BY_ENDPOINTS, known_path, _scp("StringNotEqualsIfExists", _VPC, _fixed("vpc-1"), "s3:*")),
        "a service control policy (SCP)",
    ),
)

HEALTHY = (
    Scenario(
        "a bucket policy for the task's endpoint",
        "",
        all_of(BY_ENDPOINTS, _bucket_denies("StringNotEquals", _VPCE, _endpoint("s3"))),
    ),
    Scenario(
        "a secret policy for the task's VPC",
        "",
        all_of(BY_ENDPOINTS, _secret_denies("StringNotEquals", _VPC, _vpc)),
    ),
    Scenario(
        "a secret policy for the task's addresses",
        "",
        all_of(BY_ENDPOINTS, _secret_denies("NotIpAddress", "aws:VpcSourceIp", _fixed("127.77.0.0/16"))),
    ),
    Scenario(
        "a secret policy for our organization",
        "",
        all_of(
            in_organization,
            secret_policy(
                deny("secretsmanager:*", **to(), **when("StringNotEquals", "aws:PrincipalOrgID", ORGANIZATION))
            ),
        ),
    ),
    Scenario(
        "objects and secrets of our organization",
        "",
        all_of(in_organization, role({**ALL, **when("StringEquals", "aws:ResourceOrgID", ORGANIZATION)})),
    ),
    Scenario(
        "a bucket policy that allows our organization",
        "",
        all_of(
            in_organization,
            role(VALUE),
            bucket_policy(
                allow(
                    "s3:GetObject", resource=_OBJECTS, **to(),
                    **when("StringEquals", "aws:PrincipalOrgID", ORGANIZATION),
                )
            ),
        ),
    ),
    Scenario(
        "a role by its tag",
        "",
        all_of(_role_tag("app", "web"), role(OBJECT, {**VALUE, **when("StringEquals", "aws:PrincipalTag/app", "web")})),
    ),
    Scenario(
        "a secret by its tag",
        "",
        all_of(
            _secret_tag("app", "web"),
            role(OBJECT, {**VALUE, **when("StringEquals", "secretsmanager:ResourceTag/app", "web")}),
        ),
    ),
    Scenario(
        "sessions that were revoked",
        "",
        role_also(deny("*", **when("DateLessThan", "aws:TokenIssueTime", _PAST))),
    ),
    Scenario(
        "requests with Signature Version 4 only",
        "",
        role_also(deny("s3:*", **when("StringNotEquals", "s3:signatureversion", "AWS4-HMAC-SHA256"))),
    ),
    Scenario("images from the task's VPC, as AWS documents it", "", _role_pulls({})),
    Scenario(
        "an SCP for our organization",
        "",
        _scp("StringNotEqualsIfExists", "aws:ResourceOrgID", _fixed(ORGANIZATION)),
    ),
    Scenario(
        "an SCP for the task's VPC", "", all_of(BY_ENDPOINTS, _scp("StringNotEqualsIfExists", _VPC, _vpc, "s3:*"))
    ),
    Scenario(
        "an SCP for our organizational unit",
        "",
        all_of(known_path, _scp("StringNotLike", "aws:PrincipalOrgPaths", _fixed(f"{ORGANIZATION_PATH}*"))),
    ),
    Scenario(
        "an SCP for a region",
        "",
        _scp("StringNotEquals", "aws:RequestedRegion", _fixed("us-east-1")),
    ),
    Scenario(
        "an SCP that excepts a tag of the role",
        "",
        all_of(
            _role_tag("perimeter", "no"),
            _scp("StringNotEqualsIfExists", "aws:PrincipalTag/perimeter", _fixed("no")),
        ),
    ),
)  # fmt: skip

_OUTSIDE = "User: arn:aws:iam::123456789012:user/me is not authorized to perform: {} with an explicit deny in {}"
DOUBTS = (
    Scenario(
        "a perimeter of the bucket, seen from outside",
        "credspec.object",
        answered("s3", "GetObject", "AccessDenied", _OUTSIDE.format("s3:GetObject", "a resource-based policy"), 403),
        "a resource-based policy denies it",
    ),
    Scenario(
        "a perimeter of the VPC endpoint, seen from outside",
        "secret.value",
        answered(
            "secretsmanager",
            "GetSecretValue",
            "AccessDeniedException",
            _OUTSIDE.format("secretsmanager:GetSecretValue", "a VPC endpoint policy"),
        ),
        "a VPC endpoint policy denies secretsmanager:GetSecretValue to your credentials",
    ),
)

WARNINGS = (
    Scenario(
        "an SCP for our organizational unit, and a path in the organization that may not be read",
        _SECRET,
        all_of(
            BY_ENDPOINTS,
            _scp("StringNotLike", "aws:ResourceOrgPaths", _fixed(f"{ORGANIZATION_PATH}*"), "secretsmanager:*"),
        ),
        "a condition on aws:PrincipalOrgPaths, aws:ResourceOrgPaths, whose values in the task's requests are not known",
    ),
    Scenario(
        "an organization without keys, whose tags may except them",
        _KMS,
        all_of(role_also(allow("kms:Decrypt")), known_path, secret_key(), organization(ALL, deny("kms:*"))),
        "a condition on aws:ResourceTag/<key>",
    ),
    Scenario(
        "an SCP for a network, and a path that is not known",
        f"{_CREDSPEC} {_SECRET}",
        _scp("StringNotEqualsIfExists", _VPC, _fixed("vpc-1")),
        "this is a false alarm if an SCP has a condition on aws:SourceIp",
    ),
    Scenario(
        "an SCP that may be for a network, also for services of AWS, and a path that is not known",
        _SECRET,
        organization(ALL, deny("secretsmanager:*", **when("StringNotEqualsIfExists", _VPC, "vpc-1"))),
        "this is a false alarm if an SCP has a condition on aws:SourceIp",
    ),
)
