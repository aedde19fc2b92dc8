"""A run for the services of many accounts and regions, in which findings that are the same are kept once."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from gmsa_doctor.core.exit_code import ExitCode
from gmsa_doctor.core.model import Finding, Fix, Verdict


class ShardStatus(StrEnum):
    """Whether the services of an account and a region were checked."""

    CHECKED = "checked"
    NOT_ENTERED = "not-entered"
    """The account could not be entered."""
    DISABLED = "region-disabled"
    """The account has not enabled the region."""
    FAILED = "failed"
    """The services could not be searched for, or gmsa-doctor crashed."""
    NOT_RUN = "not-run"
    """Interrupted, or there is no report of it."""


@dataclass(frozen=True, order=True)
class Target:
    """An account and a region in which services are checked. ``name`` is the account's name, if known."""

    account: str
    region: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.account} {self.region}"


@dataclass(frozen=True)
class Shard:
    """The result for an account and a region; ``reason`` and ``fix`` if it was not checked, or not as required.

    ``services`` use a gMSA; those that are ``passed_over`` do not.
    """

    target: Target
    status: ShardStatus
    reason: str = ""
    fix: Fix | None = None
    verdict: Verdict | None = None
    exit_code: int = 0
    services: int = 0
    passed_over: int = 0
    calls: int = 0
    throttled: int = 0
    duration_ms: int = 0

    @property
    def is_checked(self) -> bool:
        """Whether its services were checked."""
        return self.status is ShardStatus.CHECKED


@dataclass(frozen=True)
class TableFinding:
    """A finding of the table. In a template, ``<service>`` and the like stand for the names of each subject."""

    finding: Finding
    is_template: bool = False


@dataclass(frozen=True)
class FleetSubject:
    """A subject with the numbers of its shard and of its findings in the table, each counted from 0."""

    shard: int
    name: str
    facts: tuple[tuple[str, str], ...]
    findings: tuple[int, ...]


@dataclass(frozen=True)
class FleetReport:
    """A whole run. ``tolerated`` is the share of shards that may be unchecked without making it incomplete."""

    run: str
    version: str
    shards: tuple[Shard, ...]
    findings: tuple[TableFinding, ...] = ()
    subjects: tuple[FleetSubject, ...] = ()
    started: str = ""
    command: str = ""
    duration_ms: int = 0
    interrupted: bool = False
    tolerated: float = 0.0

    @cached_property
    def unchecked(self) -> tuple[Shard, ...]:
        """The shards that were not checked."""
        return tuple(shard for shard in self.shards if not shard.is_checked)

    @property
    def is_tolerated(self) -> bool:
        """Whether the shards that were not checked are few enough."""
        return len(self.unchecked) <= self.tolerated * len(self.shards)

    @property
    def nothing_to_check(self) -> bool:
        """Whether all was searched, and no service uses a gMSA."""
        return not self.subjects and not self.unchecked and not self.interrupted

    @property
    def services(self) -> int:
        """How many services use a gMSA."""
        return sum(shard.services for shard in self.shards)

    @property
    def is_static(self) -> bool:
        """Whether no live flow was asked for: then services that it has not proven are no gap."""
        unproven = (shard for shard in self.shards if shard.verdict is Verdict.UNPROVEN)
        return all(shard.exit_code != ExitCode.INCOMPLETE for shard in unproven)

    @property
    def verdict(self) -> Verdict:
        """The verdict: a failure in one shard is one of the run. A shard without services has nothing to prove."""
        verdicts = {shard.verdict for shard in self.shards if shard.verdict}
        if Verdict.FAIL in verdicts:
            return Verdict.FAIL
        if Verdict.INCOMPLETE in verdicts or self.interrupted or not self.is_tolerated:
            return Verdict.INCOMPLETE
        with_services = {shard.verdict for shard in self.shards if shard.verdict and shard.services}
        return Verdict.UNPROVEN if Verdict.UNPROVEN in with_services or not with_services else Verdict.PASS

    @property
    def exit_code(self) -> ExitCode:
        """What the command ends with."""
        if self.interrupted:
            return ExitCode.INTERRUPTED
        if self.verdict in (Verdict.FAIL, Verdict.INCOMPLETE):
            return ExitCode.FAIL if self.verdict is Verdict.FAIL else ExitCode.INCOMPLETE
        return ExitCode(max((shard.exit_code for shard in self.shards if shard.is_checked), default=0))
