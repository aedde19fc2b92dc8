"""LDAP without a directory: silent and defective servers, values, and sealing."""

import inspect
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from types import SimpleNamespace
from typing import Any, cast

import ldap3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ldap3.protocol.sasl import sasl
from ldap3.utils.conv import escape_filter_chars

from gmsa_doctor.clients.kerberos.client import Kerberos, SecurityContext
from gmsa_doctor.clients.ldap.client import Attributes, Directory, Entry, Ldap, _Session, escape_filter
from gmsa_doctor.clients.ldap.sealing import LARGEST_UNSEALED, SealedSocket, sealed_bind
from gmsa_doctor.core.errors import Refused, TimedOut, Unreachable
from tests.lab import silent
from tests.lab.loopback import fresh_address

# --- servers that do not serve --------------------------------------------------------------------------


def root_dse(address: str, seconds: int = 1) -> object:
    return Ldap(Kerberos(), seconds).root_dse(address)


def test_a_closed_port_refuses() -> None:
    with pytest.raises(Refused, match=r"389: connection refused"):
        root_dse(fresh_address())


def test_an_ipv6_address_is_connected_to() -> None:
    with pytest.raises(Refused, match=r"LDAP \[::1\]:389: connection refused"):
        root_dse("::1")


def test_a_silent_server_times_out() -> None:
    address = fresh_address()
    with silent.silent(address, tcp=[389]), pytest.raises(TimedOut) as caught:
        root_dse(address)
    assert (caught.value.what, caught.value.seconds) == (f"LDAP {address}:389", 1)


def test_a_server_that_was_silent_gets_no_new_session() -> None:
    address, ldap = fresh_address(), Ldap(Kerberos(), 1)
    with silent.silent(address, tcp=[389]), pytest.raises(TimedOut):
        ldap.root_dse(address)
    with pytest.raises(TimedOut):  # although it would refuse now
        ldap.root_dse(address)


def test_a_server_that_drops_packets_times_out() -> None:
    address = fresh_address()
    with silent.black_hole(address, [389]), pytest.raises(TimedOut):
        root_dse(address)


def test_a_server_that_hangs_up_is_unreachable() -> None:
    address = fresh_address()
    with silent.closing_at_once(address, [389]), pytest.raises(Unreachable, match=rf"LDAP {address}:389"):
        root_dse(address)


def test_a_name_is_never_looked_up() -> None:
    with pytest.raises(ValueError, match="does not appear to be an IPv4 or IPv6 address"):
        root_dse("dc1.corp.example")


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """Give the address of a server that gives this answer to one client, and hangs up."""
    address = fresh_address()

    def serve() -> None:
        client, _ = server.accept()
        with client:
            client.recv(4096)
            client.sendall(answer)

    with socket.create_server((address, 389)) as server:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield address
        thread.join()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"220 mail.example ESMTP\r\n",
        b"\x30\x05\x02\x01\x01\x65\x00",
        b"\x30\x84\xff\xff\xff\xff\x00",
        b"\x30\x03\x01\x01\x01",
        b"\x30\x0c\x02\x01\x01\x64\x07\x04\x00\x30\x03\x30\x01\x00",
        b"\0" * 40,
    ],
)
def test_an_answer_that_is_not_ldap_is_unreachable(answer: bytes) -> None:
    with answering(answer) as address, pytest.raises(Unreachable):
        root_dse(address)


def test_a_server_that_drips_its_answer_ends_within_the_limit() -> None:
    address = fresh_address()
    stop = threading.Event()

    def drip() -> None:
        client, _ = server.accept()
        with client:
            while not stop.wait(0.2):
                with suppress(OSError):  # the client has gone
                    client.sendall(b"\x30")

    with socket.create_server((address, 389)) as server:
        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        with pytest.raises(TimedOut):
            root_dse(address)
        stop.set()
        thread.join()


@pytest.mark.parametrize("head", [b"\x30\x84\xff\xff\xff\xff", b""])
def test_a_server_that_never_stops_sending_is_read_up_to_the_limit(head: bytes) -> None:
    address = fresh_address()
    sent: list[int] = []

    def pour() -> None:
        client, _ = server.accept()
        with client, suppress(OSError):  # the client has gone
            client.sendall(head)
            while True:
                client.sendall(b"\x30\x05\x02\x01\x01\x65\x00" * 4096)
                sent.append(1)

    with socket.create_server((address, 389)) as server:
        thread = threading.Thread(target=pour, daemon=True)
        thread.start()
        with pytest.raises(Unreachable):
            root_dse(address, seconds=30)
        thread.join()
    in_buffers = 16 << 20
    assert len(sent) * 7 * 4096 < LARGEST_UNSEALED + in_buffers


# --- values ---------------------------------------------------------------------------------------------

ENTRY = Entry("CN=a", Attributes({"msDS-ManagedPassword": (b"canary",), "cn": ("Grün".encode(), b"b")}))


def test_attribute_names_are_case_insensitive() -> None:
    assert ENTRY.first("MSDS-managedpassword") == b"canary"
    assert "CN" in ENTRY.attributes
    assert list(ENTRY.attributes) == ["msDS-ManagedPassword", "cn"]
    assert (ENTRY.text("CN"), ENTRY.texts("cn")) == ("Grün", ("Grün", "b"))


def test_a_missing_attribute_is_none() -> None:
    assert (ENTRY.first("nope"), ENTRY.text("nope"), ENTRY.texts("nope")) == (None, None, ())
    assert "nope" not in ENTRY.attributes
    with pytest.raises(KeyError):
        ENTRY.attributes["nope"]


def test_values_are_never_shown() -> None:
    assert "canary" not in f"{ENTRY!r} {ENTRY} {ENTRY.attributes!r} {ENTRY.attributes}"


@given(st.text())
def test_filters_are_escaped_as_ldap3_does(text: str) -> None:
    assert escape_filter(text) == escape_filter_chars(text)


def test_a_directory_shows_its_user_and_host() -> None:
    directory = Directory(cast("_Session", None), "dc1", "a@B")
    assert repr(directory) == "<Directory dc1 as a@B>"


# --- sealing --------------------------------------------------------------------------------------------


class Scrambler:
    """Stands for a SecurityContext: 'sealed' is reversed, with an S in front; signed only, an N."""

    complete = True

    def __init__(self, token: bytes = b"") -> None:
        self.token = token

    def wrap(self, message: bytes, seal: bool) -> bytes:
        return (b"S" if seal else b"N") + message[::-1]

    def unwrap(self, message: bytes, sealed: bool) -> bytes:
        if sealed and message[:1] != b"S":
            raise Unreachable("the service", "it sent an unsealed message")
        return message[:0:-1]

    def step(self, token: bytes) -> bytes:
        return b""

    def room(self, size: int) -> int:
        return size - 1


def context() -> SecurityContext:
    return cast("SecurityContext", Scrambler())


def frame(body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + body


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with closing(ours), closing(theirs):
        ours.settimeout(2)
        yield ours, theirs


def test_sent_data_is_sealed_and_split_at_the_servers_limit(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    SealedSocket(ours, context(), 5, "LDAP x").sendall(b"abcdefghij")
    assert theirs.recv(100) == frame(b"Sdcba") + frame(b"Shgfe") + frame(b"Sji")


def test_received_data_is_joined_however_it_is_split(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    for byte in frame(b"Scba") + frame(b"S") + frame(b"Sed"):
        theirs.send(bytes([byte]))
    sealed = SealedSocket(ours, context(), 0, "LDAP x")
    assert [sealed.recv(2), sealed.recv(2), sealed.recv(2)] == [b"ab", b"c", b"de"]


def test_the_end_of_the_stream_is_the_end(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    theirs.sendall(frame(b"Sabc")[:6])
    theirs.close()
    assert SealedSocket(ours, context(), 0, "LDAP x").recv(10) == b""


def test_an_unsealed_message_is_refused(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    theirs.sendall(frame(b"Nabc"))
    with pytest.raises(Unreachable, match="an unsealed message"):
        SealedSocket(ours, context(), 0, "LDAP x").recv(10)


def test_an_implausibly_long_message_is_refused(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    theirs.sendall(b"\xff\xff\xff\xff")
    with pytest.raises(Unreachable, match="4294967295 bytes"):
        SealedSocket(ours, context(), 0, "LDAP x").recv(10)


def test_a_server_with_too_small_buffers_is_refused(pair: tuple[socket.socket, socket.socket]) -> None:
    with pytest.raises(Unreachable, match="too small"):
        SealedSocket(pair[0], context(), 1, "LDAP x").sendall(b"a")


def bind_to(offer: bytes, monkeypatch: pytest.MonkeyPatch, last: int = 0) -> Any:
    """Bind to a server with this offer of security layers, and give the connection."""
    connection = SimpleNamespace(
        socket=None, bound=False, result=None, sasl_mechanism=None, server=SimpleNamespace(name="ldap://x:389")
    )
    answers = iter([(14, b"N" + offer[::-1]), (last, b"")])

    def negotiate(connection: Any, controls: object, payload: bytes) -> Any:
        code, token = next(answers)
        connection.result = {"result": code, "saslCreds": token, "message": "why", "description": "no"}
        return connection.result

    monkeypatch.setattr(sasl, "send_sasl_negotiation", negotiate)
    sealed_bind(connection, context(), b"first")
    return connection


def test_a_server_that_offers_encryption_is_bound_to(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = bind_to(b"\x07\x00\x10\x00", monkeypatch)
    assert connection.bound
    assert isinstance(connection.socket, SealedSocket)
    assert connection.socket._room == 0x1000 - 1


@pytest.mark.parametrize("offer", [b"\x03\x00\x10\x00", b"\x01\x00\x00\x00", b"", b"\x04", b"\x04\x00\x10\x00\x00"])
def test_a_server_that_offers_no_encryption_is_refused(offer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Unreachable, match="offers no encryption"):
        bind_to(offer, monkeypatch)


def test_a_late_error_of_the_server_keeps_its_text(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = bind_to(b"\x04\x00\x10\x00", monkeypatch, last=49)
    assert not connection.bound
    assert connection.result["message"] == "why"


# --- the contract with ldap3: what is used beyond its documentation ---------------------------------------


def test_ldap3_still_has_the_sasl_negotiation_that_is_used() -> None:
    assert list(inspect.signature(sasl.send_sasl_negotiation).parameters) == ["connection", "controls", "payload"]
    source = inspect.getsource(sasl.send_sasl_negotiation)
    assert "connection.sasl_mechanism" in source
    assert "connection.result" in source


def test_ldap3_still_uses_only_the_methods_of_the_sealed_socket() -> None:
    from ldap3.strategy import base, sync

    source = inspect.getsource(base) + inspect.getsource(sync)
    after_bind = ["connection.socket.recv(self.socket_size)", "connection.socket.sendall(encoded_message)"]
    assert [use for use in after_bind if use not in source] == []
    uses = {part.split("(")[0] for part in source.split("self.connection.socket.")[1:]}
    before_bind = {"bind", "connect", "settimeout", "setsockopt", "family != socket.AF_UNIX:\n"}
    assert {use.strip().split()[0] for use in uses - before_bind} - {"family"} == {
        "recv",
        "sendall",
        "shutdown",
        "close",
    }


def test_ldap3_connections_still_have_the_attributes_that_are_used() -> None:
    connection = ldap3.Connection(ldap3.Server("127.0.0.1", get_info=ldap3.NONE), client_strategy=ldap3.SYNC)
    for name in ("socket", "sasl_mechanism", "result", "response", "bound", "server", "strategy"):
        assert hasattr(connection, name), name
    assert connection.server.name == "ldap://127.0.0.1:389"
    assert callable(connection.strategy.close)


def test_ldap3_itself_is_unchanged() -> None:
    from ldap3.core import connection as core
    from ldap3.protocol.sasl import kerberos

    untyped: Any = kerberos
    assert core.Connection.__module__ == "ldap3.core.connection"
    assert untyped.sasl_gssapi.__module__ == "ldap3.protocol.sasl.kerberos"
