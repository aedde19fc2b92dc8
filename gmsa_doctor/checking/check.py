"""`gmsa-doctor check`: from the request to subjects and clients, and from the graph's findings to a report."""

from __future__ import annotations

import gc
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from threading import Thread

from gmsa_doctor import __version__
from gmsa_doctor.checking.completion import Completion
from gmsa_doctor.checking.evidence import Recorded, joined
from gmsa_doctor.checking.own_commands import AFTER_DEPLOYMENT, IN_THE_TASKS_NETWORK
from gmsa_doctor.checking.retry import PAUSE_SECONDS, awaited, not_repeated
from gmsa_doctor.checking.selection import Selection, application_of
from gmsa_doctor.clients.aws import task_metadata
from gmsa_doctor.clients.aws.secrets_manager import SecretsManager
from gmsa_doctor.clients.aws.sessions import AwsSessions
from gmsa_doctor.clients.dns.resolver import Dns
from gmsa_doctor.clients.kerberos.client import Kerberos
from gmsa_doctor.clients.kerberos.kdc_questions import KdcQuestions
from gmsa_doctor.clients.kerberos.libkrb5 import gssapi_missing
from gmsa_doctor.clients.ldap.client import Ldap
from gmsa_doctor.clients.network.sql_browser import SqlBrowser
from gmsa_doctor.clients.network.tcp import Tcp
from gmsa_doctor.core import engine
from gmsa_doctor.core.errors import ClientError, UsageError
from gmsa_doctor.core.limits import RunLimit
from gmsa_doctor.core.model import Fix, Report, Status, SubjectReport, Verdict, skipped
from gmsa_doctor.core.registry import BrokenPlugIns, Registry
from gmsa_doctor.formats.aws.ecs_config import EcsConfig
from gmsa_doctor.formats.documents.task_definition import TaskDefinition
from gmsa_doctor.given.records import RECORDS, LogsWanted, Record, RecordedAbout, ServiceEvents
from gmsa_doctor.given.request import AdminAccount, ApplicationConfig, Intended, Live, Request
from gmsa_doctor.given.subject import AwsPlace, ChosenContainer
from gmsa_doctor.given.vantage import Caller, DnsServersInUse, KnownDnsServers, ServiceNames, Vantage
from gmsa_doctor.report.findings import PROOF, is_aside
from gmsa_doctor.subjects import own_task
from gmsa_doctor.subjects.discovery import AwsSession, discover
from gmsa_doctor.subjects.source import OFFLINE, FoundSubject, NotChecked, short_name
from gmsa_doctor.triage.apply import Triage, applied

Watch = Callable[[engine.Progress], None]
_LIVE_EXTRA = Fix(
    "Install gmsa-doctor with its extra `live` (it needs gcc and the Kerberos headers), or use the container image.",
    ("pip install 'gmsa-doctor[live]'",),
)


@dataclass(frozen=True)
class Attempt:
    """The result of running the graph once for the subjects of a request, each list in the order of the subjects.

    ``execution`` has the findings as the engine ended them, and the values that checks gave; ``subjects`` is what the
    report shows of them.
    """

    registry: Registry
    vantage: Vantage
    found: tuple[FoundSubject, ...]
    cases: tuple[engine.Case, ...]
    execution: engine.Execution
    subjects: tuple[SubjectReport, ...]
    not_checked: NotChecked = field(default_factory=NotChecked)


Keep = Callable[[Attempt], None]
"""Gets an attempt when it has ended."""


def check(
    request: Request,
    registry: Registry,
    watch: Watch,
    triage: Triage | None = None,
    say: Callable[[str], None] = lambda text: None,
    *,
    keep: Keep | None = None,
    sessions: AwsSessions | None = None,
    kerberos: Kerberos | None = None,
    live_reason: str | None = None,
) -> Report:
    """Check the subjects that the request names; ``triage`` is applied to the findings.

    ``say`` gets a line before each pause, ``keep`` each attempt when it has ended; ``sessions`` has the credentials,
    ``kerberos`` the ledger of failed logons. ``live_reason``: see :func:`attempt`.
    Raises UsageError for whatever the user has to fix first: a subject that does not exist, missing credentials or
    region, unknown ids.
    """
    started = time.monotonic()
    selection = Selection(request, registry)
    required, chosen = selection.required, selection.with_afterwards
    kerberos, sessions = kerberos or Kerberos(), sessions or AwsSessions(request.max_rate)

    def triaged(attempt: Attempt) -> tuple[SubjectReport, ...]:
        subjects = with_evidence(attempt, attempt.subjects, request.fail_on_warning)
        return applied(subjects, triage or Triage(), registry, chosen, request.fail_on_warning)

    interrupted = False

    def look() -> tuple[tuple[SubjectReport, ...], NotChecked, SecretsManager | None]:
        """All that is kept of an attempt: what the report shows, and the client with the secrets that it read."""
        nonlocal interrupted
        last = attempt(request, registry, watch, live_reason=live_reason, kerberos=kerberos, sessions=sessions)
        if keep:
            keep(last)
        interrupted = last.execution.interrupted
        try:
            subjects = triaged(last)
        except KeyboardInterrupt:  # the checks have ended; another Ctrl-C ends the run without a report
            interrupted, subjects = True, triaged(last)
        secrets = last.cases[0].given.get(SecretsManager) if last.cases else None
        return subjects, last.not_checked, secrets if isinstance(secrets, SecretsManager) else None

    subjects, files, secrets = look()
    try:
        while not interrupted and (ids := awaited(subjects)):
            if time.monotonic() + PAUSE_SECONDS > started + request.wait:
                break
            say(f"{', '.join(ids)}: next attempt in {PAUSE_SECONDS:g} s")
            time.sleep(PAUSE_SECONDS)
            kerberos.begin_again(_has_new_secret(secrets))  # a failed logon is repeated only with another secret
            sessions.begin_again()
            gc.collect()  # what an attempt leaves, which would be collected late
            try:
                subjects, files, secrets = look()
            except UsageError as error:  # such as credentials that have expired meanwhile: there was a report before
                say(f"the next attempt is not possible: {error}")
                subjects = tuple(not_repeated(subject, str(error)) for subject in subjects)
                break
    except KeyboardInterrupt:  # between two attempts: the last one is reported
        interrupted = True
    is_static = selection.static_only or (request.of_several and not subjects)  # then there is nothing to prove
    return report_of(subjects, required, interrupted, started, files, static=is_static)


def _has_new_secret(secrets: SecretsManager | None) -> bool:
    if secrets is None:
        return False
    now = SecretsManager(secrets.aws)
    for arn, version in secrets.versions().items():
        try:
            if now.get(arn).version != version:
                return True
        except ClientError:
            continue  # not known to have changed
    return False


def attempt(
    request: Request,
    registry: Registry,
    watch: Watch,
    *,
    live_reason: str | None = None,
    kerberos: Kerberos | None = None,
    sessions: AwsSessions | None = None,
) -> Attempt:
    """Find the subjects that the request names, and run the graph for them. Raises UsageError as :func:`check`.

    With ``live_reason`` nothing is sent to DNS or AD, and what would have been is skipped for that reason.
    """
    limit = RunLimit(request.seconds)
    with_probes = live_reason is not None and not request.offline
    if request.offline:
        live_reason = OFFLINE
    if live_reason:
        request = replace(request, live=Live.NEVER)
    selection = Selection(request, registry)
    wanted = selection.selected
    registry = selection.beside_probes if with_probes else selection.here
    selection.require_any(registry)
    require_gssapi(request.live)
    if request.live is not Live.NEVER:
        Thread(target=_import_ahead, daemon=True).start()  # while AWS is asked
    task = own_task.own_task(request)
    discovery = discover(request, task, sessions, limit)
    found, session = discovery.subjects, discovery.aws
    vantage = _vantage(request)
    shared = {
        **_from_request(request, vantage),
        **_network_clients(request, live_reason, kerberos or Kerberos()),
        BrokenPlugIns: BrokenPlugIns(registry.broken),
        DnsServersInUse: own_task.dns_servers(task),
    }
    given = {**session.clients, **shared}
    known: dict[object, object] = {}
    cases = tuple(
        engine.Case(subject.subject.name, {**given, **_of_subject(subject, session, known)}) for subject in found
    )
    seconds = 0.0 if limit.interrupted else max(1.0, limit.left)
    execution = engine.execute(registry, cases, seconds=seconds, selected=wanted, watch=watch)
    execution = replace(execution, interrupted=execution.interrupted or limit.interrupted)
    completion = Completion(registry, request, vantage, given.values())
    subjects = tuple(
        SubjectReport(subject.subject.name, _facts(subject, session, vantage), completion.of(findings, subject))
        for subject, findings in zip(found, execution.findings, strict=True)
    )
    return Attempt(registry, vantage, found, cases, execution, subjects, discovery.not_checked)


def with_evidence(
    attempt: Attempt, subjects: tuple[SubjectReport, ...], fail_on_warning: bool, more: tuple[Record, ...] = ()
) -> tuple[SubjectReport, ...]:
    """The reports of an attempt's subjects, with what was recorded, and ``more``, at the findings that explain it."""
    now = datetime.now(UTC)
    values = attempt.execution.look_up(RECORDS)
    return tuple(
        replace(report, findings=joined(report.findings, _recorded(given, more), found.subject, now, fail_on_warning))
        for report, given, found in zip(subjects, values, attempt.found, strict=True)
    )


def _recorded(values: Mapping[type, object], more: tuple[Record, ...]) -> Recorded:
    found = [value for kind in RECORDS if isinstance(value := values.get(kind), kind)]
    steady = next((value.steady for value in found if isinstance(value, ServiceEvents)), None)
    return Recorded((*(record for value in found for record in value.records), *more), steady)


# What is given from outside -------------------------------------------------------------------------


def require_gssapi(live: Live) -> None:
    """Raises UsageError if the live flow must run and cannot."""
    if live is Live.ALWAYS and (missing := gssapi_missing()):
        raise UsageError(f"--live always needs gssapi: {missing}. {_LIVE_EXTRA.text}")


def _import_ahead() -> None:
    """What the live flow will need; whoever needs it first would wait for it."""
    import dns.resolver  # noqa: F401
    import ldap3  # noqa: F401


def _vantage(request: Request) -> Vantage:
    """Several services have networks of their own: the task that checks them is outside of most."""
    inside = task_metadata.inside() and not request.of_several
    return Vantage(inside, request.live is Live.ALWAYS or bool(request.dns_server), not request.dns_server)


def _from_request(request: Request, vantage: Vantage) -> dict[type, object]:
    return {
        Vantage: vantage,
        KnownDnsServers: KnownDnsServers(request.ad_dns),
        EcsConfig: request.ecs_config,
        ServiceNames: ServiceNames(request.spns),
        ApplicationConfig: application_of(request),
        RecordedAbout: RecordedAbout(request.task),
        LogsWanted: LogsWanted(),
        **({AdminAccount: request.ask_as} if request.ask_as else {}),
    }


def _network_clients(request: Request, live_reason: str | None, kerberos: Kerberos) -> dict[type, object]:
    """DNS, TCP, UDP, LDAP and Kerberos, as far as the request lets us use them."""
    if request.live is Live.NEVER:
        fix = AFTER_DEPLOYMENT if request.in_files else IN_THE_TASKS_NETWORK
        reason = skipped(live_reason or "not checked: with --live never, nothing is sent to DNS or AD", fix=fix)
        return dict.fromkeys((Dns, Tcp, Ldap, Kerberos, KdcQuestions, SqlBrowser), reason)
    missing = gssapi_missing()
    return {
        Dns: Dns(request.dns_server),
        Tcp: Tcp(),
        Ldap: Ldap(kerberos),
        Kerberos: skipped(f"not checked: the live flow needs gssapi: {missing}", fix=_LIVE_EXTRA)
        if missing
        else kerberos,
        KdcQuestions: KdcQuestions(),
        SqlBrowser: SqlBrowser(),
    }


def _of_subject(found: FoundSubject, session: AwsSession, known: dict[object, object]) -> dict[type, object]:
    """The subject's values; of equal ones, that of the first subject, which checks then recognize at once."""
    values = {Intended: skipped("what was read is the file itself"), **found.values}
    definition = values[TaskDefinition]
    role = definition.execution_role_arn if isinstance(definition, TaskDefinition) else None
    if session.arn and session.account:
        values[Caller] = Caller(session.account, session.arn, _is_session_of(session.arn, role))
    else:
        values[Caller] = session.problem or skipped("whose AWS credentials these are is not known")
    values[AwsPlace] = replace(found.place, account=found.place.account or session.account)
    return {kind: known.setdefault(value, value) for kind, value in values.items()}


def _is_session_of(caller: str, role: str | None) -> bool:
    """Whether the caller is a session of the role: only its account and last name are in the ARN."""
    match = re.match(r"arn:[^:]+:sts::(\d+):assumed-role/([^/]+)/", caller)
    own = re.match(r"arn:[^:]+:iam::(\d+):role/(?:.*/)?([^/]+)$", role or "")
    return bool(match and own and match.groups() == own.groups())


# The report -----------------------------------------------------------------------------------------


def _facts(found: FoundSubject, session: AwsSession, vantage: Vantage) -> tuple[tuple[str, str], ...]:
    chosen = found.values.get(ChosenContainer)
    container = chosen.container if isinstance(chosen, ChosenContainer) else None
    facts = (
        ("subject", found.subject.name),
        ("task_definition", found.subject.task_definition),
        ("service", _service(found)),
        ("container", container.name if container else None),
        ("account", found.place.account or session.account),
        ("region", found.place.region),
        ("vantage", vantage.word),
    )
    return tuple((name, text) for name, text in facts if text)


def _service(found: FoundSubject) -> str | None:
    """Its name after that of its cluster."""
    subject = found.subject
    return (
        f"{short_name(subject.cluster)}/{short_name(subject.service)}" if subject.cluster and subject.service else None
    )


def report_of(
    subjects: tuple[SubjectReport, ...],
    required: frozenset[str],
    interrupted: bool,
    started: float,
    not_checked: NotChecked | None = None,
    *,
    static: bool = False,
) -> Report:
    """The report with its verdict. ``required`` are the ids of ``--require``; ``started`` is of the monotonic clock."""
    findings = [finding for subject in subjects for finding in subject.findings]
    files = not_checked or NotChecked()
    counts = Counter(finding.status for finding in findings)
    failures = [finding for finding in findings if finding.root and finding.status in (Status.FAIL, Status.WARN)]
    failures.sort(key=lambda finding: not finding.has_evidence)
    unanswered = [finding for finding in findings if finding.status in (Status.UNKNOWN, Status.ERROR)]
    gaps = [finding for finding in unanswered if not is_aside(finding) or finding.check in required]
    missing = required - {finding.check for finding in findings if finding.status is not Status.SKIPPED}
    missing |= required & {finding.check for finding in findings if finding.status is Status.SKIPPED}
    if counts[Status.FAIL] or failures:
        verdict = Verdict.FAIL
    elif gaps or missing or interrupted or files.unread:
        verdict = Verdict.INCOMPLETE
    else:
        verdict = Verdict.PASS if _is_proven(subjects) else Verdict.UNPROVEN
    seconds = time.monotonic() - started
    return Report(
        version=__version__,
        verdict=verdict,
        subjects=subjects,
        root_causes=tuple(dict.fromkeys(finding.check for finding in failures or gaps if finding.root)),
        counts=tuple((status, counts[status]) for status in Status),
        duration_ms=round(seconds * 1000),
        interrupted=interrupted,
        missing=tuple(sorted(missing)),
        unread=files.unread,
        passed_over=files.passed_over,
        services_passed_over=files.services,
        started=(datetime.now(UTC) - timedelta(seconds=seconds)).isoformat(timespec="seconds"),
        static=static,
    )


def _is_proven(subjects: tuple[SubjectReport, ...]) -> bool:
    """Whether the live flow got the ticket of each subject; the configuration's waivers are a subject without one."""
    proofs = [proof.status for subject in subjects if (proof := subject.finding(PROOF))]
    return bool(proofs) and all(status in (Status.PASS, Status.WARN) for status in proofs)
