"""A small authoritative DNS server with given answers, or none."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from enum import StrEnum
from typing import TypeAlias

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.rrset

Records: TypeAlias = Mapping[tuple[str, str], Sequence[str]]
"""("_ldap._tcp.dc._msdcs.corp.example", "SRV") to ["0 100 389 dc1.corp.example."]; an empty list: no data."""


class Mode(StrEnum):
    """How the server behaves."""

    ANSWER = "answer"
    MUTE = "mute"
    """Receives queries and never answers."""
    REFUSE = "refuse"
    SERVFAIL = "servfail"
    UDP_CUT_OFF = "udp-cut-off"
    """Over UDP, answers SRV questions with nothing but the bit that says: ask again over TCP, where it hangs up."""


def _key(name: str) -> str:
    return name.rstrip(".").lower()


class FakeDnsServer:
    """Answers from its records; other names do not exist, unless it forwards the query."""

    def __init__(
        self, ip: str, records: Records, forward_to: str | None, mode: Mode, spoil: Callable[[bytes], bytes | None]
    ) -> None:
        self.ip = ip
        self.mode = mode
        """May be changed while the server runs."""
        self.queries: list[tuple[str, str]] = []
        """(name, type) of each query in its order, names in lower case without the last dot."""
        self._records = {(_key(name), kind): list(data) for (name, kind), data in records.items()}
        self._forward_to = forward_to
        self._spoil = spoil

    def answer(self, wire: bytes) -> bytes | None:
        """Give the answer to a query, spoiled; None: there is none."""
        answer = self._answer(wire)
        return None if answer is None else self._spoil(answer)

    def _answer(self, wire: bytes) -> bytes | None:
        try:
            query = dns.message.from_wire(wire)
            question = query.question[0]
        except (dns.exception.DNSException, IndexError):
            return None
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        self.queries.append((name, kind))
        if self.mode is Mode.MUTE:
            return None
        response = dns.message.make_response(query)
        if self.mode is Mode.UDP_CUT_OFF and kind == "SRV":
            response.flags |= dns.flags.TC
            return response.to_wire()
        if self.mode in (Mode.REFUSE, Mode.SERVFAIL):
            response.set_rcode(dns.rcode.REFUSED if self.mode is Mode.REFUSE else dns.rcode.SERVFAIL)
            return response.to_wire()
        response.flags |= dns.flags.AA
        if not self._holds(name) and self._forward_to is not None:
            return self._forward(query)
        self._fill(response, name, kind)
        # By default dnspython shuffles the records, and their order matters to some clients.
        return response.to_wire(want_shuffle=False)

    def _holds(self, name: str) -> bool:
        return any(held == name for held, _ in self._records)

    def _fill(self, response: dns.message.Message, name: str, kind: str) -> None:
        """Put the records into the answer, following aliases as an authoritative server does."""
        for _ in range(8):
            if not self._holds(name):
                self._fill_foreign(response, name, kind)
                return
            alias = self._records.get((name, "CNAME")) if kind != "CNAME" else None
            data = alias or self._records.get((name, kind), [])
            if data:
                held = "CNAME" if alias else kind
                response.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", held, *data))
            if not alias:
                return
            name = _key(alias[0])

    def _fill_foreign(self, response: dns.message.Message, name: str, kind: str) -> None:
        """Look up the target of an alias; without a server to forward to, it does not exist."""
        if self._forward_to is None:
            response.set_rcode(dns.rcode.NXDOMAIN)
            return
        answer = dns.message.from_wire(self._forward(dns.message.make_query(f"{name}.", kind)))
        response.answer.extend(answer.answer)
        response.set_rcode(answer.rcode())

    def _forward(self, query: dns.message.Message) -> bytes:
        assert self._forward_to is not None
        try:
            return dns.query.tcp(query, self._forward_to, timeout=30).to_wire()
        except (dns.exception.DNSException, OSError):
            failure = dns.message.make_response(query)
            failure.set_rcode(dns.rcode.SERVFAIL)
            return failure.to_wire()


def domain_records(domain: str, controllers: Mapping[str, str]) -> dict[tuple[str, str], list[str]]:
    """Give the records of an AD domain with these domain controllers, host names to addresses.

    SRV answers keep the order of the mapping.
    """
    ports = {
        "_ldap._tcp.dc._msdcs": 389,
        "_ldap._tcp": 389,
        "_kerberos._tcp.dc._msdcs": 88,
        "_kerberos._tcp": 88,
        "_kerberos._udp": 88,
    }
    records = {
        (f"{name}.{domain}", "SRV"): [f"0 100 {port} {host}." for host in controllers] for name, port in ports.items()
    }
    return {**records, **{(host, "A"): [ip] for host, ip in controllers.items()}}


@contextmanager
def fake_dns(
    ip: str,
    records: Records | None = None,
    *,
    forward_to: str | None = None,
    mode: Mode = Mode.ANSWER,
    spoil: Callable[[bytes], bytes | None] = lambda answer: answer,
) -> Iterator[FakeDnsServer]:
    """Run a DNS server on port 53 of the address, over UDP and TCP.

    `forward_to` is the address of the server that answers for names without records. A name with
    a record is answered here for all types. `spoil` changes each answer, or drops it.
    """
    server = FakeDnsServer(ip, records or {}, forward_to, mode, spoil)
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.bind((ip, 53))
    listener = socket.create_server((ip, 53))
    threads = [
        threading.Thread(target=_serve_udp, args=(server, datagrams), daemon=True),
        threading.Thread(target=_serve_tcp, args=(server, listener), daemon=True),
    ]
    for thread in threads:
        thread.start()
    try:
        yield server
    finally:
        for sock in (datagrams, listener):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits on it
            sock.close()
        for thread in threads:
            thread.join(1)


def _serve_udp(server: FakeDnsServer, datagrams: socket.socket) -> None:
    while True:
        try:
            wire, client = datagrams.recvfrom(65535)
        except OSError:
            return
        # shutdown() of a UDP socket shows as an empty datagram without a sender.
        if not client:
            return
        answer = server.answer(wire)
        if answer is not None:
            with suppress(OSError):
                datagrams.sendto(answer, client)


def _serve_tcp(server: FakeDnsServer, listener: socket.socket) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_converse, args=(server, connection), daemon=True).start()


def _converse(server: FakeDnsServer, connection: socket.socket) -> None:
    """Answer queries on one connection, each with its length before it, until the client closes it."""
    with connection, connection.makefile("rb") as stream, suppress(OSError):
        if server.mode is Mode.UDP_CUT_OFF:
            return
        while len(length := stream.read(2)) == 2:
            answer = server.answer(stream.read(struct.unpack("!H", length)[0]))
            if answer is not None:
                connection.sendall(struct.pack("!H", len(answer)) + answer)
