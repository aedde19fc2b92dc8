"""The modes: a service, a fault, and the words with which a run may end."""

import socket
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial

from tests.command import Ended
from tests.lab.environment import Environment
from tests.lab.lies import LIES
from tests.lab.loopback import fresh_address
from tests.scenarios import changes
from tests.scenarios.lab import Change, Lab

SERVICES = ("*", "ecs", "s3", "secretsmanager", "iam", "ec2", "ds", "sts")
ENDLESS = ("an answer that drips", "an answer that stops", "an endless answer", "a gzip bomb")
"""Those that take seconds, or many bytes."""
_CODES = ("ExpiredToken", "InvalidSignatureException", "AuthFailure", "UnrecognizedClientException")


@dataclass(frozen=True)
class Mode:
    """A fault of a service. ``quick``: it needs no time limit to end."""

    service: str
    fault: str
    change: Change
    quick: bool = True
    verdicts: tuple[str, ...] = ("incomplete",)

    @property
    def tenth(self) -> int:
        """The tenth of the table that it belongs to: 0 to 9, the same each time."""
        return zlib.crc32(f"{self.service} {self.fault}".encode()) % 10

    def complaint(self, ended: Ended) -> str:
        """What is wrong with the end of a run; empty if nothing is."""
        if "Traceback" in ended.out + ended.err:
            return "a traceback"
        if ended.code == 2:
            return "" if not ended.out and len(ended.err.splitlines()) == 1 else "not one message"
        if ended.code not in (0, 1, 3):
            return f"exit code {ended.code}"
        verdict = ended.document["verdict"]
        return "" if verdict in self.verdicts else f"verdict {verdict}"


def modes() -> Iterator[Mode]:
    """All modes of AWS, DNS, KDC and LDAP."""
    for service in SERVICES:
        # The caller's identity decides nothing: all else may pass without it.
        verdicts = ("pass", "incomplete") if service == "sts" else ("incomplete",)
        for name in LIES:
            change = partial(_lie, service=service, name=name)
            yield Mode(service, name, change, name not in ENDLESS, verdicts)
        yield Mode(service, "silence", partial(_silence, service=service), False, verdicts)
        for code in _CODES:
            yield Mode(service, code, partial(_rejected, service=service, code=code))
    for port, name in ((88, "KDC"), (389, "LDAP")):
        for fault, servers in _SERVERS.items():
            yield Mode(name, fault, partial(_controller, port=port, servers=servers), False, ("incomplete", "fail"))


def _lie(_: object, lab: Lab, service: str, name: str) -> None:
    lab.aws.lie(service, "*", LIES[name])


def _silence(_: object, lab: Lab, service: str) -> None:
    lab.aws.hang(service, "*")


def _rejected(_: object, lab: Lab, service: str, code: str) -> None:
    lab.aws.expire(service, "*", code)


def _controller(environment: Environment, lab: Lab, port: int, servers: Callable[[Lab, int], str]) -> None:
    """A second domain controller, whose port has the fault; DNS names no other."""
    address = servers(lab, port)
    changes.dns_server(lambda lab: lab.dns_of_controllers({"dc9.corp.example": address}))(environment, lab)


@contextmanager
def _pouring(address: str, port: int, block: bytes) -> Iterator[None]:
    """Send this to each client, again and again."""

    def pour(client: socket.socket) -> None:
        with client, suppress(OSError):  # the client has gone
            while True:
                client.sendall(block)

    def serve() -> None:
        with suppress(OSError):  # closed
            while True:
                threading.Thread(target=pour, args=(server.accept()[0],), daemon=True).start()

    with socket.create_server((address, port)) as server:
        threading.Thread(target=serve, daemon=True).start()
        yield
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)


def _pours(lab: Lab, port: int, block: bytes) -> str:
    address = fresh_address()
    lab.stack.enter_context(_pouring(address, port, block))
    return address


_SERVERS: dict[str, Callable[[Lab, int], str]] = {
    "silence": lambda lab, port: lab.mute(port),
    "dropped packets": lambda lab, port: lab.black_hole(port),
    "hanging up": lambda lab, port: lab.hanging_up(port),
    "endless zeros": lambda lab, port: _pours(lab, port, b"\0" * 65536),
    "endless messages": lambda lab, port: _pours(lab, port, b"\x30\x05\x02\x01\x01\x65\x00" * 8192),
    "a huge length": lambda lab, port: _pours(lab, port, b"\x30\x84\x7f\xff\xff\xff" + b"\x04" * 65536),
    "a web page": lambda lab, port: _pours(lab, port, b"HTTP/1.1 200 OK\r\n\r\n<html></html>\r\n" * 1024),
}
