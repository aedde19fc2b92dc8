"""Whether the application finds the ticket and may read it, according to the task definition."""

from __future__ import annotations

import json
import re

from gmsa_doctor.authoring import (
    Finding,
    Fix,
    Outcome,
    Status,
    alternatives,
    check,
    deferred_to,
    failed,
    passed,
    skipped,
    warned,
)
from gmsa_doctor.clients.kerberos.ticket_cache import DEFAULT, VARIABLE
from gmsa_doctor.formats.documents.located import Open
from gmsa_doctor.given.subject import ChosenContainer, Launch, Platform, Subject
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.task.revisions import register_again, unknown_yet
from gmsa_doctor_checks.values import CredentialSpec, ImageSettings
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
def user(
    spec: CredentialSpec,
    chosen: ChosenContainer,
    platform: Platform,
    subject: Subject,
    image: Outcome[ImageSettings],
) -> Finding:
    """Checks the user that the container runs as: `user` of the task definition, otherwise the `USER` of the image.

    Why: the ticket cache belongs to root with mode 0600, so that an application running as another user cannot read it
    (aws/credentials-fetcher, issues 68 and 233). No release up to 1.3.6 and 2.0 has a setting for it. If the image
    cannot be read, this check warns of names that are known to run without root (.NET's chiseled images), and is
    skipped for others.

    Fix: run the container as root, or let root copy the ticket for the application's user. In an image without a shell,
    a sidecar copies it: a second container, as root, has the `credentialSpecs`, and copies the ticket each minute to a
    volume that both containers mount. The application has no `credentialSpecs`; its `KRB5CCNAME` names the copy, and
    its `dependsOn` waits for the sidecar's health check (`test -s` of the copy). docs/non-root.md has the definitions.
    """
    if platform.windows:
        return skipped(WINDOWS)
    name = chosen.container.user if chosen.container else None
    image_name = (chosen.container.image or "") if chosen.container else ""
    if isinstance(name, Open):
        return unknown_yet("the container's user", name)
    observed = f"user: {name}"
    config = image.value.config if image.value else None
    if not name and config is None:
        return _by_name(image_name, image, _container_name(chosen), subject)
    if not name and config:
        name, observed = config.user, f"USER {config.user} in the image {image_name}"
    if not name:
        return passed("root: neither the task definition nor the image sets a user")
    if _ROOT.fullmatch(name):
        return passed(observed)
    failure = failed(
        f"the container runs as {name}, who cannot read the ticket cache: it is root's, with mode 0600",
        observed=observed,
        expected="root, or an entrypoint that copies the ticket for that user",
        fix=_fix(name, _container_name(chosen), subject),
        shows_as=texts.SSPI,
    )
    cache = _cache_name(chosen, image)
    if cache != DEFAULT:
        return failure.to_warning(f"; {VARIABLE} may name a copy of it that this user can read")
    if platform.launch is Launch.FARGATE:
        return failure
    return failure.to_warning("; on EC2, the host's administrator may have changed that")


def _by_name(name: str, image: Outcome[ImageSettings], container: str, subject: Subject) -> Finding:
    """If the image was not read."""
    if not _WITHOUT_ROOT.search(name):
        if image.finding.status is Status.PASS:  # an image that is never read
            return passed("not set: the image's USER applies (root by default; not read)")
        reason = "not checked: the task definition sets no user, and the image's USER was not read"
        return deferred_to(image.finding, reason)
    return warned(
        f"the image {name} usually runs as another user than root, who cannot read root's ticket cache (0600)",
        observed=name,
        expected='"user": "root", or an entrypoint that copies the ticket',
        fix=_fix("1654", container, subject),
        shows_as=texts.SSPI,
    )


def _container_name(chosen: ChosenContainer) -> str:
    return chosen.container.name if chosen.container else "<container>"


def _cache_name(chosen: ChosenContainer, image: Outcome[ImageSettings]) -> str | None:
    """KRB5CCNAME of the task definition, otherwise the image's."""
    name = dict(chosen.container.environment).get(VARIABLE) if chosen.container else None
    config = image.value.config if image.value else None
    return name or (dict(config.environment).get(VARIABLE) if config else None)


def _fix(name: str, container: str, subject: Subject) -> Fix:
    """Run as root; the alternative is an entrypoint that copies the ticket each minute, and drops root."""
    user = name.partition(":")[0]
    copy = f"install -m 400 -o {user} {DEFAULT} /tmp/krb5cc.new && mv -f /tmp/krb5cc.new /tmp/krb5cc"
    drop = f"exec setpriv --reuid {user} --regid {user} --clear-groups <application>"
    entrypoint = json.dumps(["sh", "-c", f"{copy}; while sleep 60; do {copy}; done & {drop}"])
    environment = f'[.environment[]? | select(.name != "{VARIABLE}")] + [{{name: "{VARIABLE}", value: "/tmp/krb5cc"}}]'
    program = (
        f"(.containerDefinitions[] | select(.name == {json.dumps(container)})) |= "
        f'(.user = "root" | .environment = {environment} | .entryPoint = {entrypoint})'
    )
    edit = f"jq {posix(program)} td.json > td-new.json && mv td-new.json td.json"
    commands = register_again("", subject, edit).commands
    where = f"(commands 1 to {len(commands)})" if commands else f"in {subject.file}"
    keep = Fix(
        f"To keep {name} for the application, use an entrypoint that copies the ticket each minute as root, and "
        f"starts the application as {user}. The image must have the commands sh, install and setpriv, the last one "
        "from util-linux (on Alpine, add the package setpriv: BusyBox's own setpriv has no --reuid); for other images, "
        "see the sidecar in the output of gmsa-doctor explain task-definition.user. Put your command in place of "
        f"<application> {where}.",
        commands,
    )
    register = register_again('Set the container\'s "user" to "root"', subject)
    return alternatives(register, keep, owner=register.owner)


@check(
    "task-definition.krb5ccname",
    title="KRB5CCNAME names the ticket cache",
    docs=links.FARGATE_GMSA,
    about="container/environment",
    shows=(texts.SSPI,),
)
def krb5ccname(
    spec: CredentialSpec,
    chosen: ChosenContainer,
    platform: Platform,
    subject: Subject,
    image: Outcome[ImageSettings],
) -> Finding:
    """Looks for `KRB5CCNAME` in the container's environment, and in the image's if that can be read.

    Why: Credentials Fetcher puts the ticket into `/var/credentials-fetcher/krbdir/krb5cc`, where applications look only
    if `KRB5CCNAME` names it. An `environmentFiles` entry may also set it; this check does not see that.

    Fix: set `KRB5CCNAME` to that path in the container's environment.
    """
    if platform.windows:
        return skipped(WINDOWS)
    value = _cache_name(chosen, image)
    if isinstance(value, Open):
        return unknown_yet(VARIABLE, value)
    if value and value.removeprefix("FILE:") == DEFAULT:
        return passed(value)
    return warned(
        f"{VARIABLE} names {value}, but the ticket is in {DEFAULT}"
        if value
        else f"neither the task definition nor the image sets {VARIABLE}: the application must set it"
        if image.value and image.value.config
        else f"the task definition does not set {VARIABLE}: the image or the application must set it",
        observed=f"{VARIABLE}={value}" if value else f"no {VARIABLE}",
        expected=f"{VARIABLE}={DEFAULT}",
        fix=register_again(f"Set {VARIABLE}={DEFAULT} in the container's environment", subject),
        shows_as=texts.SSPI,
    )
