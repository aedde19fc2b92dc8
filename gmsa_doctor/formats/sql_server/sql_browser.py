"""Requests to SQL Server Browser, and its answers: the ports of a host's instances.

Source: MC-SQLR 2.2.2 (CLNT_UCAST_EX), 2.2.3 (CLNT_UCAST_INST) and 2.2.5 (SVR_RESP).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

ALL_INSTANCES = b"\x03"
"""Asks for all instances of the host that are not hidden."""
_ONE_INSTANCE = b"\x04"
_ANSWER = 0x05
_HEAD = 3
"""The kind of the message, and the length of what follows."""
_NAMES = ("servername", "instancename", "isclustered", "version")
"""What each instance begins with, in this order, each with its value behind it."""
_NEXT = re.compile(r";;(?=ServerName;)", re.IGNORECASE)


class BrowserAnswerError(ValueError):
    """The answer is not from SQL Server Browser."""


@dataclass(frozen=True)
class Instance:
    """An instance, as SQL Server Browser lists it.

    ``protocols`` are those that it listens on, in lower case. ``port`` is that of ``tcp``; None if it does not listen
    there, or if what stands there is no port.
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
    """The question for an instance: its name ends with a null byte."""
    return _ONE_INSTANCE + name.encode("cp1252", "replace") + b"\0"


def parse(data: bytes) -> tuple[Instance, ...]:
    """The instances that an answer tells of. Raises BrowserAnswerError.

    The text is in the code page of the server, which it does not name; instances are rarely called what is not ASCII.
    """
    if len(data) < _HEAD or data[0] != _ANSWER:
        raise BrowserAnswerError("it does not begin as an answer of SQL Server Browser")
    length = int.from_bytes(data[1:_HEAD], "little")
    if length != len(data) - _HEAD:
        raise BrowserAnswerError(f"it says that {length} bytes follow, and {len(data) - _HEAD} do")
    text = data[_HEAD:].decode("cp1252", "replace").rstrip("\0").removesuffix(";;")
    return tuple(_instance(part.split(";")) for part in _NEXT.split(text)) if text else ()


def _instance(parts: list[str]) -> Instance:
    """From keywords and their values, by turns; a value may be empty."""
    keywords = tuple(map(str.lower, parts[: 2 * len(_NAMES) : 2]))
    if keywords != _NAMES or len(parts) < 2 * len(_NAMES):
        raise BrowserAnswerError("an instance in it does not begin with ServerName, InstanceName, IsClustered, Version")
    pairs = dict(zip(map(str.lower, parts[8::2]), parts[9::2], strict=False))
    return Instance(parts[1], parts[3], tuple(pairs), _port(pairs.get("tcp", "")))


def _port(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 and 0 < int(text) < 65536 else None
