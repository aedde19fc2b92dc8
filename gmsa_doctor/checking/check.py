"""A run of ``check``: the request to subjects and clients, the graph's findings to a report."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from threading import Thread

from gmsa_doctor import __version__
from gmsa_doctor.checking.retry import PAUSE_SECONDS, awaited
from gmsa_doctor.clients.aws import task_metadata
from gmsa_doctor.clients.aws.services import SecretsManager
from gmsa_doctor.clients.dns.resolver import Dns
from gmsa_doctor.clients.kerberos.kdc_questions import KdcQuestions
from gmsa_doctor.clients.kerberos.logon import Kerberos, gssapi_missing
from gmsa_doctor.clients.ldap.directory import Ldap
from gmsa_doctor.clients.network.sql_browser import SqlBrowser
from gmsa_doctor.clients.network.tcp import Tcp
from gmsa_doctor.core import engine
from gmsa_doctor.core.errors import ClientError, UsageError
from gmsa_doctor.core.model import Finding, Fix, Location, Report, Status, SubjectReport, Verdict, skipped
from gmsa_doctor.core.registry import Registry
from gmsa_doctor.formats.documents.task_definition import TaskDefinition
from gmsa_doctor.given.admin_account import AdminAccount
from gmsa_doctor.given.application import ApplicationConfig
from gmsa_doctor.given.compared import Intended
from gmsa_doctor.given.probe_tasks import ONLY_IN_RUN
from gmsa_doctor.given.request import AppConfig, Live, Request
from gmsa_doctor.given.subject import AwsPlace, ChosenContainer
from gmsa_doctor.given.vantage import Caller, DnsServersInUse, KnownDnsServers, ServiceNames, Vantage
from gmsa_doctor.subjects import own_task
from gmsa_doctor.subjects.discovery import OFFLINE, AwsSession, discover
from gmsa_doctor.subjects.files import SkippedFiles
from gmsa_doctor.subjects.source import FoundSubject
from gmsa_doctor.triage.apply import AFTERWARDS, Triage, applied

Watch = Callable[[engine.Progress], None]
_LIVE_EXTRA = Fix(
    "Install gmsa-doctor with its extra `live` (it needs gcc and the Kerberos headers), or use the container image.",
    ("pip install 'gmsa-doctor[live]'",),
)


@dataclass(frozen=True)
class Look:
    """What one look at the subjects of a request has come to, each list in the order of the subjects.

    ``ended`` has the findings as the engine ended them, and the values that checks gave; ``subjects`` is what the
    report shows of them.
    """

    registry: Registry
    vantage: Vantage
    found: tuple[FoundSubject, ...]
    cases: tuple[engine.Case, ...]
    ended: engine.Ended
    subjects: tuple[SubjectReport, ...]
    beside: SkippedFiles = field(default_factory=SkippedFiles)


def check(
    request: Request,
    registry: Registry,
    watch: Watch,
    policy: Triage | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Report:
    """Check the subjects that the request names; ``policy`` says what is made of the findings.

    ``say`` is told of what takes long. Raises UsageError for whatever the user has to mend first: a subject that does
    not exist, missing credentials or region, unknown ids.
    """
    started = time.monotonic()
    required = _required(request, registry)
    chosen = with_afterwards(request, registry)
    kerberos = Kerberos()

    def agreed(seen: Look) -> tuple[SubjectReport, ...]:
        return applied(seen.subjects, policy or Triage(), registry, chosen, request.fail_on_warning)

    seen = look(request, registry, watch, kerberos=kerberos)
    interrupted = seen.ended.interrupted
    try:
        while not seen.ended.interrupted and (ids := awaited(agreed(seen))):
            if time.monotonic() + PAUSE_SECONDS > started + request.wait:
                break
            say(f"waiting for {', '.join(ids)}")
            seen = _look_again(seen, request, registry, watch, kerberos)
    except KeyboardInterrupt:  # between two looks: the last one stands
        interrupted = True
    return report_of(agreed(seen), required, interrupted or seen.ended.interrupted, started, seen.beside)


def _look_again(seen: Look, request: Request, registry: Registry, watch: Watch, kerberos: Kerberos) -> Look:
    """A failed logon is repeated only with a secret that has changed, so the secrets are asked for first."""
    time.sleep(PAUSE_SECONDS)
    kerberos.begin_again(_has_new_secret(seen))
    return look(request, registry, watch, kerberos=kerberos)


def _has_new_secret(seen: Look) -> bool:
    secrets = seen.cases[0].given.get(SecretsManager) if seen.cases else None
    if not isinstance(secrets, SecretsManager):
        return False
    now = SecretsManager(secrets.aws)
    for arn, version in secrets.versions().items():
        try:
            if now.get(arn).version != version:
                return True
        except ClientError:
            continue  # not known to have changed
    return False


def look(
    request: Request,
    registry: Registry,
    watch: Watch,
    *,
    live_reason: str | None = None,
    kerberos: Kerberos | None = None,
) -> Look:
    """Find the subjects that the request names, and run the graph for them. Raises UsageError as :func:`check`.

    With ``live_reason`` nothing is sent to DNS or AD, and what would have been is skipped for that reason.
    """
    started = time.monotonic()
    if request.offline:
        live_reason = OFFLINE
    if live_reason:
        request = replace(request, live=Live.NEVER)
    wanted, whole = selected(request, registry), registry
    with_probe = live_reason is not None and not request.offline
    registry = registry.without(ONLY_IN_RUN | AFTERWARDS | {Intended}) if with_probe else _here(request, registry)
    registry = asked_for(request, registry)
    if not wanted & (_afterwards(whole) | {one.id for one in registry.checks}):
        raise UsageError("--only and --skip leave no check that can be run here: `gmsa-doctor run` has more")
    if request.live is Live.ALWAYS and (missing := gssapi_missing()):
        raise UsageError(f"--live always needs gssapi: {missing}. {_LIVE_EXTRA.text}")
    if request.live is not Live.NEVER:
        Thread(target=_import_ahead, daemon=True).start()  # while AWS is asked
    task = own_task.own_task(request)
    discovery = discover(request, task)
    found, world = discovery.subjects, discovery.aws
    vantage = _vantage(request)
    reason = live_reason or "--live never: nothing is sent to DNS or AD"
    shared = _network_clients(request, vantage, reason, kerberos or Kerberos())
    shared[DnsServersInUse] = own_task.dns_servers(task)
    cases = tuple(engine.Case(one.subject.name, {**world.clients, **shared, **_own(one, world)}) for one in found)
    left = max(1.0, started + request.seconds - time.monotonic())
    ended = engine.run(registry, cases, seconds=left, selected=wanted, watch=watch)
    subjects = tuple(
        SubjectReport(one.subject.name, _facts(one, world, vantage), _seen(findings, one, vantage, registry, request))
        for one, findings in zip(found, ended.findings, strict=True)
    )
    return Look(registry, vantage, found, cases, ended, subjects, discovery.skipped_files)


def selected(request: Request, registry: Registry) -> frozenset[str]:
    """The ids that ``--only`` and ``--skip`` leave. Raises UsageError if that is none, or one is unknown."""
    chosen = registry.with_needs(registry.select(request.only)) if request.only else None
    every = frozenset(one.id for one in registry.checks)
    skip = registry.select(request.skip)
    if not (registry.select(request.only) or every) - skip:
        raise UsageError("--only and --skip leave no check to run: leave one of the two out")
    return (every if chosen is None else chosen) - skip


def with_afterwards(request: Request, registry: Registry) -> frozenset[str]:
    """What is selected, and what judges the configuration: ``--only`` does not silence a waiver that has expired."""
    return selected(request, registry) | (_afterwards(registry) - registry.select(request.skip))


def _afterwards(registry: Registry) -> frozenset[str]:
    kept = {one.id for one in registry.without(AFTERWARDS).checks}
    return frozenset(one.id for one in registry.checks) - kept


def _required(request: Request, registry: Registry) -> frozenset[str]:
    """The ids of ``--require``; of an area those that can be known here, if there are any."""
    here = frozenset(one.id for one in asked_for(request, _here(request, registry)).checks)
    named = [registry.select((name,)) for name in request.require]
    return frozenset(id for ids in named for id in (ids & here or ids))


def _here(request: Request, registry: Registry) -> Registry:
    """The registry without the checks of what cannot be known here.

    What only the own task knows is kept where that is the subject, or where it is named by its id: else it would be
    skipped in each report from outside, and would make ``--require`` of its area fail there.
    """
    named = {*request.only, *request.require}
    asked_for = {need.type for one in registry.checks if one.id in named for need in one.needs}
    own = frozenset() if own_task.is_subject(request) else own_task.ONLY_INSIDE - asked_for
    compared = frozenset() if request.compare_with else frozenset({Intended}) - asked_for
    return registry.without(ONLY_IN_RUN | AFTERWARDS | own | compared)


def asked_for(request: Request, registry: Registry) -> Registry:
    """Without the account of ``--as`` where none is named, and the checks of SQL Server where nothing leads to one."""
    registry = registry if request.ask_as else registry.without(frozenset({AdminAccount}))
    named = {*request.only, *request.require}
    without = registry.without(frozenset({ApplicationConfig}))
    kept = {one.id for one in without.checks}
    of_it = [one for one in registry.checks if one.id not in kept]
    if _application(request) or any(one.id in named or one.area in named for one in of_it):
        return registry
    return without


def _application(request: Request) -> ApplicationConfig:
    return ApplicationConfig(request.connection_strings, request.app_config is AppConfig.AUTO)


# What is given from outside -------------------------------------------------------------------------


def _import_ahead() -> None:
    """What the live flow will need; whoever needs it first would wait for it."""
    import dns.resolver  # noqa: F401
    import ldap3  # noqa: F401


def _vantage(request: Request) -> Vantage:
    return Vantage(
        task_metadata.inside(), request.live is Live.ALWAYS or bool(request.dns_server), not request.dns_server
    )


def _network_clients(request: Request, vantage: Vantage, live_reason: str, kerberos: Kerberos) -> dict[type, object]:
    """DNS, TCP, UDP, LDAP and Kerberos, as far as the request lets us use them."""
    values: dict[type, object] = {
        Vantage: vantage,
        KnownDnsServers: KnownDnsServers(request.ad_dns),
        ServiceNames: ServiceNames(request.spns),
        ApplicationConfig: _application(request),
        **({AdminAccount: request.ask_as} if request.ask_as else {}),
    }
    if request.live is Live.NEVER:
        reason = skipped(live_reason)
        return values | dict.fromkeys((Dns, Tcp, Ldap, Kerberos, KdcQuestions, SqlBrowser), reason)
    values |= {Dns: Dns(request.dns_server), Tcp: Tcp(), Ldap: Ldap(kerberos), Kerberos: kerberos}
    values |= {KdcQuestions: KdcQuestions(), SqlBrowser: SqlBrowser()}
    if missing := gssapi_missing():
        values[Kerberos] = skipped(f"the live flow needs gssapi: {missing}", fix=_LIVE_EXTRA)
    return values


def _own(found: FoundSubject, world: AwsSession) -> dict[type, object]:
    """The values of one subject."""
    values = {Intended: skipped("what was read is the file itself"), **found.values}
    definition = values[TaskDefinition]
    role = definition.execution_role_arn if isinstance(definition, TaskDefinition) else None
    if world.arn and world.account:
        values[Caller] = Caller(world.account, world.arn, _is_session_of(world.arn, role))
    else:
        values[Caller] = skipped("whose AWS credentials these are is not known")
    values[AwsPlace] = replace(found.place, account=found.place.account or world.account)
    return values


def _is_session_of(caller: str, role: str | None) -> bool:
    """Whether the caller is a session of the role: only its account and last name are in the ARN."""
    match = re.match(r"arn:[^:]+:sts::(\d+):assumed-role/([^/]+)/", caller)
    own = re.match(r"arn:[^:]+:iam::(\d+):role/(?:.*/)?([^/]+)$", role or "")
    return bool(match and own and match.groups() == own.groups())


# The report -----------------------------------------------------------------------------------------


def _facts(found: FoundSubject, world: AwsSession, vantage: Vantage) -> tuple[tuple[str, str], ...]:
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


def _seen(
    findings: Iterable[Finding], found: FoundSubject, vantage: Vantage, registry: Registry, request: Request
) -> tuple[Finding, ...]:
    """With ``--fail-on warn`` a warning is a failure, and so may be a root cause."""
    return tuple(
        replace(
            one,
            vantage=vantage.word,
            root=one.root or (request.fail_on_warning and one.status is Status.WARN),
            location=_location(one, found, registry),
        )
        for one in findings
    )


def _location(finding: Finding, found: FoundSubject, registry: Registry) -> Location | None:
    """What the check is about; a line and column that it tells itself are of that file."""
    check = registry.get(finding.check)
    place = found.positions.of(check.about if check else "")
    own = finding.location
    return Location(place.file, own.line, own.column) if place and own else place


def report_of(
    subjects: tuple[SubjectReport, ...],
    required: frozenset[str],
    interrupted: bool,
    started: float,
    beside: SkippedFiles | None = None,
) -> Report:
    """The report with its verdict. ``required`` are the ids of ``--require``; ``started`` is of the monotonic clock."""
    findings = [one for each in subjects for one in each.findings]
    counts = Counter(one.status for one in findings)
    failures = [one for one in findings if one.root and one.status in (Status.FAIL, Status.WARN)]
    gaps = [one for one in findings if one.root and one.status in (Status.UNKNOWN, Status.ERROR)]
    skipped_ids = {one.check for one in findings if one.status is Status.SKIPPED}
    missing = required & (skipped_ids | required - {one.check for one in findings})
    if counts[Status.FAIL] or failures:
        verdict = Verdict.FAIL
    else:
        verdict = Verdict.INCOMPLETE if gaps or missing or interrupted or (beside and beside.unread) else Verdict.PASS
    return Report(
        version=__version__,
        verdict=verdict,
        subjects=subjects,
        root_causes=tuple(dict.fromkeys(one.check for one in failures or gaps)),
        counts=tuple((status, counts[status]) for status in Status),
        duration_ms=round((time.monotonic() - started) * 1000),
        interrupted=interrupted,
        missing=tuple(sorted(missing)),
        unread=beside.unread if beside else (),
        passed_over=beside.passed_over if beside else 0,
    )
