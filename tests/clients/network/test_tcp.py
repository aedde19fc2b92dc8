"""TCP connections, and how they fail."""

import socket

import pytest

from gmsa_doctor.clients.network.tcp import Tcp, endpoint
from gmsa_doctor.core.errors import Refused, TimedOut, Unreachable
from tests.lab import silent
from tests.lab.loopback import fresh_address


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_an_open_port_answers(address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, 0), family=family) as server:
        assert 0 <= Tcp().connect(address, server.getsockname()[1]) < 1


def test_a_closed_port_refuses() -> None:
    address = fresh_address()
    with pytest.raises(Refused, match=rf"TCP {address}:389: connection refused"):
        Tcp().connect(address, 389)


def test_a_port_that_drops_packets_times_out() -> None:
    address = fresh_address()
    with silent.black_hole(address, [389]), pytest.raises(TimedOut) as caught:
        Tcp(0.2).connect(address, 389)
    assert (caught.value.what, caught.value.seconds) == (f"TCP {address}:389", 0.2)


def test_a_name_that_does_not_resolve_is_unreachable() -> None:
    with pytest.raises(Unreachable, match=r"no-such-host\.invalid:88"):
        Tcp().connect("no-such-host.invalid", 88)


def test_no_route_is_unreachable() -> None:
    with pytest.raises(Unreachable):
        Tcp(0.5).connect("ff02::1", 88)  # multicast: nothing to connect to


def test_an_ipv6_address_is_written_in_brackets() -> None:
    assert endpoint("fd00::5", 88) == "[fd00::5]:88"
