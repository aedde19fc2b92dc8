"""A KDC's error reply."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gmsa_doctor.formats.ad.krb_error import KrbError, parse

LOCKED = 0xC0000234


def der(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    if len(body) < 0x80:
        return bytes([tag, len(body)]) + body
    size = len(body).to_bytes(2, "big")
    return bytes([tag, 0x82]) + size + body


def error(code: int, e_data: bytes | None = None, e_text: bytes | None = None) -> bytes:
    fields = [
        der(0xA0, der(0x02, b"\x05")),
        der(0xA1, der(0x02, b"\x1e")),
        der(0xA4, der(0x18, b"20250101000000Z")),
        der(0xA5, der(0x02, b"\x00")),
        der(0xA6, der(0x02, code.to_bytes(2, "big", signed=True))),
        der(0xA9, der(0x1B, b"CORP.EXAMPLE")),
    ]
    if e_text is not None:
        fields.append(der(0xAB, der(0x1B, e_text)))
    if e_data is not None:
        fields.append(der(0xAC, der(0x04, e_data)))
    return der(0x7E, der(0x30, *fields))


def extended(status: int, kind: int = 3) -> bytes:
    """Write KERB-ERROR-DATA; the same bytes are one PA-DATA."""
    value = struct.pack("<III", status, 0, 1)
    return der(0x30, der(0xA1, der(0x02, bytes([kind]))), der(0xA2, der(0x04, value)))


FULL = error(18, extended(LOCKED), b"x" * 200)


def etype_info2(*entries: tuple[int, bytes]) -> bytes:
    """Write METHOD-DATA with PA-ETYPE-INFO2: encryption types with their salts."""
    written = [
        der(0x30, der(0xA0, der(0x02, bytes([kind]))), *([der(0xA1, der(0x1B, salt))] if salt else ()))
        for kind, salt in entries
    ]
    value = der(0x30, *written)
    return der(0x30, der(0x30, der(0xA1, der(0x02, b"\x13")), der(0xA2, der(0x04, value))))


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
