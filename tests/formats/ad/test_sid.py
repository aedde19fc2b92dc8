"""Security identifiers."""

import struct
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ldap3.protocol.formatters import formatters

from gmsa_doctor.formats.ad.sid import SidError, parse, parse_at

authorities = st.integers(min_value=0, max_value=2**48 - 1)
subs = st.lists(st.integers(min_value=0, max_value=2**32 - 1), max_size=15)


def build(authority: int, subs: list[int]) -> bytes:
    return struct.pack("<BB", 1, len(subs)) + authority.to_bytes(6, "big") + struct.pack(f"<{len(subs)}I", *subs)


def test_the_sid_of_a_domain_user() -> None:
    assert parse(build(5, [21, 1, 2, 3, 1103])) == "S-1-5-21-1-2-3-1103"


def test_a_large_authority_is_hexadecimal() -> None:
    assert parse(build(1 << 32, [])) == "S-1-0x000100000000"


@given(st.integers(min_value=0, max_value=2**32 - 1), subs)
def test_complete_sids_are_read_as_by_ldap3(authority: int, subs: list[int]) -> None:
    untyped: Any = formatters
    assert parse(build(authority, subs)) == untyped.format_sid(build(authority, subs))


@given(authorities, subs, st.binary(max_size=9))
def test_a_sid_is_found_within_other_bytes(authority: int, subs: list[int], around: bytes) -> None:
    data = build(authority, subs)
    assert parse_at(around + data + around, len(around)) == (parse(data), len(data))


@given(authorities, subs, st.data())
def test_a_truncated_sid_is_an_error(authority: int, subs: list[int], data: st.DataObject) -> None:
    whole = build(authority, subs)
    with pytest.raises(SidError):
        parse(whole[: data.draw(st.integers(min_value=0, max_value=len(whole) - 1))])
    with pytest.raises(SidError):
        parse(whole + b"\0")


@given(st.binary(max_size=80), st.integers(min_value=-5, max_value=90))
def test_any_bytes_are_read_or_an_error(data: bytes, offset: int) -> None:
    with suppress(SidError):
        assert parse_at(data, offset)[0].startswith("S-1-")


@pytest.mark.parametrize("data", [b"\x02\x00" + bytes(6), b"\x01\x10" + bytes(6 + 64)])
def test_another_revision_or_too_many_sub_authorities_are_an_error(data: bytes) -> None:
    with pytest.raises(SidError):
        parse(data)
