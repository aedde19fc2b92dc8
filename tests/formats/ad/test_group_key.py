"""The envelope with the key id of a gMSA's password."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gmsa_doctor.formats.ad.group_key import EnvelopeError, KeyId, parse

ROOT = "08ae9b47-6c81-9a63-19e7-28b6e564499f"


def envelope(l0: int = 364, l1: int = 18, l2: int = 22, version: int = 1, magic: bytes = b"KDSK") -> bytes:
    """An envelope as a domain controller writes it, up to the root key's id."""
    numbers = (version.to_bytes(4, "little"), magic, bytes(4), *(part.to_bytes(4, "little") for part in (l0, l1, l2)))
    return b"".join(numbers) + UUID(ROOT).bytes_le


def test_the_envelope_has_the_root_key() -> None:
    assert parse(envelope() + b"corp.example") == KeyId(ROOT)


@pytest.mark.parametrize("data", [b"", envelope()[:-1], envelope(version=2), envelope(magic=b"KDSX")])
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(EnvelopeError):
        parse(data)


@given(st.binary(max_size=60) | st.binary(max_size=60).map(lambda rest: envelope()[:12] + rest))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        found = parse(data)
    except EnvelopeError:
        return
    assert UUID(found.root_key)
