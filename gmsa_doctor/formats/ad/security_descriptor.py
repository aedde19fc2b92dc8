"""The DACL of a self-relative security descriptor (MS-DTYP 2.4.6, 2.4.5, 2.4.4).

``msDS-GroupMSAMembership`` holds one: it says who may retrieve a gMSA's password. ldap3 has no parser.
"""

from __future__ import annotations

import struct
import uuid
from collections.abc import Collection
from dataclasses import dataclass

from gmsa_doctor.formats.ad import sid

READ_PROPERTY = 0x10
"""RIGHT_DS_READ_PROPERTY (MS-ADTS 5.1.3.2): what ``msDS-GroupMSAMembership`` must grant to who reads the password
(MS-ADTS 3.1.1.4.4)."""

_HEADER = struct.Struct("<BBHIIII")
_ACL = struct.Struct("<BBHHH")
_ACE = struct.Struct("<BBH")
_DACL_PRESENT = 0x0004
_SELF_RELATIVE = 0x8000
_INHERIT_ONLY = 0x08
_INHERITED = 0x10
_ALLOW = {0x00: False, 0x05: True}
_DENY = {0x01: False, 0x06: True}
"""Type of an ACE, and whether it is an object ACE (which may carry two GUIDs before the SID)."""


class DescriptorError(ValueError):
    """Not a self-relative security descriptor."""


@dataclass(frozen=True)
class Ace:
    """One entry of the DACL: who is allowed or denied what. The order of entries matters."""

    allow: bool
    sid: str
    mask: int
    object_type: str | None = None
    """The GUID of the one property (or right, or class) that an object ACE is about."""
    inherited: bool = False


def dacl(data: bytes) -> tuple[Ace, ...] | None:
    """The entries of the DACL that allow or deny something on the object itself, in order.

    ``None``: no DACL at all, which allows everything to everybody; ``()``: an empty one, which allows
    nothing to anybody. Audit, callback and inherit-only entries are left out. Raises DescriptorError.
    """
    if len(data) < _HEADER.size:
        raise DescriptorError(f"{len(data)} bytes are less than the header of {_HEADER.size} bytes")
    revision, _, control, _owner, _group, _sacl, offset = _HEADER.unpack_from(data)
    if revision != 1 or not control & _SELF_RELATIVE:
        raise DescriptorError(f"revision {revision}, control {control:#06x}")
    if not control & _DACL_PRESENT or offset == 0:
        return None
    return _entries(_acl(data, offset))


def _acl(data: bytes, offset: int) -> bytes:
    if offset < _HEADER.size or offset + _ACL.size > len(data):
        raise DescriptorError("the DACL lies outside")
    _, _, size, _, _ = _ACL.unpack_from(data, offset)
    if size < _ACL.size or offset + size > len(data):
        raise DescriptorError(f"the DACL's size of {size} bytes is wrong")
    return data[offset : offset + size]


def _entries(acl: bytes) -> tuple[Ace, ...]:
    _, _, _, count, _ = _ACL.unpack_from(acl)
    aces: list[Ace] = []
    offset = _ACL.size
    for _ in range(count):
        if offset + _ACE.size > len(acl):
            raise DescriptorError("cut off before an entry")
        kind, flags, size = _ACE.unpack_from(acl, offset)
        if size < _ACE.size or offset + size > len(acl):
            raise DescriptorError(f"the size of {size} bytes of an entry is wrong")
        if kind in _ALLOW | _DENY and not flags & _INHERIT_ONLY:
            aces.append(_ace(kind, flags, acl[offset + _ACE.size : offset + size]))
        offset += size
    return tuple(aces)


def _ace(kind: int, flags: int, body: bytes) -> Ace:
    with_guids = (_ALLOW | _DENY)[kind]
    at = 8 if with_guids else 4
    if len(body) < at:
        raise DescriptorError("an entry is cut off")
    (mask,) = struct.unpack_from("<I", body)
    object_type = None
    if with_guids:  # MS-DTYP 2.4.4.3: ObjectType and InheritedObjectType, each only if its bit is set
        (present,) = struct.unpack_from("<I", body, 4)
        if present & 1 and len(body) >= at + 16:
            object_type = str(uuid.UUID(bytes_le=body[at : at + 16]))
        at += 16 * (present & 3).bit_count()
    try:
        who, _ = sid.parse_at(body, at)
    except sid.SidError as error:
        raise DescriptorError(f"the SID of an entry: {error}") from error
    return Ace(kind in _ALLOW, who, mask, object_type, bool(flags & _INHERITED))


def decide(
    entries: tuple[Ace, ...] | None, sids: Collection[str], right: int = READ_PROPERTY
) -> tuple[bool, Ace | None]:
    """Whether who has these SIDs is granted ``right`` (one bit), and by which entry.

    The first entry for one of the SIDs that names the right decides (MS-DTYP 2.5.3.2); none: not granted. An object
    ACE about one property grants nothing of the object as a whole, which is what is asked for here.
    """
    if entries is None:
        return True, None
    for entry in entries:
        if entry.sid in sids and entry.mask & right and entry.object_type is None:
            return entry.allow, entry
    return False, None
