"""A document through a log stream: in numbered and checksummed lines, which may arrive twice, late or in any order.

A line holds at most 8 KB, half of what the log drivers of containers cut at.
Source: https://docs.docker.com/engine/logging/drivers/awslogs/ (events are cut at 16 KB by default).
"""

from __future__ import annotations

import base64
import hashlib
import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

MARK = "GMSA-DOCTOR-REPORT"
LINE_LIMIT = 8 * 1024
"""Bytes of a line at most."""
PAYLOAD = LINE_LIMIT - 256
DOCUMENT_LIMIT = 16 * 1024 * 1024
"""Bytes of a document at most, when unpacked."""
_LINES = 2 * DOCUMENT_LIMIT // PAYLOAD

_LINE = re.compile(rf"{MARK} (\S+) (\d{{1,6}})/(\d{{1,6}}) ([0-9a-f]{{64}}) ([0-9a-f]{{16}}) ([A-Za-z0-9+/=]*)\s*$")


@dataclass(frozen=True)
class Arrived:
    """What has arrived of a document: ``body`` is None until it is whole; ``missing`` are numbers of lines."""

    body: bytes | None
    total: int = 0
    missing: tuple[int, ...] = ()

    @property
    def text(self) -> str:
        """How much of it there is, in words."""
        if self.body is not None:
            return "the report is whole"
        if not self.total:
            return "no line of a report has arrived"
        shown = ", ".join(map(str, self.missing[:5])) + (", …" if len(self.missing) > 5 else "")
        return f"{len(self.missing)} of the report's {self.total} lines have not arrived: {shown}"


def pack(body: bytes) -> str:
    """A document as text without blanks, small."""
    return base64.b64encode(zlib.compress(body, 9)).decode()


def unpack(text: str) -> bytes:
    """The document. Raises ValueError for a text that is none, or one that unpacks to more than the limit."""
    unpacker = zlib.decompressobj()
    try:
        body = unpacker.decompress(base64.b64decode(text, validate=True), DOCUMENT_LIMIT)
    except zlib.error:
        raise ValueError("not packed by us") from None
    if not unpacker.eof:
        raise ValueError("not whole, or larger than the limit")
    return body


def lines(run: str, body: bytes) -> list[str]:
    """The document as lines for a log, in order. ``run`` holds no blank."""
    packed = pack(body)
    whole = hashlib.sha256(packed.encode()).hexdigest()
    parts = [packed[start : start + PAYLOAD] for start in range(0, len(packed), PAYLOAD)]
    places = [f"{number}/{len(parts)}" for number in range(1, len(parts) + 1)]
    return [
        f"{MARK} {run} {place} {whole} {_checksum(whole, place, part)} {part}"
        for place, part in zip(places, parts, strict=True)
    ]


def gather(run: str, found: Iterable[str]) -> Arrived:
    """Put a document together from the lines of a log; other lines, and damaged ones, are passed over."""
    total, whole = 0, ""
    parts: dict[int, str] = {}
    for line in found:
        match = _LINE.search(line)
        if not match or match[1] != run:
            continue
        digest, checksum, part = match[4], match[5], match[6]
        if int(match[3]) > _LINES:
            continue
        if checksum == _checksum(digest, f"{match[2]}/{match[3]}", part):
            total, whole = int(match[3]), digest
            parts[int(match[2])] = part
    missing = tuple(number for number in range(1, total + 1) if number not in parts)
    if missing or not total:
        return Arrived(None, total, missing)
    packed = "".join(parts[number] for number in range(1, total + 1))
    if hashlib.sha256(packed.encode()).hexdigest() != whole:
        return Arrived(None, total, tuple(range(1, total + 1)))
    try:
        return Arrived(unpack(packed), total)
    except ValueError:
        return Arrived(None, total, tuple(range(1, total + 1)))


def _checksum(whole: str, place: str, part: str) -> str:
    return hashlib.sha256(f"{whole} {place} {part}".encode()).hexdigest()[:16]
