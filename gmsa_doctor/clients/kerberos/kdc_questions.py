"""A KDC's answer about an account before any password is sent, over TCP or UDP.

Without libkrb5, which chooses between UDP and TCP itself and cannot stop before the password.
"""

from __future__ import annotations

import socket
import struct
import time
from dataclasses import dataclass
from typing import Literal

from gmsa_doctor.clients.kerberos.kdc_errors import BASE, KdcReason, reason_of
from gmsa_doctor.clients.kerberos.kdc_relay import message
from gmsa_doctor.clients.network.tcp import endpoint, network_error, open_socket, time_left
from gmsa_doctor.clients.remembered import RememberedAnswers
from gmsa_doctor.core.errors import Unreachable
from gmsa_doctor.formats.ad import krb_error
from gmsa_doctor.formats.ad.as_request import as_request

Transport = Literal["TCP", "UDP"]

SECONDS = 3.0
"""For one request, its repetition over UDP included."""
_AS_REP = 0x6B
_LARGEST = 1 << 16
_TOO_BIG_FOR_UDP = 52


@dataclass(frozen=True)
class FirstAnswer:
    """The KDC's answer to the first request of a logon. ``code``: see RFC 4120 7.5.9; 0 for an immediate ticket."""

    code: int
    nt_status: int | None = None

    @property
    def reason(self) -> KdcReason | None:
        """Why the logon ends here; None if it continues with pre-authentication."""
        if self.code in (0, krb_error.PREAUTH_REQUIRED, _TOO_BIG_FOR_UDP):
            return None
        return reason_of(BASE + self.code, self.nt_status, logon=False)


class KdcQuestions:
    """Requests that never count as a failed logon. Remembers the answers.

    Raises Refused, TimedOut or Unreachable if the KDC does not answer.
    """

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._answers = RememberedAnswers()

    def first_answer(self, account: str, realm: str, address: str, port: int, over: Transport = "TCP") -> FirstAnswer:
        """The KDC's answer to the first request of a logon as ``account@realm``."""
        key = (account.casefold(), realm, address, str(port), over)
        return self._answers.get(key, lambda: self._ask(as_request(account, realm), address, port, over))

    def _ask(self, request: bytes, address: str, port: int, over: Transport) -> FirstAnswer:
        kdc = f"KDC {endpoint(address, port)} ({over})"
        try:
            reply = self._over_tcp(request, address, port) if over == "TCP" else self._over_udp(request, address, port)
        except (OSError, EOFError) as error:
            raise network_error(error, kdc, self._seconds) from error
        if reply[:1] == bytes([_AS_REP]):
            return FirstAnswer(0)
        refusal = krb_error.parse(reply)
        if refusal is None:
            raise Unreachable(kdc, "its answer is not Kerberos")
        return FirstAnswer(refusal.code, refusal.nt_status)

    def _over_tcp(self, request: bytes, address: str, port: int) -> bytes:
        left = time_left(time.monotonic() + self._seconds)
        with open_socket(address, port, self._seconds) as kdc:
            kdc.sendall(struct.pack(">I", len(request)) + request)
            return message(kdc, left)[4:]

    def _over_udp(self, request: bytes, address: str, port: int) -> bytes:
        """Send twice if there is no answer: a datagram may be lost."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        ends = time.monotonic() + self._seconds
        with socket.socket(family, socket.SOCK_DGRAM) as kdc:
            kdc.connect((address, port))
            kdc.settimeout(self._seconds / 2)
            kdc.send(request)
            try:
                return kdc.recv(_LARGEST)
            except TimeoutError:
                kdc.send(request)
                kdc.settimeout(max(ends - time.monotonic(), 0.01))
                return kdc.recv(_LARGEST)
