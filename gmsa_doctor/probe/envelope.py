"""Sends a document through a log stream, in numbered and checksummed lines that may arrive twice or in any order.

A line has at most 8 KB, half the limit of the container log drivers.
Source: https://docs.docker.com/engine/logging/drivers/awslogs/ (events are split at 16 KB by default).
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
"""Maximum bytes of a line."""
PAYLOAD = LINE_LIMIT - 256
DOCUMENT_LIMIT = 16 * 1024 * 1024
"""Maximum bytes of an unpacked document."""
_LINES = 2 * DOCUMENT_LIMIT // PAYLOAD

_LINE = re.compile(rf"{MARK} (\S+) (\d{{1,6}})/(\d{{1,6}}) ([0-9a-f]{{64}}) ([0-9a-f]{{16}}) ([A-Za-z0-9+/=]*)\s*$")


@dataclass(frozen=True)
class Arrived:
    """The part of a document that has arrived. ``body`` is None until it is complete; ``missing``: line numbers."""

    body: bytes | None
    total: int = 0
    missing: tuple[int, ...] = ()

    @property
    def text(self) -> str:
        """The state in words."""
        if self.body is not None:
            return "the report is complete"
        if not self.total:
            return "no line of the report has arrived"
        shown = ", ".join(map(str, self.missing[:5])) + (", …" if len(self.missing) > 5 else "")
        return f"{len(self.missing)} of {self.total} lines of the report have not arrived: {shown}"


def pack(body: bytes) -> str:
    """A document as compressed text without blanks."""
    return base64.b64encode(zlib.compress(body, 9)).decode()


def unpack(text: str) -> bytes:
    """The document. Raises ValueError for an invalid text, or if the document is larger than the limit."""
    unpacker = zlib.decompressobj()
    try:
        body = unpacker.decompress(base64.b64decode(text, validate=True), DOCUMENT_LIMIT)
    except zlib.error:
        raise ValueError("not a packed document") from None
    if not unpacker.eof:
        raise ValueError("incomplete, or larger than the limit")
    return body


def lines(run: str, body: bytes) -> list[str]:
    """The document as lines for a log, in order. ``run`` must not contain a blank."""
    packed = pack(body)
    digest = hashlib.sha256(packed.encode()).hexdigest()
    parts = [packed[start : start + PAYLOAD] for start in range(0, len(packed), PAYLOAD)]
    numbered = [(f"{number}/{len(parts)}", part) for number, part in enumerate(parts, 1)]
    return [f"{MARK} {run} {number} {digest} {_checksum(digest, number, part)} {part}" for number, part in numbered]


def gather(run: str, found: Iterable[str]) -> Arrived:
    """Put a document together from the lines of a log; other lines, and damaged ones, are ignored."""
    total, digest = 0, ""
    parts: dict[int, str] = {}
    for line in found:
        match = _LINE.search(line)
        if not match or match[1] != run or int(match[3]) > _LINES:
            continue
        if match[5] == _checksum(match[4], f"{match[2]}/{match[3]}", match[6]):
            total, digest = int(match[3]), match[4]
            parts[int(match[2])] = match[6]
    numbers = tuple(range(1, total + 1))
    missing = tuple(number for number in numbers if number not in parts)
    if missing or not total:
        return Arrived(None, total, missing)
    packed = "".join(parts[number] for number in numbers)
    try:
        if hashlib.sha256(packed.encode()).hexdigest() == digest:
            return Arrived(unpack(packed), total)
    except ValueError:
        pass
    return Arrived(None, total, numbers)


def _checksum(digest: str, number: str, part: str) -> str:
    return hashlib.sha256(f"{digest} {number} {part}".encode()).hexdigest()[:16]
