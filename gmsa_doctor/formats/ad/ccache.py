"""The content of a ticket cache of type FILE, versions 3 and 4, without its keys and tickets.

Source: "Credential cache file format" in MIT Kerberos' documentation (doc/formats/ccache_file_format.rst).
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_MAGIC = 5
_VERSIONS = (3, 4)
_DELTA_TIME = 1
_CONFIGURATION = ("X-CACHECONF:", "X-RMED-CONF:")
"""Realms of entries that are not credentials; the second one marks removed entries."""

ENCTYPES = {
    1: "des-cbc-crc",
    2: "des-cbc-md4",
    3: "des-cbc-md5",
    16: "des3-cbc-sha1",
    17: "aes128-cts-hmac-sha1-96",
    18: "aes256-cts-hmac-sha1-96",
    19: "aes128-cts-hmac-sha256-128",
    20: "aes256-cts-hmac-sha384-192",
    23: "rc4-hmac",
    24: "rc4-hmac-exp",
    25: "camellia128-cts-cmac",
    26: "camellia256-cts-cmac",
}
"""IANA's registry "Kerberos Encryption Type Numbers"."""

_FLAGS = (
    *("", "forwardable", "forwarded", "proxiable", "proxy", "may-postdate", "postdated", "invalid", "renewable"),
    *("initial", "pre-authent", "hw-authent", "transited-policy-checked", "ok-as-delegate", "", "enc-pa-rep"),
    "anonymous",
)
"""Bits, counted from the most significant. RFC 4120 5.3; RFC 6806 section 11; RFC 6112 section 3 (16)."""


class CcacheError(ValueError):
    """Not a readable ticket cache. ``offset`` is where it fails; the message does not contain any content."""

    def __init__(self, offset: int, reason: str) -> None:
        super().__init__(f"{reason} (at byte {offset})")
        self.offset = offset


@dataclass(frozen=True)
class Principal:
    r"""A Kerberos principal. As text it is as libkrb5 shows it: ``/``, ``@`` and ``\\`` in a name are escaped."""

    components: tuple[str, ...]
    realm: str

    def __str__(self) -> str:
        name = "/".join(re.sub(r"[\\/@]", r"\\\g<0>", component) for component in self.components)
        return f"{name}@{self.realm}"

    def is_account(self, name: str, realm: str | None = None) -> bool:
        """Whether this is the account ``name``, in ``realm`` if that is given. Case is ignored, as in AD."""
        same_name = len(self.components) == 1 and self.components[0].casefold() == name.casefold()
        return same_name and (realm is None or self.realm.casefold() == realm.casefold())


@dataclass(frozen=True)
class Credential:
    """The data of a ticket in the cache, without the ticket and its key; ``enctype`` is that of the session key."""

    client: Principal
    server: Principal
    enctype: int
    auth: datetime
    start: datetime
    end: datetime
    renew_till: datetime | None
    flags: tuple[str, ...]

    @property
    def enctype_name(self) -> str:
        """The name of the encryption type, or its number if it has no name."""
        return ENCTYPES.get(self.enctype, f"enctype {self.enctype}")


@dataclass(frozen=True)
class Ccache:
    """``clock_offset``: how far the KDC's clock is ahead of the clock of the machine that wrote the cache."""

    version: int
    principal: Principal
    credentials: tuple[Credential, ...]
    clock_offset: timedelta = timedelta(0)

    @property
    def tgt(self) -> Credential | None:
        """The first ticket-granting ticket of the default principal's own realm, which is the one that libkrb5 uses."""
        wanted = Principal(("krbtgt", self.principal.realm), self.principal.realm)
        tickets = (ticket for ticket in self.credentials if (ticket.server, ticket.client) == (wanted, self.principal))
        return next(tickets, None)

    def left(self, credential: Credential, now: datetime) -> timedelta:
        """The remaining lifetime by the KDC's clock, as libkrb5 computes it; negative after the credential expired."""
        return credential.end - (now + self.clock_offset)


def parse(data: bytes) -> Ccache:
    """Parse a whole cache. Raises CcacheError."""
    source = _ByteReader(data)
    version = _version(source)
    offset = _header(source) if version == 4 else timedelta(0)
    principal = _principal(source)
    credentials = []
    while not source.ended:
        credentials.append(_credential(source, version))
    return Ccache(version, principal, tuple(filter(None, credentials)), offset)


class _ByteReader:
    """Reads big-endian numbers and counted texts in sequence."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    @property
    def ended(self) -> bool:
        return self.at == len(self.data)

    def number(self, format: str, part: str) -> int:
        size = struct.calcsize(format)
        return int(struct.unpack(f">{format}", self.take(size, part))[0])

    def take(self, size: int, part: str) -> bytes:
        if size > len(self.data) - self.at:
            raise CcacheError(self.at, f"{part} is cut off")
        self.at += size
        return self.data[self.at - size : self.at]

    def text(self, part: str) -> str:
        return self.counted(part).decode("utf-8", "backslashreplace")

    def counted(self, part: str) -> bytes:
        return self.take(self.number("I", part), part)


def _version(source: _ByteReader) -> int:
    if source.ended:
        raise CcacheError(0, "it is empty")
    magic, version = source.number("B", "the version"), source.number("B", "the version")
    if magic != _MAGIC:
        raise CcacheError(0, f"its first byte is {magic:#04x}; that of a ticket cache is 0x05")
    if version not in _VERSIONS:
        raise CcacheError(1, f"its version is {version}; 3 and 4 can be read")
    return version


def _header(source: _ByteReader) -> timedelta:
    """The KDC's clock offset, from the fields of the header; unknown fields are skipped."""
    size = source.number("H", "the header")
    end = source.at + size
    offset = timedelta(0)
    while source.at < end:
        tag, length = source.number("H", "the header"), source.number("H", "the header")
        if source.at + length > end:
            raise CcacheError(source.at, "a field of the header is longer than the header")
        if tag == _DELTA_TIME and length == 8:
            seconds, microseconds = source.number("i", "the header"), source.number("i", "the header")
            offset = timedelta(seconds=seconds, microseconds=microseconds)
        else:
            source.take(length, "the header")
    return offset


def _principal(source: _ByteReader) -> Principal:
    source.take(4, "a principal")  # the name's type: a hint only (RFC 4120 6.2)
    count = source.number("I", "a principal")
    realm = source.text("a principal")
    # Not a tuple of range(count): a corrupt count would allocate memory before anything is read.
    components: list[str] = []
    while len(components) < count:
        components.append(source.text("a principal"))
    return Principal(tuple(components), realm)


def _credential(source: _ByteReader, version: int) -> Credential | None:
    """The next entry; None for configuration, and for a credential that was removed (libkrb5 leaves its place)."""
    client, server = _principal(source), _principal(source)
    enctype = source.number("h", "a key")
    source.take(2 if version == 3 else 0, "a key")  # version 3 has the encryption type twice
    source.counted("a key")
    auth, start, end, renew_till = (source.number("I", "the times") for _ in range(4))
    source.take(1, "a credential")
    flags = source.number("I", "the flags")
    _skip_list(source, "the addresses")
    _skip_list(source, "the authorization data")
    source.counted("a ticket")
    source.counted("a second ticket")
    if server.realm in _CONFIGURATION or (end == 0 and auth != 0):
        return None
    return Credential(
        client,
        server,
        enctype,
        auth=_time(auth),
        start=_time(start or auth),
        end=_time(end),
        renew_till=_time(renew_till) if renew_till else None,
        flags=tuple(name for bit, name in enumerate(_FLAGS) if name and flags & (1 << (31 - bit))),
    )


def _skip_list(source: _ByteReader, part: str) -> None:
    for _ in range(source.number("I", part)):
        source.take(2, part)
        source.counted(part)


def _time(seconds: int) -> datetime:
    """Unsigned seconds since 1970, until 2106, as in libkrb5 since 1.16."""
    return datetime.fromtimestamp(seconds, UTC)
