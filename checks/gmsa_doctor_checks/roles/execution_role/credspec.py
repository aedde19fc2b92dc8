"""Whether the execution role may read the CredSpec: the S3 object, or the SSM parameter on EC2."""

from __future__ import annotations

from dataclasses import replace

from gmsa_doctor.authoring import Cause, Finding, Outcome, check, passed
from gmsa_doctor.clients.aws.s3 import S3
from gmsa_doctor.core.errors import ClientError, ServiceError
from gmsa_doctor.formats.aws.arn import parse_ssm_parameter_arn
from gmsa_doctor.given.shared_values import CredSpecLocation, CredSpecObject, ExecutionRole
from gmsa_doctor.given.subject import AwsPlace
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.credspec.object import credspec_object
from gmsa_doctor_checks.roles.access import judge
from gmsa_doctor_checks.roles.simulation import AccessQuestion, PolicySimulator
from gmsa_doctor_checks.task.revisions import not_known_yet

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
    """Simulates `s3:GetObject` in IAM on the object, and reads the bucket policy.

    The role's permissions boundary and the organization's policies apply. Within an account, the bucket policy alone
    may allow it; a bucket in another account must also allow it. With the role's own credentials nothing is simulated:
    credspec.object made the real call.

    Why: Credentials Fetcher reads the CredSpec with this role. The sample policy in AWS's documentation allows only
    `s3:GetObjectVersion` and `s3:ListBucket`, which is not enough.

    Fix: allow `s3:GetObject` on the object for the execution role.
    """
    if location.is_open:
        return not_known_yet("the CredSpec's location", location.arn)
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
        policy_put=f"aws s3api put-bucket-policy --bucket {posix(bucket)} --policy",
    )
    decisions, policy = simulator.simulate_and_read(question, lambda: s3.policy(bucket), _OF_VERSIONS)
    if any(decision.allowed and decision.action == _OF_VERSIONS for decision in decisions):
        question = replace(question, hint=_SAMPLE_OF_AWS)
    # S3 returns a bucket policy to the owner's account only; other allowed callers get MethodNotAllowed.
    # Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketPolicy.html
    foreign = isinstance(policy, ServiceError) and policy.code == "MethodNotAllowed"
    return judge(replace(question, foreign=foreign), decisions, policy)


def _owner(bucket: str, place: AwsPlace, s3: S3) -> dict[str, str]:
    """The bucket's account as condition keys, if S3 confirms that it is the task's. credspec.object made the call."""
    try:
        owned = s3.bucket(bucket, place.account).owned
    except ClientError:
        return {}
    keys = ("aws:ResourceAccount", "s3:ResourceAccount")
    return dict.fromkeys(keys, place.account) if owned and place.account else {}


@check(
    "execution-role.ssm",
    title="The execution role may read the CredSpec's SSM parameter",
    cause=Cause.TASK_DEFINITION,
    docs=links.EC2_GMSA,
    about="task/executionRoleArn",
    shows=(texts.NO_PARAMETER,),
)
def execution_role_ssm(
    role: ExecutionRole, location: CredSpecLocation, found: Outcome[CredSpecObject], simulator: PolicySimulator
) -> Finding:
    """Simulates `ssm:GetParameters` in IAM on the SSM parameter that may hold the CredSpec on EC2.

    The role's permissions boundary and the organization's policies apply. With the role's own credentials nothing is
    simulated: credspec.object made the real call.

    Why: the ECS agent reads the parameter with this role before it passes the CredSpec to Credentials Fetcher. It reads
    from the task's own region and account, regardless of the ARN.

    Fix: allow `ssm:GetParameters` on the parameter for the execution role.
    """
    if not location.parameter:
        return passed("the CredSpec is an S3 object, not an SSM parameter: see execution-role.credspec")
    arn = simulator.role(role.arn)
    if known := simulator.already_read(found):
        return known
    named = parse_ssm_parameter_arn(location.arn)
    question = AccessQuestion(
        arn,
        "ssm:GetParameters",
        str(replace(named, region=simulator.place.region or named.region, account=arn.account)),
        "the CredSpec",
        simulator.context,
        evidence=credspec_object.id,
        shows_as=texts.NO_PARAMETER,
    )
    return judge(question, simulator.simulate(question), None)
