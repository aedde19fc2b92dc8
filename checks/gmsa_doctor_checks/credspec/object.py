"""Whether the CredSpec can be read from the place that the task definition names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from gmsa_doctor.authoring import (
    Cause,
    Finding,
    Fix,
    Given,
    Outcome,
    Owner,
    Result,
    Status,
    alternatives,
    check,
    failed,
    fix_in_steps,
    passed,
    unknown,
)
from gmsa_doctor.clients.aws.s3 import S3, Bucket, S3Object
from gmsa_doctor.clients.aws.ssm import Ssm
from gmsa_doctor.core.errors import ClientError, Denied, NotFound, ServiceError, TimedOut, Unreachable
from gmsa_doctor.core.limits import each
from gmsa_doctor.formats.fetcher import Fetcher
from gmsa_doctor.given.shared_values import CredSpecLocation, CredSpecObject
from gmsa_doctor.given.subject import AwsPlace, Platform, Subject
from gmsa_doctor.given.vantage import Caller, Vantage
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import NEW_CREDSPEC, posix
from gmsa_doctor_checks.silence import judge_unreachable
from gmsa_doctor_checks.task.revisions import not_known_yet, register_again
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
    """Reads the CredSpec from S3 or SSM, and compares the bucket's region and account with the task's.

    With `--credspec-file`, it reads the file instead.

    Why: Credentials Fetcher reads it with the execution role, in the task's region. It shows the same text for a
    missing object, for denied access and for a bucket in another region. 1.3 rejects a bucket of another account.

    Fix: upload the CredSpec to a bucket in the task's region, and allow `s3:GetObject` on it for the execution role.
    """
    if location.is_open:
        return not_known_yet("the CredSpec's location", location.arn)
    if location.parameter:
        return _from_parameter(location, place, ssm)
    reads: tuple[Callable[[], S3Object | Bucket], ...] = (
        lambda: s3.get(location.bucket, location.key),
        lambda: s3.bucket(location.bucket, place.account),
    )
    (_, found), (_, bucket) = each(reads, lambda read: read())
    if isinstance(found, TimedOut | Unreachable):
        return judge_unreachable(found, "Amazon S3", vantage, texts.INVALID_OBJECT)
    if isinstance(found, ClientError):
        return _no_object(location, found, caller)
    assert isinstance(found, S3Object)  # noqa: S101 - for the type checker
    region = bucket.region if isinstance(bucket, Bucket) else None
    if region and place.region and region != place.region:
        return failed(
            f"the bucket {location.bucket} is in {region}, but the task runs in {place.region}",
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
    if isinstance(bucket, ClientError):  # where it is and whose it is was asked, and is not known
        return Given(value, bucket.finding())
    if isinstance(bucket, Bucket) and not bucket.owned:
        foreign = _of_another_account(location, place, platform, s3, caller)
        if foreign:
            return foreign if foreign.status is Status.FAIL else Given(value, foreign)
    return Given(value, passed(f"{location.name}, {found.size} bytes", changed=found.modified))


def _of_another_account(
    location: CredSpecLocation, place: AwsPlace, platform: Platform, s3: S3, caller: Outcome[Caller]
) -> Finding | None:
    """1.3 sends the expected bucket owner. Called only if HeadBucket did not confirm the owner."""
    if Fetcher.V1_3 not in platform.fetchers:
        return None
    if not place.account:  # that of the caller, if it was not asked in vain
        return caller.finding if caller.finding.status is Status.UNKNOWN else None
    try:
        s3.expect_owner(location.bucket, location.key, place.account)
    except Denied:  # reading the object itself has just succeeded
        failure = failed(
            f"the bucket {location.bucket} does not belong to the task's account ({place.account})",
            observed=f"S3 denies access to {location.bucket} with the expected owner {place.account}",
            expected=f"a bucket of {place.account}",
            fix=_copy(
                location, "a bucket of the task's account", posix(f"s3://<bucket of {place.account}>/{location.key}")
            ),
            shows_as=texts.NOT_RETRIEVED,
        )
        return judge_by_version(failure, frozenset({Fetcher.V1_3}), platform)
    return None


def _copy(location: CredSpecLocation, bucket: str, target: str) -> Fix:
    task = Subject("", "<cluster>", "<service>", "<task definition>")
    fix = register_again(f"Copy the CredSpec to {bucket}, and set that object's ARN in credentialSpecs", task)
    return replace(fix, commands=(f"aws s3 cp {posix(location.name)} {target}", *fix.commands))


def _find_or_upload(location: CredSpecLocation, *, no_bucket: bool) -> Fix:
    """How to use the object that exists, or to create the one that the task definition names."""
    task = Subject("", "<cluster>", "<service>", "<task definition>")
    upload = (NEW_CREDSPEC, f"aws s3 cp credspec.json {posix(location.name)}")
    instead = register_again("set that object's ARN in credentialSpecs instead", task)
    listing = f"aws s3 ls {posix(f's3://{location.bucket}/')} --recursive"
    if no_bucket:
        bucket = f"aws s3 mb {posix(f's3://{location.bucket}')}"
        return fix_in_steps(
            Fix("List the buckets, and the objects of the one that may have the CredSpec.", ("aws s3 ls",)),
            Fix("If none of them has the CredSpec, create the bucket, and upload a new CredSpec.", (bucket, *upload)),
            replace(instead, text=f"If one has it, {instead.text}"),
        )
    return fix_in_steps(
        Fix("List the bucket; keys are case-sensitive.", (listing,)),
        Fix("If the CredSpec is missing, upload a new one.", upload),
        replace(instead, text=f"If it has another key, {instead.text}"),
    )


def _no_object(location: CredSpecLocation, error: ClientError, caller: Outcome[Caller]) -> Finding:
    name = location.name
    if isinstance(error, NotFound):
        no_bucket = error.code == "NoSuchBucket"
        return failed(
            f"{f'the bucket {location.bucket}' if no_bucket else name} does not exist",
            observed=error.code,
            expected=f"the CredSpec at {name}",
            fix=_find_or_upload(location, no_bucket=no_bucket),
            shows_as=texts.INVALID_OBJECT,
        )
    if isinstance(error, Denied):
        return _denied(location, error, caller)
    if isinstance(error, ServiceError) and error.code == "InvalidObjectState":
        return _archived(location, error)
    if isinstance(error, ServiceError) and error.code.startswith("KMS"):
        return failed(
            f"{name} cannot be decrypted: {error.text}",
            expected="an enabled KMS key",
            fix=Fix("Enable the KMS key of the object, or upload the CredSpec again without it.", owner=Owner.AWS),
            shows_as=texts.NOT_RETRIEVED,
        )
    return error.finding()


def _archived(location: CredSpecLocation, error: ServiceError) -> Finding:
    """S3 does not return an archived object until it is restored.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html (InvalidObjectState)
    """
    names, name = f"--bucket {posix(location.bucket)} --key {posix(location.key)}", posix(location.name)
    restore = posix('{"Days":1,"GlacierJobParameters":{"Tier":"Standard"}}')
    return failed(
        f"{location.name} is archived, so S3 does not return it",
        observed=error.text,
        expected="a storage class that can be read at any time, such as STANDARD",
        fix=alternatives(
            Fix(
                "Upload the CredSpec again, from its file.",
                (f"aws s3 cp credspec.json {name} --storage-class STANDARD",),
            ),
            Fix(
                'Or restore the object, wait until Restore has ongoing-request="false" (hours), and copy it over '
                "itself.",
                (
                    f"aws s3api restore-object {names} --restore-request {restore}",
                    f"aws s3api head-object {names} --query Restore",
                    f"aws s3 cp {name} {name} --storage-class STANDARD --force-glacier-transfer",
                ),
            ),
        ),
        shows_as=texts.INVALID_OBJECT,
    )


def _denied(location: CredSpecLocation, error: Denied, caller: Outcome[Caller]) -> Finding:
    allow = f"Allow s3:GetObject on {location.arn} (and kms:Decrypt, if a customer-managed key encrypts the object)"
    observed = error.aws_text or error.text
    if caller.value and caller.value.is_execution_role:
        return failed(
            f"S3 returned 403 for {location.name} to the execution role. Either it lacks s3:GetObject, or the object "
            "does not exist (without s3:ListBucket, S3 returns 403 instead of 404)",
            observed=observed,
            expected="s3:GetObject allowed for the execution role, and an existing object",
            fix=Fix(f"{allow} for the execution role.", owner=Owner.AWS),
            shows_as=texts.INVALID_OBJECT,
        )
    if kind := error.denied_by:
        return unknown(
            f"S3 returned 403 for {location.name} to your credentials: {kind} denies it. The task's requests, by the "
            "execution role and from its own network, may be allowed",
            observed=observed,
            fix=Fix("Request the ticket from the task's own network.", ("gmsa-doctor run …",)),
        )
    return unknown(
        f"S3 returned 403 for {location.name} to your credentials. Either they lack s3:GetObject, or the object does "
        "not exist (without s3:ListBucket, S3 returns 403 instead of 404)",
        observed=observed,
        fix=Fix(
            f"{allow} for the credentials that run gmsa-doctor, or set --profile to other credentials.",
            owner=Owner.AWS,
        ),
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
            expected=f"the CredSpec in {location.parameter}, in the task's region and account, regardless of the ARN",
            fix=Fix(
                "Create the parameter from your CredSpec file. If the CredSpec is in another parameter, set that "
                "parameter's ARN in credentialSpecs instead.",
                (put,),
            ),
            shows_as=texts.INVALID_PARAMETERS,
        )
    if parameter.type == "SecureString":
        get = f"aws ssm get-parameter{name} --with-decryption --query Parameter.Value --output text > credspec.json"
        return failed(
            f"{location.name} is a SecureString, which the ECS agent reads without decryption",
            observed="SecureString",
            expected="String: a CredSpec contains only the ARN of a secret",
            fix=Fix(
                "Store the CredSpec as a String. The type of a parameter cannot be changed: save its value, delete it, "
                "and create it again.",
                (get, f"aws ssm delete-parameter{name}", put),
            ),
            shows_as=texts.NO_MAPPING,
        )
    body = parameter.value.encode()
    return Given(CredSpecObject(location, len(body), body), passed(f"{location.name}, {len(body)} bytes"))
