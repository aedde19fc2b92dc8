"""The value of ``msDS-ManagedPassword``: MSDS-MANAGEDPASSWORD_BLOB (MS-ADTS 2.2.19)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from gmsa_doctor.core.hidden import Hidden

_HEADER = struct.Struct("<HHIHHHH")
_VERSION = 1


class BlobError(ValueError):
    """Not a managed-password blob. The message does not contain any content."""


@dataclass(frozen=True)
class ManagedPassword:
    """The current password of a gMSA, as UTF-16LE without the terminating NUL."""

    current: Hidden[bytes]

    def utf8(self) -> Hidden[bytes]:
        """The password as Kerberos uses it (MS-KILE 3.1.1.2: UTF-8 of the UTF-16 string).

        An unpaired surrogate becomes U+FFFD, as in Active Directory.
        """
        return Hidden(self.current.reveal().decode("utf-16-le", errors="replace").encode())

    @property
    def has_newline(self) -> bool:
        """Whether the password contains U+000A, where Credentials Fetcher 1.3 truncates it."""
        return b"\n" in self.utf8().reveal()


def parse(blob: bytes) -> ManagedPassword:
    """Parse a blob. Raises BlobError."""
    if len(blob) < _HEADER.size:
        raise BlobError(f"{len(blob)} bytes are too short for the header of {_HEADER.size} bytes")
    version, _reserved, length, offset, _previous, _query, _unchanged = _HEADER.unpack_from(blob)
    if version != _VERSION:
        raise BlobError(f"its version is {version}, not {_VERSION}")
    if length != len(blob):
        raise BlobError(f"its length field says {length}, but it has {len(blob)} bytes")
    if offset < _HEADER.size or offset >= len(blob):
        raise BlobError("the password is outside of the blob")
    for end in range(offset, len(blob) - 1, 2):
        if blob[end : end + 2] == b"\0\0":
            return ManagedPassword(Hidden(blob[offset:end]))
    raise BlobError("the password is not terminated")
