"""The bytes and the text of any file, or a short reason why it cannot be read."""

from __future__ import annotations

import os
import stat
import sys
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from contextlib import suppress

from gmsa_doctor.formats.documents.located import LocatedError, Position

FILE_LIMIT = 16 * 1024 * 1024
"""Bytes of a file to read at most."""

STANDARD_INPUT = "-"
"""In place of a file's name."""

_OF_THE_SHELL = ("/dev/fd/", "/proc/self/fd/", "/dev/stdin")

UTF16 = "is UTF-16 or UTF-32: convert it to UTF-8"

_ARCHIVE = b"PK\x03\x04"
"""The first bytes of a ZIP file, such as `terraform plan -out` writes."""


def read_bytes(path: str) -> bytes | str:
    """The first bytes of a file, one more than the limit; or the reason why it cannot be read.

    Opens regular files, standard input (``-``) and pipes of the shell (``<(command)``) only: another FIFO would block
    until it has a writer, and opening a device may have an effect.
    """
    try:
        if path == STANDARD_INPUT:
            return sys.stdin.buffer.read(FILE_LIMIT + 1) if sys.stdin else "cannot be read: standard input is closed"
        if path.startswith(_OF_THE_SHELL) and stat.S_ISFIFO(os.stat(path).st_mode):
            with open(path, "rb") as pipe:
                return pipe.read(FILE_LIMIT + 1)
        if reason := _no_file(os.stat(path).st_mode):
            return reason
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:
            return _no_file(os.fstat(descriptor).st_mode) or file.read(FILE_LIMIT + 1)
    except (OSError, ValueError) as error:
        return cannot_be_read(error)


def _no_file(mode: int) -> str | None:
    if stat.S_ISREG(mode):
        return None
    kinds = {stat.S_IFDIR: "a directory", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
    return f"is {kinds.get(stat.S_IFMT(mode), 'a device')}, not a file"


def cannot_be_read(error: OSError | ValueError) -> str:
    """The system's reason, to follow the name of the file."""
    return f"cannot be read: {(error.strerror if isinstance(error, OSError) else None) or error}"


def is_utf16(body: bytes) -> bool:
    """Whether the bytes are UTF-16, as PowerShell's ``>`` writes it (or UTF-32)."""
    return body.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) or (b"\0" in body[:2] and body[:2] != b"\0\0")


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
