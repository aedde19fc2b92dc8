"""SQL Server Browser: the port of an instance of SQL Server, over UDP as the drivers request it."""

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
"""Seconds for each attempt, since a datagram may be lost. The drivers of .NET and Java wait 1 second in all."""
_LARGEST = 1 << 16
_RECEIVE_ERRORS = {socket.AF_INET: (socket.IPPROTO_IP, 11), socket.AF_INET6: (socket.IPPROTO_IPV6, 25)}
"""IP_RECVERR and IPV6_RECVERR, which the socket module does not name. Source: ip(7) and ipv6(7) of Linux."""


class SqlBrowser:
    """Lists the instances of SQL Server at an address. Remembers the answers.

    Raises Refused (the port is closed), TimedOut, or Unreachable (no route, or the answer is not from SQL Server
    Browser).
    """

    def __init__(self, waits: tuple[float, ...] = WAITS) -> None:
        self._waits = waits
        self._answers = RememberedAnswers()

    def instance(self, address: str, name: str) -> Instance:
        """The instance of that name. Browser does not answer for an unknown or hidden instance: TimedOut."""
        question = sql_browser.one_instance(name)
        for instance in self._remembered(address, question):
            if instance.name.lower() == name.lower():
                return instance
        raise Unreachable(_peer(address), f"it answered for an instance other than {name}")

    def instances(self, address: str) -> tuple[Instance, ...]:
        """All instances that Browser lists."""
        return self._remembered(address, sql_browser.ALL_INSTANCES)

    def _remembered(self, address: str, question: bytes) -> tuple[Instance, ...]:
        return self._answers.get((address, question.lower()), lambda: self._ask(address, question))

    def _ask(self, address: str, question: bytes) -> tuple[Instance, ...]:
        try:
            return sql_browser.parse(_exchange(address, question, self._waits))
        except ConnectionRefusedError as error:
            raise Refused(_peer(address), "nothing listens on this port") from error
        except BrowserAnswerError as error:
            raise Unreachable(_peer(address), f"the answer is not from SQL Server Browser: {error}") from error
        except OSError as error:
            raise network_error(error, _peer(address), sum(self._waits)) from error


def _peer(address: str) -> str:
    return f"SQL Server Browser, UDP {endpoint(address, PORT)}"


def _exchange(address: str, question: bytes, waits: tuple[float, ...]) -> bytes:
    """The first answer. The socket is not connected, since a cluster may answer from another of its addresses.

    Raises TimeoutError, or OSError for a network error.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as browser:
        if sys.platform == "linux":  # without the option, a closed port looks like silence
            browser.setsockopt(*_RECEIVE_ERRORS[family], 1)
        for seconds in waits:
            browser.sendto(question, (address, PORT))
            browser.settimeout(seconds)
            try:
                return browser.recv(_LARGEST)
            except TimeoutError:
                continue
    raise TimeoutError
