"""``userAccountControl`` and ``msDS-User-Account-Control-Computed`` (MS-ADTS 2.2.16 and 3.1.1.4.5.17)."""

from __future__ import annotations

from enum import IntFlag


class Control(IntFlag):
    """The flags that affect a logon, by their names in MS-ADTS without ``ADS_UF_``."""

    ACCOUNTDISABLE = 0x2
    LOCKOUT = 0x10
    PASSWD_NOTREQD = 0x20
    NORMAL_ACCOUNT = 0x200
    INTERDOMAIN_TRUST_ACCOUNT = 0x800
    WORKSTATION_TRUST_ACCOUNT = 0x1000
    SERVER_TRUST_ACCOUNT = 0x2000
    DONT_EXPIRE_PASSWD = 0x1_0000
    SMARTCARD_REQUIRED = 0x4_0000
    TRUSTED_FOR_DELEGATION = 0x8_0000
    NOT_DELEGATED = 0x10_0000
    USE_DES_KEY_ONLY = 0x20_0000
    DONT_REQUIRE_PREAUTH = 0x40_0000
    PASSWORD_EXPIRED = 0x80_0000
    PARTIAL_SECRETS_ACCOUNT = 0x400_0000


def words(value: int) -> str:
    """The value in hexadecimal, with the names of its flags: ``0x202 (ACCOUNTDISABLE, NORMAL_ACCOUNT)``."""
    names = ", ".join(flag.name or "" for flag in Control if value & flag)
    return f"0x{value:x} ({names})" if names else f"0x{value:x}"
