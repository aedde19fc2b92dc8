"""The DACL of a security descriptor."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gmsa_doctor.formats.ad.security_descriptor import READ_PROPERTY, Ace, DescriptorError, dacl, decide

SID = bytes.fromhex("010500000000000515000000010000000200000003000000") + struct.pack("<I", 1103)
READER = "S-1-5-21-1-2-3-1103"
EVERYBODY, EVERYBODY_SID = bytes.fromhex("010100000000000100000000"), "S-1-1-0"


def ace(kind: int, mask: int, body: bytes, flags: int = 0) -> bytes:
    return struct.pack("<BBHI", kind, flags, 8 + len(body), mask) + body


def build(*aces: bytes, control: int = 0x8004, count: int | None = None, owner: bytes = b"") -> bytes:
    body = b"".join(aces)
    acl = struct.pack("<BBHHH", 4, 0, 8 + len(body), len(aces) if count is None else count, 0) + body
    return struct.pack("<BBHIIII", 1, 0, control, 20 if owner else 0, 0, 0, 20 + len(owner)) + owner + acl


FULL = build(
    ace(1, 0x10, EVERYBODY), ace(0, 0xF01FF, SID), ace(5, 0x100, struct.pack("<I", 3) + bytes(32) + SID), owner=SID
)


def test_entries_come_in_order() -> None:
    expected = (
        Ace(False, EVERYBODY_SID, 0x10),
        Ace(True, READER, 0xF01FF),
        Ace(True, READER, 0x100, "00000000-0000-0000-0000-000000000000"),
    )
    assert dacl(FULL) == expected


@pytest.mark.parametrize(("present", "guids"), [(0, 0), (1, 16), (2, 16), (3, 32)])
def test_object_entries_have_up_to_two_guids(present: int, guids: int) -> None:
    body = struct.pack("<I", present) + b"\xab" * guids + SID
    about = "abababab-abab-abab-abab-abababababab" if present & 1 else None
    expected = (Ace(True, READER, 1, about), Ace(False, READER, 2, about))
    assert dacl(build(ace(5, 1, body), ace(6, 2, body))) == expected


def test_an_entry_shows_whether_it_was_inherited() -> None:
    assert dacl(build(ace(0, 1, SID, flags=0x10))) == (Ace(True, READER, 1, inherited=True),)


def test_the_first_entry_with_one_of_the_sids_decides() -> None:
    deny, allow = Ace(False, EVERYBODY_SID, 0x10), Ace(True, READER, 0xF01FF)
    assert decide((deny, allow), {READER, EVERYBODY_SID}) == (False, deny)
    assert decide((allow, deny), {READER, EVERYBODY_SID}) == (True, allow)
    assert decide((deny, allow), {READER}) == (True, allow)
    assert decide((deny, allow), {"S-1-5-21-1-2-3-500"}) == (False, None)


def test_an_entry_for_another_right_or_for_one_property_does_not_decide() -> None:
    other = Ace(True, READER, 0x100)
    property_only = Ace(True, READER, READ_PROPERTY, "e362ed86-b728-0842-b27d-2dea7a9df218")
    assert decide((other, property_only), {READER}) == (False, None)


def test_a_missing_dacl_grants_everything_and_an_empty_one_nothing() -> None:
    assert decide(None, {READER}) == (True, None)
    assert decide((), {READER}) == (False, None)


def test_audit_callback_and_inherit_only_entries_are_omitted() -> None:
    assert dacl(build(ace(2, 1, SID), ace(9, 1, SID + b"cond"), ace(0, 1, SID, flags=0x08), ace(0, 2, SID))) == (
        Ace(True, READER, 2),
    )


def test_a_missing_dacl_differs_from_an_empty_one() -> None:
    assert dacl(build(control=0x8000)) is None
    assert dacl(struct.pack("<BBHIIII", 1, 0, 0x8004, 0, 0, 0, 0)) is None
    assert dacl(build()) == ()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        build(control=0x0004),
        build(count=1),
        b"\x02" + FULL[1:],
        build(ace(0, 1, SID[:-1])),
        build(struct.pack("<BBH", 0, 0, 0)),
        build(struct.pack("<BBH", 0, 0, 4)),
        build(struct.pack("<BBHI", 5, 0, 8, 1)),
        struct.pack("<BBHIIII", 1, 0, 0x8004, 0, 0, 0, 7) + bytes(40),
    ],
)
def test_a_corrupt_descriptor_is_an_error(data: bytes) -> None:
    with pytest.raises(DescriptorError):
        dacl(data)


@given(st.integers(min_value=0, max_value=len(FULL) - 1))
def test_a_truncated_descriptor_is_an_error(length: int) -> None:
    with pytest.raises(DescriptorError):
        dacl(FULL[:length])


@given(st.binary(max_size=60), st.integers(min_value=0, max_value=len(FULL)), st.integers(min_value=0, max_value=30))
def test_any_bytes_are_read_or_an_error(junk: bytes, start: int, cut: int) -> None:
    try:
        found = dacl(FULL[:start] + junk + FULL[start + cut :])
    except DescriptorError:
        return
    assert found is None or all(entry.sid.startswith("S-1-") for entry in found)
