"""SQL Server Browser, and hosts that have none."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gmsa_doctor.clients.network.sql_browser import PORT, SqlBrowser
from gmsa_doctor.core.errors import Refused, TimedOut, Unreachable
from tests.lab import silent
from tests.lab.loopback import fresh_address
from tests.lab.sql_browser import fake_sql_browser

QUICK = (0.05, 0.1)


@contextmanager
def saying(*answers: bytes) -> Iterator[str]:
    """Give each request the next answer; no answer if it is empty."""
    address = fresh_address()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((address, PORT))

        def serve() -> None:
            for answer in answers:
                _, client = server.recvfrom(100)
                if answer:
                    server.sendto(answer, client)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield address
        thread.join(2)


def test_the_port_of_an_instance_is_found_in_any_case() -> None:
    address = fresh_address()
    with fake_sql_browser(address, {"SALES": 50123, "HR": None}) as browser:
        client = SqlBrowser()
        assert client.instance(address, "sales").port == 50123
        assert client.instance(address, "SALES").port == 50123
        assert not client.instance(address, "hr").has_tcp
        assert [instance.name for instance in client.instances(address)] == ["SALES", "HR"]
    assert browser.requests == [b"\x04sales\0", b"\x04hr\0", b"\x03"], "an answer is remembered"


def test_an_unknown_instance_times_out() -> None:
    address = fresh_address()
    with (
        fake_sql_browser(address, {"SALES": 50123}),
        pytest.raises(TimedOut, match=rf"SQL Server Browser, UDP {address}:1434 did not answer within 0\.15 s"),
    ):
        SqlBrowser(QUICK).instance(address, "HR")


def test_a_closed_port_is_distinguished_from_silence() -> None:
    with pytest.raises(Refused, match="nothing listens on this port"):
        SqlBrowser(QUICK).instances(fresh_address())
    address = fresh_address()
    with silent.silent(address, udp=[PORT]), pytest.raises(TimedOut):
        SqlBrowser(QUICK).instances(address)


def test_a_datagram_may_be_lost() -> None:
    text = b"ServerName;A;InstanceName;B;IsClustered;No;Version;1;tcp;1500;;"
    with saying(b"", b"\x05" + len(text).to_bytes(2, "little") + text) as address:
        assert SqlBrowser((0.05, 2.0)).instance(address, "B").port == 1500


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"hello", "not from SQL Server Browser"), (b"\x05\0\0", "for an instance other than B")],
)
def test_another_protocol_is_reported(data: bytes, words: str) -> None:
    with saying(data) as address, pytest.raises(Unreachable, match=words):
        SqlBrowser(QUICK).instance(address, "B")


def test_no_route_is_unreachable() -> None:
    with pytest.raises((Unreachable, TimedOut)):
        SqlBrowser(QUICK).instances("ff02::1%nosuch")
