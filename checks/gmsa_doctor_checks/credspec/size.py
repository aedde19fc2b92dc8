"""Whether the CredSpec is within Credentials Fetcher's size limit."""

from __future__ import annotations

from gmsa_doctor.authoring import Cause, Fix, Given, Result, check, failed, passed
from gmsa_doctor.given.shared_values import CredSpecLocation, CredSpecObject
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import NEW_CREDSPEC, edit_credspec, posix
from gmsa_doctor_checks.values import SizedCredSpec

_LIMIT = 4000
"""The largest CredSpec in bytes that Credentials Fetcher accepts."""


_RESTORE = (
    "1. If the bucket keeps versions, download the newest version that is not empty (commands 1 and 2). Otherwise "
    "create the CredSpec again (command 3). 2. Check that it names the gMSA and the secret's ARN, and upload it "
    "(commands 4 and 5)."
)


@check(
    "credspec.size",
    title="CredSpec size is within the limit",
    cause=Cause.CREDSPEC,
    docs=links.FARGATE_GMSA,
    about="credspec",
    shows=(texts.INVALID_OBJECT, texts.FIELDS),
)
def credspec_size(obj: CredSpecObject) -> Result[SizedCredSpec]:
    """Compares the size of the CredSpec with Credentials Fetcher's limit, 1 to 4000 bytes.

    Why: Credentials Fetcher rejects a larger one with the same text as a missing one.

    Fix: remove white space and unused keys (`jq -c .`).
    """
    if 0 < obj.size <= _LIMIT:
        return Given(SizedCredSpec(obj.location, obj.body), passed(f"{obj.size} bytes of at most {_LIMIT}"))
    name = obj.location.name
    if obj.size:
        summary = f"{name} has {obj.size} bytes, more than Credentials Fetcher accepts"
        change = "Remove the white space, and upload the CredSpec again."
        commands = edit_credspec(obj.location, "jq -c . credspec.json > small.json && mv small.json credspec.json")
    else:
        summary, change, commands = f"{name} is empty", "Upload the CredSpec again.", edit_credspec(obj.location)[-1:]
        if obj.location.bucket:
            change, commands = _RESTORE, _restore(obj.location)
    return failed(
        summary,
        observed=f"{obj.size} bytes",
        expected=f"1 to {_LIMIT} bytes",
        fix=Fix(change, commands),
        shows_as=texts.INVALID_OBJECT if obj.size else texts.FIELDS,
    )


def _restore(location: CredSpecLocation) -> tuple[str, ...]:
    """The commands that upload an earlier version of the object."""
    bucket, key = posix(location.bucket), posix(location.key)
    return (
        f"aws s3api list-object-versions --bucket {bucket} --prefix {key} "
        "--query 'Versions[].[VersionId,Size,LastModified]' --output table",
        f"aws s3api get-object --bucket {bucket} --key {key} --version-id {posix('<VersionId>')} credspec.json",
        NEW_CREDSPEC,
        *edit_credspec(location)[1:],
    )
