"""The bytes and the text of any file, or a short reason why it cannot be read."""

from __future__ import annotations

import os
import stat
import sys
from codecs import BOM_UTF16_BE, BOM_UTF16_LE, getincrementaldecoder
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

from gmsa_doctor.formats.documents.located import LocatedError, Position

FILE_LIMIT = 4 * 1024 * 1024
"""Bytes of a file to read at most. Only a Terraform plan may be longer: it is read in parts."""

TOO_LARGE = f"is larger than {FILE_LIMIT // 1024 // 1024} MB"

STANDARD_INPUT = "-"
"""In place of a file's name."""

_OF_THE_SHELL = ("/dev/fd/", "/proc/self/fd/", "/dev/stdin")

UTF16 = "is UTF-16 or UTF-32: convert it to UTF-8"

_ARCHIVE = b"PK\x03\x04"
"""The first bytes of a ZIP file, such as `terraform plan -out` writes."""


class Unreadable(Exception):
    """A file cannot be read; ``reason`` follows its name."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@contextmanager
def opened(path: str) -> Iterator[BinaryIO]:
    """A file, to read its bytes. Raises Unreadable, also if an error occurs while it is read.

    Opens regular files, standard input (``-``) and pipes of the shell (``<(command)``) only: another FIFO would block
    until it has a writer, and opening a device may have an effect.
    """
    try:
        if path == STANDARD_INPUT:
            if sys.stdin is None:
                raise Unreadable("cannot be read: standard input is closed")
            yield sys.stdin.buffer
        elif path.startswith(_OF_THE_SHELL) and stat.S_ISFIFO(os.stat(path).st_mode):
            with open(path, "rb") as pipe:
                yield pipe
        else:
            _require_file(os.stat(path).st_mode)
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            with open(descriptor, "rb") as file:
                _require_file(os.fstat(descriptor).st_mode)
                yield file
    except LocatedError:
        raise
    except (OSError, ValueError) as error:
        raise Unreadable(cannot_be_read(error)) from error


def read_bytes(path: str) -> bytes | str:
    """The bytes of a file, or the reason why it cannot be read."""
    try:
        with opened(path) as file:
            body = file.read(FILE_LIMIT + 1)
    except Unreadable as error:
        return error.reason
    return body if len(body) <= FILE_LIMIT else TOO_LARGE


def _require_file(mode: int) -> None:
    if not stat.S_ISREG(mode):
        kinds = {stat.S_IFDIR: "a directory", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
        raise Unreadable(f"is {kinds.get(stat.S_IFMT(mode), 'a device')}, not a file")


def cannot_be_read(error: OSError | ValueError) -> str:
    """The system's reason, to follow the name of the file."""
    return f"cannot be read: {(error.strerror if isinstance(error, OSError) else None) or error}"


def is_utf16(body: bytes) -> bool:
    """Whether the bytes are UTF-16, as PowerShell's ``>`` writes it (or UTF-32)."""
    return body.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) or (b"\0" in body[:2] and body[:2] != b"\0\0")


def without_nul(body: bytes) -> bytes:
    """UTF-16 and UTF-32 as plain letters, to search for words."""
    return body.replace(b"\0", b"") if b"\0" in body[:4] else body


def text_of(body: bytes) -> str:
    """The text, without a byte-order mark. Raises LocatedError."""
    if body.startswith(_ARCHIVE):
        raise LocatedError("is an archive. For a Terraform plan, use the output of `terraform show -json`")
    if is_utf16(body):
        with suppress(UnicodeDecodeError):
            text = body.decode("utf-16" if body.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-16-le")
            if "\0" not in text:
                return text
        raise LocatedError(UTF16)
    if b"\0" in body:
        raise LocatedError("is not text")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        column = error.start - body.rfind(b"\n", 0, error.start)
        raise LocatedError("is not UTF-8", Position(line, column)) from None


def texts_of(chunks: Iterable[bytes]) -> Iterator[str]:
    """As :func:`text_of`, for a file that is read in parts."""
    place, decoder = Position(1, 1), None
    for chunk in chunks:
        if decoder is None:
            wide = "utf-16" if chunk.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-16-le"
            decoder = getincrementaldecoder(wide if is_utf16(chunk) else "utf-8-sig")()
        try:
            text = decoder.decode(chunk)
        except UnicodeDecodeError as error:
            before = error.object[: error.start].decode("utf-8", "replace")
            raise LocatedError("is not UTF-8", _after(before, place)) from None
        place = _after(text, place)
        yield text


def _after(text: str, start: Position) -> Position:
    """The position after a text that begins at ``start``."""
    lines = text.count("\n")
    column = len(text) - text.rfind("\n") if lines else start.column + len(text)
    return Position(start.line + lines, column)
