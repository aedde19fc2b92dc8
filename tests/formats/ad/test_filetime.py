"""Times in Active Directory."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gmsa_doctor.formats.ad.filetime import NEVER, instant, number


def test_times_count_from_1601() -> None:
    assert instant(116_444_736_000_000_000) == datetime(1970, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("ticks", [0, -1, NEVER, 1 << 200])
def test_zero_and_never_are_none(ticks: int) -> None:
    assert instant(ticks) is None


@given(st.integers())
def test_any_number_is_a_time_or_none(ticks: int) -> None:
    found = instant(ticks)
    assert found is None or found.year >= 1601


@given(st.none() | st.text())
def test_a_text_that_is_not_a_number_is_none(text: str | None) -> None:
    found = number(text)
    assert found is None or found == int(text or "")
