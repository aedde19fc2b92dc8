"""A process that has a secret writes no core dump, and shows no value of an exception that nobody catches."""

import gc
import subprocess
import sys
import threading

import pytest

from gmsa_doctor.cli import process

PROGRAM = """
import ctypes, os, resource, sys
from gmsa_doctor.core.hidden import Hidden
is_dumpable = lambda: ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)
before = is_dumpable()
secret = Hidden("hunter2")
print(before, is_dumpable(), resource.getrlimit(resource.RLIMIT_CORE))
"""


def test_with_the_first_secret_core_dumps_are_off() -> None:
    ended = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert ended.stdout == "1 0 (0, 0)\n"


class Careless:
    """Its end fails."""

    def __del__(self) -> None:
        raise ValueError("hunter2")


def test_an_exception_that_nobody_catches_is_shown_without_its_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    process._hide_values()

    def burst() -> None:
        raise ValueError("hunter2")

    thread = threading.Thread(target=burst)
    thread.start()
    thread.join()
    Careless()
    gc.collect()
    shown = capsys.readouterr().err
    assert shown.count("ValueError in the background") == 2
    assert "in burst" in shown
    assert "hunter2" not in shown
