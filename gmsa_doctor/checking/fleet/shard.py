"""Checks the services of an account and a region, and makes the report of that shard."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from gmsa_doctor import __version__
from gmsa_doctor.checking import check
from gmsa_doctor.checking.fleet.accounts import Accounts, NotEntered
from gmsa_doctor.clients.aws.sessions import AwsSessions
from gmsa_doctor.clients.kerberos.client import Kerberos
from gmsa_doctor.core.errors import ClientError, UsageError
from gmsa_doctor.core.model import Fix, Report
from gmsa_doctor.core.registry import Registry
from gmsa_doctor.report.findings import gaps
from gmsa_doctor.report.fleet.model import FleetReport, Shard, ShardStatus, Target
from gmsa_doctor.report.fleet.table import with_subjects
from gmsa_doctor.report.grouping import units
from gmsa_doctor.triage.apply import Triage


@dataclass(frozen=True)
class ShardCheck:
    """What all shards of a run share: also the ledger of failed logons, since a user may be in the secrets of many."""

    run: str
    accounts: Accounts
    registry: Registry
    triage: Triage
    watch: check.Watch = lambda progress: None
    kerberos: Kerberos = field(default_factory=Kerberos)
    live_reason: str | None = None
    """Why nothing is sent to DNS or AD, if probes will."""
    keep: Callable[[Target, check.Attempt], None] = lambda target, attempt: None
    """Gets the attempt of each shard."""

    def of(self, target: Target) -> FleetReport:
        """The report of a shard, also if it cannot be checked."""
        started = time.monotonic()
        sessions: AwsSessions | None = None
        try:
            sessions = self.accounts.sessions(target.account)
            request = self.accounts.request.of_shard(target)
            report = check.check(
                request,
                self.registry,
                self.watch,
                self.triage,
                keep=partial(self.keep, target),
                sessions=sessions,
                kerberos=self.kerberos,
                live_reason=self.live_reason,
            )
            found = checked(target, report, self.run)
        except NotEntered as error:
            found = _unchecked(target, self.run, ShardStatus.NOT_ENTERED, error.reason, error.fix)
        except UsageError as error:
            found = self._failed(target, str(error))
        except Exception as error:  # noqa: BLE001 - a bug ends this shard, not the run; its text may hold a secret
            found = crashed(target, self.run, error)
        calls, throttled = sessions.counted() if sessions else (0, 0)
        milliseconds = round((time.monotonic() - started) * 1000)
        shard = replace(found.shards[0], calls=calls, throttled=throttled, duration_ms=milliseconds)
        return replace(found, shards=(shard,), duration_ms=milliseconds)

    def _failed(self, target: Target, reason: str) -> FleetReport:
        """The region may be one that the account has not enabled: AWS then rejects the credentials there."""
        if _answer(lambda: self.accounts.regions(target.account)).get(target.region) is False:
            reason = f"account {target.account} has not enabled the region {target.region}"
            fix = Fix(
                f"Enable the region, or add --excluded-regions {target.region}.",
                (f"aws account enable-region --account-id {target.account} --region-name {target.region}",),
            )
            return _unchecked(target, self.run, ShardStatus.DISABLED, reason, fix)
        return _unchecked(target, self.run, ShardStatus.FAILED, reason)


def not_run(target: Target, run: str, reason: str) -> FleetReport:
    """The report in place of that of a shard which was not checked."""
    return _unchecked(target, run, ShardStatus.NOT_RUN, reason)


def crashed(target: Target, run: str, error: Exception) -> FleetReport:
    """The report after a bug, without the error's text, which may hold a secret."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    text = f"gmsa-doctor crashed with {type(error).__name__} in {Path(place.filename).name}:{place.lineno}"
    return _unchecked(target, run, ShardStatus.FAILED, text, Fix("Please report this."))


def _answer(ask: Callable[[], dict[str, bool]]) -> dict[str, bool]:
    try:
        return ask()
    except (NotEntered, ClientError, UsageError):
        return {}


def _unchecked(target: Target, run: str, status: ShardStatus, reason: str, fix: Fix | None = None) -> FleetReport:
    return FleetReport(run, __version__, (Shard(target, status, reason, fix),))


def checked(target: Target, report: Report, run: str) -> FleetReport:
    """The report of a shard in the form of the fleet's."""
    subjects = [subject for subject in report.subjects if dict(subject.facts).get("service")]
    shard = Shard(
        target,
        ShardStatus.CHECKED,
        "; ".join(gaps(report)),
        verdict=report.verdict,
        exit_code=report.exit_code,
        services=len(units(subjects)),
        passed_over=report.services_passed_over,
    )
    whole = FleetReport(run, report.version, (shard,), started=report.started)
    return with_subjects(whole, 0, report)
