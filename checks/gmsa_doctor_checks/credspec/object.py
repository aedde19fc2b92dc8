"""Whether the CredSpec can be read from where the task definition says it is."""

from __future__ import annotations

from collections.abc import Callable

from gmsa_doctor.authoring import Cause, Finding, Fix, Given, Outcome, Result, Status, check, failed, passed, unknown
from gmsa_doctor.clients.aws.s3 import S3, Bucket, S3Object
from gmsa_doctor.clients.aws.ssm import Ssm
from gmsa_doctor.core.errors import ClientError, Denied, NotFound, ServiceError, TimedOut, Unreachable
from gmsa_doctor.core.limits import each
from gmsa_doctor.formats.fetcher import Fetcher
from gmsa_doctor.given.shared_values import CredSpecLocation, CredSpecObject
from gmsa_doctor.given.subject import AwsPlace, Platform
from gmsa_doctor.given.vantage import Caller, Vantage
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.silence import judge_no_way
from gmsa_doctor_checks.versions import judge_by_version


@check(
    "credspec.object",
    title="The CredSpec can be read",
    cause=Cause.TASK_DEFINITION,
    docs=links.FARGATE_GMSA,
    about="container/credentialSpecs/0",
    shows=(texts.INVALID_OBJECT, texts.NOT_RETRIEVED, texts.NO_MAPPING, texts.INVALID_PARAMETERS),
)
def credspec_object(
    location: CredSpecLocation,
    place: AwsPlace,
    platform: Platform,
    s3: S3,
    ssm: Ssm,
    caller: Outcome[Caller],
    vantage: Vantage,
) -> Result[CredSpecObject]:
    """Reads the CredSpec from where the task definition says it is, and compares the bucket's region and account.

    A file (`--credspec-file`) takes its place.

    Why: Credentials Fetcher reads it with the execution role, in the task's region. It shows the same text for an
    object that does not exist, one that may not be read, and a bucket of another region. 1.3 refuses a bucket of
    another account.

    Fix: put the object there, in a bucket of the task's region, and allow `s3:GetObject` on it to the execution role.
    """
    if location.parameter:
        return _from_parameter(location, place, ssm)
    reads: tuple[Callable[[], S3Object | Bucket], ...] = (
        lambda: s3.get(location.bucket, location.key),
        lambda: s3.bucket(location.bucket, place.account),
    )
    (_, found), (_, bucket) = each(reads, lambda read: read())
    if isinstance(found, TimedOut | Unreachable):
        return judge_no_way(found, "Amazon S3", vantage, texts.INVALID_OBJECT)
    if isinstance(found, ClientError):
        return _no_object(location, found, caller)
    assert isinstance(found, S3Object)  # noqa: S101 - for the type checker
    region = bucket.region if isinstance(bucket, Bucket) else None
    if region and place.region and region != place.region:
        return failed(
            f"the bucket {location.bucket} is in {region}, the task runs in {place.region}",
            observed=f"{location.bucket}: {region}",
            expected=f"a bucket in {place.region}",
            fix=_copy(
                location,
                f"a bucket in {place.region}",
                f"{posix(f's3://<bucket in {place.region}>/{location.key}')} --source-region {posix(region)} "
                f"--region {posix(place.region)}",
            ),
            shows_as=texts.INVALID_OBJECT,
        )
    value = CredSpecObject(location, found.size, found.body, found.key, found.bucket_key)
    if isinstance(bucket, Bucket) and not bucket.owned:
        foreign = _of_another_account(location, place, platform, s3)
        if foreign:
            return Given(value, foreign) if foreign.status is Status.WARN else foreign
    return Given(value, passed(f"{location.name}, {found.size} bytes"))


def _of_another_account(location: CredSpecLocation, place: AwsPlace, platform: Platform, s3: S3) -> Finding | None:
    """1.3 sends the expected owner of the bucket. Called only if HeadBucket did not return it."""
    if Fetcher.V1_3 not in platform.fetchers or not place.account:
        return None
    try:
        s3.expect_owner(location.bucket, location.key, place.account)
    except Denied:  # the object itself has just been read
        failure = failed(
            f"the bucket {location.bucket} is of another account than the task ({place.account})",
            observed=f"S3 denies {location.bucket} as a bucket of {place.account}",
            expected=f"a bucket of {place.account}",
            fix=_copy(
                location, "a bucket of the task's account", posix(f"s3://<bucket of {place.account}>/{location.key}")
            ),
            shows_as=texts.NOT_RETRIEVED,
        )
        return judge_by_version(failure, frozenset({Fetcher.V1_3}), platform)
    return None


def _copy(location: CredSpecLocation, bucket: str, target: str) -> Fix:
    text = f"Copy the CredSpec to {bucket}, and name that in the task definition."
    return Fix(text, (f"aws s3 cp {posix(location.name)} {target}",))


def _no_object(location: CredSpecLocation, error: ClientError, caller: Outcome[Caller]) -> Finding:
    name = location.name
    if isinstance(error, NotFound):
        no_bucket = error.code == "NoSuchBucket"
        put = "Create the bucket and put" if no_bucket else "Put"
        show = "aws s3 ls" if no_bucket else f"aws s3 ls {posix(f's3://{location.bucket}/')} --recursive"
        return failed(
            f"{f'the bucket {location.bucket}' if no_bucket else name} does not exist",
            observed=error.code,
            expected=f"the CredSpec at {name}",
            fix=Fix(
                f"{put} the CredSpec there, or name the object that holds it in the task definition (case counts).",
                (show, f"aws s3 cp credspec.json {posix(name)}"),
            ),
            shows_as=texts.INVALID_OBJECT,
        )
    if isinstance(error, Denied):
        return _denied(location, error, caller)
    if isinstance(error, ServiceError) and error.code.startswith("KMS"):
        return failed(
            f"{name} cannot be decrypted: {error.text}",
            expected="an enabled KMS key",
            fix=Fix("Enable the KMS key of the object, or store the CredSpec again without it."),
            shows_as=texts.NOT_RETRIEVED,
        )
    return error.finding()


def _denied(location: CredSpecLocation, error: Denied, caller: Outcome[Caller]) -> Finding:
    allow = f"Allow s3:GetObject on {location.arn} (and kms:Decrypt, if a customer-managed key encrypts the object)."
    observed = error.aws_text or error.text
    if caller.value and caller.value.is_execution_role:
        return failed(
            f"the execution role may not read {location.name} (403); without s3:ListBucket that is also the answer if "
            "it does not exist",
            observed=observed,
            expected="s3:GetObject allowed for the execution role, and the object there",
            fix=Fix(allow),
            shows_as=texts.INVALID_OBJECT,
        )
    return unknown(
        f"{location.name} answered 403 to our own credentials: either they lack s3:GetObject, or the object does "
        "not exist and they lack s3:ListBucket, which would tell",
        observed=observed,
        fix=Fix(f"{allow} Do so for the credentials that run gmsa-doctor, or give --profile for others that may."),
    )


def _from_parameter(location: CredSpecLocation, place: AwsPlace, ssm: Ssm) -> Result[CredSpecObject]:
    name = f"{place.region_option} --name {posix(location.parameter)}"
    put = f"aws ssm put-parameter{name} --type String --value file://credspec.json"
    try:
        parameter = ssm.parameter(location.parameter)
    except NotFound as error:
        return failed(
            f"{location.name} does not exist{f' in {place.region}' if place.region else ''}",
            observed=error.code,
            expected=f"the CredSpec in {location.parameter}, in the task's region and account, whatever the ARN says",
            fix=Fix("Put the CredSpec there, or name the parameter that holds it in the task definition.", (put,)),
            shows_as=texts.INVALID_PARAMETERS,
        )
    if parameter.type == "SecureString":
        get = f"aws ssm get-parameter{name} --with-decryption --query Parameter.Value --output text > credspec.json"
        return failed(
            f"{location.name} is a SecureString, which the ECS agent asks for without decryption",
            observed="SecureString",
            expected="String: a CredSpec holds no secret, only the ARN of one",
            fix=Fix(
                "Store the CredSpec as a String. The type of a parameter cannot be changed: keep its value, delete it, "
                "and put it there again.",
                (get, f"aws ssm delete-parameter{name}", put),
            ),
            shows_as=texts.NO_MAPPING,
        )
    body = parameter.value.encode()
    return Given(CredSpecObject(location, len(body), body), passed(f"{location.name}, {len(body)} bytes"))
