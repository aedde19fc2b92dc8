"""The flags of an account, as a number and as text."""

import pytest

from gmsa_doctor.formats.ad.user_account_control import Control, words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0x202, "0x202 (ACCOUNTDISABLE, NORMAL_ACCOUNT)"),
        (0x10200, "0x10200 (NORMAL_ACCOUNT, DONT_EXPIRE_PASSWD)"),
        (0x8000_0000, "0x80000000"),
        (0, "0x0"),
    ],
)
def test_a_value_is_shown_with_the_names_of_its_flags(value: int, text: str) -> None:
    assert words(value) == text


def test_the_computed_attribute_has_the_same_flags() -> None:
    assert Control.LOCKOUT | Control.PASSWORD_EXPIRED == 0x800010
