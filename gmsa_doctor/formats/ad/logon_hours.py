"""``logonHours`` (MS-ADTS 2.3.1, MS-SAMR 2.2.6.5): in which hours of the week a user may log on."""

from __future__ import annotations

from datetime import datetime

HOURS = 7 * 24


def allowed(hours: bytes | None) -> int:
    """In how many of the week's 168 hours the user may log on; without the attribute in all."""
    if hours is None or len(hours) * 8 < HOURS:
        return HOURS
    return sum(byte.bit_count() for byte in hours[: HOURS // 8])


def allows(hours: bytes | None, when: datetime) -> bool:
    """Whether the user may log on at ``when`` (UTC). Bit 0 is Sunday's first hour, of each byte the lowest first."""
    if hours is None or len(hours) * 8 < HOURS:
        return True
    hour = when.isoweekday() % 7 * 24 + when.hour
    return bool(hours[hour // 8] >> hour % 8 & 1)
