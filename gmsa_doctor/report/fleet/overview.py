"""What the overviews of a fleet, as text and as a page, show of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gmsa_doctor.core.model import Fix, Status, Verdict
from gmsa_doctor.core.printable import printable
from gmsa_doctor.report.findings import VERDICTS
from gmsa_doctor.report.fleet.causes import FleetCause, causes_of
from gmsa_doctor.report.fleet.model import FleetReport, Shard, ShardStatus

WORDS = {
    ShardStatus.CHECKED: "incomplete",
    ShardStatus.NOT_ENTERED: "account not entered",
    ShardStatus.DISABLED: "region not enabled",
    ShardStatus.FAILED: "not checked",
    ShardStatus.NOT_RUN: "not run",
}


@dataclass(frozen=True)
class Cell:
    """An account in a region: its shard, and how many of its services fail or have an open question."""

    shard: Shard
    failed: int = 0
    open: int = 0

    @property
    def status(self) -> Status:
        """Of the shard as a whole; ``skipped`` if nothing there uses a gMSA."""
        if not self.shard.is_checked:
            return Status.UNKNOWN
        if self.failed:
            return Status.FAIL
        if self.open or self.shard.verdict is Verdict.INCOMPLETE:
            return Status.UNKNOWN
        if not self.shard.services:
            return Status.SKIPPED
        return VERDICTS[self.shard.verdict][0] if self.shard.verdict else Status.UNKNOWN

    @property
    def text(self) -> str:
        """How many of how many services, or why there is no number."""
        if not self.shard.is_checked:
            return WORDS[self.shard.status].removeprefix("account ").removeprefix("region ")
        bad = self.failed or self.open
        unknown = "incomplete" if self.status is Status.UNKNOWN else ""
        return f"{bad}/{self.shard.services}" if bad else str(self.shard.services or unknown)


@dataclass(frozen=True)
class Gap:
    """Shards that were not checked, or not as required, for one reason, all of one account."""

    account: str
    regions: tuple[str, ...]
    status: ShardStatus
    reason: str
    fix: Fix | None


@dataclass(frozen=True)
class Overview:
    """A fleet with its causes, all fit to be printed. ``cells`` by account and region."""

    fleet: FleetReport
    causes: Sequence[FleetCause]
    cells: Mapping[tuple[str, str], Cell]
    names: Mapping[str, str]
    """The names of accounts, as far as known."""

    @property
    def accounts(self) -> list[str]:
        """Accounts with services, or that were not checked."""
        return list(dict.fromkeys(account for (account, _), cell in self.cells.items() if _is_shown(cell)))

    @property
    def regions(self) -> list[str]:
        """Regions with services, or where something was not checked."""
        return sorted({region for (_, region), cell in self.cells.items() if _is_shown(cell)})

    def account(self, id: str) -> str:
        """The account with its name."""
        return f"{id} {self.names[id]}" if self.names.get(id) else id

    @property
    def gaps(self) -> list[Gap]:
        """What was not checked, or not as required, by account and reason."""
        regions: dict[tuple[str, ShardStatus, str, Fix | None], list[str]] = {}
        for shard in self.fleet.shards:
            if shard.is_checked and not shard.reason:
                continue
            key = (shard.target.account, shard.status, shard.reason, shard.fix)
            regions.setdefault(key, []).append(shard.target.region)
        return [Gap(key[0], tuple(sorted(found)), *key[1:]) for key, found in regions.items()]

    @property
    def failed(self) -> int:
        """How many services fail."""
        return sum(cell.failed for cell in self.cells.values())

    @property
    def word(self) -> str:
        """The verdict."""
        return "NOTHING TO CHECK" if self.fleet.nothing_to_check else VERDICTS[self.fleet.verdict][1]

    @property
    def status(self) -> Status:
        """The status whose sign and colour the verdict has."""
        return Status.SKIPPED if self.fleet.nothing_to_check else VERDICTS[self.fleet.verdict][0]

    @property
    def summary(self) -> str:
        """What follows the verdict's word."""
        fleet = self.fleet
        if fleet.nothing_to_check:
            return f"no service uses a gMSA in {_counted(len(fleet.shards), 'shard')}"
        checked = [shard.target for shard in fleet.shards if shard.is_checked]
        parts = [f"{self.failed} of {_counted(fleet.services, 'service')} fail" if self.failed else ""]
        if not self.failed:
            parts = [
                "no failure found, tickets not proven" if fleet.verdict is Verdict.UNPROVEN else "",
                _counted(fleet.services, "service"),
            ]
        accounts, regions = {target.account for target in checked}, {target.region for target in checked}
        parts.append(f"{_counted(len(accounts), 'account')} and {_counted(len(regions), 'region')} checked")
        if gaps := len(fleet.unchecked):
            tolerated = ", which is tolerated" if fleet.is_tolerated else ""
            parts.append(f"{gaps} of {_counted(len(fleet.shards), 'shard')} not checked{tolerated}")
        return ", ".join(filter(None, parts))


def overview(fleet: FleetReport) -> Overview:
    """What is shown of a fleet."""
    fleet = printable(fleet)
    causes = causes_of(fleet)
    every = {name: target for cause in causes for name, target in cause.services.items() if name not in cause.unlisted}
    failed = {name for cause in causes if cause.finding.is_failure for name in cause.services if name in every}
    failures = Counter(every[name] for name in failed)
    questions = Counter(target for name, target in every.items() if name not in failed)
    cells = {
        (shard.target.account, shard.target.region): Cell(shard, failures[shard.target], questions[shard.target])
        for shard in fleet.shards
    }
    names = {shard.target.account: shard.target.name for shard in fleet.shards}
    return Overview(fleet, causes, cells, names)


def _is_shown(cell: Cell) -> bool:
    return cell.status is not Status.SKIPPED


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
