"""The graph of checks and its run: one run for equal arguments, independent ones side by side.

The engine knows no check and no client. What a check takes is either given from outside with the
subject, or is another check's value; what is in the way of a value is in the way of all that need it.
"""

from __future__ import annotations

import time
import traceback
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import PurePath
from queue import Empty, SimpleQueue
from typing import Any

from gmsa_doctor.core.errors import ClientError
from gmsa_doctor.core.limits import in_background
from gmsa_doctor.core.model import Check, Finding, Given, Need, Outcome, Status, Stop, deferred_to, skipped, unknown
from gmsa_doctor.core.registry import Registry
from gmsa_doctor.core.severity import worst

SIDE_BY_SIDE = 24
"""Checks that run at the same time. They wait for the network most of their time."""

NOT_SELECTED = "not selected"
INTERRUPTED = "interrupted before it ended"

TIME_OVER = "not finished when the time for the whole run was over (--timeout)"

_ROOTS = (Status.FAIL, Status.UNKNOWN, Status.ERROR)


@dataclass(frozen=True)
class Case:
    """A subject for the engine: what is given from outside, by type.

    A Finding in place of a value says why there is no such value; a Given is a value with its own finding. A value
    that a check would give takes that check's place: it is not run.
    """

    name: str
    given: Mapping[type, object]


@dataclass(frozen=True)
class Progress:
    """How far a run is; ``running`` are the ids of checks under way, longest first."""

    done: int
    total: int
    running: tuple[str, ...]


@dataclass(frozen=True)
class Ended:
    """The findings of each case, in the order of the cases, and whether the user ended the run."""

    findings: tuple[tuple[Finding, ...], ...]
    interrupted: bool
    look_up: Callable[[], tuple[Mapping[type, object], ...]] = field(repr=False, compare=False)

    @cached_property
    def values(self) -> tuple[Mapping[type, object], ...]:
        """Of each case, for every type that a check gives: the value that other checks took, or what is in its way."""
        return self.look_up()


@dataclass
class _Cell:
    """One run of a check with certain arguments, for every case that has these arguments."""

    check: Check
    arguments: tuple[Any, ...]
    cases: list[int] = field(default_factory=list)
    started: float | None = None
    result: _Result | None = None


@dataclass(frozen=True)
class _Result:
    value: object
    finding: Finding


class _Run:
    def __init__(self, registry: Registry, cases: Sequence[Case], selected: frozenset[str], seconds: float):
        self.registry = registry
        self.cases = cases
        self.selected = selected
        self.ends = time.monotonic() + seconds
        self.results: dict[tuple[int, str], _Result] = {}
        self.cells: dict[object, _Cell] = {}
        self.blocked: dict[tuple[str | int, ...], tuple[Sequence[Finding], _Result]] = {}
        self.completed: dict[tuple[str, int], tuple[Finding, Finding]] = {}
        self.ready: deque[_Cell] = deque()
        self.given = [{kind: _given(value) for kind, value in one.given.items()} for one in cases]
        self.running: list[_Cell] = []
        self.abandoned: set[str] = set()
        self.finished: SimpleQueue[tuple[_Cell, _Result]] = SimpleQueue()
        self.users: dict[str, list[Check]] = {one.id: [] for one in registry.checks}
        for one in registry.checks:
            for giver in dict.fromkeys(self._givers(one)):
                self.users[giver.id].append(one)

    def _givers(self, check: Check) -> list[Check]:
        return [self.registry.giver[need.type] for need in check.needs if need.type in self.registry.giver]

    # What stands before a check -------------------------------------------------------------------

    def outcome(self, case: int, need: Need) -> Outcome[Any] | None:
        """The value or the finding in its way; None as long as its giver has not ended."""
        if need.type in self.given[case]:
            return self.given[case][need.type]
        giver = self.registry.giver.get(need.type)
        if giver is None:
            text = f"no check gives a {need.type.__name__}; the plug-in that does is not installed"
            return Outcome(None, Finding(Status.ERROR, text))
        result = self.results.get((case, giver.id))
        return None if result is None else Outcome(result.value, result.finding)

    def advance(self, case: int, check: Check) -> None:
        """Run the check for this case if all before it has ended, or settle what is in its way."""
        if (case, check.id) in self.results:
            return
        if check.id not in self.selected:
            self.settle(case, check, _Result(None, skipped(NOT_SELECTED)))
            return
        if check.gives and check.gives in self.given[case]:
            instead = self.given[case][check.gives]
            self.settle(case, check, _Result(instead.value, instead.finding))
            return
        arguments, in_the_way = [], []
        for need in check.needs:
            outcome = self.outcome(case, need)
            if outcome is None:
                return
            if outcome.value is None and not need.outcome:
                in_the_way.append(outcome.finding)
            arguments.append(outcome if need.outcome else outcome.value)
        if in_the_way:
            self.settle(case, check, self.behind(check, in_the_way))
        else:
            self.submit(case, check, tuple(arguments))

    def behind(self, check: Check, in_the_way: Sequence[Finding]) -> _Result:
        """One result for all cases that have the same in this check's way: there may be thousands."""
        key: tuple[str | int, ...] = (check.id, *map(id, in_the_way))
        if key not in self.blocked:  # the findings are kept, so that no other gets the id of one
            self.blocked[key] = in_the_way, _named(_Result(None, deferred_to(in_the_way)), check)
        return self.blocked[key][1]

    def submit(self, case: int, check: Check, arguments: tuple[Any, ...]) -> None:
        key: object = (check.id, arguments)
        try:
            hash(key)
        except TypeError:  # a plug-in's value that is not frozen: equal only to itself
            key = (check.id, tuple(map(id, arguments)))
        cell = self.cells.get(key)
        if cell is None:
            cell = self.cells[key] = _Cell(check, arguments)
            self.ready.append(cell)
        if case in cell.cases:
            return
        cell.cases.append(case)
        if cell.result:
            self.settle(case, check, cell.result)

    def settle(self, case: int, check: Check, result: _Result) -> None:
        self.results[case, check.id] = _named(result, check)
        for user in self.users[check.id]:
            self.advance(case, user)

    # The run --------------------------------------------------------------------------------------

    def run(self, watch: Callable[[Progress], None]) -> bool:
        """True if the user interrupted it."""
        try:
            for case in range(len(self.cases)):
                for check in self.registry.checks:
                    self.advance(case, check)
            while self.ready or self.running:
                self.start()
                watch(self.progress())
                self.wait()
        except KeyboardInterrupt:
            self.abandon(self.running + list(self.ready), INTERRUPTED)
            return True
        return False

    def start(self) -> None:
        while self.ready and len(self.running) < SIDE_BY_SIDE:
            cell = self.ready.popleft()
            cell.started = time.monotonic()
            self.running.append(cell)
            in_background(partial(self.work, cell))

    def work(self, cell: _Cell) -> None:
        self.finished.put((cell, _call(cell)))

    def wait(self) -> None:
        """Until a check ends or the time of one is over."""
        now = time.monotonic()
        limits = [(cell.started or now) + cell.check.limit for cell in self.running]
        try:
            cell, result = self.finished.get(timeout=max(0.0, min([self.ends, *limits]) - now))
        except Empty:
            self.expire(time.monotonic())
        else:
            if cell in self.running:  # else its time was over, and it is settled
                self.running.remove(cell)
                self.end(cell, result)

    def expire(self, now: float) -> None:
        if now >= self.ends:
            self.abandon(self.running + list(self.ready), TIME_OVER)
            return
        over = [cell for cell in self.running if now >= (cell.started or now) + cell.check.limit]
        for cell in over:
            self.abandon([cell], f"not finished within its limit of {cell.check.limit:g} s")

    def abandon(self, cells: Sequence[_Cell], text: str) -> None:
        """End these checks without an answer, and so what comes after them."""
        for cell in cells:
            (self.running if cell in self.running else self.ready).remove(cell)
            self.end(cell, _Result(None, self.given_up(cell, text)))
        if self.ready and (text == INTERRUPTED or time.monotonic() >= self.ends):
            self.abandon(list(self.ready), text)  # what only now became ready

    def given_up(self, cell: _Cell, text: str) -> Finding:
        """A check that became ready only when others were abandoned stands behind these."""
        outcomes = [one.finding for one in cell.arguments if isinstance(one, Outcome)]
        behind = [one for one in outcomes if self.abandoned & {one.check, *one.because}]
        if behind and cell.started is None:
            return deferred_to(behind)
        self.abandoned.add(cell.check.id)
        return replace(unknown(text), duration_ms=_since(cell.started or time.monotonic()))

    def end(self, cell: _Cell, result: _Result) -> None:
        cell.result = _named(result, cell.check)
        for case in cell.cases:
            self.settle(case, cell.check, cell.result)

    def progress(self) -> Progress:
        total = len(self.cases) * len(self.registry.checks)
        return Progress(len(self.results), total, tuple(cell.check.id for cell in self.running))

    # The report -----------------------------------------------------------------------------------

    def findings(self, case: int) -> tuple[Finding, ...]:
        """One finding a check, complete, those raised under another id in their place."""
        by_id: dict[str, Finding] = {}
        raised: dict[str, list[Finding]] = {}
        for check in self.registry.checks:
            finding = self.results[case, check.id].finding
            by_id[check.id] = finding
            if finding.check and finding.check != check.id:
                raised.setdefault(finding.check, []).append(finding)
                by_id[check.id] = deferred_to([finding])
        for id, others in raised.items():
            by_id[id] = worst([*others, by_id[id]])
        return tuple(self.complete(self.registry.get(id), finding) for id, finding in by_id.items())

    def values(self, case: int) -> Mapping[type, object]:
        """For each type that a check gives: the value, or the finding in its way, with the id it was raised under."""
        found: dict[type, object] = {}
        for kind in self.registry.giver:
            outcome = self.outcome(case, Need(kind.__name__, kind))
            assert outcome is not None  # noqa: S101 - for the type checker: every check has ended
            check = self.registry.get(outcome.finding.check)
            found[kind] = self.complete(check, outcome.finding) if outcome.value is None else outcome.value
        return found

    def complete(self, check: Check | None, finding: Finding) -> Finding:
        if check is None:
            return finding
        key = check.id, id(finding)
        if key not in self.completed:  # cases share many findings; these are kept, so that no other gets the id of one
            root = finding.status in _ROOTS and not finding.because
            docs = finding.docs or check.docs
            self.completed[key] = finding, replace(finding, check=check.id, cause=check.cause, docs=docs, root=root)
        return self.completed[key][1]


def _named(result: _Result, check: Check) -> _Result:
    """With the check's id, unless the author has raised the finding under another."""
    finding = result.finding
    return result if finding.check else _Result(result.value, replace(finding, check=check.id))


def _given(value: object) -> Outcome[Any]:
    if isinstance(value, Finding):
        return Outcome(None, value)
    if isinstance(value, Given):
        return Outcome(value.value, value.finding)
    return Outcome(value, Finding(Status.PASS, "given from outside"))


def _call(cell: _Cell) -> _Result:
    """Run the check; whatever it does ends in a finding."""
    value: object = None
    started = time.monotonic()
    try:
        result = cell.check.function(*cell.arguments)
    except Stop as stop:
        finding = stop.finding
    except ClientError as error:
        finding = error.finding()
    except Exception as error:  # noqa: BLE001 - crash isolation: the run goes on
        finding = _crash(error)
    else:
        value, finding = _value_and_finding(cell.check, result)
    return _Result(value, replace(finding, duration_ms=_since(started)))


def _value_and_finding(check: Check, result: object) -> tuple[object, Finding]:
    if isinstance(result, Given) and check.gives and isinstance(result.value, check.gives):
        return result.value, result.finding
    if isinstance(result, Finding) and (check.gives is None or result.status is not Status.PASS):
        return None, result
    wanted = f"a {check.gives.__name__} with its finding" if check.gives else "a finding"
    text = f"the check {check.id} returned neither {wanted} nor a finding that says why not"
    return None, Finding(Status.ERROR, text)


def _crash(error: Exception) -> Finding:
    """Where it crashed. Neither the error's text nor any local is shown: they may hold a secret."""
    frames = traceback.extract_tb(error.__traceback__)[1:]
    way = " → ".join(f"{PurePath(one.filename).name}:{one.lineno} in {one.name}" for one in frames)
    return Finding(
        Status.ERROR,
        f"the check crashed with {type(error).__name__}; this is a bug in gmsa-doctor or a plug-in",
        observed=way or type(error).__name__,
    )


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)


def run(
    registry: Registry,
    cases: Sequence[Case],
    *,
    seconds: float,
    selected: frozenset[str] | None = None,
    watch: Callable[[Progress], None] = lambda progress: None,
) -> Ended:
    """Run the checks for each case, at most ``seconds`` long.

    ``selected`` are the ids to run (None: all). Ctrl-C in the calling thread ends the run at once; what
    has not ended is then ``unknown``, and the findings are still one a check.
    """
    every = frozenset(one.id for one in registry.checks)
    state = _Run(registry, cases, every if selected is None else selected, seconds)
    interrupted = state.run(watch)
    numbers = range(len(cases))
    return Ended(tuple(map(state.findings, numbers)), interrupted, lambda: tuple(map(state.values, numbers)))
