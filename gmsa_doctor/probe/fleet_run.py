"""``gmsa-doctor fleet --probe``: checks the shards from outside, starts the probes, and merges the reports."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from gmsa_doctor.checking.check import Attempt, report_of, with_evidence
from gmsa_doctor.checking.fleet import pool
from gmsa_doctor.checking.fleet.accounts import Accounts
from gmsa_doctor.checking.fleet.shard import ShardCheck, checked, crashed, not_run
from gmsa_doctor.checking.selection import Selection
from gmsa_doctor.clients.run_files import RunFiles
from gmsa_doctor.core.errors import UsageError
from gmsa_doctor.core.model import Finding, SubjectReport, skipped
from gmsa_doctor.given.request import Request
from gmsa_doctor.probe import fleet_plan
from gmsa_doctor.probe.fleet_plan import ProbeGroup, groups_of
from gmsa_doctor.probe.launch import Logons, Pace, launch
from gmsa_doctor.probe.one_off_run import LIVE_REASON, NOT_CONFIRMED, REMOVAL_SECONDS, clients_of, merged, unprobed
from gmsa_doctor.probe.planning import ProbeOptions
from gmsa_doctor.report.fleet.model import FleetReport, Target
from gmsa_doctor.triage.apply import applied

GROUP_SECONDS = 900.0
"""The most that the tasks of one plan may take, with their removal: as `run`."""
_INTERRUPTED = skipped("interrupted before a probe was started")
_OUT_OF_TIME = skipped("no probe was started: the time of the shard was over (--timeout)")


@dataclass(frozen=True)
class FleetConversation:
    """The user interface: asks for confirmation, and shows the progress."""

    agree: Callable[[Iterable[tuple[int, str]]], bool]
    say: Callable[[str], None]
    waits_for: Callable[[str], None] = lambda text: None
    hold: Callable[[], None] = lambda: None
    """Makes signals wait, during a removal."""
    release: Callable[[], bool] = lambda: False
    """Ends that. Whether the user has interrupted meanwhile."""


@dataclass(frozen=True)
class _Outside:
    """The shards as checked from outside, with their attempts."""

    check: ShardCheck
    reports: dict[Target, FleetReport] = field(default_factory=dict)
    attempts: dict[Target, Attempt] = field(default_factory=dict)

    @property
    def accounts(self) -> Accounts:
        return self.check.accounts

    @property
    def run(self) -> str:
        return self.check.run

    def of(self, target: Target) -> FleetReport:
        check = replace(self.check, live_reason=LIVE_REASON, keep=self.attempts.__setitem__)
        self.reports[target] = check.of(target)
        return self.reports[target]


def run(
    targets: Sequence[Target],
    check: ShardCheck,
    options: ProbeOptions,
    files: RunFiles | None,
    user: FleetConversation,
    pace: Pace | None = None,
) -> FleetReport:
    """Check the shards from outside, several at the same time, then start the probes, one plan after the other.

    A plan begins when the one before has ended, so that no account has two failed logons: see :class:`Logons`. Raises
    UsageError as :func:`pool.run`.
    """
    join, ledger = pool.joined(check.run), _Ledger(files)
    reports = {target: found for target in targets if (found := pool.finished(target, files))}
    outside = _Outside(check)
    todo = [target for target in targets if target not in reports]
    interrupted = pool.run(todo, outside, None, user.waits_for).interrupted
    shards = [_Shard(check, options, target, outside) for target in todo if outside.attempts.get(target)]
    groups = {shard.target: shard.groups for shard in shards}
    plans = any(group.plan for found in groups.values() for group in found)
    agreed = plans and not interrupted and user.agree(fleet_plan.describe(groups))
    against = _INTERRUPTED if interrupted else None if agreed or not plans else NOT_CONFIRMED
    known = {shard.target: shard for shard in shards}
    try:
        for target in todo:
            if shard := known.get(target):
                user.waits_for(str(target))
                probed = shard.probed(user, ledger, against, pace)
                if probed.interrupted:
                    interrupted, against = True, _INTERRUPTED
                reports[target] = probed.report
            elif target in outside.reports:
                reports[target] = outside.reports[target]
            if target in reports and not interrupted:  # a shard that was interrupted is checked again
                pool.keep(reports[target], target, files)
    except KeyboardInterrupt:  # between two plans: what has ended is reported
        interrupted = True
    parts = [reports.get(target) or not_run(target, check.run, pool.INTERRUPTED) for target in targets]
    return join(parts, interrupted)


@dataclass(frozen=True)
class _Probed:
    """The report of a shard, and whether the user has ended the run."""

    report: FleetReport
    interrupted: bool


class _Ledger:
    """What the next probe may do, also in a run that is resumed: it is noted in the files of the run.

    While probes run, no later process may log on: if this one is killed, how their logons ended is not known.
    """

    NAME = "logons/probes/logons.json"

    def __init__(self, files: RunFiles | None) -> None:
        self._files = files
        content = files.read(self.NAME) if files else None
        try:
            found: Any = json.loads(content) if content is not None else {"permitted": True, "failed": []}
            self.logons = Logons(found["permitted"] is True, frozenset(map(str, found["failed"])))
        except (ValueError, LookupError, TypeError):
            self.logons = Logons(permitted=False)

    def begin(self) -> Logons:
        """Before probes start."""
        self._note(Logons(False, self.logons.failed))
        return self.logons

    def end(self, logons: Logons) -> None:
        """After they have ended."""
        self.logons = logons
        self._note(logons)

    def _note(self, logons: Logons) -> None:
        if self._files:
            content = {"permitted": logons.permitted, "failed": sorted(logons.failed)}
            self._files.write(self.NAME, json.dumps(content).encode())


class _Shard:
    """The groups of a shard, and what its checks need."""

    def __init__(self, check: ShardCheck, options: ProbeOptions, target: Target, outside: _Outside) -> None:
        self.target = target
        self.check = check
        self.request: Request = check.accounts.request.of_shard(target)
        self.selection = Selection(self.request, check.registry)
        self.registry = self.selection.applicable(check.registry)
        self.attempt = outside.attempts[target]
        self.outside = outside.reports[target].shards[0]
        self.groups = list(groups_of(self.attempt, options, self.registry, self.selection.selected))

    def probed(self, user: FleetConversation, ledger: _Ledger, against: Finding | None, pace: Pace | None) -> _Probed:
        """Start the probes of all groups, unless there is a reason ``against`` it, and make the report."""
        started = time.monotonic()
        ends = started + self.request.seconds
        subjects: list[SubjectReport] = []
        interrupted = False
        try:
            for group in self.groups:
                reason = group.against or against or (None if time.monotonic() < ends else _OUT_OF_TIME)
                if reason or not group.plan:
                    subjects += self._unprobed(group, reason or NOT_CONFIRMED)
                    continue
                limit = min(ends, time.monotonic() + GROUP_SECONDS)
                launched = launch(
                    group.plan,
                    clients_of(group.attempt),
                    ends=limit - min(REMOVAL_SECONDS, (limit - time.monotonic()) / 4),
                    removed_by=limit,
                    say=lambda text: user.say(f"{self.target}: {text}"),
                    pace=pace,
                    hold=user.hold,
                    logons=ledger.begin(),
                )
                ledger.end(launched.logons)
                if user.release() or launched.interrupted:
                    interrupted, against = True, _INTERRUPTED
                selected = self.selection.selected
                of_group = merged(
                    group.attempt, group.plan, launched, self.registry, selected, self.request, group.same
                )
                subjects += map(_Vantages(group).marked, of_group)
            report = self._report(subjects, interrupted, started)
        except UsageError:  # a file of the run cannot be written
            raise
        except Exception as error:  # noqa: BLE001 - a bug ends this shard, not the run; its text may hold a secret
            ledger.end(Logons(False, ledger.logons.failed))
            return _Probed(crashed(self.target, self.check.run, error), interrupted)
        return _Probed(report, interrupted)

    def _unprobed(self, group: ProbeGroup, reason: Finding) -> tuple[SubjectReport, ...]:
        return unprobed(group.attempt, reason, self.registry, self.selection.selected, self.request)

    def _report(self, subjects: Sequence[SubjectReport], interrupted: bool, started: float) -> FleetReport:
        by_name = {subject.name: subject for subject in subjects}
        ordered = tuple(by_name[subject.name] for subject in self.attempt.subjects)
        warning = self.request.fail_on_warning
        found = with_evidence(self.attempt, ordered, warning)
        found = applied(found, self.check.triage, self.check.registry, self.selection.with_afterwards, warning)
        whole = report_of(
            found,
            self.selection.required,
            interrupted,
            started,
            self.attempt.not_checked,
            static=self.selection.static_only or not found,
        )
        report = checked(self.target, whole, self.check.run)
        milliseconds = self.outside.duration_ms + whole.duration_ms
        shard = replace(
            report.shards[0],
            calls=self.outside.calls,
            throttled=self.outside.throttled,
            duration_ms=milliseconds,
        )
        return replace(report, shards=(shard,), duration_ms=milliseconds)


class _Vantages:
    """Marks the subjects that have the findings of another one."""

    def __init__(self, group: ProbeGroup) -> None:
        self._probed = {name: probed for probed, names in group.same.items() for name in names if name != probed}

    def marked(self, subject: SubjectReport) -> SubjectReport:
        """The subject; its vantage names the one that was probed."""
        probed = self._probed.get(subject.name)
        if not probed:
            return subject
        facts = tuple(
            (name, f"{text} (probed by {probed})" if name == "vantage" else text) for name, text in subject.facts
        )
        return replace(subject, facts=facts)
