"""A KDC's error reply."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gmsa_doctor.formats.ad.krb_error import KrbError, parse
from tests.lab.krb_error import der, error, etype_info2, extended

LOCKED = 0xC0000234


FULL = error(18, extended(LOCKED), b"x" * 200)


def test_the_salt_that_an_account_has_under_each_of_its_names() -> None:
    answer = parse(error(25, etype_info2((23, b""), (18, b"CORP.EXAMPLEreader"), (17, b"other"))))
    assert answer == KrbError(25, None, (23, 18, 17), b"CORP.EXAMPLEreader")
    assert parse(error(25, etype_info2((23, b"")))) == KrbError(25, None, (23,))
    assert parse(error(18, etype_info2((18, b"x")))) == KrbError(18)


def test_the_code_of_a_plain_refusal() -> None:
    assert parse(error(24)) == KrbError(24, None)


def test_the_nt_status_that_active_directory_adds() -> None:
    assert parse(FULL) == KrbError(18, LOCKED)


def test_the_nt_status_among_other_data() -> None:
    assert parse(error(18, der(0x30, extended(0, kind=19), extended(LOCKED)))) == KrbError(18, LOCKED)


@pytest.mark.parametrize("e_data", [b"", b"\x30", b"\x30\x00", b"text", extended(LOCKED, kind=1), b"\x04\x02hi"])
def test_other_data_have_no_nt_status(e_data: bytes) -> None:
    assert parse(error(18, e_data)) == KrbError(18, None)


@pytest.mark.parametrize("reply", [b"", b"\x6b\x03\x30\x01\x00", der(0x7E, der(0x30)), b"\x7e\x84\xff\xff\xff\xff"])
def test_any_other_reply_is_none(reply: bytes) -> None:
    assert parse(reply) is None


@given(st.binary(max_size=60), st.integers(min_value=0, max_value=len(FULL)), st.integers(min_value=0, max_value=30))
def test_any_bytes_are_read_or_none(junk: bytes, start: int, cut: int) -> None:
    parse(FULL[:start] + junk + FULL[start + cut :])
    parse(junk)


@given(st.integers(min_value=0, max_value=len(FULL) - 1))
def test_a_truncated_error_is_none(length: int) -> None:
    assert parse(FULL[:length]) is None


def _methods(*kinds: int) -> bytes:
    return der(0x30, *(der(0x30, der(0xA1, der(0x02, k.to_bytes(2, "big"))), der(0xA2, der(0x04, b""))) for k in kinds))


@pytest.mark.parametrize(
    ("kinds", "armored"), [((136,), True), ((136, 19), True), ((2, 136), False), ((16, 136), False), ((16, 2), False)]
)
def test_a_kdc_that_accepts_fast_alone_requires_armoring(kinds: tuple[int, ...], armored: bool) -> None:
    answer = parse(error(25, _methods(*kinds)))
    assert answer is not None
    assert answer.requires_armor is armored
