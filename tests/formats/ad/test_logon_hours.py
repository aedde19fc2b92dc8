"""The hours of the week in which a user may log on."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gmsa_doctor.formats.ad.logon_hours import HOURS, allowed, allows

SUNDAY = datetime(2026, 11, 22, 0, 30, tzinfo=UTC)


def test_the_first_bit_is_the_first_hour_of_sunday() -> None:
    only = b"\1" + bytes(20)
    assert allows(only, SUNDAY)
    assert not allows(only, SUNDAY.replace(hour=1))
    assert not allows(only, SUNDAY.replace(day=23))
    assert allowed(only) == 1


def test_the_last_bit_is_the_last_hour_of_saturday() -> None:
    only = bytes(20) + b"\x80"
    assert allows(only, datetime(2026, 11, 28, 23, 59, tzinfo=UTC))
    assert not allows(only, SUNDAY)


@pytest.mark.parametrize("hours", [None, b"", b"\0\0"])
def test_a_missing_or_short_attribute_restricts_nothing(hours: bytes | None) -> None:
    assert allows(hours, SUNDAY)
    assert allowed(hours) == HOURS


@given(st.none() | st.binary(), st.datetimes(timezones=st.just(UTC)))
def test_any_bytes_give_consistent_hours(hours: bytes | None, when: datetime) -> None:
    assert allows(hours, when) in (True, False)
    assert 0 <= allowed(hours) <= HOURS
