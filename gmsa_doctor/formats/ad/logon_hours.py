"""``logonHours`` (MS-ADTS 2.3.1, MS-SAMR 2.2.6.5): the hours of the week in which a user may log on."""

from __future__ import annotations

from datetime import datetime

HOURS = 7 * 24


def allowed(hours: bytes | None) -> int:
    """The number of hours in the week (of 168) in which the user may log on; all without the attribute."""
    if hours is None or len(hours) * 8 < HOURS:
        return HOURS
    return sum(byte.bit_count() for byte in hours[: HOURS // 8])


def allows(hours: bytes | None, when: datetime) -> bool:
    """Whether the user may log on at ``when`` (UTC). Bit 0 is Sunday's first hour; bytes start at the lowest bit."""
    if hours is None or len(hours) * 8 < HOURS:
        return True
    hour = when.isoweekday() % 7 * 24 + when.hour
    return bool(hours[hour // 8] >> hour % 8 & 1)
