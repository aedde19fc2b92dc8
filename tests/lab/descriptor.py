"""Security descriptors, written byte by byte (MS-DTYP 2.4.6), for `msDS-GroupMSAMembership`."""

import struct
import uuid
from dataclasses import dataclass

FULL = 0xF01FF
"""All rights to an object of the directory, as Set-ADServiceAccount gives them."""
READ_PROPERTY = 0x10
CONTROL_ACCESS = 0x100
_ADMINISTRATORS = "S-1-5-32-544"


@dataclass(frozen=True)
class Entry:
    """An entry of the list: who is allowed or denied what."""

    sid: str
    allow: bool = True
    mask: int = FULL
    object_type: str | None = None
    flags: int = 0


def sid(text: str) -> bytes:
    """Give a SID's bytes (MS-DTYP 2.4.2.2)."""
    _, revision, authority, *subs = text.split("-")
    head = struct.pack("<BB", int(revision), len(subs)) + int(authority).to_bytes(6, "big")
    return head + struct.pack(f"<{len(subs)}I", *map(int, subs))


def text(data: bytes) -> str:
    """Give the text of a SID's bytes."""
    subs = struct.unpack_from(f"<{data[1]}I", data, 8)
    return "-".join(map(str, ("S", data[0], int.from_bytes(data[2:8], "big"), *subs)))


def ace(entry: Entry) -> bytes:
    """Give an entry's bytes: an object ACE if it has an object type (MS-DTYP 2.4.4)."""
    kind = 0 if entry.allow else 1
    body = struct.pack("<I", entry.mask)
    if entry.object_type is not None:
        kind += 5
        body += struct.pack("<I", 1) + uuid.UUID(entry.object_type).bytes_le
    body += sid(entry.sid)
    return struct.pack("<BBH", kind, entry.flags, 4 + len(body)) + body


def descriptor(*entries: Entry, dacl: bool = True) -> bytes:
    """Give a descriptor that has these entries in this order; without a DACL it restricts nothing."""
    owner = sid(_ADMINISTRATORS)
    if not dacl:
        return struct.pack("<BBHIIII", 1, 0, 0x8000, 20, 0, 0, 0) + owner
    body = b"".join(map(ace, entries))
    acl = struct.pack("<BBHHH", 4, 0, 8 + len(body), len(entries), 0) + body
    return struct.pack("<BBHIIII", 1, 0, 0x8004, 20, 0, 0, 20 + len(owner)) + owner + acl
