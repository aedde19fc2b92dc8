"""Time limits, and work side by side, with daemon threads of our own: nothing is joined at exit."""

from __future__ import annotations

import math
import os
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from functools import partial
from queue import SimpleQueue
from typing import Any, TypeAlias, TypeVar

from gmsa_doctor.core.errors import ClientError, TimedOut, UsageError

T = TypeVar("T")
Item = TypeVar("Item")

_LAB_PACE = os.environ.get("GMSA_DOCTOR_LAB_PACE", "")
PACE = float(_LAB_PACE) if re.fullmatch(r"0?\.\d+", _LAB_PACE) else 1.0
"""Scales all pauses. Only our own tests set the variable, to a fraction below 1; any other text has no effect."""
SIDE_BY_SIDE = 16
"""The most that :func:`each` does at the same time, unless it is told otherwise."""


class Turns:
    """How long an activity waits for its turn, such as for the pace of requests: no time limit of its own counts that.

    An activity may have several threads; it waits while one of them does.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting = 0
        self._since = self._before = 0.0

    @property
    def is_waiting(self) -> bool:
        """Whether it waits now."""
        return self._waiting > 0

    @property
    def seconds(self) -> float:
        """How long it has waited so far."""
        if not (self._waiting or self._before):
            return 0.0  # most never wait
        with self._lock:
            return self._before + (time.monotonic() - self._since if self._waiting else 0.0)

    def add(self, number: int) -> None:
        """One more thread waits (1), or one does not any more (-1)."""
        with self._lock:
            now = time.monotonic()
            if self._waiting == 0:
                self._since = now
            self._waiting += number
            if self._waiting == 0:
                self._before += now - self._since


_turns: ContextVar[Turns | None] = ContextVar("turns", default=None)


def counting(turns: Turns, fn: Callable[[], T]) -> T:
    """Do ``fn``, whose waiting counts in ``turns``, also that of the threads that it starts with this module."""
    token = _turns.set(turns)
    try:
        return fn()
    finally:
        _turns.reset(token)


@contextmanager
def waiting() -> Iterator[None]:
    """Where an activity waits for its turn."""
    turns = _turns.get()
    if turns is None:
        yield
        return
    turns.add(1)
    try:
        yield
    finally:
        turns.add(-1)


TIME_OVER = "the time for the whole run was over (--timeout)"
INTERRUPTED = "the run was interrupted"


class RunLimit:
    """When a run must end: at a moment of the clock, or when the user interrupts it.

    Work that reads or judges much asks it again and again, stops, and reports what was not done.
    """

    def __init__(self, seconds: float = math.inf, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.ends = clock() + seconds
        self.interrupted = False

    @property
    def reason(self) -> str:
        """Why nothing more may begin; empty as long as something may."""
        if self.interrupted:
            return INTERRUPTED
        return TIME_OVER if self.clock() >= self.ends else ""

    @property
    def left(self) -> float:
        """The seconds that are left, at least 0."""
        return 0.0 if self.interrupted else max(0.0, self.ends - self.clock())


class _Reply:
    """What became of a call in another thread: its result, or the exception that it raised."""

    def __init__(self) -> None:
        self.result: Any = None
        self.error: BaseException | None = None

    def of(self, fn: Callable[[], object]) -> None:
        try:
            self.result = fn()
        except BaseException as error:  # noqa: BLE001 - handed to the caller's thread, where it is raised
            self.error = error


def within(seconds: float, what: str, fn: Callable[[], T]) -> T:
    """Do ``fn`` and give its result; raise TimedOut for ``what`` when that takes more than ``seconds``.

    Exceptions of ``fn`` propagate. What has not ended in time is left behind in its daemon thread: some C
    libraries cannot be interrupted.
    """
    answer = _Reply()
    done = in_background(partial(answer.of, fn))
    if not done.acquire(timeout=max(seconds, 0)):
        raise TimedOut(what, seconds)
    if answer.error is not None:
        raise answer.error
    result: T = answer.result
    return result


def in_background(fn: Callable[[], object]) -> threading.Lock:
    """Do ``fn`` in a daemon thread of our own; its result and its exceptions are lost. Its end releases the lock."""
    done = threading.Lock()
    done.acquire()
    _worker().put((partial(copy_context().run, fn), done))
    return done


_Todo: TypeAlias = "SimpleQueue[tuple[Callable[[], object], threading.Lock]]"
_idle: list[_Todo] = []
"""Where threads that have done their work wait for more: to start one takes longer than most of what they do."""


def _worker() -> _Todo:
    """Where an idle thread, or a new one, takes its work from."""
    try:
        return _idle.pop()
    except IndexError:
        todo: _Todo = SimpleQueue()
        _start(threading.Thread(target=_work, args=(todo,), name="worker", daemon=True))
        return todo


def _start(thread: threading.Thread) -> None:
    """Raises UsageError where the system has no room for another thread."""
    try:
        thread.start()
    except RuntimeError as error:
        text = "the system starts no more threads: raise the limit of processes (ulimit -u, pids) or of memory"
        raise UsageError(text) from error


def _work(todo: _Todo) -> None:
    while True:
        fn, done = todo.get()
        _Reply().of(fn)
        del fn  # nothing of a call, which may hold a secret, is kept while there is nothing to do
        _idle.append(todo)
        done.release()


def each(
    items: Iterable[Item], fn: Callable[[Item], T], side_by_side: int = SIDE_BY_SIDE
) -> list[tuple[Item, T | ClientError]]:
    """Do ``fn`` for every item, up to ``side_by_side`` at a time, and give the pairs in order.

    A ClientError is that item's result; any other exception is raised, the first one in order.
    """
    work = [(item, _Reply()) for item in items]
    todo = iter(work)
    lock = threading.Lock()

    def worker() -> None:
        while True:
            with lock:
                pair = next(todo, None)
            if pair is None:
                return
            item, answer = pair
            answer.of(lambda item=item: fn(item))  # type: ignore[misc]  # mypy cannot type the default

    for done in [in_background(worker) for _ in work[:side_by_side]]:
        done.acquire()
    return [(item, _result(answer)) for item, answer in work]


def _result(answer: _Reply) -> Any:
    if answer.error is not None and not isinstance(answer.error, ClientError):
        raise answer.error
    return answer.error or answer.result
