"""The bytes and the text of a file that may be anything, or a short reason why there are none."""

from __future__ import annotations

import os
import stat
from codecs import BOM_UTF16_BE, BOM_UTF16_LE

from gmsa_doctor.formats.documents.located import LocatedError, Position

FILE_LIMIT = 16 * 1024 * 1024
"""Bytes of a file that are read at most."""

_ARCHIVE = b"PK\x03\x04"
"""What a ZIP file starts with, which `terraform plan -out` writes."""


def read_bytes(where: str) -> bytes | str:
    """The first bytes of a file, one more than the limit; or why there are none.

    Only what is a file is opened: a FIFO would wait for its writer, and devices act on being opened.
    """
    try:
        if reason := _no_file(os.stat(where).st_mode):
            return reason
        descriptor = os.open(where, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
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
    """The system's reason, as the end of a sentence."""
    return f"cannot be read: {(error.strerror if isinstance(error, OSError) else None) or error}"


def text_of(body: bytes) -> str:
    """The text, without a byte-order mark. Raises LocatedError."""
    if body.startswith(_ARCHIVE):
        raise LocatedError("is an archive: of a Terraform plan, give what `terraform show -json` prints")
    if body.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) or (b"\0" in body[:2] and body[:2] != b"\0\0"):
        raise LocatedError("is UTF-16 or UTF-32: write it as UTF-8")
    if b"\0" in body:
        raise LocatedError("is no text")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        column = error.start - body.rfind(b"\n", 0, error.start)
        raise LocatedError("is not UTF-8", Position(line, column)) from None
