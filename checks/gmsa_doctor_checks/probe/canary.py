"""The canary: a task with the service's credentialSpecs, into which the platform has put the ticket."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial

from gmsa_doctor.authoring import Finding, Fix, Given, Outcome, Result, Stop, check, failed, passed, unknown, warned
from gmsa_doctor.clients.kerberos.client import Kerberos, ServiceTicket
from gmsa_doctor.clients.kerberos.ticket_cache import (
    DEFAULT,
    VARIABLE,
    BrokenCache,
    CacheFile,
    NoCache,
    TicketCache,
    UnreadableCache,
    UnsupportedCache,
)
from gmsa_doctor.core.limits import each
from gmsa_doctor.formats.ad.ccache import Credential, Principal
from gmsa_doctor.given.probe_tasks import CanaryTask, ProbeTasks
from gmsa_doctor.given.vantage import ServiceNames
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import posix, powershell
from gmsa_doctor_checks.kerberos.service_ticket import judge_services, no_service_named
from gmsa_doctor_checks.kerberos.tickets import from_first
from gmsa_doctor_checks.probe.start_failure import start_failure, words_of
from gmsa_doctor_checks.values import GmsaNames, ReachableKdcs

SHORT = timedelta(hours=1)
"""A new ticket that is good for less: AD gives 10 hours by default, and renewals come every 10 minutes.

Source: the policy "Maximum lifetime for user ticket" of Windows.
"""

WEAK = frozenset({1, 2, 3, 16, 23, 24})
"""Encryption types of DES, triple DES and RC4. Deprecated by RFC 6649 and RFC 8429."""

_no_ticket = partial(failed, shows_as=texts.SSPI)
"""The failure of a container without a ticket that can be used."""


@dataclass(frozen=True)
class ContainerTicket:
    """The TGT in the container's ticket cache: of the gMSA, and not expired."""

    path: str
    principal: str
    realm: str
    end: datetime


@check(
    "canary.task",
    title="A task with the service's credentialSpecs starts",
    docs=links.FARGATE_GMSA,
    shows=(texts.CATCH_ALL, texts.NO_PASSWORD_ATTRIBUTE, texts.USER_TICKET),
)
def canary_task(canary: CanaryTask) -> Finding:
    """Starts one task with the service's `credentialSpecs` and gmsa-doctor's image (`gmsa-doctor run --canary`).

    Why: there the platform's own Credentials Fetcher does all that the service's tasks depend on: the final proof.

    Fix: the reason that ECS gives names the step; `gmsa-doctor explain "<reason>"` tells what stands behind it.
    """
    task = canary.task
    if task.ran and not task.report:
        return passed(f"the platform's Credentials Fetcher let it start in {task.subnet}")
    if task.ran:
        return unknown(
            f"the canary ran in {task.subnet}, and its report did not arrive: {task.problem or task.report}",
            observed=words_of(task),
            expected="all lines of its report",
            fix=Fix("Run it again; with --report-s3 the report does not depend on the log."),
        )
    make = unknown
    if explained := texts.behind(task.stopped_reason or ""):
        text, checks = explained
        make = failed
        summary = (
            f"a task with the service's credentialSpecs does not start in {task.subnet}: Credentials Fetcher says "
            f"{text!r}, behind which usually stands {' or '.join(checks[:3])}"
        )
        fix = Fix("See what stands behind the text, likeliest first.", (f"gmsa-doctor explain {posix(text)}",))
    else:
        failure = start_failure(task, ProbeTasks((task,), canary.image, ""))
        summary, fix = f"the canary did not run in {task.subnet}: {failure.summary}", failure.fix
    return make(summary, observed=words_of(task), expected="a task that starts", fix=fix)


@check("canary.ticket", title="The container has the gMSA's ticket", docs=links.FARGATE_GMSA, shows=(texts.SSPI,))
def ticket(cache: TicketCache, names: Outcome[GmsaNames]) -> Result[ContainerTicket]:
    """Looks, inside the container, at the ticket cache that the platform's Credentials Fetcher has made.

    Is it where `KRB5CCNAME` says (else at `/var/credentials-fetcher/krbdir/krb5cc`), may this user read it, is it of
    the CredSpec's gMSA, and for how long is its ticket good?

    Why: the task may start and the application find no ticket all the same. The cache on Fargate is root's, with mode
    0600; `KRB5CCNAME` may name another place; an application that finds no ticket says no more than that it cannot
    generate an SSPI context.

    Fix: set `KRB5CCNAME` in the container's environment, and run the container as root; a ticket of a wrong account
    comes from the CredSpec or the secret, one that has expired from renewals that fail.
    """
    file = _read(cache)
    principal, tgt = file.content.principal, file.content.tgt
    warnings = _compare(principal, names.value)
    if tgt is None:
        return _no_ticket(
            f"the ticket cache of {principal} holds no TGT of its realm",
            observed=", ".join(str(credential.server) for credential in file.content.credentials) or "no ticket at all",
            expected=f"krbtgt/{principal.realm}@{principal.realm}",
            fix=Fix(f"Have nothing but Credentials Fetcher write to {file.path}, and start a new task."),
        )
    left = file.content.left(tgt, datetime.now(UTC))
    if left <= timedelta(0):
        return _expired(principal, tgt)
    value = ContainerTicket(file.path, str(principal), principal.realm, tgt.end)
    summary = f"{principal} has a ticket with {tgt.enctype_name}, good until {tgt.end:%Y-%m-%d %H:%M} UTC"
    warnings += _short_or_weak(principal, tgt, left)
    if warnings:
        text = "; ".join([summary, *(warning.summary for warning in warnings)])
        return Given(value, replace(warnings[0], summary=text))
    return Given(value, passed(summary if names.value else f"{summary} (not compared: the CredSpec is not known)"))


@check(
    "canary.service-ticket",
    title="The container's ticket gets service tickets",
    docs=links.SPN,
    shows=(texts.SSPI, *texts.KERBEROS_SERVICE),
)
def service_ticket(ticket: ContainerTicket, names: ServiceNames, kdcs: ReachableKdcs, kerberos: Kerberos) -> Finding:
    """Asks for a ticket for each SPN given with `--spn`, with the ticket in the container's cache.

    The cache is copied into memory first, and stays as it is.

    Why: it is what the application will do, with the ticket that it will use. The SQL Server's SPN must be
    registered, on one account only, in exactly the form that the client asks for.

    Fix: register the SPN on the account that the SQL Server runs as, and let the application name the server by the
    same full name.
    """
    if not names.spns:
        return no_service_named("run … --canary")
    if ticket.realm.casefold() != kdcs.domain.realm.casefold():
        return unknown(
            f"{ticket.principal}'s ticket is of another realm than the KDCs that were found",
            observed=ticket.realm,
            expected=kdcs.domain.realm,
            fix=Fix("Write the same domain in the CredSpec (DnsName) and in the secret (domainName)."),
        )
    ours = kerberos.cached_ticket(ticket.path)

    def ask(spn: str) -> ServiceTicket:
        answer, _, _ = from_first(kdcs, lambda kdc: kerberos.service_ticket(ours, spn, kdc))
        return answer

    return judge_services(ticket.principal, each(names.spns, ask))


def _read(cache: TicketCache) -> CacheFile:
    """Raises Stop where there is no cache to be judged."""
    try:
        return cache.read()
    except NoCache as error:
        raise Stop(_no_cache(error, cache.name)) from error
    except UnsupportedCache as error:
        raise Stop(_wrong_name(cache.name, error.text)) from error
    except UnreadableCache as error:
        finding = _no_ticket(
            error.text,
            observed=str(error.owner) if error.owner else "a directory on the way is closed",
            expected=f"a file that uid {error.user} may read",
            fix=Fix(
                'Run the container as root (user "0" in the container definition). A chmod does not last: the file is '
                "made anew at each renewal, as root's with mode 0600. An entrypoint that is root's may copy it for the "
                f"application's user every few minutes, and name the copy in {VARIABLE}. On EC2, the 1.3 daemon takes "
                "group and mode from CF_KRB5CC_GID and CF_KRB5CC_MODE in its environment."
            ),
        )
        raise Stop(finding) from error
    except BrokenCache as error:
        finding = _no_ticket(
            error.text,
            observed=error.why,
            expected="a ticket cache of the type FILE",
            fix=Fix(
                f"Have nothing but Credentials Fetcher write to {error.path}, and start a new task. An empty cache is "
                "what its test mode leaves: then take functionaltestcfspec out of the CredSpec's S3 key."
            ),
        )
        raise Stop(finding) from error


def _no_cache(error: NoCache, name: str) -> Finding:
    if error.default_exists:
        return _wrong_name(name, error.text)
    if error.path != DEFAULT:
        return _wrong_name(name, f"{error.text}, and none at {DEFAULT}")
    definition = posix("<family>:<revision>")
    query = posix("taskDefinition.containerDefinitions[].[name,credentialSpecs]")
    reason = (
        "Credentials Fetcher has made none"
        if error.directory_exists
        else "the platform has given this container no directory of Credentials Fetcher"
    )
    return _no_ticket(
        f"{error.text}: {reason}",
        expected=f"a ticket cache at {DEFAULT}",
        fix=Fix(
            "See that the registered task definition gives this container credentialSpecs, with a valid prefix such as "
            "credentialspecdomainless: in lower case (without one, the ECS agent of EC2 starts the task all the same, "
            "without a ticket), and on EC2 that ECS_GMSA_SUPPORTED=true is set and Credentials Fetcher runs.",
            (f"aws ecs describe-task-definition --task-definition {definition} --query {query}",),
        ),
    )


def _wrong_name(name: str, reason: str) -> Finding:
    return _no_ticket(
        f"{VARIABLE} names no ticket cache of Credentials Fetcher: {reason}",
        observed=f"{VARIABLE}={name}",
        expected=f"{VARIABLE}={DEFAULT}",
        fix=Fix(f"Set {VARIABLE} to {DEFAULT} in the container's environment (task definition or image)."),
    )


def _compare(principal: Principal, names: GmsaNames | None) -> list[Finding]:
    """Warnings. Raises Stop if the ticket is of another account than the CredSpec's gMSA.

    Another realm is a warning: 2.x takes it from the secret's domainName, and the ticket may well work.
    """
    if names is None:
        return []
    account, realm = f"{names.gmsa.text}$", names.domain.realm
    if principal.is_account(account, realm):
        return []
    expected = f"{account}@{realm}"
    if principal.is_account(account):
        fix = Fix("Write the same domain in the CredSpec (DnsName) and in the secret (domainName).")
        return [warned(f"the CredSpec's realm is {realm}", observed=str(principal), expected=expected, fix=fix)]
    fix = Fix(
        "Let the task definition name the CredSpec that was checked, see that nothing but Credentials Fetcher writes "
        "to this cache, and start a new task."
    )
    summary = f"the ticket is {principal}'s, not that of the CredSpec's gMSA"
    raise Stop(failed(summary, observed=str(principal), expected=expected, fix=fix))


def _expired(principal: Principal, tgt: Credential) -> Finding:
    return _no_ticket(
        f"{principal}'s ticket expired at {tgt.end:%Y-%m-%d %H:%M} UTC",
        observed=f"given at {tgt.start:%Y-%m-%d %H:%M} UTC",
        expected="a ticket that is renewed every 10 minutes",
        fix=Fix(
            "Find out why it is not renewed: each time, Credentials Fetcher reads the CredSpec and the secret anew, so "
            "a password that was changed in the AD and not in the secret stops it."
        ),
    )


def _short_or_weak(principal: Principal, tgt: Credential, left: timedelta) -> Iterator[Finding]:
    if left < SHORT:
        minutes = left // timedelta(minutes=1)
        yield warned(
            f"that is {minutes} minutes only",
            observed=f"{minutes} minutes",
            expected="about 10 hours, as AD gives by default",
            fix=Fix(
                "See whether renewals fail, and whether the domain's policy keeps tickets short (Maximum lifetime for "
                "user ticket)."
            ),
        )
    if tgt.enctype in WEAK:
        name = powershell("/".join(principal.components).removesuffix("$"))
        command = f"Set-ADServiceAccount -Identity {name} -KerberosEncryptionType AES128,AES256"
        yield warned(
            f"{tgt.enctype_name} is deprecated, and switched off in newer systems",
            observed=tgt.enctype_name,
            expected="AES",
            fix=Fix("Let the gMSA use AES.", (command,)),
        )
