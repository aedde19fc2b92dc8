"""SQL Server Browser: which port an instance of SQL Server listens on. Asked over UDP, as the drivers do."""

from __future__ import annotations

import socket
import sys

from gmsa_doctor.clients.network.tcp import endpoint, network_error
from gmsa_doctor.clients.remembered import RememberedAnswers
from gmsa_doctor.core.errors import Refused, Unreachable
from gmsa_doctor.formats.sql_server import sql_browser
from gmsa_doctor.formats.sql_server.sql_browser import BrowserAnswerError, Instance

PORT = 1434
WAITS = (0.5, 1.0)
"""Seconds for each try, since a datagram may be lost. The drivers of .NET and Java wait for one second in all."""
_LARGEST = 1 << 16
_RECEIVE_ERRORS = {socket.AF_INET: (socket.IPPROTO_IP, 11), socket.AF_INET6: (socket.IPPROTO_IPV6, 25)}
"""IP_RECVERR and IPV6_RECVERR, which the socket module does not name. Source: ip(7) and ipv6(7) of Linux."""


class SqlBrowser:
    """Asks for the instances of SQL Server on a host, by the host's address. Remembers the answers.

    Raises Refused (nothing listens there, which the host says itself), TimedOut, or Unreachable (no way, or what
    answers is not SQL Server Browser).
    """

    def __init__(self, waits: tuple[float, ...] = WAITS) -> None:
        self._waits = waits
        self._answers = RememberedAnswers()

    def instance(self, address: str, name: str) -> Instance:
        """The instance of that name. Browser is silent of one that it does not know, or hides: TimedOut."""
        question = sql_browser.one_instance(name)
        for instance in self._remembered(address, question):
            if instance.name.lower() == name.lower():
                return instance
        raise Unreachable(_peer(address), f"it answers for another instance than {name}")

    def instances(self, address: str) -> tuple[Instance, ...]:
        """All instances that it lists."""
        return self._remembered(address, sql_browser.ALL_INSTANCES)

    def _remembered(self, address: str, question: bytes) -> tuple[Instance, ...]:
        return self._answers.get((address, question.lower()), lambda: self._ask(address, question))

    def _ask(self, address: str, question: bytes) -> tuple[Instance, ...]:
        try:
            return sql_browser.parse(_exchange(address, question, self._waits))
        except ConnectionRefusedError as error:
            raise Refused(_peer(address), "nothing listens there") from error
        except BrowserAnswerError as error:
            raise Unreachable(_peer(address), f"what answers is not SQL Server Browser: {error}") from error
        except OSError as error:
            raise network_error(error, _peer(address), sum(self._waits)) from error


def _peer(address: str) -> str:
    return f"SQL Server Browser, UDP {endpoint(address, PORT)}"


def _exchange(address: str, question: bytes, waits: tuple[float, ...]) -> bytes:
    """The first answer. The socket is not connected, since a cluster may answer from another of its addresses.

    Raises TimeoutError, and OSError for what the network says.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as browser:
        if sys.platform == "linux":  # else that nothing listens there would show as silence
            browser.setsockopt(*_RECEIVE_ERRORS[family], 1)
        for seconds in waits:
            browser.sendto(question, (address, PORT))
            browser.settimeout(seconds)
            try:
                return browser.recv(_LARGEST)
            except TimeoutError:
                continue
    raise TimeoutError
