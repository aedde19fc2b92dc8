"""What the task execution role may do, told from outside: IAM simulates its policies, those of resources are read."""

from __future__ import annotations

from dataclasses import replace

from gmsa_doctor.authoring import Cause, Finding, Outcome, Status, check, passed, stands_behind
from gmsa_doctor.clients.aws.iam import Iam
from gmsa_doctor.clients.aws.s3 import S3
from gmsa_doctor.clients.aws.secrets_manager import SecretsManager
from gmsa_doctor.core.errors import ClientError
from gmsa_doctor.formats.aws.arn import parse_ssm_parameter_arn
from gmsa_doctor.given.shared_values import CredSpecLocation, CredSpecObject, ExecutionRole, LinkedSecret
from gmsa_doctor.given.subject import AwsPlace
from gmsa_doctor.given.vantage import Caller
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.roles.access import (
    AccessQuestion,
    in_our_account,
    judge,
    of_another_account,
    ruling,
    side_by_side,
    simulate,
)
from gmsa_doctor_checks.roles.request_context import known_of_requests
from gmsa_doctor_checks.roles.secret_access import may_read, of_secret
from gmsa_doctor_checks.values import SecretObject


@check(
    "execution-role.credspec",
    title="The execution role may read the CredSpec",
    cause=Cause.TASK_DEFINITION,
    docs=links.FARGATE_GMSA,
    about="task/executionRoleArn",
    shows=(texts.INVALID_OBJECT,),
)
def execution_role_credspec(
    role: ExecutionRole,
    location: CredSpecLocation,
    found: Outcome[CredSpecObject],
    place: AwsPlace,
    iam: Iam,
    s3: S3,
    caller: Outcome[Caller],
) -> Finding:
    """Lets IAM simulate `s3:GetObject` on the object, and reads the bucket policy.

    The role's permissions boundary and the organization's policies count. Within an account the bucket policy alone
    may allow it; a bucket of another account has to allow it too. With the role's own credentials nothing is
    simulated: credspec.object has read it, or not.

    Why: Credentials Fetcher reads the CredSpec with this role. The sample policy of AWS's page grants
    `s3:GetObjectVersion` and `s3:ListBucket` only, which is not enough.

    Fix: allow `s3:GetObject` on the object to the execution role.
    """
    if location.parameter:
        return passed("the CredSpec is no object of S3: execution-role.ssm tells of its parameter")
    arn = in_our_account(role.arn, caller)
    from_file = bool(found.value and found.value.location.file)
    if known := known_already(found, caller, from_file=from_file):
        return known
    bucket = location.bucket
    asked = AccessQuestion(
        arn,
        "s3:GetObject",
        location.arn,
        "the CredSpec",
        {**known_of_requests(place), **_owner(bucket, place, s3)},
        evidence="credspec.object",
        shows_as=texts.INVALID_OBJECT,
        policy=f"the policy of the bucket {bucket}",
        show=f"aws s3api get-bucket-policy --bucket {posix(bucket)} --query Policy --output text",
    )
    decisions, policy = side_by_side(
        lambda: simulate(iam, arn, (asked.action, _OF_VERSIONS), (asked.resource,), asked.context),
        lambda: ruling(s3.policy(bucket), asked),
    )
    if any(one.allowed and one.action == _OF_VERSIONS for one in decisions):
        asked = replace(asked, hint=_SAMPLE_OF_AWS)
    return judge(replace(asked, foreign=of_another_account(policy)), decisions, policy)


def _owner(bucket: str, place: AwsPlace, s3: S3) -> dict[str, str]:
    """Whose the bucket is, where S3 has told that it is the task's account's. Asked by credspec.object already."""
    try:
        owned = s3.bucket(bucket, place.account).owned
    except ClientError:
        owned = False
    return (
        {"aws:ResourceAccount": place.account, "s3:ResourceAccount": place.account} if owned and place.account else {}
    )


_OF_VERSIONS = "s3:GetObjectVersion"
_SAMPLE_OF_AWS = (
    f"; {_OF_VERSIONS}, which is allowed to it, is not enough: the sample policy of AWS's page lacks s3:GetObject"
)


@check(
    "execution-role.ssm",
    title="The execution role may read the parameter with the CredSpec",
    cause=Cause.TASK_DEFINITION,
    docs=links.EC2_GMSA,
    about="task/executionRoleArn",
    shows=(texts.NO_PARAMETER,),
)
def execution_role_ssm(
    role: ExecutionRole,
    location: CredSpecLocation,
    found: Outcome[CredSpecObject],
    place: AwsPlace,
    iam: Iam,
    caller: Outcome[Caller],
) -> Finding:
    """On EC2, where the CredSpec may be a parameter: lets IAM simulate `ssm:GetParameters` on it.

    The role's permissions boundary and the organization's policies count. With the role's own credentials nothing is
    simulated: credspec.object has read it, or not.

    Why: the ECS agent reads the parameter with this role before it hands the CredSpec to Credentials Fetcher. It looks
    in the task's own region and account, whatever the ARN says.

    Fix: allow `ssm:GetParameters` on the parameter to the execution role.
    """
    if not location.parameter:
        return passed("the CredSpec is no parameter: execution-role.credspec tells of the object")
    arn = in_our_account(role.arn, caller)
    if known := known_already(found, caller, from_file=False):
        return known
    named = parse_ssm_parameter_arn(location.arn)
    asked = AccessQuestion(
        arn,
        "ssm:GetParameters",
        str(replace(named, region=place.region or named.region, account=arn.account)),
        "the CredSpec",
        known_of_requests(place),
        evidence="credspec.object",
        shows_as=texts.NO_PARAMETER,
    )
    return judge(asked, simulate(iam, arn, (asked.action,), (asked.resource,), asked.context), None)


@check(
    "execution-role.secret",
    title="The execution role may read the secret",
    cause=Cause.CREDSPEC,
    docs=links.SECRETS,
    about="task/executionRoleArn",
    shows=(texts.SECRET,),
)
def execution_role_secret(
    role: ExecutionRole,
    secret: LinkedSecret,
    found: Outcome[SecretObject],
    place: AwsPlace,
    iam: Iam,
    secrets: SecretsManager,
    caller: Outcome[Caller],
) -> Finding:
    """Lets IAM simulate `secretsmanager:GetSecretValue` on the secret's full ARN, and reads the secret's own policy.

    The role's permissions boundary and the organization's policies count. Within an account the secret's policy alone
    may allow it; a secret of another account has to allow it too. With the role's own credentials nothing is
    simulated: secret.value has read it, or not.

    Why: Credentials Fetcher reads the secret with this role. IAM compares the full ARN: a policy on the secret's name
    without the hyphen and six characters that Secrets Manager appends does not match.

    Fix: allow `secretsmanager:GetSecretValue` on the secret's full ARN, or on its name with `-??????`.
    """
    arn = in_our_account(role.arn, caller)
    if known := known_already(found, caller, from_file=False):
        return known
    return may_read(of_secret(secret.text, arn, place), iam, secrets)


def known_already(
    found: Outcome[CredSpecObject] | Outcome[SecretObject], caller: Outcome[Caller], *, from_file: bool
) -> Finding | None:
    """The real call decides, where it was the role's own; and what is not there is nobody's to read."""
    if found.finding.status is Status.FAIL:
        return stands_behind([found.finding])
    if caller.value and caller.value.is_execution_role and not from_file:
        return passed("it was read with the role's own credentials") if found.value else stands_behind([found.finding])
    return None
