"""Whether the application finds the ticket and may read it, according to the task definition."""

from __future__ import annotations

import json
import re

from gmsa_doctor.authoring import Finding, Fix, alternatives, check, failed, passed, skipped, warned
from gmsa_doctor.clients.kerberos.ticket_cache import DEFAULT, VARIABLE
from gmsa_doctor.formats.documents.located import Open
from gmsa_doctor.given.subject import ChosenContainer, Launch, Platform, Subject
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.task.revisions import register_again, unknown_yet
from gmsa_doctor_checks.values import CredentialSpec
from gmsa_doctor_checks.versions import WINDOWS

_WITHOUT_ROOT = re.compile(r"chiseled|[:-]nonroot")
"""Source: https://learn.microsoft.com/dotnet/core/docker/container-images (chiseled images run as app, UID 1654)."""
_ROOT = re.compile(r"(root|0+)(:.*)?")


@check(
    "task-definition.user",
    title="The container's user may read the ticket cache",
    docs=links.TICKET_CACHE_MODE,
    about="container/user",
    shows=(texts.SSPI,),
)
def user(spec: CredentialSpec, chosen: ChosenContainer, platform: Platform, subject: Subject) -> Finding:
    """Checks the container's `user`.

    Why: the ticket cache belongs to root with mode 0600, so that an application running as another user cannot read it
    (aws/credentials-fetcher, issues 68 and 233). 1.3.6 and 2.0 have no setting for it. The image may also set a user;
    of that, this check sees only the names of images that are known for it (.NET's chiseled images).

    Fix: run the container as root, or let root copy the ticket for the application's user.
    """
    if platform.windows:
        return skipped(WINDOWS)
    name = chosen.container.user if chosen.container else None
    image = (chosen.container.image or "") if chosen.container else ""
    if not name and _WITHOUT_ROOT.search(image):
        return warned(
            f"the image {image} usually runs as another user than root, who cannot read root's ticket cache (0600)",
            observed=image,
            expected='"user": "root", or an entrypoint that copies the ticket',
            fix=_fix("1654", subject),
            shows_as=texts.SSPI,
        )
    if not name:
        return passed("not set: the image's USER applies (root by default)")
    if isinstance(name, Open):
        return unknown_yet("the container's user", name)
    if _ROOT.fullmatch(name):
        return passed(name)
    failure = failed(
        f"the container runs as {name}, who cannot read the ticket cache: it is root's, with mode 0600",
        observed=f"user: {name}",
        expected="root, or an entrypoint that copies the ticket for that user",
        fix=_fix(name, subject),
        shows_as=texts.SSPI,
    )
    cache = dict(chosen.container.environment).get(VARIABLE) if chosen.container else None
    if cache != DEFAULT:
        return failure.to_warning(f"; {VARIABLE} may name a copy of it that this user can read")
    if platform.launch is Launch.FARGATE:
        return failure
    return failure.to_warning("; on EC2, the host's administrator may have changed that")


def _fix(name: str, subject: Subject) -> Fix:
    """Run as root; the alternative is an entrypoint that copies the ticket each minute, and drops root."""
    user = name.partition(":")[0]
    register = register_again('Set the container\'s "user" to "root"', subject)
    copy = f"install -m 400 -o {user} {DEFAULT} /tmp/krb5cc.new && mv -f /tmp/krb5cc.new /tmp/krb5cc"
    drop = f"exec setpriv --reuid {user} --regid {user} --clear-groups <application>"
    entrypoint = json.dumps(["sh", "-c", f"{copy}; while sleep 60; do {copy}; done & {drop}"])
    keep = Fix(
        f'To keep {name} for the application, also set KRB5CCNAME=/tmp/krb5cc and "entryPoint": {entrypoint} in that '
        "edit: "
        "root copies the ticket each minute, and the application runs without root. The image must have sh, install "
        "and setpriv; without a shell, use a sidecar that copies the ticket to a shared volume."
    )
    return alternatives(register, keep, owner=register.owner)


@check(
    "task-definition.krb5ccname",
    title="KRB5CCNAME names the ticket cache",
    docs=links.FARGATE_GMSA,
    about="container/environment",
    shows=(texts.SSPI,),
)
def krb5ccname(spec: CredentialSpec, chosen: ChosenContainer, platform: Platform, subject: Subject) -> Finding:
    """Looks for `KRB5CCNAME` in the container's environment.

    Why: Credentials Fetcher puts the ticket into `/var/credentials-fetcher/krbdir/krb5cc`, where applications look only
    if `KRB5CCNAME` names it. The image or an `environmentFiles` entry may also set it; this check does not see that.

    Fix: set `KRB5CCNAME` to that path in the container's environment.
    """
    if platform.windows:
        return skipped(WINDOWS)
    value = dict(chosen.container.environment).get(VARIABLE) if chosen.container else None
    if isinstance(value, Open):
        return unknown_yet(VARIABLE, value)
    if value and value.removeprefix("FILE:") == DEFAULT:
        return passed(value)
    return warned(
        f"{VARIABLE} names {value}, but the ticket is in {DEFAULT}"
        if value
        else f"the task definition does not set {VARIABLE}: the image or the application must set it",
        observed=f"{VARIABLE}={value}" if value else f"no {VARIABLE}",
        expected=f"{VARIABLE}={DEFAULT}",
        fix=register_again(f"Set {VARIABLE}={DEFAULT} in the container's environment", subject),
        shows_as=texts.SSPI,
    )
