"""Security identifiers (MS-DTYP 2.4.2).

``ldap3.protocol.formatters.formatters.format_sid`` is not used: it is lenient (a truncated SID gives a wrong text, its
result is sometimes bytes), and importing it loads all of ldap3.
"""

from __future__ import annotations

import struct

WELL_KNOWN = {
    "S-1-1-0": "Everyone",
    "S-1-3-0": "CREATOR OWNER",
    "S-1-5-2": "NT AUTHORITY\\NETWORK",
    "S-1-5-4": "NT AUTHORITY\\INTERACTIVE",
    "S-1-5-7": "NT AUTHORITY\\ANONYMOUS LOGON",
    "S-1-5-9": "NT AUTHORITY\\ENTERPRISE DOMAIN CONTROLLERS",
    "S-1-5-10": "NT AUTHORITY\\SELF",
    "S-1-5-11": "NT AUTHORITY\\Authenticated Users",
    "S-1-5-15": "NT AUTHORITY\\This Organization",
    "S-1-5-18": "NT AUTHORITY\\SYSTEM",
    "S-1-5-32-544": "BUILTIN\\Administrators",
    "S-1-5-32-545": "BUILTIN\\Users",
    "S-1-5-32-546": "BUILTIN\\Guests",
    "S-1-5-32-554": "BUILTIN\\Pre-Windows 2000 Compatible Access",
    "S-1-18-1": "Authentication authority asserted identity",
}
"""Well-known SIDs (MS-DTYP 2.4.2.4) that may occur in a DACL."""

OF_EVERY_LOGON = frozenset(("S-1-1-0", "S-1-5-2", "S-1-5-11", "S-1-5-15", "S-1-18-1"))
"""SIDs that every network logon with Kerberos has in addition to those of the user and its groups."""

_FIXED = 8
_MOST_SUB_AUTHORITIES = 15


class SidError(ValueError):
    """Not a SID."""


def parse(data: bytes) -> str:
    """The text (``S-1-5-21-…``) of a binary SID that fills ``data``. Raises SidError."""
    text, size = parse_at(data, 0)
    if size != len(data):
        raise SidError(f"{len(data) - size} extra bytes after the SID")
    return text


def parse_at(data: bytes, offset: int) -> tuple[str, int]:
    """The text of the SID at ``offset`` and its size in bytes. Raises SidError."""
    if offset < 0 or offset + _FIXED > len(data):
        raise SidError("cut off in its fixed part")
    revision, count = data[offset], data[offset + 1]
    if revision != 1 or count > _MOST_SUB_AUTHORITIES:
        raise SidError(f"revision {revision} with {count} sub-authorities")
    size = _FIXED + 4 * count
    if offset + size > len(data):
        raise SidError("cut off in its sub-authorities")
    authority = int.from_bytes(data[offset + 2 : offset + _FIXED], "big")
    subs = struct.unpack_from(f"<{count}I", data, offset + _FIXED)
    # MS-DTYP 2.4.2.1: decimal below 2^32, otherwise twelve hexadecimal digits
    first = str(authority) if authority < 1 << 32 else f"0x{authority:012X}"
    return "-".join(("S", "1", first, *map(str, subs))), size


def domain_of(text: str) -> str | None:
    """The SID of the domain (``S-1-5-21-…``, three numbers) that the account belongs to; None for other SIDs."""
    parts = text.split("-")
    return "-".join(parts[:-1]) if text.startswith("S-1-5-21-") and len(parts) == 8 else None


def rid_of(text: str) -> int:
    """The relative id: the last number. For example, Domain Users is 513 in each domain (MS-DTYP 2.4.2.4)."""
    return int(text.rpartition("-")[2], 0)  # in a SID without one, the authority, which may be hexadecimal
