"""What KDCs say of accounts before a password is proved, and KDCs that say nothing."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gmsa_doctor.clients.kerberos.kdc_errors import KdcReason
from gmsa_doctor.clients.kerberos.kdc_questions import FirstAnswer, KdcQuestions, Transport
from gmsa_doctor.core.errors import ClientError, Refused, TimedOut, Unreachable
from tests.chaos.servers import CONTROLLERS
from tests.lab import accounts, ad, silent
from tests.lab.loopback import fresh_address

BOTH = pytest.mark.parametrize("over", ["TCP", "UDP"])


def ask(address: str, over: Transport, account: str = accounts.READER, seconds: float = 0.6) -> FirstAnswer:
    return KdcQuestions(seconds).first_answer(account, accounts.REALM, address, 88, over)


@BOTH
@pytest.mark.parametrize(
    ("account", "reason"),
    [
        (accounts.READER, None),
        ("webapp01$", None),
        ("nosuch", KdcReason.UNKNOWN_CLIENT),
        ("gmsa-disabled", KdcReason.DISABLED),
        ("gmsa-locked", KdcReason.LOCKED),
        ("gmsa-acctexpired", KdcReason.ACCOUNT_EXPIRED),
        ("gmsa-pwexpired", KdcReason.MUST_CHANGE),
    ],
)
def test_the_kdc_reports_the_state_of_an_account(
    dc: ad.DomainController, over: Transport, account: str, reason: KdcReason | None
) -> None:
    assert ask(dc.ip, over, account, 5).reason is reason


def test_no_request_counts_as_a_failed_logon(dc: ad.DomainController) -> None:
    before = ad.bad_password_count(dc, accounts.READER)
    for over in ("TCP", "UDP"):
        ask(dc.ip, over, seconds=5)
    assert ad.bad_password_count(dc, accounts.READER) == before


@BOTH
def test_a_closed_port_refuses(over: Transport) -> None:
    with pytest.raises(Refused, match="connection refused"):
        ask(fresh_address(), over)


@BOTH
def test_a_silent_kdc_times_out(over: Transport) -> None:
    address = fresh_address()
    with silent.silent(address, tcp=[88], udp=[88]), pytest.raises(TimedOut, match=rf"KDC {address}:88 \({over}\)"):
        ask(address, over)


def test_a_kdc_that_sends_a_few_bytes_now_and_then_times_out() -> None:
    """No single read is late."""
    address = fresh_address()
    with CONTROLLERS["KDC"]["a few bytes at intervals"](address, 88), pytest.raises(TimedOut):
        ask(address, "TCP", seconds=0.4)


def test_a_kdc_that_closes_the_connection_is_unreachable() -> None:
    address = fresh_address()
    with silent.closing_at_once(address, [88]), pytest.raises(Unreachable):
        ask(address, "TCP")


@contextmanager
def answering(*answers: bytes | None) -> Iterator[tuple[str, list[bytes]]]:
    """Give the address of a UDP KDC with these answers, and the requests that it received."""
    address, asked = fresh_address(), list[bytes]()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.bind((address, 88))

        def serve() -> None:
            for answer in answers:
                question, client = datagrams.recvfrom(65535)
                asked.append(question)
                if answer is not None:
                    datagrams.sendto(answer, client)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield address, asked
        thread.join(1)


def test_a_lost_datagram_is_sent_again() -> None:
    with answering(None, b"\x6b\x00") as (address, asked):
        assert ask(address, "UDP") == FirstAnswer(0)
    assert len(asked) == 2
    assert asked[0] == asked[1]


@pytest.mark.parametrize("answer", [b"", b"\x7e\x00", b"HTTP/1.1 400", b"\0" * 40])
def test_an_answer_that_is_not_kerberos_is_unreachable(answer: bytes) -> None:
    with answering(answer) as (address, _), pytest.raises(Unreachable, match="not Kerberos"):
        ask(address, "UDP")


def test_no_request_is_sent_twice() -> None:
    with answering(b"\x6b\x00") as (address, asked):
        questions = KdcQuestions(0.6)
        for name in ("reader", "READER", "reader"):
            assert questions.first_answer(name, accounts.REALM, address, 88, "UDP") == FirstAnswer(0)
    assert len(asked) == 1


def test_an_error_is_remembered_too() -> None:
    questions = KdcQuestions(0.6)
    address = fresh_address()
    errors: list[ClientError] = []
    for _ in range(2):
        with pytest.raises(Refused) as caught:
            questions.first_answer("reader", accounts.REALM, address, 88)
        errors.append(caught.value)
    assert errors[0] is errors[1]


@pytest.mark.parametrize(
    ("code", "reason"), [(0, None), (25, None), (52, None), (6, KdcReason.UNKNOWN_CLIENT), (68, KdcReason.WRONG_REALM)]
)
def test_a_code_that_ends_the_logon_has_a_reason(code: int, reason: KdcReason | None) -> None:
    assert FirstAnswer(code).reason is reason
