"""The relay's ports."""

import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest

from gmsa_doctor.clients.kerberos.kdc_relay import KdcRelay

LOOPBACK = "127.0.0.1"


@pytest.fixture
def taken() -> Iterator[int]:
    """Give a UDP port that somebody else has, and that is free for TCP: none that the system gives to others."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        for port in range(20_000, 30_000):
            with suppress(OSError), socket.create_server((LOOPBACK, port)):
                other.bind((LOOPBACK, port))
                break
        yield other.getsockname()[1]


def test_a_port_whose_udp_side_is_taken_is_given_up_for_another(taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    ports = iter([taken, 0, 0, 0, 0])
    create = socket.create_server
    monkeypatch.setattr(socket, "create_server", lambda address: create((address[0], next(ports))))
    relay = KdcRelay()
    try:
        assert relay.port != taken
        with (
            socket.create_connection((LOOPBACK, relay.port)),
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other,
            pytest.raises(OSError, match="in use"),
        ):
            other.bind((LOOPBACK, relay.port))
    finally:
        relay.close()


def test_without_any_free_port_the_error_is_the_systems(taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    create = socket.create_server
    monkeypatch.setattr(socket, "create_server", lambda address: create((address[0], taken)))
    with pytest.raises(OSError, match="in use"):
        KdcRelay()
