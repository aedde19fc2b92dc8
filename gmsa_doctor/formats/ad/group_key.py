"""``msDS-ManagedPasswordId``: a Group Key Envelope (MS-GKDI 2.2.4), which names the key of a gMSA's password."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from uuid import UUID

_HEADER = struct.Struct("<I4sIiii16s")
_VERSION = 1
_MAGIC = b"KDSK"


class EnvelopeError(ValueError):
    """Not a Group Key Envelope."""


@dataclass(frozen=True)
class KeyId:
    """The KDS root key of a password."""

    root_key: str


def parse(data: bytes) -> KeyId:
    """Parse an envelope. Raises EnvelopeError."""
    if len(data) < _HEADER.size:
        raise EnvelopeError(f"{len(data)} bytes are too short for the header of {_HEADER.size} bytes")
    version, magic, _flags, _l0, _l1, _l2, root_key = _HEADER.unpack_from(data)
    if version != _VERSION or magic != _MAGIC:
        raise EnvelopeError("its version or magic number is not that of a Group Key Envelope")
    return KeyId(str(UUID(bytes_le=root_key)))
