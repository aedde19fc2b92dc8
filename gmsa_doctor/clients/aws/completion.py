"""Names of clusters, services, schedules, rules and state machines for shell completion, within a short time limit."""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import time
from collections.abc import Callable, Iterator
from typing import NoReturn

from gmsa_doctor.clients.aws.ecs import EcsNames
from gmsa_doctor.clients.aws.session import Aws
from gmsa_doctor.clients.aws.task_starters import EventRules, Scheduler, StepFunctions

SECONDS = 1.2
"""For all AWS calls together, imports included. Completion offers the names that have arrived by then."""
VARIABLE = "GMSA_DOCTOR_COMPLETION_SECONDS"
"""The environment variable that sets another limit, for a slow connection."""


def clusters(profile: str | None, region: str | None) -> tuple[str, ...]:
    """Names of clusters that arrived in time; empty on any error."""
    return _in_time(lambda: EcsNames(Aws(profile, region)).clusters())


def services(cluster: str, profile: str | None, region: str | None) -> tuple[str, ...]:
    """Names of a cluster's services that arrived in time; empty on any error."""
    return _in_time(lambda: EcsNames(Aws(profile, region)).services(cluster))


def schedules(group: str, profile: str | None, region: str | None) -> tuple[str, ...]:
    """Names of a group's schedules that arrived in time; empty on any error."""
    return _in_time(lambda: Scheduler(Aws(profile, region)).schedules(group))


def rules(bus: str, profile: str | None, region: str | None) -> tuple[str, ...]:
    """Names of an event bus's rules that arrived in time; empty on any error."""
    return _in_time(lambda: EventRules(Aws(profile, region)).rules(bus))


def state_machines(profile: str | None, region: str | None) -> tuple[str, ...]:
    """Names of state machines that arrived in time; empty on any error."""
    return _in_time(lambda: StepFunctions(Aws(profile, region)).state_machines())


def _in_time(ask: Callable[[], Iterator[tuple[str, ...]]]) -> tuple[str, ...]:
    """The names that a child process has received when the time is over.

    It has no terminal, so that nothing can prompt (a profile with MFA, a ``credential_process``), and its own child
    processes are killed with it.
    """
    wanted = os.environ.get(VARIABLE, "")
    deadline = time.monotonic() + (float(wanted) if re.fullmatch(r"\d{1,3}(\.\d+)?", wanted) else SECONDS)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        _ask_alone(ask, write)
    os.close(write)
    try:
        return tuple(sorted(set(_read_until(read, deadline).decode().splitlines())))
    finally:
        os.close(read)
        for kill in (os.killpg, os.kill):  # the process group may not exist yet
            with contextlib.suppress(OSError):
                kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _ask_alone(ask: Callable[[], Iterator[tuple[str, ...]]], write: int) -> NoReturn:
    try:
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nothing, stream)
        for names in ask():
            os.write(write, "".join(f"{name}\n" for name in names).encode())
    finally:
        os._exit(0)  # on an error too: completion then offers no names, and shows no error


def _read_until(read: int, deadline: float) -> bytes:
    """All complete lines until the end or the deadline."""
    found = b""
    while (left := deadline - time.monotonic()) > 0 and select.select([read], [], [], left)[0]:
        part = os.read(read, 65536)
        if not part:
            break
        found += part
    return found[: found.rfind(b"\n") + 1]
