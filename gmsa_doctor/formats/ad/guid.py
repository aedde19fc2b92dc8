"""GUIDs as Active Directory stores them (MS-DTYP 2.3.4.2): the first three fields are little-endian."""

from __future__ import annotations

from uuid import UUID


def parse(data: bytes | None) -> str | None:
    """The text of a binary GUID, in lower case and without braces; ``None`` if it is not a GUID."""
    return str(UUID(bytes_le=data)) if data is not None and len(data) == 16 else None


def plain(text: str) -> str | None:
    """A GUID written by hand, in the same form; ``None`` if it is not a GUID."""
    try:
        return str(UUID(text.strip()))
    except ValueError:
        return None
