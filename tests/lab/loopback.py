"""Addresses of 127.77.0.0/16 that no other test run on this machine uses at the same time."""

import fcntl
import tempfile
from functools import cache
from io import TextIOWrapper
from itertools import count
from pathlib import Path
from threading import Lock

_held: list[TextIOWrapper] = []
"""The lock files of our blocks: a lock is held as long as its file is open, so until this process ends."""
_lock = Lock()
_numbers = count()


def fresh_address() -> str:
    """Give a loopback address on which nothing listens, and that no other caller gets.

    Raises OSError if all 249 blocks of 250 addresses are taken.
    """
    with _lock:
        block, host = divmod(next(_numbers), 250)
        return f"127.77.{_block(block)}.{host + 1}"


@cache
def _block(nth: int) -> int:
    """Reserve the `nth` block of this process and give its number."""
    directory = Path(tempfile.gettempdir()) / "gmsa-lab-addresses"
    directory.mkdir(exist_ok=True)
    for number in range(1, 250):
        file = (directory / f"127.77.{number}").open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            continue
        _held.append(file)
        return number
    raise OSError(f"no free block of addresses (the process's block number {nth})")
