"""Whether the CredSpec names a secret of the task's region."""

from __future__ import annotations

from dataclasses import replace

from gmsa_doctor.authoring import Cause, Finding, Fix, Given, Result, check, failed, passed, skipped
from gmsa_doctor.formats.aws.arn import ArnError, parse_secret_arn
from gmsa_doctor.given.shared_values import LinkedSecret
from gmsa_doctor.given.subject import AwsPlace
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.values import CredSpec


@check(
    "credspec.secret-link",
    title="The CredSpec names a secret of the task's region",
    cause=Cause.CREDSPEC,
    docs=links.FARGATE_GMSA,
    about="credspec/ActiveDirectoryConfig/HostAccountConfig/PluginInput/CredentialArn",
    shows=(texts.SECRET, texts.NAMES, texts.FIELDS, texts.MISSING_CREDENTIAL_ARN),
)
def secret_link(credspec: CredSpec, place: AwsPlace) -> Result[LinkedSecret]:
    """Judges `CredentialArn`: the ARN of a Secrets Manager secret, of the task's region.

    Whether the secret exists shows when it is read (secret.value); that it does not is told here.

    Why: Credentials Fetcher asks Secrets Manager in the task's region, whatever region the ARN names.

    Fix: name a secret of the task's region by its full ARN.
    """
    if not credspec.location.domainless:
        return skipped("the prefix credentialspec: asks for the host's own domain account; no secret is read")
    text = credspec.document.credential_arn
    try:
        found = parse_secret_arn(text)
    except ArnError as error:
        return _bad_link(text, f"CredentialArn is no ARN of a Secrets Manager secret: {error}", error.suggestion)
    if place.partition and found.partition != place.partition:
        meant = text.replace(f"arn:{found.partition}:", f"arn:{place.partition}:", 1)
        return _bad_link(text, f"CredentialArn is of the partition {found.partition}, not {place.partition}", meant)
    if place.region and found.region != place.region:
        summary = f"the secret is in {found.region}; Credentials Fetcher asks in the task's region, {place.region}"
        replicate = (
            f"aws secretsmanager replicate-secret-to-regions --secret-id {posix(text)} "
            f"--region {posix(found.region)} --add-replica-regions {posix(f'Region={place.region}')}"
        )
        fix = Fix(f"Replicate the secret to {place.region}, and name that ARN in the CredSpec.", (replicate,))
        return replace(_bad_link(text, summary), fix=fix)
    compared = "" if place.region else "; the task's region is not known, so it was not compared"
    return Given(LinkedSecret(text), passed(f"{found.friendly_name} in {found.region}{compared}"))


def _bad_link(text: str, summary: str, expected: str | None = None) -> Finding:
    return failed(
        summary,
        observed=text,
        expected=expected or "arn:aws:secretsmanager:<region>:<account>:secret:<name>-<six characters>",
        fix=Fix(
            "Set CredentialArn in the CredSpec to the secret's ARN, and upload the CredSpec.",
            ("aws secretsmanager list-secrets --query 'SecretList[].[Name,ARN]' --output table",),
        ),
        shows_as=texts.SECRET,
    )
