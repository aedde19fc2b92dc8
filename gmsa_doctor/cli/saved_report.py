"""A JSON report of an earlier run, as an argument."""

from __future__ import annotations

from pathlib import Path

from gmsa_doctor.core.errors import UsageError
from gmsa_doctor.core.model import Report

LIMIT = 512 * 1_048_576
"""Bytes. Reports of thousands of subjects are far below; a device that never ends is not."""


def saved_report(path: Path, what: str) -> Report:
    """Read it; ``what`` names the argument in a message. Raises UsageError where it cannot be read or is none."""
    from gmsa_doctor.report import reader

    try:
        with path.open("rb") as file:
            body = file.read(LIMIT + 1)
    except OSError as error:
        raise UsageError(f"{what} {path} cannot be read: {error.strerror}") from error
    if len(body) > LIMIT:
        raise UsageError(f"{what} {path} is longer than {LIMIT} bytes: too large for a report")
    try:
        return reader.read(body.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise UsageError(f"{what} {path}: not valid JSON: not UTF-8 at byte {error.start}") from error
    except reader.ReportError as error:
        raise UsageError(f"{what} {path}: {error}") from error
