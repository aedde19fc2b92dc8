"""How a command ends: its exit code, its output, and one clear message for any error."""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import shlex
import shutil
import signal
import sys
import traceback
from collections.abc import Callable, Iterable
from enum import StrEnum
from pathlib import Path
from types import FrameType, TracebackType
from typing import NoReturn

import typer

from gmsa_doctor import __version__
from gmsa_doctor.core.errors import UsageError
from gmsa_doctor.core.exit_code import ExitCode


class Format(StrEnum):
    """The format of a report."""

    TEXT = "text"
    JSON = "json"


class Color(StrEnum):
    """When the text is colored."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


_ESCAPED = "backslashreplace"
"""For what cannot be encoded: lone surrogates out of a file's JSON."""


class _Signals:
    """What a Ctrl-C, the end of the terminal (SIGHUP) and SIGTERM do: the action ends, and still cleans up and reports.

    A closed terminal and a service manager send several signals: all but the first are ignored. The user may press
    Ctrl-C again; while signals are held, only the second time interrupts.
    """

    def __init__(self) -> None:
        self._interrupted = self._held = self._missed = False

    def install(self) -> None:
        """From now on, each of them raises KeyboardInterrupt in the main thread."""
        self._interrupted = self._held = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with contextlib.suppress(ValueError):  # not the main thread
                if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
                    signal.signal(number, self._receive)

    def hold(self) -> None:
        """From now on, the first Ctrl-C and all other signals have no effect."""
        self._interrupted = self._held = True
        self._missed = False

    def release(self) -> bool:
        """End of :meth:`hold`. Whether a signal had no effect meanwhile."""
        self._interrupted = self._held = False
        return self._missed

    def _receive(self, number: int, _: FrameType | None) -> None:
        first, self._interrupted = not self._interrupted, True
        self._missed = self._missed or self._held
        held, self._held = self._held, self._held and number != signal.SIGINT
        if first or (number == signal.SIGINT and not held):
            raise KeyboardInterrupt


_signals = _Signals()
hold_signals, release_signals = _signals.hold, _signals.release


def guarded(action: Callable[[], ExitCode]) -> NoReturn:
    """Run it and exit; any error becomes one clear message and an exit code."""
    try:
        _hide_values()
        _signals.install()
        code = action()
    except UsageError as error:
        say(str(error))
        code = ExitCode.USAGE
    except (KeyboardInterrupt, typer.Abort):  # Abort: of a question to the user
        say("interrupted")
        code = ExitCode.INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the last resort: a message without what may be a secret
        write_error(_crash(error))
        code = ExitCode.CRASH
    raise typer.Exit(code)


def say(text: str) -> None:
    """A line on standard error. Names out of files and AWS may hold what a terminal, or a CI system, would obey."""
    from gmsa_doctor.core.printable import printable

    write_error(f"gmsa-doctor: {printable(text)}")


def write_error(line: str) -> None:
    """Write to standard error. Nothing happens if nobody can read it: what the command does is not about it."""
    with contextlib.suppress(OSError, ValueError):
        typer.echo(line, err=True)


def _hide_values() -> None:
    """Python's own messages about an exception that nobody catches show its text, which may hold a secret."""
    import threading

    def show(uncaught: threading.ExceptHookArgs | sys.UnraisableHookArgs) -> None:
        name, frames = uncaught.exc_type.__name__, _frames(uncaught.exc_traceback)
        write_error(f"gmsa-doctor: {name} in the background; the run goes on:\n{frames}")

    threading.excepthook = sys.unraisablehook = show


def _crash(error: Exception) -> str:
    """Neither the error's text nor any local is shown: they may hold a secret."""
    frames = _frames(error.__traceback__)
    return f"gmsa-doctor {__version__} crashed with {type(error).__name__}; please report this:\n{frames}"


def _frames(trace: TracebackType | None) -> str:
    return "".join(f"  {frame.filename}:{frame.lineno} in {frame.name}\n" for frame in traceback.extract_tb(trace))


def print_(text: str, output: Path | None = None) -> None:
    """Write to standard output, or to the file. Raises UsageError if it cannot be written."""
    print_parts([ended(text)], output)


def ended(text: str) -> str:
    """The text with a line break at its end."""
    return text if text.endswith("\n") else f"{text}\n"


def print_parts(parts: Iterable[str], output: Path | None = None) -> None:
    """As :func:`print_`, for a long text; it ends with a line break."""
    if output:
        try:
            with output.open("w", encoding="utf-8", errors=_ESCAPED) as file:
                file.writelines(parts)
        except OSError as error:
            raise UsageError(f"{output} cannot be written: {error.strerror}") from error
        say(f"report written to {output}")
        return
    require_stdout()
    try:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors=_ESCAPED)
        sys.stdout.writelines(parts)
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):  # a reader such as `head` has seen enough
            raise UsageError(f"standard output cannot be written: {error.strerror}") from error


def require_stdout() -> None:
    """Raises UsageError if standard output is closed."""
    if not sys.stdout:
        raise UsageError("standard output is closed: open it, or give --output FILE to check")


MAX_INPUT = 10_000_000
"""Bytes of a text that are read at most."""


def standard_input(at_most: int = MAX_INPUT) -> str:
    """All of it, as text. Raises UsageError if it is closed or has more bytes."""
    if not sys.stdin:
        raise UsageError("standard input is closed: give the text as an argument")
    return decoded(sys.stdin.buffer.read(at_most + 1), "standard input", at_most)


def decoded(data: bytes, name: str, at_most: int = MAX_INPUT) -> str:
    """The text of these bytes: UTF-8, or UTF-16 as Windows writes it. Raises UsageError if there are too many."""
    if len(data) > at_most:
        raise UsageError(f"{name} is larger than {at_most / 1e6:g} MB: give the part around the failure")
    is_utf_16 = data.startswith((b"\xff\xfe", b"\xfe\xff")) and len(data) % 2 == 0
    return data.decode("utf-16" if is_utf_16 else "utf-8-sig", "replace")


_MAY_HOLD_SECRETS = ("--connection-string", "--parameter")


def command_line() -> str:
    """The command with its arguments, without the values that may hold a secret."""
    words = ["gmsa-doctor"]
    for before, word in itertools.pairwise(sys.argv):
        name, equals, _ = word.partition("=")
        if before in _MAY_HOLD_SECRETS:
            word = "<hidden>"
        elif equals and name in _MAY_HOLD_SECRETS:
            word = f"{name}=<hidden>"
        words.append(word)
    return shlex.join(words)


def width() -> int:
    """Columns of the terminal, at least 40; 80 in a pipe."""
    return max(40, shutil.get_terminal_size((80, 24)).columns) if sys.stdout.isatty() else 80


def speaks_unicode() -> bool:
    """Python writes UTF-8 even where the user has asked for C; LC_CTYPE it may have set by itself (PEP 538)."""
    locale = os.environ.get("LC_ALL") or os.environ.get("LANG")
    return "utf" in (sys.stdout.encoding or "").lower() and locale not in ("C", "POSIX")


def is_coloured(color: Color, output: Path | None) -> bool:
    """Whether the text is colored: by the option, otherwise by where it is written to."""
    if color is not Color.AUTO:
        return color is Color.ALWAYS
    if output or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return sys.stdout.isatty() or bool(os.environ.get("FORCE_COLOR"))


def require_writable(file: Path | None) -> None:
    """Raises UsageError, before any work is done, if the file or standard output could not be written."""
    if file is None:
        require_stdout()
    elif not (file.parent.is_dir() and os.access(file.parent, os.W_OK)):
        raise UsageError(f"{file} cannot be written: {file.parent} is not a writable directory")
    elif file.is_dir():
        raise UsageError(f"{file} cannot be written: it is a directory")
