"""Keeps this process's memory to itself: no core dump, and no other process of the same user reads it."""

from __future__ import annotations

import contextlib
import functools

_PR_SET_DUMPABLE = 4
"""Source: prctl(2), Linux. Not dumpable: no core dump, also none that ``core_pattern`` pipes to a program; ptrace, and
/proc/PID/mem and environ, are for root only."""


@functools.cache
def close() -> None:
    """Turn core dumps off, once. Called before the first secret is in memory. Elsewhere than on Linux: by the limit."""
    import ctypes
    import resource

    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
