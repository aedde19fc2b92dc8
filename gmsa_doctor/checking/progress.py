"""Progress on one line of standard error: a clock, and what the run waits for. On a terminal only."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Sequence
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Self, TextIO

from gmsa_doctor.core.engine import Progress
from gmsa_doctor.core.printable import printable

SECONDS = 0.1
"""Between two lines."""
_CLOCK_SECONDS = 1.0
"""Between two lines that differ in the clock only."""

_AWS, _DOMAIN_CONTROLLERS = "AWS", "the domain controllers"
_WAITS_FOR = {
    "credspec": "the CredSpec",
    "secret": "Secrets Manager",
    "dns": "DNS",
    "network": "the ports of the domain controllers",
    "kerberos": "Kerberos",
    "directory": "LDAP",
    "sql-server": "SQL Server",
    "canary": "the canary task",
    "probe": "the probe tasks",
    **dict.fromkeys(("domain-controllers", "user", "gmsa", "permission"), _DOMAIN_CONTROLLERS),
}
"""What the checks of an area wait for; those of other areas call AWS."""


class Display:
    """Draws the line, and clears it at the end. Silent if standard error is not a terminal."""

    def __init__(self, stream: TextIO | None = None, dns_servers: Sequence[str] = ()) -> None:
        self._stream = stream or sys.stderr
        self._speaks = bool(self._stream) and self._stream.isatty() and os.environ.get("TERM") != "dumb"
        self._dns = " ".join(["DNS", *dns_servers])
        self._started = time.monotonic()
        self._drawn = 0.0
        self._text: str | None = None
        self._lock = Lock()
        self._ended = Event()

    def __call__(self, progress: Progress) -> None:
        """Draw how far the checks are, unless that was done a moment ago."""
        if self._speaks and time.monotonic() - self._drawn >= SECONDS:
            check = progress.running[0] if progress.running else ""
            area = check.partition(".")[0]
            what = self._dns if area == "dns" else _WAITS_FOR.get(area, _AWS)
            self._draw(f"{progress.done}/{progress.total} checks  waiting for {what}{f' ({check})' if check else ''}")

    def waits_for(self, what: str) -> None:
        """Draw what comes before the checks, on a terminal only."""
        if self._speaks:
            self._draw(f"waiting for {what}")

    def say(self, text: str) -> None:
        """A step that takes long: on a terminal drawn in the same place, elsewhere a line of its own."""
        if self._speaks:
            self._draw(text)
        elif self._stream:
            self._write(f"gmsa-doctor: {printable(text)}\n")

    def line(self, text: str) -> None:
        """What stays on the screen: a line of its own."""
        self.clear()
        if self._stream:
            self._write(f"{printable(text)}\n")

    def clear(self) -> None:
        """Remove the line, before something else is written there."""
        with self._lock:
            self._text = None
            if self._drawn:
                self._drawn = 0.0
                self._redraw("")

    def __enter__(self) -> Self:
        if self._speaks:
            Thread(target=self._tick, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self.clear()

    def _tick(self) -> None:
        """Keep the clock going while nothing else happens."""
        while not self._ended.wait(_CLOCK_SECONDS):
            with self._lock:
                if self._text and not self._ended.is_set() and time.monotonic() - self._drawn >= _CLOCK_SECONDS:
                    self._write_line(self._text)

    def _draw(self, text: str) -> None:
        with self._lock:
            self._text = text
            self._write_line(text)

    def _write_line(self, text: str) -> None:
        self._drawn = time.monotonic()
        line = f"{self._drawn - self._started:.0f} s  {text}"
        self._redraw(printable(line)[: self._columns() - 1])

    def _columns(self) -> int:
        """Of this stream's own terminal: standard output may be a file."""
        try:
            return os.get_terminal_size(self._stream.fileno()).columns or 80
        except (OSError, ValueError):
            return 80

    def _redraw(self, line: str) -> None:
        self._write(f"\r\x1b[K{line}")

    def _write(self, text: str) -> None:
        """Nothing happens if the terminal is gone: the run goes on."""
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(text)
            self._stream.flush()
