"""The DACL of a self-relative security descriptor (MS-DTYP 2.4.6, 2.4.5, 2.4.4).

``msDS-GroupMSAMembership`` is one: it lists who may retrieve a gMSA's password. ldap3 has no parser for it.
"""

from __future__ import annotations

import struct
import uuid
from collections.abc import Collection
from dataclasses import dataclass

from gmsa_doctor.formats.ad import sid

READ_PROPERTY = 0x10
"""RIGHT_DS_READ_PROPERTY (MS-ADTS 5.1.3.2), which an account needs in ``msDS-GroupMSAMembership`` to read the password
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
    """One entry of the DACL, which allows or denies rights to a SID. The order of entries matters."""

    allow: bool
    sid: str
    mask: int
    object_type: str | None = None
    """The GUID of the property, right or class to which an object ACE applies."""
    inherited: bool = False


def dacl(data: bytes) -> tuple[Ace, ...] | None:
    """The entries of the DACL that allow or deny rights on the object itself, in order.

    ``None``: no DACL, which allows everything to everyone; ``()``: an empty DACL, which allows nothing to anyone.
    Audit, callback and inherit-only entries are omitted. Raises DescriptorError.
    """
    if len(data) < _HEADER.size:
        raise DescriptorError(f"{len(data)} bytes are too short for the header of {_HEADER.size} bytes")
    revision, _, control, _owner, _group, _sacl, offset = _HEADER.unpack_from(data)
    if revision != 1 or not control & _SELF_RELATIVE:
        raise DescriptorError(f"revision {revision}, control {control:#06x}")
    if not control & _DACL_PRESENT or offset == 0:
        return None
    if offset < _HEADER.size or offset + _ACL.size > len(data):
        raise DescriptorError("the DACL is outside of the descriptor")
    _, _, size, count, _ = _ACL.unpack_from(data, offset)
    if size < _ACL.size or offset + size > len(data):
        raise DescriptorError(f"the DACL's size of {size} bytes is wrong")
    return _entries(data[offset : offset + size], count)


def _entries(acl: bytes, count: int) -> tuple[Ace, ...]:
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
        trustee, _ = sid.parse_at(body, at)
    except sid.SidError as error:
        raise DescriptorError(f"the SID of an entry: {error}") from error
    return Ace(kind in _ALLOW, trustee, mask, object_type, bool(flags & _INHERITED))


def decide(
    entries: tuple[Ace, ...] | None, sids: Collection[str], right: int = READ_PROPERTY
) -> tuple[bool, Ace | None]:
    """Whether an account with these SIDs is granted ``right`` (one bit), and the entry that decides.

    The first entry with one of the SIDs and the right decides (MS-DTYP 2.5.3.2); without one, it is not granted. An
    object ACE for one property is ignored, because it does not grant rights on the object as a whole.
    """
    if entries is None:
        return True, None
    for entry in entries:
        if entry.sid in sids and entry.mask & right and entry.object_type is None:
            return entry.allow, entry
    return False, None
