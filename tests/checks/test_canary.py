"""What the canary says of the ticket that the platform has put into its container."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import pytest

from gmsa_doctor.clients.dns.resolver import Dns
from gmsa_doctor.clients.kerberos import ticket_cache
from gmsa_doctor.clients.kerberos.client import Kdc, Kerberos, ServiceTicket, Ticket
from gmsa_doctor.clients.kerberos.kdc_errors import KdcReason, KdcRefusal
from gmsa_doctor.clients.kerberos.ticket_cache import DEFAULT, CacheFile, Owner, TicketCache, UnreadableCache
from gmsa_doctor.clients.kerberos.ticket_copy import CacheUnusable
from gmsa_doctor.core.declaration import declared_in
from gmsa_doctor.core.errors import ClientError, TimedOut
from gmsa_doctor.core.model import Finding, Given, Outcome, Result, Status, Stop, failed, passed
from gmsa_doctor.core.registry import Registry
from gmsa_doctor.formats.ad.ccache import Ccache, Principal
from gmsa_doctor.given.vantage import ServiceNames
from gmsa_doctor_checks.probe import canary
from gmsa_doctor_checks.probe.canary import ContainerTicket, service_ticket, ticket
from gmsa_doctor_checks.values import DomainName, Endpoint, GmsaName, GmsaNames, ReachableKdcs
from tests.ccaches import build, fresh, store_gmsa_ticket
from tests.lab import ad

DOMAIN = DomainName("corp.example")
NAMES = Outcome(GmsaNames(DOMAIN, GmsaName("webapp01")), passed("named"))
NO_NAMES: Outcome[GmsaNames] = Outcome(None, failed("no CredSpec"))
SPN = "MSSQLSvc/sql.corp.example:1433"


def finding_of(cache: TicketCache, names: Outcome[GmsaNames] = NAMES) -> tuple[ContainerTicket | None, Finding]:
    """The value, if one is given, and the finding."""
    try:
        result: Result[ContainerTicket] = ticket(cache, names)
    except Stop as stop:
        return None, stop.finding
    return (result.value, result.finding) if isinstance(result, Given) else (None, result)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "krb5cc"


def judged(content: Ccache | bytes, file: Path, names: Outcome[GmsaNames] = NAMES) -> Finding:
    file.write_bytes(content if isinstance(content, bytes) else build(content))
    value, finding = finding_of(TicketCache(str(file), {}), names)
    assert (value is None) is (finding.status is Status.FAIL)
    assert finding.fix is not None or finding.status is Status.PASS
    return finding


def test_the_gmsas_ticket_passes_and_is_given(file: Path) -> None:
    content = fresh()
    file.write_bytes(build(content))
    value, finding = finding_of(TicketCache(str(file), {}))
    end = content.credentials[0].end
    assert value == ContainerTicket(str(file), "webapp01$@CORP.EXAMPLE", "CORP.EXAMPLE", end)
    assert finding.status is Status.PASS
    assert finding.summary == (
        f"webapp01$@CORP.EXAMPLE has a ticket with aes256-cts-hmac-sha1-96, valid until {end:%Y-%m-%d %H:%M} UTC"
    )


def test_names_in_other_case_are_the_same(file: Path) -> None:
    assert judged(fresh(Principal(("WebApp01$",), "corp.example")), file).status is Status.PASS


def test_without_a_credspec_the_ticket_is_reported_as_not_compared(file: Path) -> None:
    finding = judged(fresh(Principal(("other$",), "OTHER.EXAMPLE")), file, NO_NAMES)
    assert finding.status is Status.PASS
    assert "not compared" in finding.summary


@pytest.mark.parametrize("name", ["other$", "webapp01"])
def test_a_ticket_of_another_account_fails(name: str, file: Path) -> None:
    finding = judged(fresh(Principal((name,), "CORP.EXAMPLE")), file)
    assert finding.status is Status.FAIL
    assert (finding.observed, finding.expected) == (f"{name}@CORP.EXAMPLE", "webapp01$@CORP.EXAMPLE")


def test_another_realm_is_a_warning_because_2_x_uses_the_secrets_domain(file: Path) -> None:
    finding = judged(fresh(Principal(("webapp01$",), "OTHER.EXAMPLE")), file)
    assert finding.status is Status.WARN
    assert "the CredSpec's realm is CORP.EXAMPLE" in finding.summary
    assert finding.observed == "webapp01$@OTHER.EXAMPLE"


def test_an_expired_ticket_fails(file: Path) -> None:
    finding = judged(fresh(lasts=timedelta(minutes=-1)), file)
    assert finding.status is Status.FAIL
    assert "ticket expired at" in finding.summary


def test_a_ticket_that_has_expired_by_the_kdcs_clock_fails(file: Path) -> None:
    finding = judged(replace(fresh(), clock_offset=timedelta(hours=11)), file)
    assert (finding.status, "ticket expired at" in finding.summary) == (Status.FAIL, True)


def test_a_cache_without_a_tgt_fails_and_lists_its_tickets(file: Path) -> None:
    service = Principal(("MSSQLSvc", "db.corp.example"), "CORP.EXAMPLE")
    finding = judged(fresh(server=service), file)
    assert finding.status is Status.FAIL
    assert finding.observed == "MSSQLSvc/db.corp.example@CORP.EXAMPLE"
    assert judged(replace(fresh(), credentials=()), file).observed == "no ticket"


def test_a_short_life_is_a_warning(file: Path) -> None:
    finding = judged(fresh(lasts=timedelta(minutes=30)), file)
    assert finding.status is Status.WARN
    assert "only 29 minutes" in finding.summary


@pytest.mark.parametrize(("enctype", "name"), [(23, "rc4-hmac"), (3, "des-cbc-md5"), (16, "des3-cbc-sha1")])
def test_a_weak_key_is_a_warning_with_the_gmsa_in_its_command(enctype: int, name: str, file: Path) -> None:
    finding = judged(fresh(enctype=enctype), file)
    assert finding.status is Status.WARN
    assert f"{name} is deprecated" in finding.summary
    assert finding.fix is not None
    assert finding.fix.commands == ("Set-ADServiceAccount -Identity webapp01 -KerberosEncryptionType AES128,AES256",)


def test_several_warnings_are_all_reported(file: Path) -> None:
    finding = judged(fresh(lasts=timedelta(minutes=30), enctype=23), file)
    assert "only 29 minutes; rc4-hmac" in finding.summary


def test_a_file_that_is_not_a_cache_fails_without_showing_its_content(file: Path) -> None:
    finding = judged(b"s3cr3t-b1ts", file)
    assert finding.status is Status.FAIL
    assert "s3cr3t-b1ts" not in repr(replace(finding, check=""))
    assert "functionaltestcfspec" in str(finding.fix)


def test_a_missing_cache_is_reported_with_its_cause(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "krbdir" / "krb5cc"
    for module in (ticket_cache, canary):
        monkeypatch.setattr(module, "DEFAULT", str(place))
    _, finding = finding_of(TicketCache(environ={}))
    assert finding.status is Status.FAIL
    assert "the platform did not mount Credentials Fetcher's directory" in finding.summary
    assert "credentialSpecs" in str(finding.fix)
    place.parent.mkdir()
    _, finding = finding_of(TicketCache(environ={}))
    assert "Credentials Fetcher did not create one" in finding.summary


@pytest.mark.parametrize("name", ["FILE:/nonexistent/krb5cc", "/nonexistent/krb5cc", "KEYRING:persistent:0"])
def test_a_variable_that_names_another_file_is_reported(name: str) -> None:
    _, finding = finding_of(TicketCache(environ={"KRB5CCNAME": name}))
    assert finding.status is Status.FAIL
    assert (finding.observed, finding.expected) == (f"KRB5CCNAME={name}", f"KRB5CCNAME={DEFAULT}")
    assert "KRB5CCNAME does not name Credentials Fetcher's ticket cache" in finding.summary


@contextmanager
def nobody() -> Iterator[None]:
    """Be another user."""
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be another user")
def test_a_user_other_than_root_cannot_read_it_and_sees_its_owner() -> None:
    with TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        file = Path(name) / "krb5cc"
        file.write_bytes(build(fresh()))
        file.chmod(0o600)
        with nobody():
            value, finding = finding_of(TicketCache(str(file), {}))
    assert (value, finding.status) == (None, Status.FAIL)
    assert finding.observed == "uid 0 (gid 0), mode 0600"
    assert "uid 65534" in finding.summary
    assert "Run the container as root" in str(finding.fix)


class Kdcs:
    """Gives the answers in turn; an error is raised."""

    def __init__(self, *answers: Any, cached: Exception | None = None) -> None:
        self.answers, self.cached, self.asked = iter(answers), cached, list[str]()

    def cached_ticket(self, path: str) -> Ticket:
        if self.cached is not None:
            raise self.cached
        return Ticket("webapp01$@CORP.EXAMPLE", 36000, path)

    def service_ticket(self, ticket: Ticket, spn: str, kdc: Kdc, *_: object) -> ServiceTicket:
        self.asked.append(f"{kdc.address} {spn} {ticket.credentials}")
        answer = next(self.answers)
        if isinstance(answer, ClientError):
            raise answer
        return ServiceTicket(spn, ticket.principal, 36000)


CONTAINER_TICKET = ContainerTicket("/krb5cc", "webapp01$@CORP.EXAMPLE", "CORP.EXAMPLE", fresh().credentials[0].end)
ONE, TWO = Endpoint("dc1.corp.example", "127.0.0.1", 88), Endpoint("dc2.corp.example", "127.0.0.2", 88)
KDCS = ReachableKdcs(DOMAIN, (ONE, TWO))


def serviced(kdcs: Kdcs, *spns: str, ticket: ContainerTicket = CONTAINER_TICKET) -> Finding:
    try:
        return service_ticket(ticket, ServiceNames(spns), KDCS, cast("Kerberos", kdcs), Dns())
    except Stop as stop:
        return stop.finding


def test_each_service_ticket_is_requested_with_the_ticket_of_the_cache() -> None:
    kdcs = Kdcs(True, True)
    finding = serviced(kdcs, SPN, "HTTP/web.corp.example")
    assert finding.status is Status.PASS
    assert sorted(kdcs.asked) == ["127.0.0.1 HTTP/web.corp.example /krb5cc", f"127.0.0.1 {SPN} /krb5cc"]
    assert [row.status for row in finding.rows] == [Status.PASS, Status.PASS]


def test_a_kdc_that_does_not_answer_is_skipped() -> None:
    kdcs = Kdcs(TimedOut("KDC 127.0.0.1:88", 8), True)
    assert serviced(kdcs, SPN).status is Status.PASS
    assert [request.partition(" ")[0] for request in kdcs.asked] == ["127.0.0.1", "127.0.0.2"]


def test_a_refusal_is_explained_and_silence_is_unknown() -> None:
    refused = serviced(Kdcs(KdcRefusal(KdcReason.UNKNOWN_SERVICE, -1, "no")), SPN)
    assert refused.status is Status.FAIL
    assert f"no account in the AD has the SPN {SPN}" in refused.summary
    silence = TimedOut("KDC 127.0.0.1:88", 8)
    assert serviced(Kdcs(silence, silence), SPN).status is Status.UNKNOWN


def test_without_an_spn_no_ticket_is_requested() -> None:
    finding = serviced(Kdcs(cached=AssertionError("asked")))
    assert finding.status is Status.SKIPPED
    assert finding.fix is not None
    assert finding.fix.commands == ("gmsa-doctor run … --canary --spn 'MSSQLSvc/<host>.<domain>:1433'",)


def test_no_ticket_is_requested_from_kdcs_of_another_realm() -> None:
    kdcs = Kdcs()
    finding = serviced(kdcs, SPN, ticket=replace(CONTAINER_TICKET, realm="OTHER.EXAMPLE"))
    assert (finding.status, kdcs.asked) == (Status.UNKNOWN, [])


def test_a_cache_that_libkrb5_cannot_use_is_not_a_refusal() -> None:
    with pytest.raises(CacheUnusable):
        serviced(Kdcs(cached=CacheUnusable("/krb5cc", -1, "no")), SPN)


def test_the_real_ad_gives_a_ticket_for_the_service(dc: ad.DomainController, file: Path) -> None:
    store_gmsa_ticket(dc, "webapp01", file)
    before = file.read_bytes()
    value, finding = finding_of(TicketCache(str(file), {}))
    assert finding.status is Status.PASS, finding
    assert value is not None
    kdcs = ReachableKdcs(DOMAIN, (Endpoint(dc.host, dc.ip, 88),))
    assert service_ticket(value, ServiceNames((SPN,)), kdcs, Kerberos(), Dns()).status is Status.PASS
    missing = service_ticket(value, ServiceNames((SPN, "MSSQLSvc/nope.corp.example")), kdcs, Kerberos(), Dns())
    assert missing.status is Status.FAIL
    assert [row.status for row in missing.rows] == [Status.PASS, Status.FAIL]
    assert file.read_bytes() == before


def test_the_checks_make_a_graph() -> None:
    checks = {check.id: check for check in Registry(declared_in(canary)).checks}
    assert list(checks) == ["canary.task", "canary.ticket", "canary.service-ticket"]
    assert checks["canary.ticket"].gives is ContainerTicket


def test_an_unreadable_cache_in_an_inaccessible_directory_is_reported() -> None:
    class Closed:
        name = "/closed/krb5cc"

        def read(self) -> CacheFile:
            raise UnreadableCache(self.name, 1654, None)

    _, finding = finding_of(cast("TicketCache", Closed()))
    assert finding.status is Status.FAIL
    assert finding.observed == "a parent directory is not accessible"
    owned = UnreadableCache("/krb5cc", 1654, Owner(0, 0, 0o600))
    assert owned.finding().status is Status.UNKNOWN
