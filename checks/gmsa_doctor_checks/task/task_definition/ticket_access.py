"""Whether the application finds the ticket and may read it, according to the task definition."""

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
    """Checks the container's `user`.

    Why: users report that on Fargate the ticket cache belongs to root with mode 0600, so that an application running
    as another user cannot read it. On EC2, `CF_KRB5CC_MODE` on the instance sets its mode. The image may also set a
    user (.NET images do); this check does not see that.

    Fix: run the container as root.
    """
    if platform.windows:
        return skipped(WINDOWS)
    name = chosen.container.user if chosen.container else None
    if not name:
        return passed("not set: the image's USER applies (root by default)")
    if isinstance(name, Open):
        return not_known_yet("the container's user", name)
    if _ROOT.fullmatch(name):
        return passed(name)
    if platform.launch in (Launch.EC2, Launch.EXTERNAL):
        return passed(f"{name} may read the ticket if CF_KRB5CC_MODE on the instance allows it")
    return warned(
        f"the container runs as {name}; users report that on Fargate only root can read the ticket cache",
        observed=f"user: {name}",
        expected="root, or no user",
        fix=register_again('Set the container\'s "user" to "root"', subject),
        shows_as=texts.SSPI,
    )


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
        return not_known_yet(VARIABLE, value)
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
