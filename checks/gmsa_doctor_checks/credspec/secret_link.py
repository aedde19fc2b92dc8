"""Whether the CredSpec names a secret in the task's region."""

from __future__ import annotations

from dataclasses import replace

from gmsa_doctor.authoring import Cause, Finding, Fix, Given, Owner, Result, check, failed, passed, skipped
from gmsa_doctor.core.changes import replaced
from gmsa_doctor.formats.aws.arn import ArnError, parse_secret_arn
from gmsa_doctor.formats.documents.placeholders import placeholder_in
from gmsa_doctor.given.shared_values import LinkedSecret
from gmsa_doctor.given.subject import AwsPlace
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import edit_credspec, posix
from gmsa_doctor_checks.task.revisions import example_account, unknown_yet
from gmsa_doctor_checks.values import CredSpec


@check(
    "credspec.secret-link",
    title="The CredSpec names a secret in the task's region",
    cause=Cause.CREDSPEC,
    docs=links.FARGATE_GMSA,
    about="credspec/ActiveDirectoryConfig/HostAccountConfig/PluginInput/CredentialArn",
    shows=(texts.SECRET, texts.NAMES, texts.FIELDS, texts.MISSING_CREDENTIAL_ARN),
)
def secret_link(credspec: CredSpec, place: AwsPlace) -> Result[LinkedSecret]:
    """Checks that `CredentialArn` is the ARN of a Secrets Manager secret in the task's region.

    secret.value finds out whether the secret exists; a missing secret is reported here.

    Why: Credentials Fetcher calls Secrets Manager in the task's region, regardless of the region in the ARN.

    Fix: set `CredentialArn` to the full ARN of a secret in the task's region.
    """
    if credspec.location.domainless is False:
        return skipped("the prefix credentialspec: uses the host's own domain account; no secret is read")
    text = credspec.document.credential_arn
    if not text:
        return skipped("the CredSpec names no secret; domain-joined hosts need none")
    if credspec.location.file and placeholder_in(text):
        return unknown_yet("CredentialArn", text)
    try:
        found = parse_secret_arn(text)
    except ArnError as error:
        summary = f"CredentialArn is not the ARN of a Secrets Manager secret: {error}"
        return _bad_link(credspec, summary, error.suggestion)
    if place.partition and found.partition != place.partition:
        expected = text.replace(f"arn:{found.partition}:", f"arn:{place.partition}:", 1)
        return _bad_link(credspec, f"CredentialArn is for partition {found.partition}, not {place.partition}", expected)
    if place.region and found.region != place.region:
        summary = f"the secret is in {found.region}; Credentials Fetcher reads it in the task's region, {place.region}"
        replicate = (
            f"aws secretsmanager replicate-secret-to-regions --secret-id {posix(text)} "
            f"--region {posix(found.region)} --add-replica-regions {posix(f'Region={place.region}')}"
        )
        fix = Fix(
            f"Replicate the secret to {place.region}, and set the replica's ARN in the CredSpec.",
            (replicate, *edit_credspec(credspec.location)),
            Owner.AWS,
        )
        return replace(_bad_link(credspec, summary), fix=fix)
    if credspec.location.file and (example := example_account("the secret of CredentialArn", text, place)):
        return Given(LinkedSecret(text), example)
    compared = "" if place.region else "; not compared with the task's region, which is unknown"
    return Given(LinkedSecret(text), passed(f"{found.friendly_name} in {found.region}{compared}"))


def _bad_link(credspec: CredSpec, summary: str, expected: str | None = None) -> Finding:
    return failed(
        summary,
        observed=credspec.document.credential_arn,
        expected=expected or "arn:aws:secretsmanager:<region>:<account>:secret:<name>-<six characters>",
        fix=Fix(
            "Set CredentialArn in the CredSpec to the secret's ARN, and upload the CredSpec.",
            (
                "aws secretsmanager list-secrets --query 'SecretList[].[Name,ARN]' --output table",
                *edit_credspec(credspec.location),
            ),
            change=replaced(credspec.document.credential_arn, expected) if expected else None,
        ),
        shows_as=texts.SECRET,
    )
