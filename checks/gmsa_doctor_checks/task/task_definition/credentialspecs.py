"""Cause 1, the task definition: the container's ``credentialSpecs`` and the role behind it."""

from __future__ import annotations

import re
from dataclasses import replace

from gmsa_doctor.authoring import (
    Cause,
    Finding,
    Fix,
    Given,
    Outcome,
    Result,
    Status,
    check,
    failed,
    passed,
    skipped,
    unknown,
    warned,
)
from gmsa_doctor.formats.aws.arn import ArnError, parse_arn, parse_s3_object_arn, parse_ssm_parameter_arn
from gmsa_doctor.formats.documents.located import Open
from gmsa_doctor.formats.documents.task_definition import (
    Container,
    CredentialSpecEntry,
    NearMiss,
    Prefix,
    TaskDefinition,
    split_credential_spec,
)
from gmsa_doctor.given.compared import Intended
from gmsa_doctor.given.shared_values import CredSpecLocation
from gmsa_doctor.given.subject import AwsPlace, ChosenContainer, Deployments, Launch, Platform, Subject
from gmsa_doctor.subjects.from_aws import REGISTERED
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.task.new_revision import register_again
from gmsa_doctor_checks.task.task_definition.lost_in_registration import lost
from gmsa_doctor_checks.values import CredentialSpec, PrefixedArn

_SAMPLE = "credentialspecdomainless:arn:aws:s3:::<bucket>/<credspec>.json"
_LEGACY = "dockerSecurityOptions"


@check(REGISTERED, title="The task definition can be read, and is active", docs=links.TASK_PARAMETERS, about="task")
def registered(definition: Outcome[TaskDefinition], deployments: Deployments, subject: Subject) -> Finding:
    """Reads the registered task definition of the service's PRIMARY deployment, or the one that was named.

    Why: what counts is what is registered. Infrastructure-as-code modules have dropped `credentialSpecs`
    silently, and during a deployment two task definitions run side by side.

    Fix: allow `ecs:DescribeServices` and `ecs:DescribeTaskDefinition`; register a new revision in place of a
    deregistered one.
    """
    if definition.value is None:
        return replace(definition.finding, check="")
    others = f"; {', '.join(deployments.others)} still runs beside it" if deployments.others else ""
    name = subject.task_definition
    if definition.value.status not in (None, "ACTIVE"):
        return warned(
            f"the task definition {name} is {definition.value.status}: no new service can use it{others}",
            expected="an ACTIVE task definition",
            fix=Fix("Register it again, and let the service use the new revision."),
        )
    return passed(f"{name}{f' from {subject.file}' if subject.file else ''}{others}")


@check(
    "task-definition.credentialspecs",
    title="The container has credentialSpecs",
    cause=Cause.TASK_DEFINITION,
    docs=links.FARGATE_GMSA,
    about="container/credentialSpecs",
    shows=(texts.NO_MAPPING,),
)
def credential_specs(
    chosen: ChosenContainer,
    platform: Platform,
    subject: Subject,
    definition: Outcome[TaskDefinition],
    intended: Outcome[Intended],
) -> Result[CredentialSpec]:
    """Looks for exactly one entry in the container's `credentialSpecs`.

    Why: without it ECS starts the task without gMSA, and says nothing. The older form in
    `dockerSecurityOptions` is not valid on Fargate.

    Fix: add `"credentialSpecs": ["credentialspecdomainless:<ARN of the S3 object>"]` to the container.
    """
    container = chosen.container
    family = definition.value.family if definition.value else None
    if container is None:
        lost_one = lost(intended.value, family, None)
        text = f"no container has credentialSpecs, {lost_one or 'and several could'}"
        return _missing(text, "the task definition", subject)
    if platform.windows and platform.launch is Launch.FARGATE:
        return failed(
            "gMSA is not supported for Windows containers on Fargate",
            observed="a Windows operatingSystemFamily on FARGATE",
            expected="Linux on Fargate, or Windows on EC2",
            fix=Fix("Run the Windows container on EC2 instances, or move it to Linux."),
        )
    if len(container.credential_specs) > 1:
        return failed(
            f"the container {container.name} has {len(container.credential_specs)} credentialSpecs; ECS takes one",
            observed=", ".join(container.credential_specs),
            expected="one entry",
            fix=register_again("Leave the one entry that is meant", subject),
        )
    if container.credential_specs:
        return Given(
            CredentialSpec(container.credential_specs[0]), passed(f"{container.name}: {container.credential_specs[0]}")
        )
    return _legacy(container, platform, subject, lost(intended.value, family, container.name))


def _legacy(container: Container, platform: Platform, subject: Subject, lost_one: str) -> Result[CredentialSpec]:
    options = [one for one in container.docker_security_options if one.lower().startswith("credentialspec")]
    if not options:
        text = f"the container {container.name} has no credentialSpecs{f', {lost_one}' if lost_one else ''}"
        return _missing(text, container.name, subject)
    finding = failed(
        f"the container {container.name} names its CredSpec in {_LEGACY}, "
        + ("which Fargate does not take" if platform.launch is Launch.FARGATE else "the legacy form"),
        observed=f"{_LEGACY}: {options[0]}",
        expected=f'"credentialSpecs": ["{_SAMPLE}"]',
        fix=register_again(f"Move the entry from {_LEGACY} to credentialSpecs", subject),
        shows_as=texts.NO_MAPPING,
    )
    if platform.launch is Launch.FARGATE:
        return finding
    return Given(CredentialSpec(options[0]), replace(finding, status=Status.WARN, shows_as=None))


def _missing(summary: str, where: str, subject: Subject) -> Finding:
    return failed(
        f"{summary}: the task starts without gMSA",
        observed="no credentialSpecs",
        expected=f'in {where}: "credentialSpecs": ["{_SAMPLE}"]',
        fix=register_again(
            "Add credentialSpecs to the container (some infrastructure-as-code modules drop the field: look at the "
            "registered definition)",
            subject,
        ),
        shows_as=texts.NO_MAPPING,
    )


@check(
    "task-definition.prefix",
    title="The prefix of the credentialSpecs entry is right",
    cause=Cause.TASK_DEFINITION,
    docs=links.FARGATE_GMSA,
    about="container/credentialSpecs/0",
    shows=(texts.NO_MAPPING, texts.UNSUPPORTED_ARN),
)
def prefix(spec: CredentialSpec, platform: Platform, subject: Subject) -> Result[PrefixedArn]:
    """Judges what stands before the ARN: `credentialspecdomainless:` on Fargate; on EC2 also `credentialspec:`.

    Why: the prefix is compared letter by letter. On EC2 an entry with a wrong prefix is passed over, and the task
    starts without gMSA.

    Fix: write the prefix in lower case, with its colon, once, right before the ARN.
    """
    if platform.windows:
        return skipped("a Windows container: gmsa-doctor judges Linux containers")
    entry = split_credential_spec(spec.text)
    if isinstance(spec.text, Open) and not _tells_its_prefix(spec.text):
        return _not_known_yet("the credentialSpecs entry", spec.text)
    domainless = entry.prefix is Prefix.DOMAINLESS
    if entry.prefix is None or entry.near_miss is not None:
        return _wrong_prefix(entry, spec, platform, subject)
    value = PrefixedArn(domainless, Open(entry.rest) if isinstance(spec.text, Open) else entry.rest)
    if domainless or platform.launch in (Launch.EC2, Launch.EXTERNAL):
        return Given(value, passed(str(entry.prefix)))
    right = f"{Prefix.DOMAINLESS}{entry.rest}"
    failure = failed(
        "the prefix credentialspec: is for hosts that joined a domain; Fargate takes credentialspecdomainless: only",
        observed=spec.text,
        expected=right,
        fix=register_again(f"Write {right}", subject),
        shows_as=texts.NO_MAPPING,
    )
    if platform.launch is Launch.FARGATE:
        return failure
    summary = f"{failure.summary}; whether the task runs on Fargate is not known"
    return Given(value, replace(failure, status=Status.WARN, summary=summary, shows_as=None))


def _tells_its_prefix(text: Open) -> bool:
    """Whether what is known before deployment holds the prefix to its end, or can be none."""
    known = text.partition("${")[0]
    return any(known.startswith(one) for one in Prefix) or not any(one.startswith(known) for one in Prefix)


def _not_known_yet(what: str, text: str) -> Finding:
    return unknown(
        f"{what} is not known before it is deployed: {text}",
        observed=text,
        expected="a text that the file tells",
        fix=Fix(
            "Give what it depends on (--parameter NAME=VALUE), or check what is registered, after the deployment.",
            (f"gmsa-doctor check --cluster {posix('<cluster>')} --service {posix('<service>')}",),
        ),
    )


_MISTAKES = {
    NearMiss.NO_PREFIX: "has no prefix",
    NearMiss.WRONG_CASE: "has its prefix in the wrong case",
    NearMiss.MISSING_COLON: "lacks the colon after its prefix",
    NearMiss.WHITE_SPACE: "has white space in or around its prefix",
    NearMiss.QUOTES: "has quotes around it",
    NearMiss.DOUBLED: "has its prefix twice",
    NearMiss.MISSPELT: "has a misspelt prefix",
}


def _wrong_prefix(entry: CredentialSpecEntry, spec: CredentialSpec, platform: Platform, subject: Subject) -> Finding:
    near_miss = entry.near_miss or NearMiss.MISSPELT
    right = entry.suggestion or f"{Prefix.DOMAINLESS}{entry.target}"
    if platform.launch is Launch.FARGATE:
        right = f"{Prefix.DOMAINLESS}{entry.target}"
    silent = "" if platform.launch is Launch.FARGATE else "; on EC2 the task then starts without gMSA, silently"
    return failed(
        f"the credentialSpecs entry {_MISTAKES[near_miss]}{silent}",
        observed=spec.text,
        expected=right,
        fix=register_again(f"Write {right}", subject),
        shows_as=texts.NO_MAPPING,
    )


@check(
    "task-definition.arn",
    title="The credentialSpecs entry names an S3 object",
    cause=Cause.TASK_DEFINITION,
    docs=links.FARGATE_GMSA,
    about="container/credentialSpecs/0",
    shows=(texts.INVALID_ARN, texts.INVALID_S3_ARN, texts.UNSUPPORTED_ARN, texts.INVALID_OBJECT),
)
def arn(prefixed: PrefixedArn, platform: Platform, place: AwsPlace, subject: Subject) -> Result[CredSpecLocation]:
    """Judges the ARN after the prefix: `arn:<partition>:s3:::<bucket>/<key>`; on EC2 also an SSM parameter's.

    Why: ECS hands the ARN to Credentials Fetcher as a text. A `#` in the key breaks that text in two; a key that
    holds the daemon's own test marker gives an empty ticket and no error. Spaces and other letters are fine.

    Fix: name the CredSpec's object by its ARN (in the S3 console: Copy ARN), under a key without `#`.
    """
    if isinstance(prefixed.arn, Open):
        known = _with_pseudo_parameters(prefixed.arn, place)
        if "#" in re.sub(r"\$\{[^}]*\}", "", known):
            return _hash(prefixed, subject)
        if "${" in known:
            return _not_known_yet("the CredSpec's ARN", prefixed.arn)
        prefixed = PrefixedArn(prefixed.domainless, known)
    try:
        if parse_arn(prefixed.arn).service == "ssm":
            return _parameter(prefixed, platform, subject)
        found = parse_s3_object_arn(prefixed.arn)
    except ArnError as error:
        return _bad_arn(
            prefixed, f"what follows the prefix is no ARN of an S3 object: {error}", error.suggestion, subject
        )
    if found.breaks_hand_over:
        return _hash(prefixed, subject)
    if found.is_test_marker:
        return _bad_arn(
            prefixed,
            "the key holds functionaltestcfspec, which puts Credentials Fetcher into its test mode: an empty ticket, "
            "and no error",
            prefixed.arn.replace("functionaltestcfspec", "credspec"),
            subject,
            also="Rename the object, and",
        )
    if place.partition and found.partition != place.partition:
        return _bad_arn(
            prefixed,
            f"the ARN is of the partition {found.partition}, the region {place.region} lies in {place.partition}",
            prefixed.arn.replace(f"arn:{found.partition}:", f"arn:{place.partition}:", 1),
            subject,
        )
    location = CredSpecLocation(prefixed.arn, prefixed.domainless, found.bucket, found.key)
    return Given(location, passed(prefixed.arn))


def _with_pseudo_parameters(text: str, place: AwsPlace) -> str:
    """An ARN in which the template leaves only its own place open: that is right wherever it is deployed."""
    own = {"Partition": place.partition or "aws", "Region": place.region or "us-east-1"}
    own["AccountId"] = place.account or "000000000000"
    for name, value in own.items():
        text = text.replace(f"${{AWS::{name}}}", value)
    return text


def _hash(prefixed: PrefixedArn, subject: Subject) -> Finding:
    return _bad_arn(
        prefixed,
        "the key holds #, which breaks the ARN on its way to Credentials Fetcher",
        prefixed.arn.replace("#", "-"),
        subject,
        also="Rename the object, and",
    )


def _parameter(prefixed: PrefixedArn, platform: Platform, subject: Subject) -> Result[CredSpecLocation]:
    parameter = parse_ssm_parameter_arn(prefixed.arn)
    location = CredSpecLocation(prefixed.arn, prefixed.domainless, parameter=parameter.name)
    if platform.launch in (Launch.EC2, Launch.EXTERNAL):
        return Given(location, passed(prefixed.arn))
    failure = failed(
        "the CredSpec lies in an SSM parameter; on Fargate Credentials Fetcher reads S3 only",
        observed=prefixed.arn,
        expected="arn:aws:s3:::<bucket>/<key>",
        fix=register_again("Put the CredSpec into S3, and name that object", subject),
        shows_as=texts.INVALID_OBJECT,
    )
    if platform.launch is Launch.FARGATE:
        return failure
    return Given(location, replace(failure, status=Status.WARN, shows_as=None))


def _bad_arn(prefixed: PrefixedArn, summary: str, meant: str | None, subject: Subject, also: str = "") -> Finding:
    expected = meant or "arn:aws:s3:::<bucket>/<key>"
    entry = f"{Prefix.DOMAINLESS if prefixed.domainless else Prefix.JOINED}{expected}"
    return failed(
        summary,
        observed=prefixed.arn or "nothing",
        expected=expected,
        fix=register_again(f"{also} name it as {entry}" if also else f"Write {entry}", subject),
        shows_as=texts.INVALID_ARN,
    )
