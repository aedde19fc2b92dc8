"""Servers in place of a DNS server or a domain controller that lie, drip, are silent or never stop."""

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import TypeAlias

import dns.message
import dns.rcode
import dns.rrset

from tests.lab.dns_server import Mode as DnsMode
from tests.lab.dns_server import domain_records, fake_dns
from tests.lab.loopback import fresh_address
from tests.lab.silent import black_hole, closing_at_once, silent
from tests.scenarios.lab import Lab

Server: TypeAlias = Callable[[str, int], AbstractContextManager[None]]
"""Runs at this address and port."""

# A domain controller's port ---------------------------------------------------------------------------------


@contextmanager
def _sending(address: str, port: int, block: bytes, pause: float, *, forever: bool) -> Iterator[None]:
    """Send this to each client: once and no more, or again and again."""

    def talk(client: socket.socket) -> None:
        with client, suppress(OSError):  # the client has gone
            client.sendall(block)
            while forever:
                time.sleep(pause)
                client.sendall(block)
            while client.recv(65536):
                pass

    def serve() -> None:
        with suppress(OSError):  # closed
            while True:
                threading.Thread(target=talk, args=(server.accept()[0],), daemon=True).start()

    with socket.create_server((address, port)) as server:
        threading.Thread(target=serve, daemon=True).start()
        yield
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)


def _sends(block: bytes, pause: float = 0.0, *, forever: bool = True) -> Server:
    return lambda address, port: _sending(address, port, block, pause, forever=forever)


def _der(tag: int, content: bytes) -> bytes:
    length = len(content)
    head = bytes([length]) if length < 128 else b"\x82" + length.to_bytes(2, "big")
    return bytes([tag]) + head + content


def _krb_error(code: int, text: str = "", realm: str = "CORP.EXAMPLE") -> bytes:
    """Make a KRB-ERROR (RFC 4120 5.9.1) with its length before it, as over TCP."""
    number = code.to_bytes(2, "big")
    sname = _der(0x30, _der(0xA0, _der(2, b"\2")) + _der(0xA1, _der(0x30, _der(0x1B, b"krbtgt"))))
    fields = [
        (0, _der(2, b"\5")),
        (1, _der(2, b"\x1e")),
        (4, _der(0x18, b"20300101000000Z")),
        (5, _der(2, b"\0")),
        (6, _der(2, number)),
        (9, _der(0x1B, realm.encode())),
        (10, sname),
        *([(11, _der(0x1B, text.encode()))] if text else []),
    ]
    message = _der(0x7E, _der(0x30, b"".join(_der(0xA0 + tag, value) for tag, value in fields)))
    return struct.pack(">I", len(message)) + message


_EITHER: Mapping[str, Server] = {
    "silence": lambda address, port: silent(address, tcp=[port]),
    "dropped packets": lambda address, port: black_hole(address, [port]),
    "hanging up": lambda address, port: closing_at_once(address, [port]),
    "endless zeros": _sends(b"\0" * 65536),
    "endless messages": _sends(b"\x30\x05\x02\x01\x01\x65\x00" * 8192),
    "a huge length": _sends(b"\x30\x84\x7f\xff\xff\xff" + b"\x04" * 65536),
    "a web page": _sends(b"HTTP/1.1 200 OK\r\n\r\n<html></html>\r\n" * 1024),
    "half a message": _sends(b"\0\0\1\0\x7e\x81", forever=False),
}
CONTROLLERS: Mapping[str, Mapping[str, Server]] = {
    "LDAP": {
        **_EITHER,
        "a few bytes at intervals": _sends(b"\x30\x84\0\1\0\0", 0.2),
        "deep nesting": _sends(b"\x30\x80" * 100_000, forever=False),
        "a notice of disconnection": _sends(
            _der(0x30, b"\2\1\0" + _der(0x78, b"\x0a\1\x34\4\0\4\0" + _der(0x8A, b"1.3.6.1.4.1.1466.20036"))),
            forever=False,
        ),
    },
    "KDC": {
        **_EITHER,
        "a few bytes at intervals": _sends(b"\0\0\1\0", 0.2),
        "a message of no bytes": _sends(b"\0\0\0\0", forever=False),
        "a frame of garbage": _sends(b"\0\0\1\0" + b"\xff" * 256, forever=False),
        "preauthentication without methods": _sends(_krb_error(25), forever=False),
        "answer too big, over TCP": _sends(_krb_error(52), forever=False),
        "another realm": _sends(_krb_error(68, realm="OTHER.EXAMPLE"), forever=False),
        "an unknown error": _sends(_krb_error(250, "\x1b[2J::error::"), forever=False),
        "service unavailable": _sends(_krb_error(29), forever=False),
        "an answer that is a request": _sends(b"\0\0\0\4\x6a\2\x30\0", forever=False),
    },
}
"""By service and fault."""


# A DNS server -------------------------------------------------------------------------------------------------

_SRV = "_ldap._tcp.dc._msdcs.corp.example"
_HOST = "dc1.corp.example"
Spoil = Callable[[bytes], bytes | None]


def _spoiled(spoil: Spoil) -> Callable[[Lab], str]:
    def run(lab: Lab) -> str:
        address = fresh_address()
        lab.stack.enter_context(fake_dns(address, forward_to=lab.dc.ip, spoil=spoil))
        return address

    return run


def _records(records: dict[tuple[str, str], list[str]]) -> Callable[[Lab], str]:
    return lambda lab: lab.dns({**domain_records(lab.dc.domain, {_HOST: lab.dc.ip}), **records})


def _in_mode(mode: DnsMode) -> Callable[[Lab], str]:
    def run(lab: Lab) -> str:
        address = fresh_address()
        lab.stack.enter_context(fake_dns(address, domain_records(lab.dc.domain, {_HOST: lab.dc.ip}), mode=mode))
        return address

    return run


def _with_code(code: dns.rcode.Rcode) -> Spoil:
    def spoil(answer: bytes) -> bytes:
        message = dns.message.from_wire(answer)
        message.answer.clear()
        message.set_rcode(code)
        return message.to_wire()

    return spoil


def _of_another_question(answer: bytes) -> bytes:
    message = dns.message.from_wire(answer)
    other = dns.message.make_response(dns.message.make_query("other.example.", "A"))
    other.id = message.id
    other.answer.append(dns.rrset.from_text("other.example.", 60, "IN", "A", "127.0.0.1"))
    return other.to_wire()


def _to_itself(answer: bytes) -> bytes:
    """Compress the name of the first record with a pointer to itself."""
    end = len(answer)
    return answer[:6] + b"\0\1\0\0\0\0" + answer[12:] + bytes([0xC0 | end >> 8, end & 255]) + b"\0\x21\0\1"


DNS: Mapping[str, Callable[[Lab], str]] = {
    "silence": _in_mode(DnsMode.MUTE),
    "nothing listens": lambda lab: fresh_address(),
    "REFUSED": _in_mode(DnsMode.REFUSE),
    "SERVFAIL": _in_mode(DnsMode.SERVFAIL),
    "no such name": _spoiled(_with_code(dns.rcode.NXDOMAIN)),
    "no data": _spoiled(_with_code(dns.rcode.NOERROR)),
    "not implemented": _spoiled(_with_code(dns.rcode.NOTIMP)),
    "too long for UDP, and TCP hangs up": _in_mode(DnsMode.UDP_CUT_OFF),
    "another id": _spoiled(lambda answer: bytes([answer[0] ^ 1]) + answer[1:]),
    "another question": _spoiled(_of_another_question),
    "half an answer": _spoiled(lambda answer: answer[: len(answer) // 2]),
    "garbage after the header": _spoiled(lambda answer: answer[:12] + b"\xff" * 400),
    "zeros": _spoiled(lambda answer: b"\0" * 512),
    "an empty datagram": _spoiled(lambda answer: b""),
    "a name that points to itself": _spoiled(_to_itself),
    "65,535 records announced": _spoiled(lambda answer: answer[:6] + b"\xff\xff" + answer[8:]),
    "an alias of itself": _records({(_SRV, "CNAME"): [f"{_SRV}."], (_SRV, "SRV"): []}),
    "a target that is the root": _records({(_SRV, "SRV"): ["0 100 389 ."]}),
    "a target of 250 characters": _records({(_SRV, "SRV"): [f"0 100 389 {'a.' * 124}x."]}),
    "a target with controls": _records({(_SRV, "SRV"): ["0 100 389 a\\027[2J\\010::error::x.corp.example."]}),
    "an address that is no host": _records({(_HOST, "A"): ["0.0.0.0"]}),
    "the broadcast address": _records({(_HOST, "A"): ["255.255.255.255"]}),
    "nobody at the address": _records({(_HOST, "A"): ["127.77.255.253"]}),
    "200 domain controllers that are not there": _records(
        {
            (_SRV, "SRV"): [f"0 100 389 dc{n}.corp.example." for n in range(200)],
            **{(f"dc{n}.corp.example", "A"): [f"127.77.254.{n + 1}"] for n in range(200)},
        }
    ),
}
"""By fault: run such a DNS server, and give its address."""
