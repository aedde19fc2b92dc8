"""Whether the application finds the ticket and may read it, as far as the task definition tells."""

from __future__ import annotations

import re

from gmsa_doctor.authoring import Finding, check, passed, skipped, warned
from gmsa_doctor.clients.kerberos.ticket_cache import DEFAULT, VARIABLE
from gmsa_doctor.formats.documents.located import Open
from gmsa_doctor.given.subject import ChosenContainer, Launch, Platform, Subject
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.task.revisions import not_known_yet, register_again
from gmsa_doctor_checks.values import CredentialSpec
from gmsa_doctor_checks.versions import WINDOWS

_ROOT = re.compile(r"(root|0+)(:.*)?")


@check(
    "task-definition.user",
    title="The container's user may read the ticket cache",
    docs=links.TICKET_CACHE_MODE,
    about="container/user",
    shows=(texts.SSPI,),
)
def user(spec: CredentialSpec, chosen: ChosenContainer, platform: Platform, subject: Subject) -> Finding:
    """Looks at the container's `user`.

    Why: users report that the ticket cache on Fargate is root's, with mode 0600, so that an application of another
    user finds a ticket that it cannot read. On EC2 its mode can be set on the instance (`CF_KRB5CC_MODE`). The image
    may name a user too (.NET's do): that is not seen here.

    Fix: let the container start as root.
    """
    if platform.windows:
        return skipped(WINDOWS)
    name = chosen.container.user if chosen.container else None
    if not name:
        return passed("what the image says, else root")
    if isinstance(name, Open):
        return not_known_yet("the container's user", name)
    if _ROOT.fullmatch(name):
        return passed(name)
    if platform.launch in (Launch.EC2, Launch.EXTERNAL):
        return passed(f"{name}: the instance's CF_KRB5CC_MODE decides whether it may read the ticket")
    return warned(
        f"the container runs as {name}; users report that the ticket cache on Fargate can be read by root only",
        observed=f"user: {name}",
        expected="root, or no user",
        fix=register_again('Set the container\'s "user" to "root"', subject),
        shows_as=texts.SSPI,
    )


@check(
    "task-definition.krb5ccname",
    title="KRB5CCNAME leads to the ticket cache",
    docs=links.FARGATE_GMSA,
    about="container/environment",
    shows=(texts.SSPI,),
)
def krb5ccname(spec: CredentialSpec, chosen: ChosenContainer, platform: Platform, subject: Subject) -> Finding:
    """Looks for `KRB5CCNAME` in the container's environment.

    Why: Credentials Fetcher puts the ticket into `/var/credentials-fetcher/krbdir/krb5cc`, where no application looks
    unless it is told to. The image or an `environmentFiles` entry may tell it: that is not seen here.

    Fix: set `KRB5CCNAME` to that path in the container's environment.
    """
    if platform.windows:
        return skipped(WINDOWS)
    value = dict(chosen.container.environment).get(VARIABLE) if chosen.container else None
    if isinstance(value, Open):
        return not_known_yet(VARIABLE, value)
    if value and value.removeprefix("FILE:") == DEFAULT:
        return passed(value)
    return warned(
        f"{VARIABLE} names {value}, and the ticket is put elsewhere"
        if value
        else f"the task definition does not set {VARIABLE}: right only if the image does, or the application itself",
        observed=f"{VARIABLE}={value}" if value else f"no {VARIABLE}",
        expected=f"{VARIABLE}={DEFAULT}",
        fix=register_again(f"Set {VARIABLE}={DEFAULT} in the container's environment", subject),
        shows_as=texts.SSPI,
    )
