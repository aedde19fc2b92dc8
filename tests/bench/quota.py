"""A share of one processor, as the smallest Fargate task has it."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

_V1 = Path("/sys/fs/cgroup/cpu")
_V2 = Path("/sys/fs/cgroup")
_PERIOD = 100_000
"""Microseconds; the kernel's own, and that of container runtimes."""


class NoQuotaError(Exception):
    """CPU control groups are not available."""


@contextmanager
def share(part: float) -> Iterator[Path]:
    """Give a control group whose processes get this part of one processor. Raises NoQuotaError."""
    group = (_V1 if _V1.is_dir() else _V2) / f"gmsa-bench-{os.getpid()}"
    quota = round(part * _PERIOD)
    try:
        if not _V1.is_dir():
            (_V2 / "cgroup.subtree_control").write_text("+cpu")
        group.mkdir()
        if _V1.is_dir():
            (group / "cpu.cfs_period_us").write_text(str(_PERIOD))
            (group / "cpu.cfs_quota_us").write_text(str(quota))
        else:
            (group / "cpu.max").write_text(f"{quota} {_PERIOD}")
    except OSError as error:
        raise NoQuotaError(f"{group}: {error.strerror}") from error
    try:
        yield group
    finally:
        group.rmdir()


def seconds_until(
    happened: Callable[[], bool], arguments: Sequence[str], env: Mapping[str, str], group: Path, limit: float = 60
) -> float:
    """How long from the start of the process, in this group, until something has happened; then it is ended."""
    started = time.perf_counter()
    join = f'echo $$ > {group}/cgroup.procs; exec "$@"'
    process = subprocess.Popen(
        ["/bin/sh", "-c", join, "sh", *arguments], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        while not happened():
            if process.poll() is not None or time.perf_counter() - started > limit:
                shown = (process.communicate()[1] if process.poll() is not None else b"").decode(errors="replace")
                raise RuntimeError(f"{arguments[0]} made no call: {shown}")
            time.sleep(0.002)
        return time.perf_counter() - started
    finally:
        process.kill()
        process.wait()
