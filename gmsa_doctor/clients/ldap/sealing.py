"""A sealed GSSAPI bind on stable ldap3 (2.9.1), which itself always chooses "no security layer".

Active Directory returns ``msDS-ManagedPassword`` over encrypted connections only, and rejects an unsigned bind if LDAP
signing is required. So the SASL exchange (RFC 4752) is implemented here, on a connection of ldap3, and then a sealing
socket replaces that connection's socket. ldap3 itself is unchanged. Undocumented names of ldap3 in use:
``send_sasl_negotiation``, and the attributes ``socket``, ``sasl_mechanism``, ``result`` and ``bound`` of a connection.
Each has a test.
"""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING, Any

from gmsa_doctor.clients.network.tcp import exactly
from gmsa_doctor.core.errors import Unreachable

if TYPE_CHECKING:
    from gmsa_doctor.clients.kerberos.client import SecurityContext

SUCCESS = 0
SASL_BIND_IN_PROGRESS = 14
_CONFIDENTIALITY = 4
_LARGEST = 0xFFFFFF
"""The largest size of a sealed buffer: it has three bytes (RFC 4752 3.3)."""
_MOST_STEPS = 10
LARGEST = 4 * 1024 * 1024
"""Bytes of all answers to one request. A list of 5,000 group members, the most that AD returns, has 1 MB."""
LARGEST_UNSEALED = 256 * 1024
"""The same for the rootDSE and the bind, which anybody could answer in the server's place: they have a few KB."""


def sealed_bind(connection: Any, context: SecurityContext, token: bytes) -> None:
    """Bind ``connection`` (open, synchronous) with GSSAPI, and seal everything after that.

    ``token``: the context's first token. Afterwards, ``connection.result`` is 0 or the server's error with its text.
    Raises KdcRefusal if the server fails to authenticate, Unreachable if it violates the protocol or offers no
    encryption, and ldap3's network errors.
    """
    connection.sasl_mechanism = "GSSAPI"
    answer = _authenticate(connection, context, token)
    if answer is None:
        return
    offer = context.unwrap(answer, sealed=False)
    if len(offer) != 4 or not offer[0] & _CONFIDENTIALITY:
        raise Unreachable(_name(connection), f"it offers no encryption for GSSAPI (security layers {offer[:1].hex()})")
    choice = bytes([_CONFIDENTIALITY]) + _LARGEST.to_bytes(3, "big")
    _negotiate(connection, context.wrap(choice, seal=False))
    if connection.result["result"] == SUCCESS:
        limit = int.from_bytes(offer[1:4], "big")
        connection.socket = SealedSocket(connection.socket, context, limit, _name(connection))
        connection.bound = True


def _authenticate(connection: Any, context: SecurityContext, token: bytes) -> bytes | None:
    """Exchange tokens until the server offers security layers; None if it returns an error."""
    for _ in range(_MOST_STEPS):
        done = context.complete
        answer = _negotiate(connection, token)
        if connection.result["result"] != SASL_BIND_IN_PROGRESS:
            if connection.result["result"] == SUCCESS:
                raise Unreachable(_name(connection), "it ended the GSSAPI bind before a security layer was chosen")
            return None
        if done:
            return answer
        token = context.step(answer)
    raise Unreachable(_name(connection), f"the GSSAPI bind did not complete in {_MOST_STEPS} steps")


def _negotiate(connection: Any, payload: bytes) -> bytes:
    from ldap3.protocol.sasl import sasl

    untyped: Any = sasl
    result = untyped.send_sasl_negotiation(connection, None, payload)
    return bytes(result["saslCreds"] or b"")


def _name(connection: Any) -> str:
    return f"LDAP {connection.server.name.removeprefix('ldap://')}"


class BoundedSocket:
    """The socket methods that ldap3 uses, with a limit: ldap3 collects an answer of any size in memory."""

    def __init__(self, plain: socket.socket) -> None:
        self._socket = plain
        self.left = LARGEST_UNSEALED
        """Bytes to receive at most, until it is set again."""

    def sendall(self, data: bytes) -> None:
        """Send all."""
        self._socket.sendall(data)

    def recv(self, size: int) -> bytes:
        """Receive up to ``size`` bytes. Raises OSError if there are too many in all."""
        data = self._socket.recv(size)
        self.left -= len(data)
        if self.left < 0:
            raise OSError("its answer is larger than that of a directory server")
        return data

    def settimeout(self, seconds: float) -> None:
        """Limit the time of each call."""
        self._socket.settimeout(seconds)

    def shutdown(self, how: int) -> None:
        """Close in one or both directions."""
        self._socket.shutdown(how)

    def close(self) -> None:
        """Close."""
        self._socket.close()


class SealedSocket:
    """The socket methods that ldap3 uses, with sealing: each buffer has a four-byte length prefix (RFC 4422 3.7)."""

    def __init__(self, plain: socket.socket | BoundedSocket, context: SecurityContext, limit: int, name: str) -> None:
        self._socket = plain
        self._context = context
        self._room = context.room(min(limit or _LARGEST, _LARGEST))
        self._name = name
        self._opened = b""

    def sendall(self, data: bytes) -> None:
        """Send in buffers of at most the server's maximum size."""
        if self._room <= 0:
            raise Unreachable(self._name, "its maximum buffer size is too small for a sealed message")
        for start in range(0, len(data), self._room):
            sealed = self._context.wrap(data[start : start + self._room], seal=True)
            self._socket.sendall(struct.pack(">I", len(sealed)) + sealed)

    def recv(self, size: int) -> bytes:
        """Receive up to ``size`` bytes; empty if the server has closed the connection."""
        while not self._opened:
            try:
                (length,) = struct.unpack(">I", exactly(self._socket, 4))
                if length > _LARGEST:
                    raise Unreachable(self._name, f"it announces a sealed message of {length} bytes")
                sealed = exactly(self._socket, length)
            except EOFError:
                return b""
            if not sealed:
                return b""
            self._opened = self._context.unwrap(sealed, sealed=True)
        taken, self._opened = self._opened[:size], self._opened[size:]
        return taken

    def shutdown(self, how: int) -> None:
        """Close in one or both directions."""
        self._socket.shutdown(how)

    def close(self) -> None:
        """Close."""
        self._socket.close()
