"""The encryption types that an account allows."""

import pytest

from gmsa_doctor.formats.ad.supported_encryption_types import AES, DES, EncryptionType, named, words


@pytest.mark.parametrize(
    ("value", "types"),
    [(28, EncryptionType.RC4 | AES), (4, EncryptionType.RC4), (3, DES), (0x80018, AES), (0x1F, DES | AES | 4)],
)
def test_the_bits_are_encryption_types(value: int, types: EncryptionType) -> None:
    assert named(value) == types


@pytest.mark.parametrize("value", [None, 0, 0x10000, 0x80000])
def test_without_an_encryption_type_the_default_applies(value: int | None) -> None:
    assert named(value) is None


def test_the_types_are_shown_by_name() -> None:
    assert words(28) == "0x1c (RC4, AES128, AES256)"
    assert words(0x10000) == "0x10000"
