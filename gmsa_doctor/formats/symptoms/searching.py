"""The lines of a log that have a known text."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from gmsa_doctor.formats.symptoms.matching import matches
from gmsa_doctor.formats.symptoms.reading import lines_of, redacted

_MOST = 50


def known_lines(log: Sequence[tuple[datetime, str]]) -> tuple[tuple[str, ...], datetime] | None:
    """The newest lines with a known text, without secrets, and the time of the last one; None if there are none."""
    lines = [(time, line) for time, text in log for line in lines_of(text)]
    known = sorted({match.line for match in matches([line for _, line in lines])})[-_MOST:]
    if not known:
        return None
    return tuple(redacted(lines[number][1]) for number in known), lines[known[-1]][0]
