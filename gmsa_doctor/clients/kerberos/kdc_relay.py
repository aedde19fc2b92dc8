"""A TCP relay from libkrb5 to one KDC, with a deadline, which reports what happened.

libkrb5 (MIT) waits 27 s for a mute KDC, cannot be interrupted, may repeat over UDP what it has sent over
TCP, and gives the same error for a KDC that refuses, drops packets or stays silent. So its private krb5.conf
names a port on loopback, and what it sends there goes on to the KDC: over TCP only, once, until a deadline.
The relay sees no key and no password: those stay in libkrb5. It does see whether a second request went out,
the first that can carry a pre-authentication, and the NTSTATUS of a refusal.
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass

from gmsa_doctor.clients.network.tcp import endpoint, exactly, network_error, open_socket
from gmsa_doctor.core.errors import ClientError
from gmsa_doctor.formats.ad import kdc_reply, krb_error
from gmsa_doctor.formats.ad.kdc_reply import KdcReply
from gmsa_doctor.formats.ad.krb_error import KrbError

CONNECT_SECONDS = 3.0
_LARGEST = 1 << 20
_LOOPBACK = "127.0.0.1"


@dataclass
class KdcRoute:
    """Where requests go for the time of one call, and what became of them."""

    address: str
    port: int
    requests: int = 0
    """Requests sent to the KDC. Only the second of an AS exchange can count as a failed logon."""
    problem: ClientError | None = None
    """Why there was no answer: Refused, TimedOut or Unreachable."""
    refusal: KrbError | None = None
    """The KDC's last answer, if that was an error."""
    offered: tuple[int, ...] = ()
    """The encryption types with which the KDC would take a proof of the password, where it asked for one."""
    ticket: KdcReply | None = None
    """What the last answer with a ticket shows."""
    seconds: float = 0.0
    deadline: float = 0.0

    def begin(self, seconds: float) -> None:
        """From now on, there are so many seconds for all requests together."""
        self.seconds = seconds
        self.deadline = time.monotonic() + seconds

    @property
    def peer(self) -> str:
        """The KDC, as reports name it."""
        return f"KDC {endpoint(self.address, self.port)}"

    def carry(self, client: socket.socket) -> None:
        """Take one request from libkrb5 to the KDC, and bring back the answer."""
        if self.problem is not None:
            return
        with suppress(OSError, EOFError):
            request = message(client, self._left)
            reply = self._ask(request)
            if reply is not None:
                self._note(reply[4:])
                client.sendall(reply)

    def _note(self, reply: bytes) -> None:
        self.refusal = krb_error.parse(reply)
        self.offered = (self.refusal.offered if self.refusal else ()) or self.offered
        self.ticket = kdc_reply.parse(reply) or self.ticket

    def _ask(self, request: bytes) -> bytes | None:
        try:
            with open_socket(self.address, self.port, min(CONNECT_SECONDS, self._left())) as kdc:
                kdc.settimeout(self._left())
                self.requests += 1
                kdc.sendall(request)
                return message(kdc, self._left)
        except ClientError as error:
            self.problem = error
        except (OSError, EOFError) as error:
            self.problem = network_error(error, self.peer, self.seconds)
        return None

    def _left(self) -> float:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


class KdcRelay:
    """Listens on a loopback port for as long as the process lives; goes nowhere outside :meth:`route`."""

    def __init__(self) -> None:
        self._listener = socket.create_server((_LOOPBACK, 0))
        self.port: int = self._listener.getsockname()[1]
        self._route: KdcRoute | None = None
        # libkrb5 turns to UDP when TCP failed. This socket keeps the port from others and, because it
        # is connected elsewhere, takes nothing itself: the kernel refuses at once.
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind((_LOOPBACK, self.port))
        self._udp.connect((_LOOPBACK, 9))
        threading.Thread(target=self._serve, name="KDC relay", daemon=True).start()

    @property
    def address(self) -> str:
        """What goes into krb5.conf."""
        return f"{_LOOPBACK}:{self.port}"

    @contextmanager
    def route(self, route: KdcRoute) -> Iterator[None]:
        """Carry requests along this route within the block. One at a time: the caller holds a lock."""
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


def message(peer: socket.socket, left: Callable[[], float]) -> bytes:
    """A Kerberos message with its four bytes of length in front (RFC 4120 7.2.2)."""
    head = exactly(peer, 4, left)
    (length,) = struct.unpack(">I", head)
    if length > _LARGEST:
        raise EOFError
    return head + exactly(peer, length, left)
