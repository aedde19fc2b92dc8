"""Error replies of a KDC, built as RFC 4120 and MS-KILE describe them."""

import struct


def der(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    if len(body) < 0x80:
        return bytes([tag, len(body)]) + body
    size = len(body).to_bytes(2, "big")
    return bytes([tag, 0x82]) + size + body


def error(code: int, e_data: bytes | None = None, e_text: bytes | None = None) -> bytes:
    fields = [
        der(0xA0, der(0x02, b"\x05")),
        der(0xA1, der(0x02, b"\x1e")),
        der(0xA4, der(0x18, b"20250101000000Z")),
        der(0xA5, der(0x02, b"\x00")),
        der(0xA6, der(0x02, code.to_bytes(2, "big", signed=True))),
        der(0xA9, der(0x1B, b"CORP.EXAMPLE")),
        der(0xAA, der(0x30, der(0xA0, der(0x02, b"\x02")), der(0xA1, der(0x30, der(0x1B, b"krbtgt"))))),
    ]
    if e_text is not None:
        fields.append(der(0xAB, der(0x1B, e_text)))
    if e_data is not None:
        fields.append(der(0xAC, der(0x04, e_data)))
    return der(0x7E, der(0x30, *fields))


def extended(status: int, kind: int = 3) -> bytes:
    """Write KERB-ERROR-DATA; the same bytes are one PA-DATA."""
    value = struct.pack("<III", status, 0, 1)
    return der(0x30, der(0xA1, der(0x02, bytes([kind]))), der(0xA2, der(0x04, value)))


def etype_info2(*entries: tuple[int, bytes]) -> bytes:
    """Write METHOD-DATA with PA-ETYPE-INFO2: encryption types with their salts."""
    written = [
        der(0x30, der(0xA0, der(0x02, bytes([kind]))), *([der(0xA1, der(0x1B, salt))] if salt else ()))
        for kind, salt in entries
    ]
    value = der(0x30, *written)
    return der(0x30, der(0x30, der(0xA1, der(0x02, b"\x13")), der(0xA2, der(0x04, value))))


def methods(*kinds: int) -> bytes:
    """Write METHOD-DATA with these types of pre-authentication, without values."""
    return der(
        0x30, *(der(0x30, der(0xA1, der(0x02, kind.to_bytes(2, "big"))), der(0xA2, der(0x04))) for kind in kinds)
    )
