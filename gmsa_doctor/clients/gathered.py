"""Requests that go together: what is asked while one of the same kind is under way goes in the next one, as one."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import Any, TypeVar

from gmsa_doctor.core.limits import waiting

R = TypeVar("R")


@dataclass(eq=False)
class _Group:
    """What goes in one request, and its answer or error."""

    items: dict[str, None] = field(default_factory=dict)
    ended: Event = field(default_factory=Event)
    answer: Any = None
    error: BaseException | None = None


class GatheredRequests:
    """Sends requests with several items; of one kind, one at a time. The first one of a kind waits for no other.

    A request has at most ``most`` items of several callers.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = Lock()
        self._open: dict[Hashable, _Group] = {}
        """By kind: what goes in the next request."""
        self._under_way: dict[Hashable, Lock] = {}

    def send(self, kind: Hashable, items: tuple[str, ...], send: Callable[[tuple[str, ...]], R]) -> tuple[R, bool]:
        """The answer to ``send`` for these items, and whether it was called for items of others, too.

        Raises what ``send`` raised, also in another thread.
        """
        with self._lock:
            group = self._open.get(kind)
            leads = group is None or len(group.items) + len(items) > self._most
            if group is None or leads:
                group = self._open[kind] = _Group()
            group.items.update(dict.fromkeys(items))
            turn = self._under_way.setdefault(kind, Lock())
        if leads:
            self._lead(kind, group, turn, send)
        elif not group.ended.is_set():
            with waiting():  # for a request that waits for its pace, perhaps
                group.ended.wait()
        if group.error is not None:
            raise group.error.with_traceback(None)
        answer: R = group.answer
        return answer, len(group.items) > len(set(items))

    def _lead(self, kind: Hashable, group: _Group, turn: Lock, send: Callable[[tuple[str, ...]], object]) -> None:
        if not turn.acquire(blocking=False):
            with waiting():
                turn.acquire()
        try:
            with self._lock:
                if self._open.get(kind) is group:
                    del self._open[kind]
            group.answer = send(tuple(group.items))
        except BaseException as error:  # noqa: BLE001 - raised in each thread that waits for it
            group.error = error
        finally:
            turn.release()
            group.ended.set()
