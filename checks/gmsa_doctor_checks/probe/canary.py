"""The canary: a task with the service's credentialSpecs, in which the platform's Credentials Fetcher puts a ticket."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial

from gmsa_doctor.authoring import (
    Finding,
    Fix,
    Given,
    Outcome,
    Owner,
    Result,
    Stop,
    check,
    failed,
    passed,
    unknown,
    warned,
)
from gmsa_doctor.clients.dns.resolver import Dns
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
from gmsa_doctor_checks.commands import STOP_SERVICE, posix, powershell
from gmsa_doctor_checks.kerberos.referrals import Referral, request
from gmsa_doctor_checks.kerberos.service_ticket import judge_services, no_service_named
from gmsa_doctor_checks.kerberos.tickets import from_first
from gmsa_doctor_checks.probe.start_failure import start_failure, words_of
from gmsa_doctor_checks.values import GmsaNames, ReachableKdcs

SHORT = timedelta(hours=1)
"""A ticket that is valid for less gets a warning: AD gives 10 hours by default, and the canary's ticket is new.

Source: the Windows policy "Maximum lifetime for user ticket".
"""

WEAK = frozenset({1, 2, 3, 16, 23, 24})
"""Encryption types of DES, triple DES and RC4. Deprecated by RFC 6649 and RFC 8429."""

_SAME_DOMAIN = Fix("Set the same domain in the CredSpec (DnsName) and in the secret (domainName).", owner=Owner.AWS)

_no_ticket = partial(failed, shows_as=texts.SSPI)
"""The failure of a container without a usable ticket."""


@dataclass(frozen=True)
class ContainerTicket:
    """The gMSA's TGT in the container's ticket cache; not expired."""

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

    Why: in this task, the platform's own Credentials Fetcher does everything that the service's tasks depend on. This
    is the final proof.

    Fix: the reason that ECS reports names the step; `gmsa-doctor explain "<reason>"` lists its usual causes.
    """
    task = canary.task
    if task.ran and not task.report:
        return passed(f"it started in {task.subnet} with the platform's Credentials Fetcher")
    if task.ran:
        return unknown(
            f"the canary ran in {task.subnet}, but its report is missing or incomplete: {task.problem or task.report}",
            observed=words_of(task) or task.report,
            expected="all lines of its report, and a finding of each check",
            fix=Fix("Run it again; with --report-s3 the report does not depend on the log."),
        )
    observed, expected = words_of(task), "a task that starts"
    if explained := texts.behind(task.stopped_reason or ""):
        text, checks = explained
        return failed(
            f"a task with the service's credentialSpecs does not start in {task.subnet}: Credentials Fetcher reports "
            f"{text!r}, usually caused by {' or '.join(checks[:3])}",
            observed=observed,
            expected=expected,
            fix=Fix("List the usual causes of this text, most likely first.", (f"gmsa-doctor explain {posix(text)}",)),
        )
    failure = start_failure(task, ProbeTasks((task,), canary.image, ""))
    summary = f"the canary did not run in {task.subnet}: {failure.summary}"
    return unknown(summary, observed=observed, expected=expected, fix=failure.fix)


@check(
    "canary.ticket",
    title="The container has the gMSA's ticket",
    docs=links.FARGATE_GMSA,
    shows=(texts.SSPI,),
    owner=Owner.DEVELOPER,
)
def ticket(cache: TicketCache, names: Outcome[GmsaNames]) -> Result[ContainerTicket]:
    """Reads, inside the container, the ticket cache that the platform's Credentials Fetcher created.

    It checks that the cache is where `KRB5CCNAME` says (by default `/var/credentials-fetcher/krbdir/krb5cc`), that this
    user may read it, that it belongs to the CredSpec's gMSA, and how long its ticket is valid.

    Why: a task can start although the application finds no ticket. On Fargate the cache belongs to root with mode 0600;
    `KRB5CCNAME` may name another file; an application without a ticket only reports that it cannot generate an SSPI
    context.

    Fix: set `KRB5CCNAME` in the container's environment, and run the container as root. If the ticket is for a wrong
    account, correct the CredSpec or the secret; if it has expired, find out why renewals fail.
    """
    file = _read(cache)
    principal, tgt = file.content.principal, file.content.tgt
    warnings = _compare(principal, names.value)
    if tgt is None:
        return _no_ticket(
            f"the ticket cache of {principal} contains no TGT for its realm",
            observed=", ".join(str(credential.server) for credential in file.content.credentials) or "no ticket",
            expected=f"krbtgt/{principal.realm}@{principal.realm}",
            fix=Fix(f"Make sure that only Credentials Fetcher writes to {file.path}, and start a new task."),
        )
    left = file.content.left(tgt, datetime.now(UTC))
    if left <= timedelta(0):
        return _expired(principal, tgt)
    value = ContainerTicket(file.path, str(principal), principal.realm, tgt.end)
    summary = f"{principal} has a ticket with {tgt.enctype_name}, valid until {tgt.end:%Y-%m-%d %H:%M} UTC"
    warnings += _short_or_weak(principal, tgt, left)
    if warnings:
        text = "; ".join([summary, *(warning.summary for warning in warnings)])
        return Given(value, replace(warnings[0], summary=text))
    return Given(value, passed(summary if names.value else f"{summary} (not compared: the CredSpec is unknown)"))


@check(
    "canary.service-ticket",
    title="The container's ticket gets service tickets",
    docs=links.SPN,
    shows=(texts.SSPI, *texts.KERBEROS_SERVICE),
    owner=Owner.AD,
)
def service_ticket(
    ticket: ContainerTicket, names: ServiceNames, kdcs: ReachableKdcs, kerberos: Kerberos, dns: Dns
) -> Finding:
    """Requests a ticket for each SPN given with `--spn`, with the ticket in the container's cache.

    It copies the cache into memory and does not change the file.

    Why: the application does the same with the same ticket. The SQL Server's SPN must be registered on exactly one
    account, in exactly the form that the client requests.

    Fix: register the SPN on the account that runs SQL Server, and use the server's same full name in the application.
    """
    if not names.spns:
        return no_service_named("run … --canary")
    if ticket.realm.casefold() != kdcs.domain.realm.casefold():
        return unknown(
            f"the realm of {ticket.principal}'s ticket is not the realm of the KDCs that DNS lists",
            observed=ticket.realm,
            expected=kdcs.domain.realm,
            fix=_SAME_DOMAIN,
        )
    ours = kerberos.cached_ticket(ticket.path)

    def ask(spn: str) -> ServiceTicket | Referral:
        answer, _, _ = from_first(kdcs, lambda kdc: request(kerberos, ours, spn, kdc, dns))
        return answer

    return judge_services(ticket.principal, each(names.spns, ask))


def _read(cache: TicketCache) -> CacheFile:
    try:
        return cache.read()
    except (NoCache, UnsupportedCache, UnreadableCache, BrokenCache) as error:
        raise Stop(_unusable(cache.name, error)) from error


def _unusable(name: str, error: NoCache | UnsupportedCache | UnreadableCache | BrokenCache) -> Finding:
    if isinstance(error, NoCache) and error.path == DEFAULT:
        return _no_cache(error)
    if isinstance(error, NoCache | UnsupportedCache):
        nowhere = isinstance(error, NoCache) and not error.default_exists
        return _no_ticket(
            f"{VARIABLE} does not name Credentials Fetcher's ticket cache: {error.text}"
            + (f", and none at {DEFAULT}" if nowhere else ""),
            observed=f"{VARIABLE}={name}",
            expected=f"{VARIABLE}={DEFAULT}",
            fix=Fix(f"Set {VARIABLE} to {DEFAULT} in the container's environment (task definition or image)."),
        )
    if isinstance(error, UnreadableCache):
        return _no_ticket(
            error.text,
            observed=str(error.owner) if error.owner else "a parent directory is not accessible",
            expected=f"a file that uid {error.user} may read",
            fix=Fix(
                'Run the container as root (user "0" in the container definition). A chmod does not last: each renewal '
                "creates the file again, owned by root with mode 0600. Alternatively, an entrypoint that runs as root "
                f"can copy it for the application's user every minute, with {VARIABLE} set to the copy; the fix of "
                "task-definition.user has the command (gmsa-doctor explain task-definition.user)."
            ),
        )
    return _no_ticket(
        error.text,
        observed=error.why,
        expected="a ticket cache of type FILE",
        fix=Fix(
            f"Make sure that only Credentials Fetcher writes to {error.path}, and start a new task. If the cache is "
            "empty, Credentials Fetcher ran in test mode: remove functionaltestcfspec from the CredSpec's S3 key."
        ),
    )


def _no_cache(error: NoCache) -> Finding:
    definition = posix("<family>:<revision>")
    query = posix("taskDefinition.containerDefinitions[].[name,credentialSpecs]")
    reason = (
        "Credentials Fetcher did not create one"
        if error.directory_exists
        else "the platform did not mount Credentials Fetcher's directory into this container"
    )
    return _no_ticket(
        f"{error.text}: {reason}",
        expected=f"a ticket cache at {DEFAULT}",
        fix=Fix(
            "Check that this container has credentialSpecs in the registered task definition, with a valid prefix such "
            "as credentialspecdomainless: in lower case (with a wrong one, the ECS agent on EC2 starts the task "
            "without a ticket). On EC2, also check that ECS_GMSA_SUPPORTED=true is set and Credentials Fetcher runs.",
            (f"aws ecs describe-task-definition --task-definition {definition} --query {query}",),
        ),
    )


def _compare(principal: Principal, names: GmsaNames | None) -> list[Finding]:
    """Warnings. Raises Stop if the ticket is not for the CredSpec's gMSA.

    A different realm is only a warning: 2.x takes it from the secret's domainName, and the ticket may work.
    """
    if names is None:
        return []
    account, realm = f"{names.gmsa.text}$", names.domain.realm
    if principal.is_account(account, realm):
        return []
    expected = f"{account}@{realm}"
    if principal.is_account(account):
        summary = f"the CredSpec's realm is {realm}"
        return [warned(summary, observed=str(principal), expected=expected, fix=_SAME_DOMAIN)]
    fix = Fix(
        "Make sure that the task definition names the CredSpec that was checked and that only Credentials Fetcher "
        "writes to this cache, and start a new task."
    )
    summary = f"the ticket is for {principal}, not for the CredSpec's gMSA"
    raise Stop(failed(summary, observed=str(principal), expected=expected, fix=fix))


def _expired(principal: Principal, tgt: Credential) -> Finding:
    return _no_ticket(
        f"{principal}'s ticket expired at {tgt.end:%Y-%m-%d %H:%M} UTC",
        observed=f"issued at {tgt.start:%Y-%m-%d %H:%M} UTC",
        expected="a ticket that is renewed before it expires",
        fix=Fix(
            "Find out why renewal fails. At each renewal the CredSpec and the secret are read again, so check first "
            "that the secret has the user's current password. If it does not, stop the service first (command), since "
            "each renewal and each start is a failed logon.",
            (STOP_SERVICE,),
            owner=Owner.AWS,
        ),
    )


def _short_or_weak(principal: Principal, tgt: Credential, left: timedelta) -> Iterator[Finding]:
    if left < SHORT:
        minutes = left // timedelta(minutes=1)
        yield warned(
            f"that is only {minutes} minutes",
            observed=f"{minutes} minutes",
            expected="about 10 hours, the default in AD",
            fix=Fix(
                'Check whether renewals fail, and whether the domain policy "Maximum lifetime for user ticket" is '
                "short.",
                owner=Owner.AD,
            ),
        )
    if tgt.enctype in WEAK:
        name = powershell("/".join(principal.components).removesuffix("$"))
        command = f"Set-ADServiceAccount -Identity {name} -KerberosEncryptionType AES128,AES256"
        yield warned(
            f"{tgt.enctype_name} is deprecated and disabled in newer systems",
            observed=tgt.enctype_name,
            expected="AES",
            fix=Fix("Enable AES for the gMSA.", (command,), Owner.AD),
        )
