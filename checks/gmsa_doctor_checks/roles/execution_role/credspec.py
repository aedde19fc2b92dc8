"""Whether the execution role may read the CredSpec from S3."""

from __future__ import annotations

from dataclasses import replace

from gmsa_doctor.authoring import Cause, Finding, Outcome, check, passed
from gmsa_doctor.clients.aws.s3 import S3
from gmsa_doctor.core.errors import ClientError, ServiceError
from gmsa_doctor.given.shared_values import CredSpecLocation, CredSpecObject, ExecutionRole
from gmsa_doctor.given.subject import AwsPlace
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.credspec.object import credspec_object
from gmsa_doctor_checks.roles.access import judge
from gmsa_doctor_checks.roles.simulation import AccessQuestion, PolicySimulator, ResourcePolicy

_OF_VERSIONS = "s3:GetObjectVersion"
_SAMPLE_OF_AWS = f"; {_OF_VERSIONS} alone is not enough: the sample policy in AWS's documentation lacks s3:GetObject"


@check(
    "execution-role.credspec",
    title="The execution role may read the CredSpec",
    cause=Cause.TASK_DEFINITION,
    docs=links.FARGATE_GMSA,
    about="task/executionRoleArn",
    shows=(texts.INVALID_OBJECT,),
)
def execution_role_credspec(
    role: ExecutionRole, location: CredSpecLocation, found: Outcome[CredSpecObject], s3: S3, simulator: PolicySimulator
) -> Finding:
    """Simulates `s3:GetObject` on the object in IAM, and reads the bucket policy.

    The role's permissions boundary and the organization's policies apply. Within an account, the bucket policy alone
    may allow it; a bucket in another account must also allow it. With the role's own credentials nothing is simulated:
    credspec.object made the real call.

    Why: Credentials Fetcher reads the CredSpec with this role. The sample policy in AWS's documentation allows only
    `s3:GetObjectVersion` and `s3:ListBucket`, which is not enough.

    Fix: allow `s3:GetObject` on the object for the execution role.
    """
    if location.parameter:
        return passed("the CredSpec is an SSM parameter, not an S3 object: see execution-role.ssm")
    arn = simulator.role(role.arn)
    from_file = bool(found.value and found.value.location.file)
    if known := simulator.already_read(found, from_file=from_file):
        return known
    bucket = location.bucket
    question = AccessQuestion(
        arn,
        "s3:GetObject",
        location.arn,
        "the CredSpec",
        {**simulator.context, **_owner(bucket, simulator.place, s3)},
        evidence=credspec_object.id,
        shows_as=texts.INVALID_OBJECT,
        policy_name=f"the policy of the bucket {bucket}",
        policy_command=f"aws s3api get-bucket-policy --bucket {posix(bucket)} --query Policy --output text",
    )
    decisions, policy = simulator.simulate_and_read(question, lambda: s3.policy(bucket), _OF_VERSIONS)
    if any(decision.allowed and decision.action == _OF_VERSIONS for decision in decisions):
        question = replace(question, hint=_SAMPLE_OF_AWS)
    return judge(replace(question, foreign=_of_another_account(policy)), decisions, policy)


def _owner(bucket: str, place: AwsPlace, s3: S3) -> dict[str, str]:
    """The bucket's account as condition keys, if S3 confirms that it is the task's. credspec.object made the call."""
    try:
        owned = s3.bucket(bucket, place.account).owned
    except ClientError:
        return {}
    keys = ("aws:ResourceAccount", "s3:ResourceAccount")
    return dict.fromkeys(keys, place.account) if owned and place.account else {}


def _of_another_account(policy: ResourcePolicy) -> bool:
    """S3 returns a bucket's policy to the owner's account only; other allowed callers get MethodNotAllowed.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketPolicy.html
    """
    return isinstance(policy, ServiceError) and policy.code == "MethodNotAllowed"
