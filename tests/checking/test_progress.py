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
        assert stream.getvalue().endswith("0 s  12/24 checks  waiting for Kerberos (kerberos.user-ticket)")
    assert stream.getvalue().endswith("\r\x1b[K")
    assert "\n" not in stream.getvalue()


def test_it_is_cut_to_its_own_terminal_whatever_standard_output_is(narrow: tuple[io.TextIOWrapper, Drawn]) -> None:
    stream, drawn = narrow
    Display(stream)(SOME)
    assert drawn() == "\r\x1b[K0 s  12/24 checks  "


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


def test_it_names_what_a_check_waits_for_and_the_dns_servers_that_were_given() -> None:
    stream = Terminal()
    with Display(stream, ["10.0.0.2"]) as display:
        display.waits_for("ECS: service web")
        assert stream.getvalue().endswith("0 s  waiting for ECS: service web")
        display(Progress(1, 9, ("dns.domain-controllers",)))
        assert stream.getvalue().endswith("waiting for DNS 10.0.0.2 (dns.domain-controllers)")
        display(Progress(2, 9, ("network-path.endpoints",)))
        assert stream.getvalue().endswith("waiting for AWS (network-path.endpoints)")


def test_each_area_that_has_its_own_words_is_one_of_the_checks() -> None:
    from gmsa_doctor.core.registry import load

    assert set(progress._WAITS_FOR) <= set(load().areas)


def test_the_clock_runs_while_nothing_else_happens_and_stops_after_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_CLOCK_SECONDS", 0.01)
    stream = Terminal()
    with Display(stream) as display:
        display._started -= 41
        display.waits_for("ECS")
        until(lambda: stream.getvalue().count("waiting for ECS") > 2)
        display.clear()
        drawn = stream.getvalue()
        assert "41 s  waiting for ECS" in drawn
        time.sleep(0.05)
        assert stream.getvalue() == drawn


def until(true: Callable[[], bool]) -> None:
    """Waits for what must happen; a test that waits for ever is ended from outside."""
    while not true():
        time.sleep(0.01)
