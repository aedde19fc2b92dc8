"""Times and intervals as Active Directory writes them: a number of 100 ns (MS-DTYP 2.3.3, FILETIME)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

NEVER = 0x7FFF_FFFF_FFFF_FFFF
"""In ``accountExpires`` and ``msDS-UserPasswordExpiryTimeComputed``: at no time (MS-ADTS 3.1.1.4.5.37)."""

_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)


def instant(ticks: int) -> datetime | None:
    """The time that ``ticks`` of 100 ns since 1601 stand for; ``None`` where that is none: 0, never, out of range."""
    if ticks <= 0:
        return None
    try:
        return _EPOCH + timedelta(microseconds=ticks // 10)
    except OverflowError:
        return None


def number(text: str | None) -> int | None:
    """The integer that an attribute of the syntax LargeInteger or Integer holds; ``None`` if it holds none."""
    try:
        return None if text is None else int(text)
    except ValueError:
        return None
