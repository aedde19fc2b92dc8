"""The managed-password blob."""

import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gmsa_doctor.core.hidden import Hidden
from gmsa_doctor.formats.ad.managed_password import BlobError, ManagedPassword, parse

units = st.integers(min_value=1, max_value=0xFFFF)
passwords = st.lists(units, max_size=128).map(lambda codes: struct.pack(f"<{len(codes)}H", *codes))
ticks = st.integers(min_value=0, max_value=2**64 - 1)


def build(current: bytes, previous: bytes | None = None, query: int = 0, unchanged: int = 0) -> bytes:
    """Write a blob as Active Directory does: passwords, then intervals on a multiple of eight."""
    body = current + b"\0\0"
    previous_at = 16 + len(body) if previous is not None else 0
    body += previous + b"\0\0" if previous is not None else b""
    body += b"\0" * (-(16 + len(body)) % 8)
    query_at = 16 + len(body)
    body += struct.pack("<QQ", query, unchanged)
    return struct.pack("<HHIHHHH", 1, 0, 16 + len(body), 16, previous_at, query_at, query_at + 8) + body


BLOB = build("Gr\u00fcn\u20ac".encode("utf-16-le"), b"o\0l\0d\0", 600_000_000, 10)


def test_the_current_password_is_read() -> None:
    assert parse(BLOB) == ManagedPassword(Hidden("Grün€".encode("utf-16-le")))


@given(passwords, st.none() | passwords, ticks, ticks)
def test_what_is_written_is_read(current: bytes, previous: bytes | None, query: int, unchanged: int) -> None:
    assert parse(build(current, previous, query, unchanged)).current.reveal() == current


@given(st.integers(min_value=0, max_value=len(BLOB) - 1))
def test_a_truncated_blob_is_an_error(length: int) -> None:
    with pytest.raises(BlobError):
        parse(BLOB[:length])


@given(st.binary(max_size=80), st.integers(min_value=0, max_value=len(BLOB)), st.integers(min_value=0, max_value=20))
def test_a_corrupt_blob_is_read_or_an_error(junk: bytes, start: int, cut: int) -> None:
    corrupt = BLOB[:start] + junk + BLOB[start + cut :]
    for blob in (corrupt, corrupt[:4] + struct.pack("<I", len(corrupt)) + corrupt[8:]):
        with suppress(BlobError):
            parse(blob).utf8()


@given(st.binary(min_size=8, max_size=60))
def test_any_header_is_read_or_an_error(junk: bytes) -> None:
    blob = struct.pack("<HHI", 1, 0, 8 + len(junk)) + junk
    with suppress(BlobError):
        parse(blob)


def test_an_unpaired_surrogate_becomes_the_replacement_character() -> None:
    lone = struct.pack("<5H", 0x41, 0xD800, 0x42, 0xDC00, 0x43)
    assert parse(build(lone)).utf8() == Hidden("A\ufffdB\ufffdC".encode())
    assert parse(build("😀".encode("utf-16-le"))).utf8() == Hidden("😀".encode())
    assert parse(build(struct.pack("<H", 0xD83D))).utf8() == Hidden("\ufffd".encode())


@pytest.mark.parametrize(("password", "newline"), [("a\nb", True), ("ab", False), ("\u0a0a\u0a00", False)])
def test_a_newline_is_noticed(password: str, newline: bool) -> None:
    assert parse(build(password.encode("utf-16-le"))).has_newline is newline


def test_a_password_is_never_shown() -> None:
    blob = build("canary".encode("utf-16-le"))
    assert "canary" not in f"{parse(blob)!r}{parse(blob)}"
    assert "c\\x00a" not in repr(parse(blob))


def test_an_error_does_not_show_the_content() -> None:
    unterminated = build(b"")[:16] + "canary".encode("utf-16-le") * 3
    blob = unterminated[:4] + struct.pack("<I", len(unterminated)) + unterminated[8:]
    with pytest.raises(BlobError, match=r"^the password is not terminated$"):
        parse(blob)
