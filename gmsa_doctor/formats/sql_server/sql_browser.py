"""Requests to SQL Server Browser, and its answers with the ports of a host's instances.

Source: MC-SQLR 2.2.2 (CLNT_UCAST_EX), 2.2.3 (CLNT_UCAST_INST) and 2.2.5 (SVR_RESP).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

ALL_INSTANCES = b"\x03"
"""The request for all instances of the host that are not hidden."""
_ONE_INSTANCE = b"\x04"
_ANSWER = 0x05
_HEAD = 3
"""The message type, and the length of the rest."""
_NAMES = ("servername", "instancename", "isclustered", "version")
"""The first keywords of each instance, in this order, each followed by its value."""
_NEXT = re.compile(r";;(?=ServerName;)", re.IGNORECASE)


class BrowserAnswerError(ValueError):
    """The answer is not from SQL Server Browser."""


@dataclass(frozen=True)
class Instance:
    """An instance, as SQL Server Browser lists it.

    ``protocols`` are those that it listens on, in lower case. ``port`` is that of ``tcp``; None if it is missing or
    invalid.
    """

    server: str
    name: str
    protocols: tuple[str, ...]
    port: int | None

    @property
    def has_tcp(self) -> bool:
        """Whether TCP/IP is enabled for it."""
        return "tcp" in self.protocols


def one_instance(name: str) -> bytes:
    """The request for one instance. Its name ends with a null byte."""
    return _ONE_INSTANCE + name.encode("cp1252", "replace") + b"\0"


def parse(data: bytes) -> tuple[Instance, ...]:
    """The instances in an answer. Raises BrowserAnswerError.

    The text is in the code page of the server, which is unknown; names of instances are rarely not ASCII.
    """
    if len(data) < _HEAD or data[0] != _ANSWER:
        raise BrowserAnswerError("it does not start as an answer of SQL Server Browser")
    length = int.from_bytes(data[1:_HEAD], "little")
    if length != len(data) - _HEAD:
        raise BrowserAnswerError(f"its length field is {length}, but {len(data) - _HEAD} bytes follow")
    text = data[_HEAD:].decode("cp1252", "replace").rstrip("\0").removesuffix(";;")
    return tuple(_instance(part.split(";")) for part in _NEXT.split(text)) if text else ()


def _instance(parts: list[str]) -> Instance:
    """From alternating keywords and values; a value may be empty."""
    keywords = tuple(map(str.lower, parts[: 2 * len(_NAMES) : 2]))
    if keywords != _NAMES or len(parts) < 2 * len(_NAMES):
        raise BrowserAnswerError("an instance in it does not start with ServerName, InstanceName, IsClustered, Version")
    pairs = dict(zip(map(str.lower, parts[8::2]), parts[9::2], strict=False))
    return Instance(parts[1], parts[3], tuple(pairs), _port(pairs.get("tcp", "")))


def _port(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 and 0 < int(text) < 65536 else None
