"""Service tickets across realms, between two real domains that trust each other."""

import pytest

from gmsa_doctor.clients.dns.resolver import Dns
from gmsa_doctor.clients.kerberos.client import Kdc, Kerberos, ServiceTicket, Ticket
from gmsa_doctor.clients.kerberos.kdc_errors import KdcReason, KdcRefusal
from gmsa_doctor.core.hidden import Hidden
from gmsa_doctor_checks.kerberos.referrals import Referral, request
from tests.lab import accounts
from tests.lab.ad import DomainController, other_domain
from tests.lab.dns_server import domain_records, fake_dns
from tests.lab.loopback import fresh_address

WITHOUT_PORT = "MSSQLSvc/sql.other.example"
WITH_PORT = f"{WITHOUT_PORT}:1433"
OTHER = accounts.OTHER_REALM


@pytest.fixture
def kerberos() -> Kerberos:
    return Kerberos()


@pytest.fixture
def user(dc: DomainController, kerberos: Kerberos) -> Ticket:
    return kerberos.user_ticket(accounts.READER, dc.realm, Hidden(accounts.PASSWORD), Kdc(dc.ip))


def ask(kerberos: Kerberos, user: Ticket, dc: DomainController, spn: str, kdc: str, *domains: str) -> object:
    ip = fresh_address()
    with fake_dns(ip, domain_records(accounts.OTHER_DOMAIN, {f"dc1.{accounts.OTHER_DOMAIN}": kdc})):
        return request(kerberos, user, spn, Kdc(dc.ip), Dns((ip,)), domains)


def test_a_referral_is_followed(kerberos: Kerberos, user: Ticket, dc: DomainController) -> None:
    answer = ask(kerberos, user, dc, WITHOUT_PORT, other_domain(dc).ip)
    assert isinstance(answer, ServiceTicket)
    assert answer.enctype == 18


def test_without_a_referral_the_realm_is_that_of_the_domain_that_the_ad_lists(
    kerberos: Kerberos, user: Ticket, dc: DomainController
) -> None:
    """Samba refers for no SPN with a port."""
    kdc = other_domain(dc).ip
    assert isinstance(ask(kerberos, user, dc, WITH_PORT, kdc, "nearer.example", accounts.OTHER_DOMAIN), ServiceTicket)
    with pytest.raises(KdcRefusal) as refusal:
        ask(kerberos, user, dc, WITH_PORT, kdc)
    assert refusal.value.reason is KdcReason.UNKNOWN_SERVICE


def test_the_other_realm_refuses_what_it_does_not_know(kerberos: Kerberos, user: Ticket, dc: DomainController) -> None:
    with pytest.raises(KdcRefusal) as refusal:
        ask(kerberos, user, dc, "MSSQLSvc/no.other.example", other_domain(dc).ip)
    assert refusal.value.reason is KdcReason.UNKNOWN_SERVICE


def test_a_referral_to_a_kdc_that_does_not_answer_is_not_followed(
    kerberos: Kerberos, user: Ticket, dc: DomainController
) -> None:
    answer = ask(kerberos, user, dc, WITHOUT_PORT, fresh_address())
    assert isinstance(answer, Referral)
    assert (answer.realm, "connection refused" in answer.reason) == (OTHER, True)


def test_a_referral_to_a_realm_without_srv_records_is_not_followed(
    kerberos: Kerberos, user: Ticket, dc: DomainController
) -> None:
    answer = request(kerberos, user, WITHOUT_PORT, Kdc(dc.ip), Dns((dc.ip,)))
    assert isinstance(answer, Referral)
    assert answer.realm == OTHER
