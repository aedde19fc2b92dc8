"""Answers that AWS would not send: from a proxy, a captive portal, a broken or a hostile server."""

import gzip
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from threading import Event
from typing import TypeAlias

Body: TypeAlias = Callable[[Event], bytes | Iterable[bytes]]
"""Makes the body of an answer; the event is set when the server ends."""

PAGE = b"<!DOCTYPE html><html><head><title>Sign in to the network</title></head><body><h1>Welcome</h1></body></html>"


@dataclass(frozen=True)
class Lie:
    """An answer: status, headers and body."""

    body: Body
    status: str = "200 OK"
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/x-amz-json-1.1"),)


def text(body: bytes, status: str = "200 OK", kind: str = "application/x-amz-json-1.1") -> Lie:
    """Send this body."""
    return Lie(lambda _: body, status, (("Content-Type", kind),))


def _endless(released: Event) -> Iterator[bytes]:
    yield b'{"a": "'
    while not released.is_set():
        yield b"x" * 65536


def _dripping(released: Event) -> Iterator[bytes]:
    """Send a byte each half second: no single read is late."""
    yield b"{"
    while not released.wait(0.5):
        yield b" "


def _mute_after_headers(released: Event) -> Iterator[bytes]:
    yield b"{"
    released.wait()


@cache
def _gzip_bomb() -> bytes:
    """Give 16 KB that unpack to 16 MB, many times over."""
    return b"".join([gzip.compress(b"[" * (1 << 24))] * 256)


_ENTITIES = "".join(f'<!ENTITY e{n + 1} "{f"&e{n};" * 10}">' for n in range(9))
_XML_BOMB = f'<?xml version="1.0"?><!DOCTYPE b [<!ENTITY e0 "ha">{_ENTITIES}]><b>&e9;</b>'.encode()

_MEMBERS = ("services", "taskDefinition", "Subnets", "SecretString")
_ZIPPED = (("Content-Encoding", "gzip"), ("Content-Type", "application/json"))

LIES = {
    "HTML with 200": text(PAGE, kind="text/html"),
    "HTML with 403": text(PAGE, "403 Forbidden", "text/html"),
    "HTML with 503": text(PAGE, "503 Service Unavailable", "text/html"),
    "an empty answer": text(b""),
    "an empty answer with 403": text(b"", "403 Forbidden"),
    "an empty object": text(b"{}"),
    "an empty list": text(b"[]"),
    "null": text(b"null"),
    "a number": text(b"7"),
    "a text": text(b'"AWS"'),
    "truncated JSON": text(b'{"services": [{"serviceName": "web'),
    "deeply nested JSON": text(b"[" * 100_000),
    "a deeply nested object": text(b'{"a":' * 100_000),
    "wrong types": text(json.dumps(dict.fromkeys(_MEMBERS, 7)).encode()),
    "broken UTF-8": text(b'{"SecretString": "\xff\xfe"}'),
    "XML of another kind": text(b"<a><b/></a>", kind="text/xml"),
    "an XML bomb": text(_XML_BOMB, kind="text/xml"),
    "deeply nested XML": text(b"<a>" * 100_000, kind="text/xml"),
    "a gzip bomb": Lie(lambda _: _gzip_bomb(), headers=_ZIPPED),
    "not gzip": Lie(lambda _: PAGE, headers=_ZIPPED),
    "gzip of nothing": Lie(lambda _: gzip.compress(b""), headers=_ZIPPED),
    "an endless answer": Lie(_endless),
    "an answer that drips": Lie(_dripping),
    "an answer that stops": Lie(_mute_after_headers),
    "a redirect": Lie(lambda _: PAGE, "302 Found", (("Location", "http://127.0.0.1:9/portal"),)),
}
"""By name."""
