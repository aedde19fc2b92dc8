"""The subset of DER (ITU-T X.690) that Kerberos messages use: elements with one-byte tags."""

from __future__ import annotations


class DerError(ValueError):
    """An element is cut off or missing."""


def element(data: bytes, at: int = 0) -> tuple[int, bytes, int]:
    """The element at ``at``: its tag, its value, and the offset of the next element. Raises DerError."""
    if at + 2 > len(data):
        raise DerError("cut off before an element")
    tag, length = data[at], data[at + 1]
    at += 2
    if length & 0x80:
        size = length & 0x7F
        length = int.from_bytes(data[at : at + size], "big")
        at += size
    if at + length > len(data):
        raise DerError("an element is cut off")
    return tag, data[at : at + length], at + length


def elements(body: bytes) -> list[tuple[int, bytes]]:
    """The elements in ``body``, in order. Raises DerError."""
    parsed, at = [], 0
    while at < len(body):
        tag, value, at = element(body, at)
        parsed.append((tag, value))
    return parsed


def fields(body: bytes) -> dict[int, bytes]:
    """The elements of a sequence's body by their tags. Raises DerError."""
    return dict(elements(body))


def inside(sequence: dict[int, bytes], tag: int) -> bytes:
    """The value of the element in the field ``tag``, an explicit tag. Raises DerError."""
    if tag not in sequence:
        raise DerError("a field is missing")
    return element(sequence[tag])[1]


def number(sequence: dict[int, bytes], tag: int) -> int:
    """The INTEGER in the field ``tag``. Raises DerError."""
    return int.from_bytes(inside(sequence, tag), "big", signed=True)


def encoded(tag: int, body: bytes) -> bytes:
    """An element with this value."""
    size = len(body)
    if size < 0x80:
        return bytes((tag, size)) + body
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + body
