"""GUIDs in binary form and as text."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gmsa_doctor.formats.ad import guid

TEXT = "5c0d2e9b-8f43-4e0c-9d55-6b1f0f5b7c11"


def test_the_first_three_fields_are_little_endian() -> None:
    assert guid.parse(bytes.fromhex("9b2e0d5c438f0c4e9d556b1f0f5b7c11")) == TEXT


@pytest.mark.parametrize("data", [None, b"", bytes(15), bytes(17)])
def test_another_length_is_none(data: bytes | None) -> None:
    assert guid.parse(data) is None


@pytest.mark.parametrize("text", [TEXT, TEXT.upper(), f"{{{TEXT}}}", f" {TEXT} "])
def test_braces_case_and_blanks_are_ignored(text: str) -> None:
    assert guid.plain(text) == TEXT


@pytest.mark.parametrize("text", ["", "corp.example", TEXT[:-1]])
def test_a_text_that_is_not_a_guid_is_none(text: str) -> None:
    assert guid.plain(text) is None


@given(st.uuids())
def test_both_forms_agree(uuid: UUID) -> None:
    assert guid.parse(uuid.bytes_le) == guid.plain(str(uuid))
