"""``msDS-ManagedPasswordId``: a Group Key Envelope (MS-GKDI 2.2.4), which names the key of a gMSA's password."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

_HEADER = struct.Struct("<I4sIiii16s")
_VERSION = 1
_MAGIC = b"KDSK"
_CYCLE = timedelta(hours=10)
"""Of one key, KEY_CYCLE_DURATION; 32 of them make an interval of the next level. Source: MS-GKDI 3.1.4.1."""
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)


class EnvelopeError(ValueError):
    """Not a Group Key Envelope."""


@dataclass(frozen=True)
class KeyId:
    """The key that a password was made with: the KDS root key, and the interval of ten hours."""

    root_key: str
    interval: int

    @property
    def begins(self) -> datetime | None:
        """When the interval began; ``None`` where that is no time."""
        try:
            return _EPOCH + self.interval * _CYCLE
        except OverflowError:
            return None


def parse(data: bytes) -> KeyId:
    """Parse an envelope. Raises EnvelopeError."""
    if len(data) < _HEADER.size:
        raise EnvelopeError(f"{len(data)} bytes are less than the header of {_HEADER.size} bytes")
    version, magic, _flags, l0, l1, l2, root_key = _HEADER.unpack_from(data)
    if version != _VERSION or magic != _MAGIC:
        raise EnvelopeError("neither its version nor its magic number are those of a Group Key Envelope")
    return KeyId(str(UUID(bytes_le=root_key)), (l0 * 32 + l1) * 32 + l2)
