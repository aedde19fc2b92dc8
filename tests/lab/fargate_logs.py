"""The log driver awslogs: it sends a container's output to CloudWatch Logs, with the faults that can occur."""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Event, Lock
from typing import IO, Any

LINE_LIMIT = 16 * 1024
"""Bytes after which a line is cut. Source: `defaultBufSize` of Docker's and containerd's log copiers."""
_BATCH = 50
"""Events a call: fewer than the 10,000 and 1 MB that PutLogEvents takes."""

LogEvent = dict[str, Any]


@dataclass(frozen=True)
class Mishaps:
    """What befalls the lines of a task between its container and CloudWatch Logs."""

    lost: frozenset[int] = frozenset()
    """Numbers of lines, from 1; -1 is the last."""
    duplicated: bool = False
    shuffled: bool = False
    late: float = 0.0
    """Seconds after the task has stopped."""

    @property
    def hold(self) -> bool:
        """Return whether nothing is delivered before the container has ended."""
        return self.shuffled or self.late > 0 or any(number < 0 for number in self.lost)


def pieces(pipe: IO[bytes]) -> Iterator[list[str]]:
    """Give the lines of the output as they come, those that are too long in pieces."""
    rest = b""
    while data := pipe.read1(64 * 1024):  # type: ignore[attr-defined]
        *lines, rest = (rest + data).split(b"\n")
        found = [piece for line in lines for piece in _cut(line)]
        while len(rest) >= LINE_LIMIT:
            found.append(rest[:LINE_LIMIT])
            rest = rest[LINE_LIMIT:]
        yield [piece.decode(errors="replace") for piece in found]
    if rest:
        yield [rest.decode(errors="replace")]


def _cut(line: bytes) -> Iterator[bytes]:
    # CloudWatch Logs has no empty events: the driver leaves empty lines out.
    for start in range(0, len(line), LINE_LIMIT):
        yield line[start : start + LINE_LIMIT]


class LogDriver:
    """Takes the lines of one task and puts them into its log stream. Safe between threads."""

    def __init__(self, put: Callable[[list[LogEvent]], None], mishaps: Mishaps) -> None:
        self._put = put
        self._mishaps = mishaps
        self._lock = Lock()
        self._count = 0
        self._held: list[LogEvent] = []

    def write(self, lines: list[str]) -> None:
        """Take some lines, of which any number may be delivered later or never."""
        with self._lock:
            events = []
            for line in lines:
                self._count += 1
                if self._count not in self._mishaps.lost:
                    events.append({"timestamp": int(time.time() * 1000), "message": line})
            if self._mishaps.hold:
                self._held += events
            else:
                self._deliver(events)

    def finish(self) -> None:
        """Deliver what is left when the container has ended, unless it comes later still."""
        if not self._mishaps.late:
            self._release()

    def deliver_late(self, gone: Event) -> None:
        """Deliver what comes when the task has stopped, unless the lab is gone by then."""
        if self._mishaps.late and not gone.wait(self._mishaps.late):
            self._release()

    def _release(self) -> None:
        with self._lock:
            last = len(self._held)
            lost = {last + number for number in self._mishaps.lost if number < 0}
            events = [event for place, event in enumerate(self._held) if place not in lost]
            self._held = []
            self._deliver(_shuffled(events) if self._mishaps.shuffled else events)

    def _deliver(self, events: list[LogEvent]) -> None:
        if self._mishaps.duplicated:
            events = [event for event in events for _ in range(2)]
        for start in range(0, len(events), _BATCH):
            self._put(events[start : start + _BATCH])


def _shuffled(events: list[LogEvent]) -> list[LogEvent]:
    """Put the messages in another order; the times stay, since CloudWatch Logs answers in their order."""
    messages = [event["message"] for event in events]
    others = random.Random(1).sample(messages, len(messages))
    if others == messages:
        others.reverse()
    return [{**event, "message": message} for event, message in zip(events, others, strict=True)]
