"""The shards of a run: interrupted, resumed, and with a bug in one."""

from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from gmsa_doctor.checking.fleet import pool
from gmsa_doctor.checking.fleet.shard import ShardCheck
from gmsa_doctor.clients.run_files import Folder
from gmsa_doctor.core.errors import UsageError
from gmsa_doctor.core.model import Verdict
from gmsa_doctor.report.fleet.model import FleetReport, Shard, ShardStatus, Target

TARGETS = tuple(Target(f"{number}" * 12, "eu-west-1") for number in range(4))


class Accounts:
    """One shard at a time."""

    class request:  # noqa: N801
        side_by_side = 1


class Check:
    """Stands for the check of a shard, which is interrupted at one of them."""

    accounts = Accounts
    run = "r"

    def __init__(self, interrupted_at: Target | None = None) -> None:
        self.interrupted_at = interrupted_at
        self.done: list[Target] = []

    def of(self, target: Target) -> FleetReport:
        if target == self.interrupted_at:
            raise KeyboardInterrupt
        self.done.append(target)
        return FleetReport("r", "1", (Shard(target, ShardStatus.CHECKED, verdict=Verdict.UNPROVEN),))


def run(check: Check, files: Folder) -> FleetReport:
    return pool.run(TARGETS, cast(ShardCheck, check), files)


def test_a_run_that_is_interrupted_reports_what_ended_and_can_be_resumed(tmp_path: Path) -> None:
    files, first, second = Folder(tmp_path), Check(TARGETS[2]), Check()
    report = run(first, files)
    assert (report.interrupted, report.exit_code) == (True, 130)
    assert [shard.status for shard in report.shards] == ["checked", "checked", "not-run", "not-run"]
    report = run(second, files)
    assert [*first.done, *second.done] == list(TARGETS)
    assert (report.verdict, report.exit_code, report.unchecked) == (Verdict.UNPROVEN, 0, ())


def test_a_shard_that_was_not_entered_is_tried_again(tmp_path: Path) -> None:
    files, check = Folder(tmp_path), Check()
    run(check, files)
    not_entered = FleetReport("r", "1", (Shard(TARGETS[1], ShardStatus.NOT_ENTERED, "denied"),))
    pool.keep(not_entered, TARGETS[1], files)
    again = Check()
    run(again, files)
    assert again.done == [TARGETS[1]]


def test_a_shard_without_a_report_makes_the_whole_incomplete_unless_it_is_tolerated(tmp_path: Path) -> None:
    files = Folder(tmp_path)
    run(Check(), files)
    from gmsa_doctor.report.fleet.reader import plan_text

    files.write(pool.PLAN, plan_text(TARGETS).encode())
    (tmp_path / pool.file_of(TARGETS[3])).unlink()
    report = pool.collected(files)
    assert (report.verdict, report.exit_code, report.shards[3].reason) == (Verdict.INCOMPLETE, 3, pool.MISSING)
    assert replace(report, tolerated=0.25).exit_code == 0


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"schema": "urn:gmsa-doctor:fleet:1.0"}'])
def test_a_report_that_cannot_be_read_is_a_shard_that_was_not_checked_and_is_checked_again(
    text: str, tmp_path: Path
) -> None:
    files = Folder(tmp_path)
    run(Check(), files)
    files.write(pool.file_of(TARGETS[2]), text.encode())
    report = pool.collected(files)
    assert [shard.is_checked for shard in report.shards] == [True, True, False, True]
    assert f"its report {pool.file_of(TARGETS[2])} cannot be read: it is not" in report.shards[2].reason
    again = Check()
    run(again, files)
    assert again.done == [TARGETS[2]]


def test_other_files_of_a_run_are_no_shards(tmp_path: Path) -> None:
    files = Folder(tmp_path)
    run(Check(), files)
    for name in ("logons/x.json", "fleet.json", "111111111111/notes.txt", "backup/111111111111/eu-west-1.json"):
        files.write(name, b"{}")
    assert len(pool.collected(files).shards) == len(TARGETS)


def test_a_plan_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    Folder(tmp_path).write(pool.PLAN, b'[{"account": 1}]')
    with pytest.raises(UsageError, match=r"shards\.json: it is not a plan"):
        pool.planned(Folder(tmp_path))
