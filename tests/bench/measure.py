"""Times two implementations alternately, so that a drift of the machine affects both."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Ratio:
    """Medians in seconds, and the median of the ratios pair by pair. ``limit``: the highest ratio allowed."""

    name: str
    ours: float
    theirs: float
    ratio: float
    limit: float | None

    @property
    def line(self) -> str:
        """One row of the report."""
        promise = "" if self.limit is None else f"  (promised: at most {self.limit:g})"
        verdict = "" if self.limit is None or self.ratio <= self.limit else "  MISSED"
        return f"{self.name:<44} {self.ours:8.3f} s {self.theirs:8.3f} s   {self.ratio:6.2f}{promise}{verdict}"


def compare(
    name: str, ours: Callable[[], object], theirs: Callable[[], object], *, runs: int = 9, limit: float | None = None
) -> Ratio:
    """Time both in turn, after one warm-up of each."""
    ours(), theirs()
    pairs = [(seconds(ours), seconds(theirs)) for _ in range(runs)]
    return Ratio(
        name,
        statistics.median(one for one, _ in pairs),
        statistics.median(other for _, other in pairs),
        statistics.median(one / other for one, other in pairs),
        limit,
    )


def seconds(action: Callable[[], object]) -> float:
    """How long it takes."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def as_installed(env: Mapping[str, str]) -> dict[str, str]:
    """The environment without what makes Python compile all modules each time: an installed command is compiled."""
    return {name: value for name, value in env.items() if name != "PYTHONDONTWRITEBYTECODE"}


def command(
    arguments: Sequence[str], env: Mapping[str, str] | None = None, *, codes: tuple[int, ...] = (0,), stdin: bytes = b""
) -> Callable[[], bytes]:
    """A whole process as an action; an unexpected exit code ends the bench."""
    env = as_installed(os.environ if env is None else env)

    def run() -> bytes:
        done = subprocess.run(arguments, env=env, input=stdin, capture_output=True, check=False)
        if done.returncode not in codes:
            shown = (done.stdout + done.stderr).decode(errors="replace")
            raise RuntimeError(f"{arguments[0]} ended with {done.returncode}:\n{shown}")
        return done.stdout

    return run
