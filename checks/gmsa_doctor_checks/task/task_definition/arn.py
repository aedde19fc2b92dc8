"""Whether the `credentialSpecs` entry names an S3 object, or on EC2 an SSM parameter."""

from __future__ import annotations

from dataclasses import replace

from gmsa_doctor.authoring import Cause, Finding, Fix, Given, Result, check, failed, passed, warned
from gmsa_doctor.core.changes import replaced
from gmsa_doctor.formats.aws.arn import ArnError, S3ObjectArn, parse_arn, parse_s3_object_arn, parse_ssm_parameter_arn
from gmsa_doctor.formats.documents.located import Open, Placeholder
from gmsa_doctor.formats.documents.names import invisible_in
from gmsa_doctor.formats.documents.placeholders import filled
from gmsa_doctor.formats.documents.task_definition import Prefix
from gmsa_doctor.given.shared_values import CredSpecLocation
from gmsa_doctor.given.subject import AwsPlace, Platform, Subject
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import edit_credspec, posix
from gmsa_doctor_checks.task.revisions import example_account, register_again, unknown_yet
from gmsa_doctor_checks.values import PrefixedArn
from gmsa_doctor_checks.versions import judge_by_launch_type

_EXPECTED = "arn:aws:s3:::<bucket>/<key>"
_RENAME = "Rename the S3 object, and set credentialSpecs to"
_TEST_MARKER = "functionaltestcfspec"


@check(
    "task-definition.arn",
    title="The credentialSpecs entry names an S3 object",
    cause=Cause.TASK_DEFINITION,
    docs=links.FARGATE_GMSA,
    about="container/credentialSpecs/0",
    shows=(texts.INVALID_ARN, texts.INVALID_S3_ARN, texts.UNSUPPORTED_ARN, texts.INVALID_OBJECT),
)
def arn(prefixed: PrefixedArn, platform: Platform, place: AwsPlace, subject: Subject) -> Result[CredSpecLocation]:
    """Checks the ARN after the prefix: `arn:<partition>:s3:::<bucket>/<key>`, or on EC2 the ARN of an SSM parameter.

    Why: ECS passes the ARN to Credentials Fetcher as text. A `#` in the key splits this text in two. A key that
    contains Credentials Fetcher's test marker results in an empty ticket and no error. Spaces and non-ASCII letters are
    allowed.

    Fix: set the ARN of the CredSpec's S3 object (in the S3 console: Copy ARN), with a key without `#`.
    """
    if isinstance(prefixed.arn, Open):
        known = _with_pseudo_parameters(prefixed.arn, place)
        if isinstance(known, Open):
            return _partly_known(replace(prefixed, arn=known), place, subject)
        prefixed = replace(prefixed, arn=known)
    text = prefixed.arn
    try:
        if parse_arn(text).service == "ssm":
            return _parameter(prefixed, platform, place, subject)
        found = parse_s3_object_arn(text)
    except ArnError as error:
        return _not_an_object(prefixed, str(error), subject, error.suggestion)
    if failure := _bad_object(prefixed, found, place, subject):
        return failure
    location = CredSpecLocation(text, prefixed.domainless, found.bucket, found.key)
    if "*" in found.key or invisible_in(found.key):
        return Given(location, _odd_key(text, found.key))
    return Given(location, passed(text))


def _bad_object(prefixed: PrefixedArn, found: S3ObjectArn, place: AwsPlace, subject: Subject) -> Finding | None:
    text = prefixed.arn
    if not 3 <= len(found.bucket) <= 255:  # source: S3's bucket naming rules; 255 for old buckets in us-east-1
        return _not_an_object(prefixed, f"its bucket name has {len(found.bucket)} characters, not 3 to 63", subject)
    if found.breaks_hand_over:
        return _hash(prefixed, subject)
    if found.is_test_marker:
        summary = (
            f"the S3 key contains {_TEST_MARKER}, which puts Credentials Fetcher into test mode: an empty ticket and "
            "no error"
        )
        return _bad_arn(prefixed, summary, text.replace(_TEST_MARKER, "credspec"), subject, _RENAME)
    if place.partition and found.partition != place.partition:
        summary = (
            f"the ARN is for partition {found.partition}, but region {place.region} is in partition {place.partition}"
        )
        expected = text.replace(f"arn:{found.partition}:", f"arn:{place.partition}:", 1)
        return _bad_arn(prefixed, summary, expected, subject)
    return None


def _odd_key(text: str, key: str) -> Finding:
    """An object may have such a key, but most likely it was copied from a policy or a web page."""
    mark = "*" if "*" in key else f"the invisible character {invisible_in(key)}"
    return warned(
        f"the S3 key contains {mark}: Credentials Fetcher reads exactly this key",
        observed=text,
        expected=_EXPECTED,
        fix=Fix("Type the key of the CredSpec's object again.", ("aws s3 ls 's3://<bucket>/' --recursive",)),
    )


def _partly_known(prefixed: PrefixedArn, place: AwsPlace, subject: Subject) -> Result[CredSpecLocation]:
    """Judges the parts that are known before deployment. A variable for the bucket or the key leaves the form known."""
    text = prefixed.arn
    stand_in = filled(text)
    if "#" in stand_in:
        return _hash(prefixed, subject)
    known = text[: next((at for at, pair in enumerate(zip(text, stand_in, strict=False)) if pair[0] != pair[1]), None)]
    if not known.startswith("arn:"):
        if "arn:".startswith(known):
            return unknown_yet("the CredSpec's ARN", text)
        return _not_an_object(prefixed, "it does not start with arn:", subject)
    try:
        if known.count(":") >= 3 and parse_arn(f"{known.rpartition(':')[0]}:::::x").service == "ssm":
            return unknown_yet("the CredSpec's ARN", text)
        found = parse_s3_object_arn(stand_in)
    except ArnError as error:
        if known.count(":") < 5:  # a variable may hold more than one part
            return unknown_yet("the CredSpec's ARN", text)
        return _not_an_object(prefixed, str(error), subject)
    if failure := _bad_object(prefixed, found, place, subject):
        return failure
    if isinstance(text, Placeholder):
        return unknown_yet("the CredSpec's ARN", text)
    bucket, _, key = text.partition(":::")[2].partition("/")
    location = CredSpecLocation(text, prefixed.domainless, bucket, key)
    return Given(location, passed(f"{text}, of which the variables are only known at deployment"))


def _not_an_object(prefixed: PrefixedArn, reason: str, subject: Subject, suggestion: str | None = None) -> Finding:
    summary = f"the text after {_prefix(prefixed)} in credentialSpecs is not the ARN of an S3 object: {reason}"
    return _bad_arn(prefixed, summary, suggestion or _EXPECTED, subject)


def _prefix(prefixed: PrefixedArn) -> Prefix:
    return Prefix.DOMAINLESS if prefixed.domainless else Prefix.JOINED


def _with_pseudo_parameters(text: Open, place: AwsPlace) -> str:
    """The ARN with the template's pseudo parameters replaced: their values are right wherever it is deployed.

    Open as long as it has other variables.
    """
    if isinstance(text, Placeholder):
        return text
    own = {"Partition": place.partition or "aws", "Region": place.region or "us-east-1"}
    own["AccountId"] = place.account or "000000000000"
    for name, value in own.items():
        text = Open(text.replace(f"${{AWS::{name}}}", value))
    return text if "${" in text else str(text)


def _hash(prefixed: PrefixedArn, subject: Subject) -> Finding:
    summary = "the S3 key in credentialSpecs contains #, at which ECS splits the ARN before Credentials Fetcher gets it"
    return _bad_arn(prefixed, summary, prefixed.arn.replace("#", "-"), subject, _RENAME)


def _parameter(
    prefixed: PrefixedArn, platform: Platform, place: AwsPlace, subject: Subject
) -> Result[CredSpecLocation]:
    name = parse_ssm_parameter_arn(prefixed.arn).name
    location = CredSpecLocation(prefixed.arn, prefixed.domainless, parameter=name)
    if example := example_account("the CredSpec's SSM parameter", prefixed.arn, place):
        return Given(location, example)
    if platform.has_ecs_agent:
        return Given(location, passed(prefixed.arn))
    fix = register_again("Upload the CredSpec to S3, and set the ARN of that object", subject)
    upload = f"aws s3 cp credspec.json {posix('s3://<bucket>/<key>')}"
    failure = failed(
        "the CredSpec is in an SSM parameter; on Fargate, Credentials Fetcher reads only from S3",
        observed=prefixed.arn,
        expected=_EXPECTED,
        fix=replace(fix, commands=(*edit_credspec(location)[:1], upload, *fix.commands)),
        shows_as=texts.INVALID_OBJECT,
    )
    return judge_by_launch_type(location, failure, platform)


def _bad_arn(
    prefixed: PrefixedArn, summary: str, expected: str, subject: Subject, change: str = "Set credentialSpecs to"
) -> Finding:
    entry = f"{_prefix(prefixed)}{expected}"
    fix = register_again(f"{change} {entry}", subject)
    if change == _RENAME and "${" not in prefixed.arn:
        old, new = (posix(f"s3://{text.partition(':::')[2]}") for text in (prefixed.arn, expected))
        fix = replace(fix, commands=(f"aws s3 mv {old} {new}", *fix.commands))
    elif change != _RENAME and not {"<", ">"} & {*expected}:
        fix = replace(fix, change=replaced(prefixed.arn, expected))
    return failed(
        summary,
        observed=prefixed.arn or "nothing",
        expected=expected,
        fix=fix,
        shows_as=texts.INVALID_ARN,
    )
