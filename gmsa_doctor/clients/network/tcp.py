"""TCP: whether a port accepts connections."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Protocol

from gmsa_doctor.core.errors import ClientError, Refused, TimedOut, Unreachable


class Tcp:
    """Opens TCP connections and closes them again. ``seconds`` is the limit for each."""

    def __init__(self, seconds: float = 3.0) -> None:
        self.seconds = seconds

    def connect(self, host: str, port: int, seconds: float | None = None) -> float:
        """Connect to an address or a name, and close. Returns the seconds that it took.

        ``seconds`` replaces the usual limit. Raises Refused, TimedOut, or Unreachable (no route, or a name that does
        not resolve).
        """
        started = time.monotonic()
        open_socket(host, port, seconds or self.seconds).close()
        return time.monotonic() - started


def endpoint(host: str, port: int) -> str:
    """``host:port``; an IPv6 address in brackets (RFC 3986 section 3.2.2)."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def open_socket(host: str, port: int, seconds: float) -> socket.socket:
    """A connected socket. Raises as :meth:`Tcp.connect` does."""
    try:
        return socket.create_connection((host, port), timeout=seconds)
    except OSError as error:
        raise network_error(error, f"TCP {endpoint(host, port)}", seconds) from error


def network_error(error: OSError | EOFError, peer: str, seconds: float) -> ClientError:
    """The typed error for a socket's error. EOFError: the peer closed the connection too early."""
    if isinstance(error, ConnectionRefusedError):
        return Refused(peer)
    if isinstance(error, TimeoutError):
        return TimedOut(peer, seconds)
    if isinstance(error, EOFError):
        return Unreachable(peer, "it closed the connection without an answer")
    return Unreachable(peer, error.strerror or str(error))


class Receiver(Protocol):
    """A socket, or what stands for one."""

    def recv(self, size: int, /) -> bytes:
        """Receive up to ``size`` bytes; empty if the peer has closed the connection."""

    def settimeout(self, seconds: float, /) -> None:
        """Limit the time of each call."""


def exactly(peer: Receiver, size: int, left: Callable[[], float] | None = None) -> bytes:
    """Receive exactly ``size`` bytes. ``left`` returns the remaining seconds. Raises EOFError if the peer closes."""
    data = bytearray()
    while len(data) < size:
        if left:
            peer.settimeout(left())
        chunk = peer.recv(size - len(data))
        if not chunk:
            raise EOFError
        data += chunk
    return bytes(data)


def time_left(ends: float) -> Callable[[], float]:
    """For :func:`exactly`: the seconds until ``ends`` (monotonic clock). It raises TimeoutError when they are over."""

    def left() -> float:
        seconds = ends - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        return seconds

    return left
