"""Checks the shards of a run, several at the same time. What has a report already is not checked again."""

from __future__ import annotations

import contextlib
import gc
import math
import re
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from queue import SimpleQueue
from threading import Thread
from typing import Protocol

from gmsa_doctor import __version__
from gmsa_doctor.checking.fleet.accounts import Accounts
from gmsa_doctor.checking.fleet.shard import not_run
from gmsa_doctor.clients.run_files import RunFiles
from gmsa_doctor.core.errors import UsageError
from gmsa_doctor.report.fleet import json, reader
from gmsa_doctor.report.fleet.model import FleetReport, ShardStatus, Target
from gmsa_doctor.report.fleet.table import merged
from gmsa_doctor.report.reader import ReportError

PLAN = "shards.json"
"""The file with the shards of a run, beside ``ACCOUNT/REGION.json`` of each."""
_FINAL = (ShardStatus.CHECKED, ShardStatus.DISABLED)
"""A shard with another status is checked again when the run is resumed."""
_FILE = re.compile(r"(?P<account>\d{12})/(?P<region>[a-z0-9-]+)\.json", re.ASCII)
INTERRUPTED = "interrupted before it was checked"
MISSING = "there is no report of it: its task failed, or has not ended"


def file_of(target: Target) -> str:
    """The name of a shard's report."""
    return f"{target.account}/{target.region}.json"


def finished(target: Target, files: RunFiles | None) -> FleetReport | None:
    """The report of a shard that an earlier process has checked; None if there is none, or it cannot be read."""
    if files is None or (content := files.read(file_of(target))) is None:
        return None
    try:
        found = reader.read(content)
    except ReportError:
        return None
    return found if all(shard.status in _FINAL for shard in found.shards) else None


def read(content: bytes, name: str) -> FleetReport:
    """The report in a file. Raises UsageError."""
    try:
        return reader.read(content)
    except ReportError as error:
        raise UsageError(f"{name}: {error}") from error


def keep(report: FleetReport, target: Target, files: RunFiles | None) -> None:
    """Write the report of a shard."""
    if files is not None:
        files.write(file_of(target), json.render(report).encode("utf-8", "backslashreplace"))


class Shards(Protocol):
    """Checks shards: :class:`ShardCheck`."""

    @property
    def accounts(self) -> Accounts:
        """The accounts, with the request."""

    @property
    def run(self) -> str:
        """The name of the run."""

    def of(self, target: Target) -> FleetReport:
        """The report of a shard."""


def run(
    targets: Sequence[Target],
    check: Shards,
    files: RunFiles | None,
    say: Callable[[str], None] = lambda text: None,
) -> FleetReport:
    """Check the shards, and merge their reports.

    Ctrl-C ends it: the shards that have ended are reported, and the others are ``not-run``. Raises UsageError if a
    report cannot be written.
    """
    join = joined(check.run)
    reports: dict[Target, FleetReport] = {}
    todo: list[Target] = []
    done: SimpleQueue[tuple[Target, FleetReport | BaseException]] = SimpleQueue()
    interrupted = False

    def work() -> None:
        while todo:
            with contextlib.suppress(IndexError):  # another thread has taken the last one
                target = todo.pop(0)
                try:
                    found = check.of(target)
                    gc.collect()  # the clients of a shard, which refer to each other
                    keep(found, target, files)
                    done.put((target, found))
                except BaseException as error:  # noqa: BLE001 - raised in the main thread
                    done.put((target, error))
                    return

    try:
        for target in targets:
            if found := finished(target, files):
                reports[target] = found
        # shards of different accounts side by side: those of one account share the pace of IAM and Route 53
        todo += sorted(
            (target for target in targets if target not in reports), key=lambda target: (target.region, target.account)
        )
        for _ in range(min(check.accounts.request.side_by_side, len(todo))):
            Thread(target=work, daemon=True).start()
        while len(reports) < len(targets):
            say(f"{len(reports)} of {len(targets)} shards")
            target, ended = done.get()
            if isinstance(ended, BaseException):
                raise ended
            reports[target] = ended
    except KeyboardInterrupt:
        interrupted = True
    finally:
        todo.clear()
    parts = [reports.get(target) or not_run(target, check.run, INTERRUPTED) for target in targets]
    return join(parts, interrupted)


def joined(run: str) -> Callable[[Sequence[FleetReport], bool], FleetReport]:
    """Begin a run. What is returned merges the reports of its shards when it ends; also whether it was interrupted."""
    started, began = time.monotonic(), datetime.now(UTC).isoformat(timespec="seconds")

    def join(parts: Sequence[FleetReport], interrupted: bool) -> FleetReport:
        milliseconds = round((time.monotonic() - started) * 1000)
        whole = FleetReport(run, __version__, (), started=began, duration_ms=milliseconds, interrupted=interrupted)
        return merged(parts, whole)

    return join


def collected(files: RunFiles) -> FleetReport:
    """The reports of all shards of a run as one; a shard of the plan without one is ``not-run``. Raises UsageError."""
    found = {name: _report(files, match) for name in files.names() if (match := _FILE.fullmatch(name))}
    plan = files.read(PLAN)
    targets = _targets(plan) if plan is not None else ()
    if not found and not targets:
        raise UsageError("there is no report of a shard, and no plan")
    run = next((report.run for report in found.values() if report.run), "")
    by_name = {file_of(target): target for target in targets}
    parts = [found.get(name) or not_run(by_name[name], run, MISSING) for name in sorted({*found, *by_name})]
    parts = [_named(part, by_name) for part in parts]
    return merged(parts, _around(run, list(found.values())))


def _report(files: RunFiles, name: re.Match[str]) -> FleetReport:
    """The report of a shard. One that cannot be read is a shard that was not checked."""
    try:
        return reader.read(files.read(name[0]) or b"")
    except ReportError as error:
        return not_run(Target(name["account"], name["region"]), "", f"its report {name[0]} cannot be read: {error}")


def _named(part: FleetReport, planned: dict[str, Target]) -> FleetReport:
    """With the account's name, which only the plan has."""
    shards = (replace(shard, target=planned.get(file_of(shard.target), shard.target)) for shard in part.shards)
    return replace(part, shards=tuple(shards))


def _around(run: str, reports: Sequence[FleetReport]) -> FleetReport:
    """The time from the begin of the first to the end of the last."""
    begins = [datetime.fromisoformat(report.started) for report in reports if report.started]
    if not begins:
        return FleetReport(run, __version__, ())
    ends = [
        datetime.fromisoformat(report.started).timestamp() + report.duration_ms / 1000
        for report in reports
        if report.started
    ]
    seconds = max(0.0, max(ends, default=-math.inf) - min(begins).timestamp())
    started = min(begins).isoformat(timespec="seconds")
    return FleetReport(run, __version__, (), started=started, duration_ms=round(seconds * 1000))


def planned(files: RunFiles) -> tuple[Target, ...]:
    """The shards of a run that was begun. Raises UsageError."""
    plan = files.read(PLAN)
    if plan is None:
        raise UsageError(f"there is no such run: {PLAN} is missing")
    return _targets(plan)


def _targets(plan: bytes) -> tuple[Target, ...]:
    try:
        return reader.targets(plan)
    except ReportError as error:
        raise UsageError(f"{PLAN}: {error}") from error


def new_run() -> str:
    """The name of a new run: the time in UTC, and four digits that differ."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"
