"""A run of ``check``: the request to subjects and clients, the graph's findings to a report."""

from __future__ import annotations

import os
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from threading import Thread

from gmsa_doctor import __version__, engine, subject
from gmsa_doctor.clients.aws import Aws, CredentialsProblem
from gmsa_doctor.clients.dns import Dns
from gmsa_doctor.clients.kerberos import Kerberos, gssapi_missing
from gmsa_doctor.clients.ldap import Ldap
from gmsa_doctor.clients.services import AWS_CLIENTS, Ecs, Sts
from gmsa_doctor.clients.tcp import Tcp
from gmsa_doctor.errors import ClientError, TimedOut, UsageError
from gmsa_doctor.formats.task_definition import TaskDefinition
from gmsa_doctor.limits import within
from gmsa_doctor.model import Finding, Fix, Report, Status, SubjectReport, Verdict, skipped
from gmsa_doctor.registry import Registry
from gmsa_doctor.request import Live, Request
from gmsa_doctor.subject import ChosenContainer, Found, Place
from gmsa_doctor.vantage import Caller, KnownDnsServers, ServiceNames, Vantage

Watch = Callable[[engine.Progress], None]

_INSIDE = "ECS_CONTAINER_METADATA_URI_V4"
_LIVE_EXTRA = Fix(
    "Install gmsa-doctor with its extra `live` (it needs gcc and the Kerberos headers), or use the container image.",
    ("pip install 'gmsa-doctor[live]'",),
)


@dataclass(frozen=True)
class _World:
    """What the run speaks to AWS with, and who it is there."""

    clients: Mapping[type, object]
    account: str | None
    arn: str | None


def check(request: Request, registry: Registry, watch: Watch) -> Report:
    """Check the subjects that the request names.

    Raises UsageError for whatever the user has to mend first: a subject that does not exist, missing
    credentials or region, unknown ids.
    """
    started = time.monotonic()
    selected = _selected(request, registry)
    required = registry.select(request.require)
    if request.live is Live.ALWAYS and (missing := gssapi_missing()):
        raise UsageError(f"--live always needs gssapi: {missing}. {_LIVE_EXTRA.text}")
    if request.live is not Live.NEVER:
        Thread(target=_import_ahead, daemon=True).start()  # while AWS is asked
    found, world = _find_in_time(request)
    shared = _network_clients(request)
    cases = [engine.Case(one.subject.name, {**world.clients, **shared, **_own(one, world)}) for one in found]
    vantage = shared[Vantage]
    assert isinstance(vantage, Vantage)  # noqa: S101 - for the type checker
    left = max(1.0, started + request.seconds - time.monotonic())
    ended = engine.run(registry, cases, seconds=left, selected=selected, watch=watch)
    subjects = tuple(
        SubjectReport(one.subject.name, _facts(one, world, vantage), _seen(findings, vantage, request))
        for one, findings in zip(found, ended.findings, strict=True)
    )
    return _report(subjects, required, ended.interrupted, started)


def _selected(request: Request, registry: Registry) -> frozenset[str]:
    chosen = registry.with_needs(registry.select(request.only)) if request.only else None
    every = frozenset(one.id for one in registry.checks)
    skip = registry.select(request.skip)
    if not (registry.select(request.only) or every) - skip:
        raise UsageError("--only and --skip leave no check to run: leave one of the two out")
    return (every if chosen is None else chosen) - skip


# What is given from outside -------------------------------------------------------------------------


def _find_in_time(request: Request) -> tuple[tuple[Found, ...], _World]:
    if request.task_definition_file:
        return _find_in_file(request)
    try:
        return within(request.seconds, "AWS", lambda: _find(request))
    except TimedOut as error:
        reason = skipped("AWS was not asked: it had not answered before")
        return subject.unfound(request, error), _World(dict.fromkeys(AWS_CLIENTS, reason), None, None)


def _find(request: Request) -> tuple[tuple[Found, ...], _World]:
    subject.require_names(request)
    region = request.region or _region_in(request)
    aws = Aws(request.profile, region)
    if not aws.region:
        raise UsageError("no AWS region is configured: give --region, or set AWS_REGION.")
    sts, ecs = Sts(aws), Ecs(aws)
    _check_credentials(aws)
    Thread(target=_warm, args=(sts,), daemon=True).start()  # while ECS is asked
    found = subject.from_aws(request, ecs, Place(aws.region, None))
    return found, _world(aws, sts)


def _find_in_file(request: Request) -> tuple[tuple[Found, ...], _World]:
    """A file needs no AWS; with credentials and a region, what AWS can tell is asked as well."""
    aws = Aws(request.profile, request.region)
    found = subject.from_file(request, Place(aws.region, None))
    region = request.region or next((one.place.region for one in found if one.place.region), None)
    if region and region != aws.region:
        aws = Aws(request.profile, region)
    try:
        if not region:
            raise CredentialsProblem("no AWS region is known", Fix("Give --region, or set AWS_REGION."))
        if not aws.has_credentials():
            raise CredentialsProblem("there are no AWS credentials", Fix("Set AWS_PROFILE, or give --profile."))
        sts = Sts(aws)
        within(request.seconds / 2, "AWS", sts.caller)
    except CredentialsProblem as error:
        reason = skipped(f"AWS was not asked: {error.text}", fix=error.fix)
        return found, _World(dict.fromkeys(AWS_CLIENTS, reason), None, None)
    except TimedOut:
        return found, _World(_clients(aws, sts), None, None)
    except ClientError:
        pass  # who we are is not known; each check will tell what it cannot see
    return found, _world(aws, sts)


def _check_credentials(aws: Aws) -> None:
    try:
        if aws.has_credentials():
            return
    except CredentialsProblem as error:
        raise UsageError(f"{error.text}. {error.fix.text if error.fix else ''}") from error
    raise UsageError(
        "no AWS credentials are configured: set AWS_PROFILE, give --profile, or run `aws sso login`. "
        "A --task-definition-file can be checked without."
    )


def _import_ahead() -> None:
    """What the live flow will need; whoever needs it first would wait for it."""
    import dns.resolver  # noqa: F401
    import ldap3  # noqa: F401


def _warm(sts: Sts) -> None:
    try:
        sts.caller()
    except ClientError:
        return  # remembered, and told by whoever asks again


def _world(aws: Aws, sts: Sts) -> _World:
    clients = _clients(aws, sts)
    try:
        who = sts.caller()
    except ClientError:
        return _World(clients, None, None)
    return _World(clients, who["Account"], who["Arn"])


def _clients(aws: Aws, sts: Sts) -> dict[type, object]:
    return {**{kind: kind(aws) for kind in AWS_CLIENTS}, Sts: sts}


def _region_in(request: Request) -> str | None:
    """The region that an ARN among the arguments names."""
    for text in (request.service, request.task_definition, request.cluster):
        match = re.match(r"arn:[^:]+:ecs:([^:]+):", text or "")
        if match:
            return match[1]
    return None


def _network_clients(request: Request) -> dict[type, object]:
    """DNS, TCP, LDAP and Kerberos, as far as the request lets us use them."""
    inside = bool(os.environ.get(_INSIDE))
    vantage = Vantage(inside, request.live is Live.ALWAYS or bool(request.dns_server), not request.dns_server)
    values: dict[type, object] = {
        Vantage: vantage,
        KnownDnsServers: KnownDnsServers(request.ad_dns),
        ServiceNames: ServiceNames(request.spns),
    }
    if request.live is Live.NEVER:
        reason = skipped("--live never: nothing is sent to DNS or AD")
        return {**values, Dns: reason, Tcp: reason, Ldap: reason, Kerberos: reason}
    kerberos = Kerberos()
    values |= {Dns: Dns(request.dns_server), Tcp: Tcp(), Ldap: Ldap(kerberos), Kerberos: kerberos}
    if missing := gssapi_missing():
        values[Kerberos] = skipped(f"the live flow needs gssapi: {missing}", fix=_LIVE_EXTRA)
    return values


def _own(found: Found, world: _World) -> dict[type, object]:
    """The values of one subject."""
    values = dict(found.values)
    definition = values[TaskDefinition]
    role = definition.execution_role_arn if isinstance(definition, TaskDefinition) else None
    if world.arn and world.account:
        values[Caller] = Caller(world.account, world.arn, _is_session_of(world.arn, role))
    else:
        values[Caller] = skipped("whose AWS credentials these are is not known")
    values[Place] = replace(found.place, account=found.place.account or world.account)
    return values


def _is_session_of(caller: str, role: str | None) -> bool:
    """Whether the caller is a session of the role: only its account and last name are in the ARN."""
    match = re.match(r"arn:[^:]+:sts::(\d+):assumed-role/([^/]+)/", caller)
    own = re.match(r"arn:[^:]+:iam::(\d+):role/(?:.*/)?([^/]+)$", role or "")
    return bool(match and own and match.groups() == own.groups())


# The report -----------------------------------------------------------------------------------------


def _facts(found: Found, world: _World, vantage: Vantage) -> tuple[tuple[str, str], ...]:
    chosen = found.values.get(ChosenContainer)
    container = chosen.container if isinstance(chosen, ChosenContainer) else None
    facts = (
        ("subject", found.subject.name),
        ("task definition", found.subject.task_definition),
        ("container", container.name if container else None),
        ("account", found.place.account or world.account),
        ("region", found.place.region),
        ("vantage", vantage.word),
    )
    return tuple((name, text) for name, text in facts if text)


def _seen(findings: Iterable[Finding], vantage: Vantage, request: Request) -> tuple[Finding, ...]:
    """With ``--fail-on warn`` a warning is a failure, and so may be a root cause."""
    return tuple(
        replace(
            one,
            vantage=vantage.word,
            root=one.root or (request.fail_on_warning and one.status is Status.WARN),
        )
        for one in findings
    )


def _report(subjects: tuple[SubjectReport, ...], required: frozenset[str], interrupted: bool, started: float) -> Report:
    findings = [one for each in subjects for one in each.findings]
    counts = Counter(one.status for one in findings)
    failures = [one for one in findings if one.root and one.status in (Status.FAIL, Status.WARN)]
    gaps = [one for one in findings if one.root and one.status in (Status.UNKNOWN, Status.ERROR)]
    missing = {one.check for one in findings if one.status is Status.SKIPPED} & required
    if counts[Status.FAIL] or failures:
        verdict = Verdict.FAIL
    else:
        verdict = Verdict.INCOMPLETE if gaps or missing or interrupted else Verdict.PASS
    return Report(
        version=__version__,
        verdict=verdict,
        subjects=subjects,
        root_causes=tuple(dict.fromkeys(one.check for one in failures or gaps)),
        counts=tuple((status, counts[status]) for status in Status),
        duration_ms=round((time.monotonic() - started) * 1000),
        interrupted=interrupted,
        missing=tuple(sorted(missing)),
    )
