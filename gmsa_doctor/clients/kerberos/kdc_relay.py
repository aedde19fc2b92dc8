"""A TCP relay from libkrb5 to one KDC, with a deadline, which reports what happened.

libkrb5 (MIT) waits 27 s for a silent KDC, cannot be interrupted, may repeat a TCP request over UDP, and has the same
error for a KDC that refuses connections, drops packets or does not answer. So its private krb5.conf names a port on
loopback, from which the relay forwards each request to the KDC: over TCP only, once, until a deadline. The relay sees
no key and no password: those stay in libkrb5. It sees whether a second request was sent, which is the first one that
can carry pre-authentication, and the NTSTATUS of an error.
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field

from gmsa_doctor.clients.network.tcp import endpoint, exactly, network_error, open_socket, time_left
from gmsa_doctor.core.errors import ClientError
from gmsa_doctor.formats.ad import kdc_reply, kdc_request, krb_error
from gmsa_doctor.formats.ad.kdc_reply import KdcReply
from gmsa_doctor.formats.ad.krb_error import KrbError

CONNECT_SECONDS = 3.0
_LARGEST = 1 << 20
_LOOPBACK = "127.0.0.1"
_ATTEMPTS = 20
"""To find a port number that is free for TCP and UDP."""


@dataclass
class KdcRoute:
    """The KDC for the requests of one call, and their results."""

    address: str
    port: int
    requests: int = 0
    """Requests sent to the KDC. Only the second of an AS exchange can count as a failed logon."""
    problem: ClientError | None = None
    """Why there was no answer: Refused, TimedOut or Unreachable."""
    refusal: KrbError | None = None
    """The KDC's last answer, if it was an error."""
    offered: tuple[int, ...] = ()
    """The encryption types that the KDC accepts for pre-authentication, if it requires that."""
    salt: bytes = b""
    """Of the account's keys, if the KDC has requested pre-authentication: the next request carries it."""
    may_prove: Callable[[bytes], ClientError | None] = lambda salt: None
    """Why no proof of the password may be sent for the account with this salt; None if it may."""
    ticket: KdcReply | None = None
    """The last answer with a ticket."""
    others: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    """KDCs of other realms, for requests that name one of these realms."""
    seconds: float = 0.0
    deadline: float = 0.0

    def begin(self, seconds: float) -> None:
        """Start the time limit for all requests together."""
        self.seconds = seconds
        self.deadline = time.monotonic() + seconds

    @property
    def peer(self) -> str:
        """The KDC's name in reports."""
        return f"KDC {endpoint(self.address, self.port)}"

    def carry(self, client: socket.socket) -> None:
        """Forward one request from libkrb5 to the KDC, and return the answer to libkrb5."""
        if self.problem is not None:
            return
        with suppress(OSError, EOFError):
            request = message(client, self._left)
            if self.salt and (problem := self.may_prove(self.salt)):
                self.problem = problem
                return
            reply = self._ask(request)
            if reply is not None:
                self.refusal = krb_error.parse(reply[4:])
                self.offered = (self.refusal.offered if self.refusal else ()) or self.offered
                self.salt = self.refusal.salt if self.refusal else b""
                self.ticket = kdc_reply.parse(reply[4:]) or self.ticket
                client.sendall(reply)

    def _ask(self, request: bytes) -> bytes | None:
        kdc_address = self.others.get(kdc_request.realm_of(request[4:]), (self.address, self.port))
        try:
            with open_socket(*kdc_address, min(CONNECT_SECONDS, self._left())) as kdc:
                kdc.settimeout(self._left())
                self.requests += 1
                kdc.sendall(request)
                return message(kdc, self._left)
        except ClientError as error:
            self.problem = error
        except (OSError, EOFError) as error:
            self.problem = network_error(error, f"KDC {endpoint(*kdc_address)}", self.seconds)
        return None

    def _left(self) -> float:
        return time_left(self.deadline)()


class KdcRelay:
    """Listens on a loopback port as long as the process lives; forwards nothing outside :meth:`route`."""

    def __init__(self) -> None:
        # libkrb5 tries UDP after TCP fails. This socket reserves the UDP port. Since it is connected to another
        # port, it receives nothing, and the kernel rejects libkrb5's packets at once.
        self._listener, self._udp = _same_port()
        self.port: int = self._listener.getsockname()[1]
        self._route: KdcRoute | None = None
        self._udp.connect((_LOOPBACK, 9))
        threading.Thread(target=self._serve, name="KDC relay", daemon=True).start()

    @property
    def address(self) -> str:
        """The address for krb5.conf."""
        return f"{_LOOPBACK}:{self.port}"

    @contextmanager
    def route(self, route: KdcRoute) -> Iterator[None]:
        """Forward requests to this KDC within the block. One block at a time: the caller holds a lock."""
        self._route = route
        try:
            yield
        finally:
            self._route = None

    def close(self) -> None:
        """Stop listening."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._udp.close()

    def _serve(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                with closing(client):
                    route = self._route
                    if route is not None:
                        route.carry(client)


def _same_port() -> tuple[socket.socket, socket.socket]:
    """A TCP listener and a UDP socket with the same port number; another process may have the UDP port of the first."""
    problem = OSError()
    for _ in range(_ATTEMPTS):
        listener, udp = socket.create_server((_LOOPBACK, 0)), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            udp.bind(listener.getsockname())
        except OSError as error:
            problem = error
            listener.close()
            udp.close()
        else:
            return listener, udp
    raise problem


def message(peer: socket.socket, left: Callable[[], float]) -> bytes:
    """A Kerberos message with its four-byte length prefix (RFC 4120 7.2.2)."""
    head = exactly(peer, 4, left)
    (length,) = struct.unpack(">I", head)
    if length > _LARGEST:
        raise EOFError
    return head + exactly(peer, length, left)
