"""Remembers a client's answers, so that each request is sent once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Lock
from typing import Any, TypeVar

from gmsa_doctor.core.errors import ClientError, Throttled, TimedOut
from gmsa_doctor.core.limits import waiting

R = TypeVar("R")


class RememberedAnswers:
    """Answers and typed errors by request. Each request is sent once, even if threads need it at the same time.

    That a request was throttled, or not answered in time, is not remembered: it says nothing about the next one.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._answers: dict[object, _Answer] = {}

    def get(self, question: object, ask: Callable[[], R]) -> R:
        """The answer to a request. Raises the ClientError that ``ask`` raised when it was called."""
        with self._lock:
            answer = self._answers.setdefault(question, _Answer())
        if not answer.lock.acquire(blocking=False):
            with waiting():  # for somebody who waits for the pace, perhaps
                answer.lock.acquire()
        try:
            if not answer.known:
                try:
                    answer.value = ask()
                except (Throttled, TimedOut):
                    raise
                except ClientError as error:
                    answer.error = error
                answer.known = True
        finally:
            answer.lock.release()
        if answer.error:
            raise answer.error.with_traceback(None)
        value: R = answer.value
        return value

    def put(self, question: object, value: object) -> None:
        """Remember an answer that came with another one."""
        with self._lock:
            answer = self._answers.setdefault(question, _Answer())
        with answer.lock:
            answer.value, answer.error, answer.known = value, None, True

    def items(self) -> Iterator[tuple[object, object]]:
        """Requests with their answers, as far as known."""
        return ((question, answer.value) for question, answer in list(self._answers.items()) if answer.known)


class _Answer:
    def __init__(self) -> None:
        self.lock = Lock()
        self.value: Any = None
        self.error: ClientError | None = None
        self.known = False
