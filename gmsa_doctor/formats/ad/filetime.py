"""Times and intervals in Active Directory: multiples of 100 ns (MS-DTYP 2.3.3, FILETIME)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

NEVER = 0x7FFF_FFFF_FFFF_FFFF
"""In ``accountExpires`` and ``msDS-UserPasswordExpiryTimeComputed``: never (MS-ADTS 3.1.1.4.5.37)."""

_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)


def instant(ticks: int) -> datetime | None:
    """The time after ``ticks`` of 100 ns since 1601; ``None`` for 0, never, and values out of range."""
    if ticks <= 0:
        return None
    try:
        return _EPOCH + timedelta(microseconds=ticks // 10)
    except OverflowError:
        return None


def generalized(text: str | None) -> str:
    """A GeneralizedTime (RFC 4517 3.3.13) such as ``20260102030405.0Z``, as ISO 8601; empty for any other text."""
    try:
        return datetime.strptime((text or "")[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC).isoformat()
    except ValueError:
        return ""


def number(text: str | None) -> int | None:
    """The integer in an attribute of the syntax LargeInteger or Integer; ``None`` if it is not an integer."""
    try:
        return None if text is None else int(text)
    except ValueError:
        return None
