import socket
import struct
import time
from collections.abc import Callable

import dns.message
import dns.query
import dns.rcode
import dns.resolver
import pytest

from tests.lab.ad import DomainController
from tests.lab.dns_server import Mode, domain_records, fake_dns
from tests.lab.loopback import fresh_address
from tests.lab.silent import black_hole, closing_at_once, silent

RECORDS = domain_records("corp.example", {"dc1.corp.example": "127.77.0.1", "dc2.corp.example": "127.77.0.2"})
SRV = "_ldap._tcp.dc._msdcs.corp.example"


def ask(ip: str, name: str, kind: str, over: Callable[..., dns.message.Message] = dns.query.udp) -> dns.message.Message:
    return over(dns.message.make_query(name, kind), ip, timeout=30)


def texts(message: dns.message.Message) -> list[str]:
    return [rdata.to_text() for rrset in message.answer for rdata in rrset]


@pytest.mark.parametrize("over", [dns.query.udp, dns.query.tcp])
def test_dns_answers_what_it_holds(over: Callable[..., dns.message.Message]) -> None:
    ip = fresh_address()
    with fake_dns(ip, RECORDS) as server:
        answer = ask(ip, SRV.upper(), "SRV", over)
        assert texts(answer) == ["0 100 389 dc1.corp.example.", "0 100 389 dc2.corp.example."]
        assert server.queries == [(SRV, "SRV")]


def test_dns_tells_no_such_name_from_no_such_record() -> None:
    ip = fresh_address()
    with fake_dns(ip, RECORDS):
        assert ask(ip, "nobody.corp.example", "A").rcode() == dns.rcode.NXDOMAIN
        other_type = ask(ip, "dc1.corp.example", "AAAA")
        assert (other_type.rcode(), texts(other_type)) == (dns.rcode.NOERROR, [])


def test_dns_follows_its_aliases() -> None:
    ip = fresh_address()
    with fake_dns(ip, {("a.test", "CNAME"): ["b.test."], ("b.test", "A"): ["127.0.0.9"]}):
        assert texts(ask(ip, "a.test", "A")) == ["b.test.", "127.0.0.9"]


def test_dns_asks_another_server_for_the_rest(dc: DomainController) -> None:
    ip = fresh_address()
    held = {(f"dc1.{dc.domain}", "A"): ["127.0.0.9"], ("alias.test", "CNAME"): [f"sql.{dc.domain}."]}
    with fake_dns(ip, held, forward_to=dc.ip):
        assert texts(ask(ip, f"dc1.{dc.domain}", "A")) == ["127.0.0.9"]
        assert texts(ask(ip, f"sql.{dc.domain}", "A")) == [dc.ip]
        assert texts(ask(ip, "alias.test", "A")) == [f"sql.{dc.domain}.", dc.ip]
        assert ask(ip, f"nobody.{dc.domain}", "A").rcode() == dns.rcode.NXDOMAIN


@pytest.mark.parametrize(("mode", "rcode"), [(Mode.REFUSE, dns.rcode.REFUSED), (Mode.SERVFAIL, dns.rcode.SERVFAIL)])
def test_dns_fails_as_it_is_told(mode: Mode, rcode: dns.rcode.Rcode) -> None:
    ip = fresh_address()
    with fake_dns(ip, RECORDS, mode=mode):
        assert ask(ip, SRV, "SRV").rcode() == rcode


@pytest.mark.parametrize("over", [dns.query.udp, dns.query.tcp])
def test_mute_dns_hears_and_is_silent(over: Callable[..., dns.message.Message]) -> None:
    ip = fresh_address()
    with fake_dns(ip, RECORDS, mode=Mode.MUTE) as server:
        with pytest.raises(dns.exception.Timeout):
            over(dns.message.make_query(SRV, "SRV"), ip, timeout=0.2)
        assert server.queries == [(SRV, "SRV")]


def test_servers_end_at_once_and_free_their_ports() -> None:
    ip = fresh_address()
    for _ in range(3):
        begin = time.monotonic()
        with fake_dns(ip, RECORDS):
            ask(ip, SRV, "SRV")
            ask(ip, SRV, "SRV", dns.query.tcp)
        with closing_at_once(ip, [88]):
            pass
        assert time.monotonic() - begin < 1


def test_a_silent_server_takes_what_is_said_and_says_nothing() -> None:
    ip = fresh_address()
    with silent(ip, tcp=[88, 389], udp=[88]):
        with socket.create_connection((ip, 389), 1) as client:
            client.settimeout(0.2)
            client.sendall(b"hello")
            with pytest.raises(TimeoutError):
                client.recv(1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
            datagrams.connect((ip, 88))
            datagrams.settimeout(0.2)
            datagrams.send(b"hello")
            with pytest.raises(TimeoutError):
                datagrams.recv(1)


def test_a_closing_server_ends_each_connection() -> None:
    ip = fresh_address()
    with closing_at_once(ip, [389]), socket.create_connection((ip, 389), 1) as client:
        client.settimeout(1)
        assert client.recv(1) == b""


def test_a_black_hole_lets_no_connection_through() -> None:
    ip = fresh_address()
    with black_hole(ip, [88, 389]):
        for port in (88, 389):
            with pytest.raises(TimeoutError):
                socket.create_connection((ip, port), 0.5)


def test_a_fresh_address_has_nobody() -> None:
    first, second = fresh_address(), fresh_address()
    assert first != second
    assert struct.unpack("!HH", socket.inet_aton(first))[0] == 127 * 256 + 77
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((first, 389), 1)
