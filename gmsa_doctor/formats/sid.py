"""Security identifiers (MS-DTYP 2.4.2).

``ldap3.protocol.formatters.formatters.format_sid`` is not used: it is lenient (a truncated SID gives a
wrong text, its result is sometimes bytes), and importing it loads all of ldap3.
"""

from __future__ import annotations

import struct

_FIXED = 8
_MOST_SUB_AUTHORITIES = 15


class SidError(ValueError):
    """Not a SID."""


def parse(data: bytes) -> str:
    """The text (``S-1-5-21-…``) of a binary SID that fills ``data``. Raises SidError."""
    text, size = parse_at(data, 0)
    if size != len(data):
        raise SidError(f"{len(data) - size} bytes too many after the SID")
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
    # MS-DTYP 2.4.2.1: decimal below 2^32, else twelve hexadecimal digits
    first = str(authority) if authority < 1 << 32 else f"0x{authority:012X}"
    return "-".join(("S", "1", first, *map(str, subs))), size
