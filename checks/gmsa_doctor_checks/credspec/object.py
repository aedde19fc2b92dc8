"""Causes 1 and 2: the object that holds the CredSpec can be read, and is of a size that is accepted."""

from __future__ import annotations

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
from gmsa_doctor_checks.values import SizedCredSpec
from gmsa_doctor_checks.versions import judge_by_version

SIZE_LIMIT = 4000
"""Bytes of a CredSpec that Credentials Fetcher accepts at most."""


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
    (_, found), (_, bucket) = each(("object", "bucket"), lambda what: _ask(what, location, place, s3))
    if isinstance(found, ClientError):
        if isinstance(found, TimedOut | Unreachable):
            return judge_no_way(found, "Amazon S3", vantage, texts.INVALID_OBJECT)
        return _no_object(location, found, caller)
    region = bucket.region if isinstance(bucket, Bucket) else None
    if region and place.region and region != place.region:
        return failed(
            f"the bucket {location.bucket} is in {region}, the task runs in {place.region}",
            observed=f"{location.bucket}: {region}",
            expected=f"a bucket in {place.region}",
            fix=Fix(
                f"Copy the CredSpec to a bucket in {place.region}, and name that in the task definition.",
                (
                    f"aws s3 cp {posix(location.name)} {posix(f's3://<bucket in {place.region}>/{location.key}')} "
                    f"--source-region {posix(region)} --region {posix(place.region)}",
                ),
            ),
            shows_as=texts.INVALID_OBJECT,
        )
    assert isinstance(found, S3Object)  # noqa: S101 - for the type checker
    value = CredSpecObject(location, found.size, found.body, found.key, found.bucket_key)
    if (
        isinstance(bucket, Bucket)
        and not bucket.owned
        and (foreign := _of_another_account(location, place, platform, s3))
    ):
        return Given(value, foreign) if foreign.status is Status.WARN else foreign
    return Given(value, passed(f"{location.name}, {found.size} bytes"))


def _ask(what: str, location: CredSpecLocation, place: AwsPlace, s3: S3) -> S3Object | Bucket:
    if what == "object":
        return s3.get(location.bucket, location.key)
    return s3.bucket(location.bucket, place.account)


def _of_another_account(location: CredSpecLocation, place: AwsPlace, platform: Platform, s3: S3) -> Finding | None:
    """1.3 says whose bucket it expects. Asked only where that matters, and HeadBucket has not told."""
    if Fetcher.V1_3 not in platform.fetchers or not place.account:
        return None
    try:
        s3.expect_owner(location.bucket, location.key, place.account)
    except Denied:  # the object itself has just been read
        pass
    else:
        return None
    return judge_by_version(
        failed(
            f"the bucket {location.bucket} is of another account than the task ({place.account})",
            observed=f"S3 denies {location.bucket} as a bucket of {place.account}",
            expected=f"a bucket of {place.account}",
            fix=Fix(
                "Copy the CredSpec to a bucket of the task's account, and name that in the task definition.",
                (f"aws s3 cp {posix(location.name)} {posix(f's3://<bucket of {place.account}>/{location.key}')}",),
            ),
            shows_as=texts.NOT_RETRIEVED,
        ),
        frozenset({Fetcher.V1_3}),
        platform,
    )


def _no_object(location: CredSpecLocation, error: ClientError, caller: Outcome[Caller]) -> Finding:
    if isinstance(error, NotFound):
        bucket = error.code == "NoSuchBucket"
        return failed(
            f"the bucket {location.bucket} does not exist" if bucket else f"{location.name} does not exist",
            observed=error.code,
            expected=f"the CredSpec at {location.name}",
            fix=Fix(
                f"{'Create the bucket and put' if bucket else 'Put'} the CredSpec there, or name the object that holds "
                "it in the task definition (case counts).",
                (
                    "aws s3 ls" if bucket else f"aws s3 ls {posix(f's3://{location.bucket}/')} --recursive",
                    f"aws s3 cp credspec.json {posix(location.name)}",
                ),
            ),
            shows_as=texts.INVALID_OBJECT,
        )
    if isinstance(error, Denied):
        return _denied_object(location, error, caller)
    if isinstance(error, ServiceError) and error.code.startswith("KMS"):
        return failed(
            f"{location.name} cannot be decrypted: {error.text}",
            expected="an enabled KMS key",
            fix=Fix("Enable the KMS key of the object, or store the CredSpec again without it."),
            shows_as=texts.NOT_RETRIEVED,
        )
    return error.finding()


def _denied_object(location: CredSpecLocation, error: Denied, caller: Outcome[Caller]) -> Finding:
    fix = Fix(f"Allow s3:GetObject on {location.arn} (and kms:Decrypt, if a customer-managed key encrypts the object).")
    if caller.value and caller.value.is_execution_role:
        return failed(
            f"the execution role may not read {location.name} (403); without s3:ListBucket that is also the answer if "
            "it does not exist",
            observed=error.aws_text or error.text,
            expected="s3:GetObject allowed for the execution role, and the object there",
            fix=fix,
            shows_as=texts.INVALID_OBJECT,
        )
    return unknown(
        f"{location.name} answered 403 to our own credentials: either they lack s3:GetObject, or the object does "
        "not exist and they lack s3:ListBucket, which would tell",
        observed=error.aws_text or error.text,
        fix=Fix(f"{fix.text} Do so for the credentials that run gmsa-doctor, or give --profile for others that may."),
    )


def _from_parameter(location: CredSpecLocation, place: AwsPlace, ssm: Ssm) -> Result[CredSpecObject]:
    try:
        parameter = ssm.parameter(location.parameter)
    except NotFound as error:
        return failed(
            f"{location.name} does not exist{f' in {place.region}' if place.region else ''}",
            observed=error.code,
            expected=f"the CredSpec in {location.parameter}, in the task's region and account, whatever the ARN says",
            fix=Fix(
                "Put the CredSpec there, or name the parameter that holds it in the task definition.",
                (
                    f"aws ssm put-parameter{place.region_option} --name {posix(location.parameter)} --type String "
                    "--value file://credspec.json",
                ),
            ),
            shows_as=texts.INVALID_PARAMETERS,
        )
    if parameter.type == "SecureString":
        name = f"{place.region_option} --name {posix(location.parameter)}"
        return failed(
            f"{location.name} is a SecureString, which the ECS agent asks for without decryption",
            observed="SecureString",
            expected="String: a CredSpec holds no secret, only the ARN of one",
            fix=Fix(
                "Store the CredSpec as a String. The type of a parameter cannot be changed: keep its value, delete it, "
                "and put it there again.",
                (
                    f"aws ssm get-parameter{name} --with-decryption --query Parameter.Value --output text > "
                    "credspec.json",
                    f"aws ssm delete-parameter{name}",
                    f"aws ssm put-parameter{name} --type String --value file://credspec.json",
                ),
            ),
            shows_as=texts.NO_MAPPING,
        )
    body = parameter.value.encode()
    return Given(CredSpecObject(location, len(body), body), passed(f"{location.name}, {len(body)} bytes"))


@check(
    "credspec.size",
    title="The CredSpec is of a size that is accepted",
    cause=Cause.CREDSPEC,
    docs=links.FARGATE_GMSA,
    about="credspec",
    shows=(texts.INVALID_OBJECT, texts.FIELDS),
)
def credspec_size(obj: CredSpecObject, platform: Platform) -> Result[SizedCredSpec]:
    """Compares the size of the CredSpec with what Credentials Fetcher accepts: 1 to 4000 bytes.

    Why: a larger one is refused with the same text as one that does not exist.

    Fix: take white space and what is not needed out of it (`jq -c .`).
    """
    if 0 < obj.size <= SIZE_LIMIT:
        value = SizedCredSpec(obj.location, obj.body)
        return Given(value, passed(f"{obj.size} bytes of at most {SIZE_LIMIT}"))
    empty = obj.size == 0
    name = obj.location.name
    return judge_by_version(
        failed(
            f"{name} is empty" if empty else f"{name} has {obj.size} bytes, more than Credentials Fetcher accepts",
            observed=f"{obj.size} bytes",
            expected=f"1 to {SIZE_LIMIT} bytes",
            fix=Fix(
                "Put the CredSpec there again." if empty else "Take the white space out of it, and put it there again.",
                (f"jq -c . credspec.json | aws s3 cp - {posix(name)}",) if obj.location.bucket else (),
            ),
            shows_as=texts.FIELDS if empty else texts.INVALID_OBJECT,
        ),
        frozenset(Fetcher),
        platform,
    )
