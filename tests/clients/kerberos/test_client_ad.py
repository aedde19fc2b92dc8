"""Kerberos with a real domain controller."""

import gc
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ldap3
import pytest

from gmsa_doctor.clients.kerberos.client import Kdc, Kerberos
from gmsa_doctor.clients.kerberos.kdc_errors import KdcReason, KdcRefusal
from gmsa_doctor.clients.kerberos.ledger import AlreadyFailed
from gmsa_doctor.clients.kerberos.ticket_copy import CacheUnusable
from gmsa_doctor.core.errors import ClientError, TimedOut
from gmsa_doctor.core.hidden import Hidden
from gmsa_doctor.core.limits import each
from tests.ccaches import CACHE, build, store_gmsa_ticket
from tests.lab import accounts, ad
from tests.lab.loopback import fresh_address

PASSWORD = Hidden(accounts.PASSWORD)
WRONG = Hidden("not-the-password")
VICTIM = "svc-sql"
"""Whose bad passwords are counted here."""
SPN = "MSSQLSvc/sql.corp.example:1433"


@pytest.fixture
def kdc(dc: ad.DomainController) -> Kdc:
    return Kdc(dc.ip)


@pytest.fixture
def victim(dc: ad.DomainController) -> Iterator[str]:
    ad.reset_bad_password_count(dc, VICTIM)
    yield VICTIM
    ad.reset_bad_password_count(dc, VICTIM)


@contextmanager
def lockout_threshold(dc: ad.DomainController, threshold: int) -> Iterator[None]:
    """Lock accounts after so many failed logons; the lab's domain has 50."""
    set_lockout_threshold(dc, threshold)
    try:
        yield
    finally:
        set_lockout_threshold(dc, 50)


def set_lockout_threshold(dc: ad.DomainController, threshold: int) -> None:
    with ad.administrator(dc) as connection:
        untyped: Any = connection
        untyped.modify(dc.base, {"lockoutThreshold": [(ldap3.MODIFY_REPLACE, [str(threshold)])]})


def refused(user: str, kdc: Kdc, realm: str = accounts.REALM, password: Hidden[str] = PASSWORD) -> KdcRefusal:
    with pytest.raises(KdcRefusal) as caught:
        Kerberos().user_ticket(user, realm, password, kdc)
    return caught.value


def test_the_right_password_gives_a_ticket(kdc: Kdc) -> None:
    ticket = Kerberos().user_ticket(accounts.READER, accounts.REALM, PASSWORD, kdc)
    assert ticket.principal == "gmsa-reader@CORP.EXAMPLE"
    assert 3600 <= ticket.lifetime <= 24 * 3600


def test_a_password_with_any_characters_gives_a_ticket(kdc: Kdc) -> None:
    password = Hidden(accounts.SPECIAL_PASSWORD)
    assert Kerberos().user_ticket(accounts.SPECIAL, accounts.REALM, password, kdc).lifetime > 0


@pytest.mark.parametrize(
    ("user", "reason", "code"),
    [
        ("gmsa-nobody", KdcReason.UNKNOWN_CLIENT, -1765328378),
        ("gmsa-disabled", KdcReason.DISABLED, -1765328366),
        ("gmsa-locked", KdcReason.LOCKED, -1765328366),
        ("gmsa-acctexpired", KdcReason.ACCOUNT_EXPIRED, -1765328366),
        ("gmsa-pwexpired", KdcReason.MUST_CHANGE, -1765328361),
    ],
)
def test_each_error_has_its_reason(kdc: Kdc, user: str, reason: KdcReason, code: int) -> None:
    error = refused(user, kdc)
    assert (error.reason, error.code) == (reason, code)
    assert str(kdc) in error.text


def test_a_wrong_password_is_refused(kdc: Kdc, victim: str) -> None:
    error = refused(victim, kdc, password=WRONG)
    assert (error.reason, error.code) == (KdcReason.WRONG_PASSWORD, -1765328360)
    assert WRONG.reveal() not in repr(vars(error)) + str(error)
    chain: BaseException | None = error
    while chain is not None:  # an error of gssapi holds on to what it was called with
        assert isinstance(chain, ClientError)
        chain = chain.__cause__ or chain.__context__


def test_a_wrong_password_counts_once_whatever_is_tried_later(dc: ad.DomainController, kdc: Kdc, victim: str) -> None:
    kerberos = Kerberos()
    logons = [(victim, WRONG), (victim.upper(), WRONG), (victim, Hidden("another")), (victim, PASSWORD)]
    results = each(logons, lambda logon: kerberos.user_ticket(logon[0], dc.realm, logon[1], kdc))
    assert ad.bad_password_count(dc, victim) <= 1
    results += each(logons, lambda logon: kerberos.user_ticket(logon[0], dc.realm, logon[1], kdc))
    assert ad.bad_password_count(dc, victim) == 1
    assert all(isinstance(result, ClientError) for logon, result in results if logon[1] is not PASSWORD)


@contextmanager
def also_named(dc: ad.DomainController, account: str, name: str) -> Iterator[str]:
    """Give the account a UPN whose first part is another name than its sAMAccountName."""
    _, before = ad.read(dc, account, "userPrincipalName")
    ad.modify(dc, account, userPrincipalName=f"{name}@{accounts.DOMAIN}")
    try:
        yield name
    finally:
        ad.modify(dc, account, userPrincipalName=before.get("userPrincipalName") or [])


@pytest.mark.parametrize("upn_first", [False, True])
def test_the_names_of_one_account_share_one_failed_logon(
    upn_first: bool, dc: ad.DomainController, kdc: Kdc, victim: str
) -> None:
    kerberos = Kerberos()
    with also_named(dc, victim, "sql.service") as upn:
        one, other = (upn, victim) if upn_first else (victim, upn)
        with pytest.raises(KdcRefusal):
            kerberos.user_ticket(one, dc.realm, WRONG, kdc)
        for name in (other, other.upper()):
            for password in (WRONG, Hidden("another"), PASSWORD):
                with pytest.raises(AlreadyFailed):
                    kerberos.user_ticket(name, dc.realm, password, kdc)
        assert ad.bad_password_count(dc, victim) == 1
        kerberos.begin_again(new_secret=True)
        with pytest.raises(AlreadyFailed):
            kerberos.user_ticket(other, dc.realm, WRONG, kdc)
        assert kerberos.user_ticket(other, dc.realm, PASSWORD, kdc).lifetime > 0


def test_a_wrong_password_alone_counts_exactly_once(dc: ad.DomainController, kdc: Kdc, victim: str) -> None:
    refused(victim, kdc, password=WRONG)
    assert ad.bad_password_count(dc, victim) == 1


def test_the_attempt_that_locks_the_account_is_the_last(dc: ad.DomainController, kdc: Kdc, victim: str) -> None:
    with lockout_threshold(dc, 1):
        kerberos = Kerberos()
        with pytest.raises(KdcRefusal):
            kerberos.user_ticket(victim, dc.realm, WRONG, kdc)
        with pytest.raises(AlreadyFailed):
            kerberos.user_ticket(victim, dc.realm, PASSWORD, kdc)
        assert refused(victim, kdc).reason is KdcReason.LOCKED


def test_a_realm_in_lower_case_is_a_different_realm(kdc: Kdc) -> None:
    assert refused(accounts.READER, kdc, realm=accounts.DOMAIN).reason is KdcReason.WRONG_REALM


def test_a_realm_that_the_kdc_does_not_serve_has_no_such_client(kdc: Kdc) -> None:
    assert refused(accounts.READER, kdc, realm="OTHER.EXAMPLE").reason is KdcReason.UNKNOWN_CLIENT


def test_a_disabled_gmsa_is_refused(kdc: Kdc) -> None:
    with pytest.raises(KdcRefusal) as caught:
        Kerberos().account_ticket("webapp04$", accounts.REALM, Hidden(b"whatever"), kdc)
    assert caught.value.reason is KdcReason.DISABLED


def test_a_service_ticket(kdc: Kdc) -> None:
    kerberos = Kerberos()
    ticket = kerberos.user_ticket(accounts.READER, accounts.REALM, PASSWORD, kdc)
    service = kerberos.service_ticket(ticket, SPN, kdc)
    assert (service.spn, service.principal) == (SPN, "gmsa-reader@CORP.EXAMPLE")
    assert service.lifetime > 0


def test_a_missing_spn_is_an_unknown_service(kdc: Kdc) -> None:
    kerberos = Kerberos()
    ticket = kerberos.user_ticket(accounts.READER, accounts.REALM, PASSWORD, kdc)
    with pytest.raises(KdcRefusal) as caught:
        kerberos.service_ticket(ticket, "MSSQLSvc/nope.corp.example:1433", kdc)
    assert (caught.value.reason, caught.value.code) == (KdcReason.UNKNOWN_SERVICE, -1765328377)


def test_two_users_in_parallel_get_their_own_tickets(kdc: Kdc) -> None:
    kerberos = Kerberos()
    users = [accounts.READER, accounts.OUTSIDER] * 10

    def spn_as(user: str) -> str:
        ticket = kerberos.user_ticket(user, accounts.REALM, PASSWORD, kdc)
        return kerberos.service_ticket(ticket, SPN, kdc).principal

    assert each(users, spn_as) == [(user, f"{user}@CORP.EXAMPLE") for user in users]


def test_the_ticket_of_a_cache_gets_service_tickets_and_the_cache_is_unchanged(
    dc: ad.DomainController, kdc: Kdc, tmp_path: Path
) -> None:
    file = tmp_path / "krb5cc"
    store_gmsa_ticket(dc, "webapp01", file)
    before = (file.read_bytes(), file.stat().st_mtime_ns)
    kerberos = Kerberos()
    ticket = kerberos.cached_ticket(str(file))
    assert (ticket.principal, ticket.realm) == ("webapp01$@CORP.EXAMPLE", "CORP.EXAMPLE")
    assert ticket.lifetime > 3600
    file.chmod(0o400)
    assert kerberos.service_ticket(ticket, SPN, kdc).principal == "webapp01$@CORP.EXAMPLE"
    assert (file.read_bytes(), file.stat().st_mtime_ns) == before
    assert list(tmp_path.iterdir()) == [file]


def test_caches_in_parallel_give_their_own_tickets(dc: ad.DomainController, kdc: Kdc, tmp_path: Path) -> None:
    gmsas = ["webapp01", "webapp07"]
    for gmsa in gmsas:
        store_gmsa_ticket(dc, gmsa, tmp_path / gmsa)
    kerberos = Kerberos()

    def spn_as(gmsa: str) -> str:
        return kerberos.service_ticket(kerberos.cached_ticket(str(tmp_path / gmsa)), SPN, kdc).principal

    assert each(gmsas * 5, spn_as) == [(gmsa, f"{gmsa}$@CORP.EXAMPLE") for gmsa in gmsas * 5]


@pytest.mark.parametrize(
    ("content", "code", "text"),
    [
        (None, 0, "No such file"),
        (b"", -1765328185, "Bad format"),  # KRB5_CC_FORMAT
        (b"hello", -1765328172, "format version"),  # KRB5_CCACHE_BADVNO
        (build(CACHE), -1765328352, "its ticket has expired"),  # KRB5KRB_AP_ERR_TKT_EXPIRED
    ],
)
def test_an_unusable_cache_raises_a_typed_error(content: bytes | None, code: int, text: str, tmp_path: Path) -> None:
    file = tmp_path / "krb5cc"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(CacheUnusable, match=text) as caught:
        Kerberos().cached_ticket(str(file))
    assert caught.value.code == code
    assert str(file) in caught.value.text
    assert "/proc/" not in caught.value.text
    assert content is None or file.read_bytes() == content


SCRIPT = """
import gc, sys
from gmsa_doctor.clients.kerberos.client import Kdc, Kerberos
from gmsa_doctor.clients.ldap.client import Ldap
from gmsa_doctor.core.hidden import Hidden
address, password = sys.argv[1:]
kerberos, kdc = Kerberos(), Kdc(address)
for user in ("gmsa-reader", "gmsa-outsider"):
    ticket = kerberos.user_ticket(user, "CORP.EXAMPLE", Hidden(password), kdc)
    kerberos.service_ticket(ticket, "MSSQLSvc/sql.corp.example:1433", kdc)
    with Ldap(kerberos).bind("dc1.corp.example", address, ticket, kdc) as directory:
        assert directory.search("DC=corp,DC=example", "(cn=webapp01)", ("cn",))
del ticket, directory, kerberos
gc.collect()
print("done")
"""


def run_flow(dc: ad.DomainController, home: Path, *prefix: str) -> None:
    bogus = {
        "HOME": str(home),
        "TMPDIR": str(home),
        "KRB5_CONFIG": str(home / "no.conf"),
        "KRB5CCNAME": f"FILE:{home}/ccache",
        "KRB5_KTNAME": f"FILE:{home}/keytab",
        "KRB5_CLIENT_KTNAME": f"FILE:{home}/keytab",
    }
    command = [*prefix, sys.executable, "-B", "-c", SCRIPT, dc.ip, accounts.PASSWORD]
    done = subprocess.run(command, env={**os.environ, **bogus}, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr


def test_configuration_caches_and_keytabs_of_the_machine_have_no_effect(
    dc: ad.DomainController, tmp_path: Path
) -> None:
    run_flow(dc, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_no_kerberos_file_is_opened_or_written(dc: ad.DomainController, tmp_path: Path) -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed: apt-get install strace")
    home, trace = tmp_path / "home", tmp_path / "trace"
    home.mkdir()
    run_flow(dc, home, strace, "-f", "-qq", "-e", "trace=%file,memfd_create", "-o", str(trace))
    calls = trace.read_text().splitlines()
    assert any("memfd_create" in call for call in calls)
    assert [call for call in calls if "O_CREAT" in call or "mkdir(" in call or "rename" in call] == []
    forbidden = ("/etc/krb5", "/etc/gss", str(home / "no.conf"), str(home / "ccache"), "keytab", "krb5cc_", "/var/")
    assert [call for call in calls if any(path in call for path in forbidden)] == []


def test_a_ticket_survives_garbage_collection(kdc: Kdc) -> None:
    kerberos = Kerberos()
    ticket = kerberos.user_ticket(accounts.READER, accounts.REALM, PASSWORD, kdc)
    gc.collect()
    assert kerberos.service_ticket(ticket, SPN, kdc).lifetime > 0


def test_a_kdc_that_falls_silent_after_pre_authentication_may_have_counted_a_failure(dc: ad.DomainController) -> None:
    address = fresh_address()

    def pass_on_the_first_and_hold_the_rest() -> None:
        client, _ = server.accept()
        with client, socket.create_connection((dc.ip, 88), 5) as kdc:
            kdc.sendall(client.recv(65536))
            client.sendall(kdc.recv(65536))

    kerberos = Kerberos(seconds=1)
    with socket.create_server((address, 88)) as server:
        threading.Thread(target=pass_on_the_first_and_hold_the_rest, daemon=True).start()
        with pytest.raises(TimedOut, match=rf"KDC {address}:88 did not answer within 1 s"):
            kerberos.user_ticket(accounts.OUTSIDER, dc.realm, WRONG, Kdc(address))
    with pytest.raises(AlreadyFailed):
        kerberos.user_ticket(accounts.OUTSIDER, dc.realm, PASSWORD, Kdc(dc.ip))
