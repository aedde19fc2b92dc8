"""The progress display: for a terminal only, one line, gone in the end."""

import fcntl
import io
import os
import pty
import struct
import termios
import time
from collections.abc import Callable, Iterator

import pytest

from gmsa_doctor.checking import progress
from gmsa_doctor.checking.progress import Display
from gmsa_doctor.core.engine import Progress

SOME = Progress(12, 24, ("kerberos.user-ticket", "network.ldap"))
Drawn = Callable[[], str]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _a_usual_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(progress, "SECONDS", 0)


@pytest.fixture
def narrow() -> Iterator[tuple[io.TextIOWrapper, Drawn]]:
    """A terminal of 20 columns, and what was drawn on it."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 20, 0, 0))
    with os.fdopen(slave, "w") as stream:
        yield stream, lambda: os.read(master, 1000).decode()
    os.close(master)


def test_it_says_how_far_the_run_is_and_clears_the_line_in_the_end() -> None:
    stream = Terminal()
    with Display(stream) as display:
        display(SOME)
        assert stream.getvalue().endswith("checking 12/24 kerberos.user-ticket")
    assert stream.getvalue().endswith("\r\x1b[K")
    assert "\n" not in stream.getvalue()


def test_it_is_cut_to_its_own_terminal_whatever_standard_output_is(narrow: tuple[io.TextIOWrapper, Drawn]) -> None:
    stream, drawn = narrow
    Display(stream)(SOME)
    assert drawn() == "\r\x1b[Kchecking 12/24 kerb"


def test_it_is_silent_where_nobody_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe, dumb = io.StringIO(), Terminal()
    with Display(pipe) as display:
        display(SOME)
    monkeypatch.setenv("TERM", "dumb")
    with Display(dumb) as display:
        display(SOME)
    assert pipe.getvalue() == dumb.getvalue() == ""


def test_it_draws_at_most_once_in_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "SECONDS", 3600)
    stream = Terminal()
    display = Display(stream)
    display._drawn = time.monotonic()
    display(SOME)
    assert stream.getvalue() == ""


def test_it_clears_the_line_of_a_run_that_is_interrupted() -> None:
    stream = Terminal()

    def interrupted() -> None:
        with Display(stream) as display:
            display(SOME)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert stream.getvalue().endswith("\r\x1b[K")
