"""How far a run is, on one line of standard error. On a terminal only, but for what takes minutes."""

from __future__ import annotations

import os
import sys
import time
from types import TracebackType
from typing import Self, TextIO

from gmsa_doctor.core.engine import Progress

SECONDS = 0.1
"""Between two drawings."""


class Display:
    """Draws the line, and clears it in the end. Silent where standard error is no terminal."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._speaks = bool(self._stream) and self._stream.isatty() and os.environ.get("TERM") != "dumb"
        self._drawn = 0.0

    def __call__(self, progress: Progress) -> None:
        """Draw, unless that was done a moment ago."""
        now = time.monotonic()
        if self._speaks and now - self._drawn >= SECONDS:
            self._drawn = now
            what = progress.running[0] if progress.running else ""
            line = f"checking {progress.done}/{progress.total} {what}"
            self._write(line[: self._columns() - 1])

    def say(self, text: str) -> None:
        """A step that takes long: on a terminal drawn in the same place, elsewhere a line of its own."""
        if self._speaks:
            self._drawn = time.monotonic()
            self._write(text[: self._columns() - 1])
        elif self._stream:
            self._stream.write(f"gmsa-doctor: {text}\n")
            self._stream.flush()

    def clear(self) -> None:
        """Take the line away, before something else is written there."""
        if self._drawn:
            self._drawn = 0.0
            self._write("")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()

    def _columns(self) -> int:
        """Of this stream's own terminal: standard output may be a file."""
        try:
            return os.get_terminal_size(self._stream.fileno()).columns or 80
        except (OSError, ValueError):
            return 80

    def _write(self, line: str) -> None:
        self._stream.write(f"\r\x1b[K{line}")
        self._stream.flush()
