"""``msDS-SupportedEncryptionTypes`` (MS-KILE 2.2.7): the encryption types that an account allows."""

from __future__ import annotations

from enum import IntFlag


class EncryptionType(IntFlag):
    """The bits for encryption types; the other bits are for Kerberos features."""

    DES_CRC = 0x1
    DES_MD5 = 0x2
    RC4 = 0x4
    AES128 = 0x8
    AES256 = 0x10


_ALL = EncryptionType(0x1F)
AES = EncryptionType.AES128 | EncryptionType.AES256
DES = EncryptionType.DES_CRC | EncryptionType.DES_MD5


def named(value: int | None) -> EncryptionType | None:
    """The encryption types in the attribute. ``None`` if it is missing, 0, or has features only.

    The domain controller's default then applies (``DefaultDomainSupportedEncTypes``, KB5021131).
    """
    return EncryptionType(value & _ALL) if value is not None and value & _ALL else None


def words(value: int) -> str:
    """The value in hexadecimal, with the names of its encryption types: ``0x1c (RC4, AES128, AES256)``."""
    names = ", ".join(flag.name or "" for flag in EncryptionType if value & flag)
    return f"0x{value:x} ({names})" if names else f"0x{value:x}"
