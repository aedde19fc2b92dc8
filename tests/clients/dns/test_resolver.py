"""DNS with servers of our own: their answers and their errors."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import dns.flags
import dns.message
import dns.resolver
import pytest

from gmsa_doctor.clients.dns.resolver import SECONDS, Dns, Srv
from gmsa_doctor.core.errors import ClientError, CutOff, NotFound, Refused, TimedOut, Unreachable
from tests.lab import silent
from tests.lab.dns_server import FakeDnsServer, Mode, domain_records, fake_dns
from tests.lab.loopback import fresh_address

LDAP = "_ldap._tcp.dc._msdcs.corp.example"
RECORDS: dict[tuple[str, str], list[str]] = {
    (LDAP, "SRV"): [
        "10 5 389 DC2.corp.example.",
        "0 100 389 dc1.Corp.Example.",
        "0 0 3268 dc3.corp.example.",
    ],
    ("dc1.corp.example", "A"): ["10.0.0.1", "10.0.0.11"],
    ("dc1.corp.example", "AAAA"): ["fd00::1"],
    ("six.corp.example", "AAAA"): ["fd00::6", "fd00::7"],
    ("alias.corp.example", "CNAME"): ["DC1.corp.example."],
    ("dangling.corp.example", "CNAME"): ["gone.corp.example."],
    ("loop.corp.example", "CNAME"): ["loop.corp.example."],
    ("empty.corp.example", "A"): [],
    ("1.0.0.10.in-addr.arpa", "PTR"): ["DC1.corp.example.", "www.corp.example."],
    ("6.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa", "PTR"): ["six.corp.example."],
}
BRIEF = 0.6
"""Seconds for a question to which no answer is expected, or only of the second server."""


@pytest.fixture
def server() -> Iterator[FakeDnsServer]:
    with fake_dns(fresh_address(), RECORDS) as server:
        yield server


def ask_srv(*servers: str, seconds: float = BRIEF) -> tuple[Srv, ...]:
    return Dns(servers, seconds).srv(LDAP)


def failure(*servers: str) -> ClientError:
    with pytest.raises(ClientError) as caught:
        ask_srv(*servers)
    return caught.value


# What is there ------------------------------------------------------------------------------------------


def test_srv_records_keep_the_order_of_the_answer_and_all_fields(server: FakeDnsServer) -> None:
    assert Dns((server.ip,)).srv(LDAP) == (
        Srv("dc2.corp.example", 389, 10, 5),
        Srv("dc1.corp.example", 389, 0, 100),
        Srv("dc3.corp.example", 3268, 0, 0),
    )
    assert server.queries == [(LDAP, "SRV")]


def test_the_records_of_a_domain_list_its_controllers() -> None:
    controllers = {"dc1.corp.example": "10.0.0.1", "dc2.corp.example": "10.0.0.2"}
    with fake_dns(fresh_address(), domain_records("corp.example", controllers)) as server:
        resolver = Dns((server.ip,))
        assert [record.target for record in resolver.srv("_kerberos._udp.corp.example")] == list(controllers)
        assert [resolver.addresses(host) for host in controllers] == [("10.0.0.1",), ("10.0.0.2",)]


def test_a_host_with_ipv4_causes_no_ipv6_query(server: FakeDnsServer) -> None:
    assert Dns((server.ip,)).addresses("dc1.corp.example") == ("10.0.0.1", "10.0.0.11")
    assert server.queries == [("dc1.corp.example", "A")]


def test_a_host_without_ipv4_gives_its_ipv6_addresses(server: FakeDnsServer) -> None:
    assert Dns((server.ip,)).addresses("six.corp.example") == ("fd00::6", "fd00::7")
    assert server.queries == [("six.corp.example", "A"), ("six.corp.example", "AAAA")]


def test_the_addresses_of_an_alias_are_those_of_its_target(server: FakeDnsServer) -> None:
    assert Dns((server.ip,)).addresses("alias.corp.example") == ("10.0.0.1", "10.0.0.11")


@pytest.mark.parametrize(
    ("host", "target"),
    [
        ("alias.corp.example", "dc1.corp.example"),
        ("dangling.corp.example", "gone.corp.example"),
        ("dc1.corp.example", None),
        ("no-such.corp.example", None),
        ("a..b", None),
    ],
)
def test_an_alias_is_distinguished_from_a_host(host: str, target: str | None, server: FakeDnsServer) -> None:
    assert Dns((server.ip,)).is_alias(host) == target


def test_no_search_domain_is_appended_to_a_name(server: FakeDnsServer) -> None:
    resolver = Dns((server.ip,))
    assert resolver.servers == (server.ip,)
    with pytest.raises(NotFound):
        resolver.addresses("dc1")
    assert {name for name, _ in server.queries} == {"dc1"}


def test_an_answer_is_remembered_whatever_the_case_of_the_name(server: FakeDnsServer) -> None:
    resolver = Dns((server.ip,))
    assert resolver.srv(LDAP) == resolver.srv(LDAP.upper())
    for _ in range(2):
        with pytest.raises(NotFound):
            resolver.srv("_ldap._tcp.gone.example")
    assert server.queries == [(LDAP, "SRV"), ("_ldap._tcp.gone.example", "SRV")]


def test_each_client_has_its_own_memory(server: FakeDnsServer) -> None:
    assert Dns((server.ip,)).srv(LDAP) == Dns((server.ip,)).srv(LDAP)
    assert server.queries == [(LDAP, "SRV")] * 2


def test_a_truncated_answer_is_requested_again_over_tcp(monkeypatch: pytest.MonkeyPatch) -> None:
    many = [f"0 100 389 dc{n}.corp.example." for n in range(300)]
    with fake_dns(fresh_address(), {(LDAP, "SRV"): many}) as server:
        whole = server.answer

        def truncated_at_first(wire: bytes) -> bytes | None:
            if server.queries:
                return whole(wire)
            server.queries.append(("truncated", "SRV"))
            response = dns.message.make_response(dns.message.from_wire(wire))
            response.flags |= dns.flags.TC
            return response.to_wire()

        monkeypatch.setattr(server, "answer", truncated_at_first)
        found = Dns((server.ip,)).srv(LDAP)
        assert [record.target for record in found] == [f"dc{n}.corp.example" for n in range(300)]
        assert server.queries == [("truncated", "SRV"), (LDAP, "SRV")]


# What is not there --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ask", "code", "words"),
    [
        (lambda dns: dns.srv("_ldap._tcp.gone.example"), "NXDOMAIN", "no such name _ldap._tcp.gone.example"),
        (lambda dns: dns.srv("dc1.corp.example"), "NOANSWER", "dc1.corp.example has no SRV record"),
        (lambda dns: dns.addresses("gone.corp.example"), "NXDOMAIN", "no such name gone.corp.example"),
        (lambda dns: dns.addresses("dangling.corp.example"), "NXDOMAIN", "no such name dangling.corp.example"),
        (lambda dns: dns.addresses("empty.corp.example"), "NOANSWER", "empty.corp.example has no A record"),
        (lambda dns: dns.addresses("dc 1.corp.example"), "NXDOMAIN", "no such name dc 1.corp.example"),
    ],
)
def test_a_name_without_data_is_distinguished_from_one_that_does_not_exist(
    ask: Callable[[Dns], object], code: str, words: str, server: FakeDnsServer
) -> None:
    with pytest.raises(NotFound) as caught:
        ask(Dns((server.ip,)))
    assert (caught.value.code, caught.value.text) == (code, f"DNS server {server.ip}: {words}")


@pytest.mark.parametrize("name", ["a..b", "x" * 64 + ".example", ".".join(["label"] * 50), "\\999.example"])
def test_an_invalid_name_is_reported_and_not_sent(name: str, server: FakeDnsServer) -> None:
    with pytest.raises(Unreachable) as caught:
        Dns((server.ip,)).addresses(name)
    assert caught.value.what == f"DNS server {server.ip}"
    assert caught.value.text.endswith(f" for {name}")
    assert server.queries == []


def test_an_alias_of_itself_is_reported(server: FakeDnsServer) -> None:
    with pytest.raises(Unreachable, match=r"CNAME chain is too long"):
        Dns((server.ip,)).addresses("loop.corp.example")


# Servers that do not serve ------------------------------------------------------------------------------


@pytest.mark.parametrize(("mode", "word"), [(Mode.REFUSE, "REFUSED"), (Mode.SERVFAIL, "SERVFAIL")])
def test_a_server_that_refuses_or_fails_is_named_with_its_answer(mode: Mode, word: str) -> None:
    with fake_dns(fresh_address(), RECORDS, mode=mode) as server:
        error = failure(server.ip)
    assert isinstance(error, Refused)
    assert (error.what, error.text) == (f"DNS server {server.ip}", f"DNS server {server.ip}: answered {word}")


def test_a_silent_server_is_named_with_the_seconds_waited() -> None:
    with fake_dns(fresh_address(), RECORDS, mode=Mode.MUTE) as server:
        error = failure(server.ip)
    assert isinstance(error, TimedOut)
    assert (error.what, error.seconds) == (f"DNS server {server.ip}", BRIEF)
    assert error.text == f"DNS server {server.ip} did not answer within 0.6 s"
    assert set(server.queries) == {(LDAP, "SRV")}


def test_an_address_without_a_server_refuses() -> None:
    address = fresh_address()
    error = failure(address)
    assert isinstance(error, Refused)
    assert error.text == f"DNS server {address}: Connection refused"


def test_a_server_that_never_answers_times_out_for_addresses_too() -> None:
    address = fresh_address()
    with silent.silent(address, tcp=[53], udp=[53]), pytest.raises(TimedOut, match=address):
        Dns((address,), BRIEF).addresses("dc1.corp.example")


def test_the_default_limit_is_the_modules() -> None:
    resolver: Any = Dns((fresh_address(),))._ready()
    assert (resolver.lifetime, resolver.timeout) == (SECONDS, SECONDS / 2)


def test_a_failure_is_remembered_and_not_requested_again() -> None:
    with fake_dns(fresh_address(), RECORDS, mode=Mode.REFUSE) as server:
        resolver = Dns((server.ip,), BRIEF)
        errors: list[ClientError] = []
        for _ in range(2):
            with pytest.raises(Refused) as caught:
                resolver.srv(LDAP)
            errors.append(caught.value)
            asked = len(server.queries)
            server.mode = Mode.ANSWER
    assert errors[0].text == errors[1].text
    assert asked == 1


# Several servers ----------------------------------------------------------------------------------------


def test_the_servers_are_those_given_in_their_order() -> None:
    assert Dns(("127.77.0.2", "127.77.0.1", "::1")).servers == ("127.77.0.2", "127.77.0.1", "::1")


def test_after_the_first_answer_no_other_server_is_queried(server: FakeDnsServer) -> None:
    with fake_dns(fresh_address(), RECORDS) as second:
        assert len(ask_srv(server.ip, second.ip)) == 3
    assert (len(server.queries), second.queries) == (1, [])


@pytest.mark.parametrize("mode", [Mode.MUTE, Mode.REFUSE, Mode.SERVFAIL])
def test_the_second_server_answers_for_a_first_that_does_not(mode: Mode, server: FakeDnsServer) -> None:
    with fake_dns(fresh_address(), RECORDS, mode=mode) as first:
        assert len(ask_srv(first.ip, server.ip, seconds=2)) == 3
    assert (first.queries[0], server.queries) == ((LDAP, "SRV"), [(LDAP, "SRV")])


def test_the_second_server_answers_if_the_first_ones_port_is_closed(server: FakeDnsServer) -> None:
    assert len(ask_srv(fresh_address(), server.ip, seconds=2)) == 3


def test_no_such_name_from_the_first_server_is_final(server: FakeDnsServer) -> None:
    with fake_dns(fresh_address(), {}) as first:
        error = failure(first.ip, server.ip)
    assert isinstance(error, NotFound)
    assert error.code == "NXDOMAIN"
    assert server.queries == []


def test_servers_that_fail_differently_are_all_named_with_all_reasons() -> None:
    refusing, broken = fresh_address(), fresh_address()
    with fake_dns(refusing, mode=Mode.REFUSE), fake_dns(broken, mode=Mode.SERVFAIL):
        error = failure(broken, refusing)
    assert isinstance(error, Refused)
    assert error.text == f"DNS server {broken}, {refusing}: answered SERVFAIL; REFUSED"


def test_servers_that_fail_alike_are_reported_once() -> None:
    one, other = fresh_address(), fresh_address()
    with fake_dns(one, mode=Mode.REFUSE), fake_dns(other, mode=Mode.REFUSE):
        assert failure(one, other).text == f"DNS server {one}, {other}: answered REFUSED"


def test_a_silent_server_next_to_a_refusing_one_times_out() -> None:
    mute, refusing = fresh_address(), fresh_address()
    with fake_dns(mute, mode=Mode.MUTE), fake_dns(refusing, mode=Mode.REFUSE):
        error = failure(refusing, mute)
    assert isinstance(error, TimedOut)
    assert error.what == f"DNS server {refusing}, {mute}"


# Without servers ----------------------------------------------------------------------------------------


def test_a_system_without_a_server_is_reported_at_the_first_query(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_configured(configure: bool) -> object:
        assert configure
        raise dns.resolver.NoResolverConfiguration

    monkeypatch.setattr("dns.resolver.Resolver", none_configured)
    resolver = Dns()
    with pytest.raises(Unreachable) as caught:
        resolver.srv(LDAP)
    assert caught.value.text == "the system's resolver: no DNS server is configured"


def test_the_systems_resolver_is_not_read_where_servers_are_given(
    server: FakeDnsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(*_: object, **__: object) -> None:
        raise AssertionError("the system's resolver was read")

    monkeypatch.setattr("dns.resolver.Resolver.read_resolv_conf", read)
    assert len(Dns((server.ip,)).srv(LDAP)) == 3


# Names of addresses, and answers that are cut off -------------------------------------------------------


def test_an_address_has_names(server: FakeDnsServer) -> None:
    assert Dns((server.ip,)).names_of("10.0.0.1") == ("dc1.corp.example", "www.corp.example")
    assert Dns((server.ip,)).names_of("fd00::6") == ("six.corp.example",)


def test_an_address_without_a_record_has_no_name(server: FakeDnsServer) -> None:
    with pytest.raises(NotFound):
        Dns((server.ip,)).names_of("10.0.0.2")


def test_a_truncated_answer_without_tcp_is_distinguished_from_silence() -> None:
    with fake_dns(fresh_address(), RECORDS, mode=Mode.UDP_CUT_OFF) as server:
        error = failure(server.ip)
    assert isinstance(error, CutOff)
    assert (
        error.text == f"DNS server {server.ip}: the answer for {LDAP} is too long for UDP, and TCP 53 does not answer"
    )


@contextmanager
def cut_off_over_udp(address: str) -> Iterator[None]:
    """Answer over UDP only, and there that the answer is too long."""

    def serve() -> None:
        with suppress(OSError):
            while True:
                wire, client = datagrams.recvfrom(65535)
                if not client:
                    return
                answer = dns.message.make_response(dns.message.from_wire(wire))
                answer.flags |= dns.flags.TC
                datagrams.sendto(answer.to_wire(), client)

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.bind((address, 53))
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield
        with suppress(OSError):
            datagrams.shutdown(socket.SHUT_RDWR)
        thread.join(1)


def test_a_closed_tcp_port_after_a_truncated_answer_is_reported() -> None:
    address = fresh_address()
    with cut_off_over_udp(address):
        error = failure(address)
    assert isinstance(error, CutOff)
    assert "TCP 53 refuses connections" in error.text


def test_dropped_tcp_packets_after_a_truncated_answer_are_reported() -> None:
    address = fresh_address()
    with cut_off_over_udp(address), silent.black_hole(address, [53]):
        error = failure(address)
    assert isinstance(error, CutOff)
    assert "TCP 53 does not answer" in error.text
