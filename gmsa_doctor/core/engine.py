"""The graph of checks and its run: one run for equal arguments, independent ones side by side.

The engine knows no check and no client. What a check takes is either given from outside with the
subject, or is another check's value; what is in the way of a value is in the way of all that need it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from queue import Empty, SimpleQueue
from typing import Any

from gmsa_doctor.core.calling import call, named, since
from gmsa_doctor.core.changed_copy import changed_copy
from gmsa_doctor.core.deferral import deferred_to, root_ids, with_one_root_per_fault
from gmsa_doctor.core.limits import Turns, counting, in_background
from gmsa_doctor.core.model import Check, Finding, Given, Need, Outcome, Status, skipped, unknown
from gmsa_doctor.core.registry import Registry
from gmsa_doctor.core.severity import worst

SIDE_BY_SIDE = 24
"""Checks that run at the same time. They wait for the network most of their time."""
_WITH_WAITING = 96
"""The same, with those that wait for their turn."""
_LOOK_AGAIN = 0.1
"""Seconds after which the limits of the run and of its checks are looked at again."""

NOT_SELECTED = "not selected"
INTERRUPTED = "interrupted before it ended"

TIME_OVER = "not finished when the time for the whole run was over (--timeout)"

NOT_BEGUN = "not begun before the run had to end (--timeout, or Ctrl-C)"

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
class Execution:
    """The findings of each case, in the order of the cases, and whether the user ended the run."""

    findings: tuple[tuple[Finding, ...], ...]
    interrupted: bool
    look_up: Callable[[Iterable[type]], tuple[Mapping[type, object], ...]] = field(repr=False, compare=False)
    """Of each case, for types that a check gives: the value that other checks took, or what is in its way."""
    types: tuple[type, ...] = field(repr=False, compare=False)

    @cached_property
    def values(self) -> tuple[Mapping[type, object], ...]:
        """The same for all types that a check gives."""
        return self.look_up(self.types)


@dataclass(eq=False)
class _Invocation:
    """One run of a check with certain arguments, for every case that has these arguments."""

    check: Check
    arguments: tuple[Any, ...]
    cases: dict[int, None] = field(default_factory=dict)
    started: float | None = None
    result: Outcome[Any] | None = None
    turns: Turns = field(default_factory=Turns)

    @property
    def ends(self) -> float:
        """When its time is over; while it waits for its turn, that is later and later."""
        return (time.monotonic() if self.started is None else self.started) + self.check.limit + self.turns.seconds


class _GraphRun:
    """The cases begin one after the other, as there is something to run: there may be thousands."""

    def __init__(self, registry: Registry, cases: Sequence[Case], selected: frozenset[str], seconds: float):
        self.registry = registry
        self.cases = cases
        self.selected = selected
        self.ends = time.monotonic() + seconds
        self.work_before = time.process_time()
        self.look_again = 0.0
        self.results: dict[tuple[int, str], Outcome[Any]] = {}
        self.invocations: dict[object, _Invocation] = {}
        self.equal: dict[object, object] = {}
        self.recognized: dict[int, tuple[int, object]] = {}
        self.blocked: dict[tuple[str | int, ...], tuple[Sequence[Finding], Outcome[Any]]] = {}
        self.completed: dict[tuple[str, int], tuple[Finding, Finding]] = {}
        self.ready: deque[_Invocation] = deque()
        distinct = {id(value): _given(value) for case in cases for value in case.given.values()}
        self.given = [{kind: distinct[id(value)] for kind, value in case.given.items()} for case in cases]
        self.begun = 0
        """The number of cases of which checks were run or settled."""
        self.running: list[_Invocation] = []
        self.abandoned: set[str] = set()
        self.finished: SimpleQueue[tuple[_Invocation, Outcome[Any]]] = SimpleQueue()
        self.users: dict[str, list[tuple[int, Check]]] = {id: [] for id in registry.ids}
        givers = [dict.fromkeys(registry.givers(check)) for check in registry.checks]
        for number, check in enumerate(registry.checks):
            for giver in givers[number]:
                self.users[giver.id].append((number, check))
        self.missing = [list(map(len, givers)) for _ in cases]
        """Of each case and check: how many givers have not ended."""

    # What stands before a check -------------------------------------------------------------------

    def outcome(self, case: int, need: Need) -> Outcome[Any] | None:
        """The value or the finding in its way; None as long as its giver has not ended."""
        if need.type in self.given[case]:
            return self.given[case][need.type]
        giver = self.registry.giver.get(need.type)
        if giver is None:
            text = f"no check gives a {need.type.__name__}; the plug-in that does is not installed"
            return Outcome(None, Finding(Status.ERROR, text))
        return self.results.get((case, giver.id))

    def advance(self, case: int, check: Check) -> None:
        """Run the check for this case if all before it has ended, or settle what is in its way."""
        if (case, check.id) in self.results:
            return
        if check.id not in self.selected:
            self.settle(case, check, Outcome(None, skipped(NOT_SELECTED)))
            return
        if check.gives and check.gives in self.given[case]:
            self.settle(case, check, self.given[case][check.gives])
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

    def behind(self, check: Check, in_the_way: Sequence[Finding]) -> Outcome[Any]:
        """One result for all cases that have the same in this check's way: there may be thousands."""
        same: tuple[str | int, ...] = (check.id, *map(id, in_the_way))
        if same not in self.blocked:  # the findings are kept, so that no other gets the id of one
            roots = root_ids(in_the_way)
            # If no check has raised these findings, the first one is the reason.
            key = (check.id, *roots) if roots else (check.id, id(in_the_way[0]))
            first = in_the_way, named(Outcome(None, deferred_to(in_the_way)), check)
            self.blocked[same] = in_the_way, self.blocked.setdefault(key, first)[1]
        return self.blocked[same][1]

    def submit(self, case: int, check: Check, arguments: tuple[Any, ...]) -> None:
        key = (check.id, *map(self.number_of, arguments))
        invocation = self.invocations.get(key)
        if invocation is None:
            invocation = self.invocations[key] = _Invocation(check, arguments)
            self.ready.append(invocation)
        if case in invocation.cases:
            return
        invocation.cases[case] = None
        if invocation.result:
            self.settle(case, check, invocation.result)

    def number_of(self, argument: object) -> int:
        """The same for equal arguments. Each object is compared once: thousands of checks may take it."""
        if id(argument) not in self.recognized:
            try:
                first = self.equal.setdefault(argument, argument)
            except TypeError:  # a plug-in's value that is not frozen: equal only to itself
                first = argument
            self.recognized[id(argument)] = id(first), argument  # which is kept, so that no other gets its id
        return self.recognized[id(argument)][0]

    def settle(self, case: int, check: Check, result: Outcome[Any]) -> None:
        self.results[case, check.id] = named(result, check)
        missing = self.missing[case]
        for number, user in self.users[check.id]:
            missing[number] -= 1
            if missing[number] <= 0:
                self.advance(case, user)

    # The run --------------------------------------------------------------------------------------

    def execute(self, watch: Callable[[Progress], None]) -> bool:
        """True if the user interrupted it."""
        try:
            self.begin()
            while self.ready or self.running:
                self.start()
                watch(self.progress())
                self.wait()
                self.begin()
        except KeyboardInterrupt:
            self.interrupt()
            return True
        return False

    def begin(self) -> None:
        """Begin cases until there is enough to run, or too little time: their report takes as long as their checks."""
        while self.begun < len(self.cases) and len(self.ready) < _WITH_WAITING:
            if time.monotonic() + time.process_time() - self.work_before >= self.ends:
                return
            self.begun += 1
            self.advance_all(self.begun - 1)

    def start(self) -> None:
        running = self.running if self.ready else ()
        active = sum(not invocation.turns.is_waiting for invocation in running)
        while self.ready and active < SIDE_BY_SIDE and len(self.running) < _WITH_WAITING:
            active += 1
            invocation = self.ready.popleft()
            invocation.started = time.monotonic()
            self.running.append(invocation)
            in_background(partial(self.work, invocation))

    def work(self, invocation: _Invocation) -> None:
        self.finished.put(
            (invocation, counting(invocation.turns, partial(call, invocation.check, invocation.arguments)))
        )

    def wait(self) -> None:
        """Until a check ends, or it is time to look whether that of the run or of a check is over."""
        now = time.monotonic()
        if now >= self.look_again:  # also while checks end all the time
            self.look_again = min(now + _LOOK_AGAIN, max(now, self.ends))
            self.expire(now)
        try:
            invocation, result = self.finished.get(timeout=self.look_again - now if self.running else 0)
        except Empty:
            return
        if invocation in self.running:  # else its time was over, and it is settled
            self.running.remove(invocation)
            self.end(invocation, result)

    def expire(self, now: float) -> None:
        if now >= self.ends:
            self.abandon(self.running + list(self.ready), TIME_OVER)
            return
        for invocation in [invocation for invocation in self.running if now >= invocation.ends]:
            self.abandon([invocation], f"not finished within its limit of {invocation.check.limit:g} s")

    def abandon(self, invocations: Sequence[_Invocation], text: str) -> None:
        """End these checks without an answer, and so what comes after them."""
        for invocation in invocations:
            (self.running if invocation in self.running else self.ready).remove(invocation)
            self.end(invocation, Outcome(None, self.given_up(invocation, text)))
        if self.ready and (text == INTERRUPTED or time.monotonic() >= self.ends):
            self.abandon(list(self.ready), text)  # what only now became ready

    def interrupt(self) -> None:
        """End what has not ended. Ctrl-C may have struck anywhere: while a check was started, ended or settled."""
        self.running, self.ready = [], deque()
        for invocation in list(self.invocations.values()):
            if invocation.result is None:
                self.ready.append(invocation)
                continue
            for case in tuple(invocation.cases):
                if (case, invocation.check.id) not in self.results:
                    self.settle(case, invocation.check, invocation.result)
        self.advance_all()
        while self.ready:
            self.abandon(list(self.ready), INTERRUPTED)
            self.advance_all()

    def advance_all(self, first: int = 0) -> None:
        for case in range(first, self.begun):
            for check in self.registry.in_graph_order:
                self.advance(case, check)

    def given_up(self, invocation: _Invocation, text: str) -> Finding:
        """A check that became ready only when others were abandoned stands behind these."""
        findings = [argument.finding for argument in invocation.arguments if isinstance(argument, Outcome)]
        behind = [finding for finding in findings if self.abandoned & {finding.check, *finding.because}]
        if behind and invocation.started is None:
            return deferred_to(behind)
        self.abandoned.add(invocation.check.id)
        return replace(unknown(text), duration_ms=since(invocation.started or time.monotonic()))

    def end(self, invocation: _Invocation, result: Outcome[Any]) -> None:
        invocation.result = named(result, invocation.check)
        for case in tuple(invocation.cases):
            self.settle(case, invocation.check, invocation.result)

    def progress(self) -> Progress:
        total = len(self.cases) * len(self.registry.checks)
        return Progress(len(self.results), total, tuple(invocation.check.id for invocation in self.running))

    # The report -----------------------------------------------------------------------------------

    def findings(self, case: int) -> tuple[Finding, ...]:
        """One finding a check, complete, those raised under another id in their place; one for a case not begun."""
        if case >= self.begun:
            return (self.not_begun,)
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
        complete = (self.complete(self.registry.get(id), finding) for id, finding in by_id.items())
        return with_one_root_per_fault(complete)

    def values(self, kinds: Iterable[type], case: int) -> Mapping[type, object]:
        """For each of these types: the value, or the finding in its way, with the id it was raised under."""
        given = [kind for kind in kinds if kind in self.registry.giver]
        if case >= self.begun:
            return dict.fromkeys(given, self.not_begun)
        found: dict[type, object] = {}
        for kind in given:
            outcome = self.outcome(case, Need(kind.__name__, kind))
            assert outcome is not None  # noqa: S101 - for the type checker: every check has ended
            check = self.registry.get(outcome.finding.check)
            found[kind] = self.complete(check, outcome.finding) if outcome.value is None else outcome.value
        return found

    @cached_property
    def not_begun(self) -> Finding:
        """The finding of all cases for which no check has begun: that of the first check."""
        first = next(check for check in self.registry.in_graph_order if check.id in self.selected)
        return self.complete(first, unknown(NOT_BEGUN))

    def complete(self, check: Check | None, finding: Finding) -> Finding:
        if check is None:
            return finding
        key = check.id, id(finding)
        if key not in self.completed:  # cases share many findings; these are kept, so that no other gets the id of one
            aside = check.is_supplementary and finding.status is Status.UNKNOWN and not finding.fault
            root = finding.status in _ROOTS and not finding.because and not aside
            complete = changed_copy(
                finding,
                check=check.id,
                cause=check.cause,
                step=check.step or (check.cause.step if check.cause else None),
                owner=(finding.fix and finding.fix.owner) or check.owner,
                origin=check.origin,
                docs=finding.docs or check.docs,
                root=root,
            )
            self.completed[key] = finding, complete
        return self.completed[key][1]


def _given(value: object) -> Outcome[Any]:
    if isinstance(value, Finding):
        return Outcome(None, value)
    if isinstance(value, Given):
        return Outcome(value.value, value.finding)
    return Outcome(value, Finding(Status.PASS, "given from outside"))


def execute(
    registry: Registry,
    cases: Sequence[Case],
    *,
    seconds: float,
    selected: frozenset[str] | None = None,
    watch: Callable[[Progress], None] = lambda progress: None,
) -> Execution:
    """Run the checks for each case, at most ``seconds`` long.

    ``selected`` are the ids to run (None: all). Ctrl-C in the calling thread ends the run at once; what
    has not ended is then ``unknown``, and the findings are still one a check.
    """
    run = _GraphRun(registry, cases, registry.ids if selected is None else selected, seconds)
    interrupted = run.execute(watch)
    numbers = range(len(cases))
    return Execution(
        tuple(map(run.findings, numbers)),
        interrupted,
        lambda kinds: tuple(map(partial(run.values, tuple(kinds)), numbers)),
        tuple(registry.giver),
    )
