"""Kerberos without a KDC, or with one that does not serve; the ledger; the box around libkrb5."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from gmsa_doctor.clients.kerberos import libkrb5
from gmsa_doctor.clients.kerberos.client import Kdc, Kerberos, Ticket, _counts
from gmsa_doctor.clients.kerberos.kdc_errors import KdcReason, KdcRefusal, reason_of
from gmsa_doctor.clients.kerberos.kdc_relay import KdcRoute
from gmsa_doctor.clients.kerberos.ledger import AlreadyFailed, Counted, Ledger
from gmsa_doctor.core.errors import ClientError, OutOfReach, Refused, TimedOut, Unreachable
from gmsa_doctor.core.hidden import Hidden
from gmsa_doctor.core.model import Owner, Status
from tests.lab import silent
from tests.lab.loopback import fresh_address

REALM = "CORP.EXAMPLE"
GOOD, BAD = Hidden(b"good"), Hidden(b"bad")
KDC, OTHER_KDC = Kdc("192.0.2.1"), Kdc("192.0.2.2")


def logon(kerberos: Kerberos, address: str) -> Ticket:
    return kerberos.user_ticket("somebody", REALM, Hidden("Secr3t-canary"), Kdc(address))


# --- KDCs that do not serve ---------------------------------------------------------------------------


def test_a_kdc_that_refuses_is_named() -> None:
    address = fresh_address()
    with pytest.raises(Refused, match=rf"{address}:88: connection refused"):
        logon(Kerberos(), address)


def test_a_kdc_at_an_ipv6_address_is_contacted() -> None:
    with pytest.raises(Refused, match=r"\[::1\]:88: connection refused"):
        logon(Kerberos(), "::1")


def test_a_silent_kdc_times_out_after_our_limit_and_does_not_block_the_next_call() -> None:
    mute, refusing = fresh_address(), fresh_address()
    started = time.monotonic()
    kerberos = Kerberos(seconds=1)
    with silent.silent(mute, tcp=[88]):
        with pytest.raises(TimedOut, match=rf"KDC {mute}:88 did not answer within 1 s"):
            logon(kerberos, mute)
        with pytest.raises(Refused):
            logon(kerberos, refusing)
    assert time.monotonic() - started < 2


def test_a_kdc_that_did_not_get_the_password_does_not_block_the_account() -> None:
    mute, refusing = fresh_address(), fresh_address()
    kerberos = Kerberos(seconds=0.3)
    with silent.silent(mute, tcp=[88]), pytest.raises(TimedOut):
        logon(kerberos, mute)
    with pytest.raises(Refused):
        logon(kerberos, refusing)


def test_a_kdc_that_was_silent_gets_no_further_request_until_the_next_attempt() -> None:
    mute = fresh_address()
    kerberos = Kerberos(seconds=0.3)
    with silent.silent(mute, tcp=[88]), pytest.raises(TimedOut):
        logon(kerberos, mute)
    with pytest.raises(TimedOut):  # although it would refuse now
        logon(kerberos, mute)
    kerberos.begin_again(new_secret=False)
    with pytest.raises(Refused):
        logon(kerberos, mute)


def test_a_kdc_that_drops_packets_times_out() -> None:
    address = fresh_address()
    with silent.black_hole(address, [88]), pytest.raises(TimedOut, match=address):
        logon(Kerberos(seconds=0.5), address)


def test_a_kdc_that_closes_the_connection_is_unreachable() -> None:
    address = fresh_address()
    with silent.closing_at_once(address, [88]), pytest.raises(Unreachable, match=rf"KDC {address}:88"):
        logon(Kerberos(), address)


@pytest.fixture
def babbling() -> Iterator[str]:
    """Give the address of a KDC that answers a different piece of nonsense each time."""
    address = fresh_address()
    nonsense = [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\xff\xff\xff\xff", b"\0\0\0\x02hi", b"\0\0\0\0"]

    def serve() -> None:
        for answer in nonsense:
            client, _ = server.accept()
            with client:
                client.recv(4096)
                client.sendall(answer)

    with socket.create_server((address, 88)) as server:
        threading.Thread(target=serve, daemon=True).start()
        yield address


def test_an_invalid_answer_raises_a_client_error(babbling: str) -> None:
    for _ in range(4):
        with pytest.raises(ClientError):
            logon(Kerberos(seconds=1), babbling)


def test_an_empty_password_is_never_sent() -> None:
    with pytest.raises(KdcRefusal) as caught:
        Kerberos().user_ticket("somebody", REALM, Hidden(""), Kdc(fresh_address()))
    assert caught.value.reason is KdcReason.EMPTY_PASSWORD


def test_a_realm_cannot_change_the_configuration() -> None:
    with pytest.raises(ValueError, match="not a realm name"):
        Kerberos().user_ticket("a", "X\n[plugins]", Hidden("x"), KDC)


def test_no_error_holds_the_password() -> None:
    with pytest.raises(ClientError) as caught:
        logon(Kerberos(), fresh_address())
    assert "canary" not in repr(vars(caught.value)) + str(caught.value)


# --- the box ------------------------------------------------------------------------------------------


def test_a_call_restores_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KRB5_CONFIG", "/etc/mine.conf")
    monkeypatch.delenv("KRB5CCNAME", raising=False)
    before = dict(os.environ)
    seen = libkrb5.Libkrb5(1).call(REALM, ("192.0.2.1", 88), lambda _: dict(os.environ))
    assert seen["KRB5_CONFIG"].startswith("/proc/self/fd/")
    assert seen["KRB5CCNAME"].startswith("MEMORY:")
    assert dict(os.environ) == before


def test_an_abandoned_call_does_not_block_the_next_one_forever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libkrb5, "GRACE_SECONDS", 0.1)
    release = threading.Event()
    library = libkrb5.Libkrb5(0.1)
    with pytest.raises(TimedOut, match=r"KDC 192\.0\.2\.1:88 did not answer"):
        library.call(REALM, ("192.0.2.1", 88), lambda _: release.wait(5))
    with pytest.raises(libkrb5.Busy, match=r"192\.0\.2\.2:88 not contacted: an earlier Kerberos call is still running"):
        library.call(REALM, ("192.0.2.2", 88), lambda _: None)
    release.set()
    assert libkrb5.Libkrb5(5).call(REALM, ("192.0.2.2", 88), lambda _: "again") == "again"


def test_importing_the_clients_loads_nothing_heavy() -> None:
    code = (
        "import sys; from gmsa_doctor.clients.kerberos import client; from gmsa_doctor.clients.ldap import client; "
        "from gmsa_doctor.clients.network import tcp;"
        "print([name for name in ('gssapi', 'ldap3', 'pyasn1', 'boto3', 'dns') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_without_gssapi_every_call_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gssapi", None)
    assert libkrb5.gssapi_missing() == "the Python package gssapi is not installed"
    ticket = Ticket("a@B", 1, None)
    calls: list[Callable[[Kerberos], object]] = [
        lambda kerberos: logon(kerberos, "192.0.2.1"),
        lambda kerberos: kerberos.service_ticket(ticket, "HTTP/x", KDC),
        lambda kerberos: kerberos.security_context(ticket, "ldap/x", KDC),
    ]
    for call in calls:
        with pytest.raises(OutOfReach) as caught:
            call(Kerberos())
        finding = caught.value.finding()
        assert finding.status is Status.SKIPPED
        assert finding.fix is not None
        assert finding.fix.owner is Owner.DEVELOPER
        assert finding.fix.commands == ("pip install 'gmsa-doctor[live]'",)


def test_a_library_that_does_not_load_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: os.PathLike[str]) -> None:
    broken = os.path.join(tmp_path, "gssapi")
    os.mkdir(broken)
    with open(os.path.join(broken, "__init__.py"), "w") as file:
        file.write("raise ImportError('libgssapi_krb5.so.2: cannot open shared object file')")
    monkeypatch.delitem(sys.modules, "gssapi", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    assert "libgssapi_krb5.so.2" in (libkrb5.gssapi_missing() or "")


def test_a_ticket_shows_no_credentials() -> None:
    assert "canary" not in repr(Ticket("a@B", 1, "canary"))


# --- the ledger ---------------------------------------------------------------------------------------


def refusal(reason: KdcReason) -> KdcRefusal:
    return KdcRefusal(reason, 0, reason.value)


def raising(error: ClientError, calls: list[str] | None = None) -> Callable[[], Ticket]:
    def logon() -> Ticket:
        if calls is not None:
            calls.append("logon")
        raise error

    return logon


def test_after_a_failed_logon_the_error_is_remembered_and_no_other_password_tried() -> None:
    ledger, calls = Ledger(), list[str]()
    page = ledger.page("Reader", REALM)
    error = refusal(KdcReason.WRONG_PASSWORD)
    for kdc in (KDC, KDC, OTHER_KDC):
        with pytest.raises(KdcRefusal) as refused:
            page.once(BAD, kdc, raising(Counted(error), calls))
        assert refused.value is error
    with pytest.raises(AlreadyFailed) as caught:
        ledger.page("READER", REALM.lower()).once(GOOD, OTHER_KDC, raising(error, calls))
    assert calls == ["logon"]
    assert caught.value.finding().status is Status.SKIPPED


def test_another_account_is_not_affected() -> None:
    ledger = Ledger()
    with pytest.raises(KdcRefusal):
        ledger.page("a", REALM).once(BAD, KDC, raising(Counted(refusal(KdcReason.WRONG_PASSWORD))))
    ticket = Ticket("b@B", 1, None)
    assert ledger.page("b", REALM).once(BAD, KDC, lambda: ticket) is ticket
    assert ledger.page("a", "OTHER").once(BAD, KDC, lambda: ticket) is ticket


def test_a_password_that_worked_is_not_sent_again() -> None:
    page = Ledger().page("a", REALM)
    ticket = page.once(GOOD, KDC, lambda: Ticket("a@B", 1, None))
    assert page.once(GOOD, OTHER_KDC, raising(refusal(KdcReason.OTHER))) is ticket
    with pytest.raises(KdcRefusal):
        page.once(BAD, KDC, raising(Counted(refusal(KdcReason.WRONG_PASSWORD))))
    assert page.once(GOOD, KDC, raising(refusal(KdcReason.OTHER))) is ticket


def test_an_error_that_does_not_count_is_remembered_for_that_kdc_only() -> None:
    page, calls = Ledger().page("a", REALM), list[str]()
    for kdc in (KDC, KDC, OTHER_KDC):
        with pytest.raises(KdcRefusal):
            page.once(GOOD, kdc, raising(refusal(KdcReason.CLOCK_SKEW), calls))
    assert calls == ["logon", "logon"]


def test_after_an_unreachable_kdc_the_next_one_may_be_tried() -> None:
    page = Ledger().page("a", REALM)
    with pytest.raises(Refused):
        page.once(GOOD, KDC, raising(Refused("KDC")))
    ticket = Ticket("a@B", 1, None)
    assert page.once(GOOD, OTHER_KDC, lambda: ticket) is ticket


def test_after_the_secret_changed_only_a_new_password_is_tried() -> None:
    """Another secret may name the same account: a password that was not tried stays untried."""
    ledger, calls = Ledger(), list[str]()
    page = ledger.page("reader", REALM)
    wrong = Counted(refusal(KdcReason.WRONG_PASSWORD))
    with pytest.raises(KdcRefusal):
        page.once(BAD, KDC, raising(wrong, calls))
    held_back, new = Hidden(b"of-another-secret"), Hidden(b"new")
    with pytest.raises(AlreadyFailed):
        page.once(held_back, KDC, raising(wrong, calls))
    ledger.begin_again(new_secret=False)
    with pytest.raises(AlreadyFailed):
        page.once(held_back, KDC, raising(wrong, calls))
    ledger.begin_again(new_secret=True)
    for password, error in ((BAD, KdcRefusal), (held_back, AlreadyFailed)):
        with pytest.raises(error):
            page.once(password, KDC, raising(wrong, calls))
    assert len(calls) == 1
    with pytest.raises(KdcRefusal):
        page.once(new, KDC, raising(wrong, calls))
    assert len(calls) == 2


def test_parallel_attempts_make_one_failed_logon() -> None:
    ledger, calls = Ledger(), list[str]()
    outcomes: list[type[ClientError]] = []

    def slow() -> Ticket:
        calls.append("logon")
        time.sleep(0.05)
        raise Counted(refusal(KdcReason.WRONG_PASSWORD))

    def attempt(number: int) -> None:
        try:
            ledger.page("a" if number % 2 else "A", REALM).once(Hidden(b"%d" % number), KDC, slow)
        except ClientError as error:
            outcomes.append(type(error))

    threads = [threading.Thread(target=attempt, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert calls == ["logon"]
    assert sorted(outcomes, key=lambda outcome: outcome.__name__) == [AlreadyFailed] * 7 + [KdcRefusal]


@pytest.mark.parametrize(
    ("problem", "requests", "counts"),
    [
        (refusal(KdcReason.WRONG_PASSWORD), 2, True),
        (refusal(KdcReason.WRONG_PASSWORD), 1, True),
        (refusal(KdcReason.LOCKED), 2, True),
        (refusal(KdcReason.LOCKED), 1, False),
        (refusal(KdcReason.UNKNOWN_CLIENT), 1, False),
        (refusal(KdcReason.CLOCK_SKEW), 2, False),
        (refusal(KdcReason.OTHER), 2, True),
        (TimedOut("KDC", 8), 1, False),
        (TimedOut("KDC", 8), 2, True),
        (Unreachable("KDC", "hung up"), 2, True),
        (Refused("KDC"), 0, False),
    ],
)
def test_which_errors_may_have_raised_the_count_of_bad_passwords(
    problem: ClientError, requests: int, counts: bool
) -> None:
    assert _counts(problem, KdcRoute("192.0.2.1", 88, requests=requests)) is counts


# --- codes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "nt_status", "reason"),
    [
        (-1765328360, None, KdcReason.WRONG_PASSWORD),
        (-1765328353, None, KdcReason.WRONG_PASSWORD),
        (-1765328378, None, KdcReason.UNKNOWN_CLIENT),
        (-1765328366, None, KdcReason.REVOKED),
        (-1765328366, 0xC0000072, KdcReason.DISABLED),
        (-1765328366, 0xC0000234, KdcReason.LOCKED),
        (-1765328366, 0xC0000193, KdcReason.ACCOUNT_EXPIRED),
        (-1765328366, 0xC000006F, KdcReason.LOGON_HOURS),
        (-1765328366, 0xC0FFEE00, KdcReason.REVOKED),
        (-1765328361, None, KdcReason.PASSWORD_EXPIRED),
        (-1765328361, 0xC0000224, KdcReason.MUST_CHANGE),
        (-1765328361, 0xC0000071, KdcReason.PASSWORD_TOO_OLD),
        (-1765328372, 0xC00002FA, KdcReason.SMART_CARD),
        (-1765328370, None, KdcReason.NO_ENCTYPE),
        (-1765328347, None, KdcReason.CLOCK_SKEW),
        (-1765328230, None, KdcReason.UNKNOWN_REALM),
        (-1765328228, None, KdcReason.NO_KDC),
        (-1765328377, None, KdcReason.UNKNOWN_SERVICE),
        (-1765328376, None, KdcReason.NOT_UNIQUE),
        (-1765328372, None, KdcReason.POLICY),
        (-1, None, KdcReason.OTHER),
    ],
)
def test_codes_of_libkrb5_have_their_reason(code: int, nt_status: int | None, reason: KdcReason) -> None:
    assert reason_of(code, nt_status, logon=True) is reason


def test_an_undecryptable_answer_of_a_service_is_not_a_wrong_password() -> None:
    assert reason_of(-1765328353, None, logon=False) is KdcReason.TICKET_REJECTED
