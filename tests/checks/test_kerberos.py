"""Findings for a KDC's refusals and for the domain controllers' clocks."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from gmsa_doctor.authoring import Owner
from gmsa_doctor.clients.dns.resolver import Dns
from gmsa_doctor.clients.kerberos.client import Kdc, Kerberos, ServiceTicket, Ticket
from gmsa_doctor.clients.kerberos.kdc_errors import KdcReason, KdcRefusal
from gmsa_doctor.clients.ldap.client import RootDse
from gmsa_doctor.core.errors import ClientError, TimedOut
from gmsa_doctor.core.hidden import Hidden
from gmsa_doctor.core.model import Finding, Given, Outcome, Status, Stop, skipped
from gmsa_doctor.given.vantage import ServiceNames, Vantage
from gmsa_doctor_checks.active_directory.administrator import Administrator
from gmsa_doctor_checks.commands import edit_secret
from gmsa_doctor_checks.domain_controllers.root_dse import RootDses
from gmsa_doctor_checks.kerberos.clock import clock
from gmsa_doctor_checks.kerberos.refusals import _NO_SUCH_USER, explain_gmsa_refusal, explain_user_refusal
from gmsa_doctor_checks.kerberos.service_ticket import service_ticket
from gmsa_doctor_checks.kerberos.tickets import user_ticket
from gmsa_doctor_checks.sql_server.values import SqlServers
from gmsa_doctor_checks.values import (
    Account,
    BoundDirectory,
    DomainName,
    Endpoint,
    GmsaNames,
    GmsaTicket,
    ReachableKdcs,
)

DOMAIN = DomainName("corp.example")
ACCOUNT = Account("arn:aws:secretsmanager:us-east-1:1:secret:x", "reader", Hidden("canary-secret"), DOMAIN)
ONE, TWO = Endpoint("dc1.corp.example", "127.0.0.1", 88), Endpoint("dc2.corp.example", "127.0.0.2", 88)


def refusal(reason: KdcReason) -> KdcRefusal:
    return KdcRefusal(reason, -1, "KDC 127.0.0.1:88: Client 'reader@CORP.EXAMPLE' not found: no")


@pytest.mark.parametrize("reason", list(KdcReason))
def test_every_refusal_of_the_users_logon_is_explained_without_a_secret(reason: KdcReason) -> None:
    finding = explain_user_refusal(refusal(reason), ACCOUNT)
    assert finding.status in (Status.FAIL, Status.UNKNOWN)
    assert finding.fix is not None
    is_confirmed = reason not in _NO_SUCH_USER
    assert ("reader" in repr(finding)) is is_confirmed
    assert is_confirmed or "<username>" in finding.summary
    commands = set(finding.fix.commands) - set(edit_secret(ACCOUNT.arn))
    assert "{" not in finding.summary + finding.fix.text + "".join(commands)
    assert "canary-secret" not in repr(finding)


@pytest.mark.parametrize("reason", list(KdcReason))
def test_every_refusal_of_the_gmsas_logon_is_explained(reason: KdcReason) -> None:
    finding = explain_gmsa_refusal(refusal(reason), "webapp01$@CORP.EXAMPLE")
    assert finding.status in (Status.FAIL, Status.UNKNOWN)
    assert finding.fix is not None
    assert "webapp01$" in finding.summary


def test_an_internal_error_of_the_kdc_is_not_a_failure_of_the_user() -> None:
    assert explain_user_refusal(refusal(KdcReason.KDC_ERROR), ACCOUNT).status is Status.UNKNOWN
    assert explain_user_refusal(refusal(KdcReason.OTHER), ACCOUNT).status is Status.UNKNOWN


class Kdcs:
    """Answers by address; an error is raised."""

    def __init__(self, **answers: Any) -> None:
        self.answers, self.asked = answers, list[str]()

    def user_ticket(self, user: str, realm: str, password: Hidden[str], kdc: Kdc) -> Ticket:
        self.asked.append(kdc.address)
        answer = self.answers[{"127.0.0.1": "one", "127.0.0.2": "two"}[kdc.address]]
        if isinstance(answer, ClientError):
            raise answer
        return cast("Ticket", answer)


TICKET = Ticket("reader@CORP.EXAMPLE", 36000, None)
NO_NAMES: Outcome[GmsaNames] = Outcome(None, skipped("no CredSpec"))
NOBODY: Outcome[Administrator] = Outcome(None, skipped("no --as"))
BOTH = ReachableKdcs(DOMAIN, (ONE, TWO))


def test_a_kdc_that_does_not_answer_is_skipped_and_reported() -> None:
    kdcs = Kdcs(one=TimedOut("KDC 127.0.0.1:88", 8), two=TICKET)
    result = user_ticket(ACCOUNT, BOTH, cast("Kerberos", kdcs), Vantage(inside=True), NO_NAMES, NOBODY)
    assert isinstance(result, Given)
    assert result.finding.status is Status.WARN
    assert "KDC 127.0.0.1:88 did not answer" in result.finding.summary


def test_a_refused_logon_is_not_repeated_at_another_kdc() -> None:
    kdcs = Kdcs(one=refusal(KdcReason.WRONG_PASSWORD), two=TICKET)
    result = user_ticket(ACCOUNT, BOTH, cast("Kerberos", kdcs), Vantage(inside=True), NO_NAMES, NOBODY)
    assert not isinstance(result, Given)
    assert result.status is Status.FAIL
    assert kdcs.asked == ["127.0.0.1"]


@pytest.mark.parametrize(("vantage", "status"), [(True, Status.FAIL), (False, Status.UNKNOWN)])
def test_a_clock_that_is_off_fails_only_where_it_is_the_tasks(vantage: bool, status: Status) -> None:
    kdcs = Kdcs(one=refusal(KdcReason.CLOCK_SKEW), two=TICKET)
    result = user_ticket(ACCOUNT, BOTH, cast("Kerberos", kdcs), Vantage(inside=vantage), NO_NAMES, NOBODY)
    assert not isinstance(result, Given)
    assert result.status is status


@pytest.mark.parametrize(("vantage", "status"), [(True, Status.FAIL), (False, Status.SKIPPED)])
def test_kdcs_that_do_not_answer_fail_only_inside_the_task_network(vantage: bool, status: Status) -> None:
    silence = TimedOut("KDC 127.0.0.1:88", 8)
    kdcs = Kdcs(one=silence, two=silence)
    with pytest.raises(Stop, match=r"KDC 127\.0\.0\.1:88") as stop:
        user_ticket(ACCOUNT, BOTH, cast("Kerberos", kdcs), Vantage(inside=vantage), NO_NAMES, NOBODY)
    assert stop.value.finding.status is status


@pytest.mark.parametrize(
    ("ahead", "status"),
    [
        (timedelta(seconds=2), Status.PASS),
        (timedelta(minutes=-4), Status.PASS),
        (timedelta(minutes=10), Status.WARN),
        (timedelta(hours=-25), Status.WARN),
    ],
)
def test_a_clock_that_is_off_warns_and_shows_both_times(ahead: timedelta, status: Status) -> None:
    dse = RootDse(datetime.now(UTC) + ahead, "DC=corp,DC=example")
    dses = RootDses(DOMAIN, ("dc1.corp.example",), ((Endpoint("dc1.corp.example", "127.0.0.1", 389), dse),))
    finding = clock(dses)
    assert finding.status is status
    if status is Status.WARN:
        assert "dc1.corp.example:" in str(finding.observed)
        assert "here:" in str(finding.observed)


def clocks(*ahead: timedelta) -> Finding:
    """Judge domain controllers whose clocks are this much ahead of ours."""
    hosts = tuple(f"dc{n}.corp.example" for n, _ in enumerate(ahead, 1))
    answers = tuple(
        (Endpoint(host, "127.0.0.1", 389), RootDse(datetime.now(UTC) + offset, "DC=corp,DC=example"))
        for host, offset in zip(hosts, ahead, strict=True)
    )
    return clock(RootDses(DOMAIN, hosts, answers))


@pytest.mark.parametrize("second", [timedelta(0), timedelta(minutes=14)])
def test_clocks_that_differ_from_each_other_make_logons_fail_intermittently(second: timedelta) -> None:
    finding = clocks(timedelta(minutes=7), second, timedelta(minutes=4))
    assert finding.status is Status.WARN
    assert "logons fail intermittently" in finding.summary
    assert "Credentials Fetcher adjusts" not in finding.summary


def test_two_clocks_can_differ_by_more_than_each_differs_from_ours() -> None:
    finding = clocks(timedelta(minutes=-3), timedelta(minutes=3))
    assert finding.status is Status.WARN
    assert "dc2.corp.example and dc1.corp.example differ by 360 s" in finding.summary


def test_credentials_fetcher_adjusts_to_clocks_that_are_off_by_the_same_time() -> None:
    finding = clocks(timedelta(minutes=10), timedelta(minutes=11))
    assert "Credentials Fetcher adjusts" in finding.summary
    assert "differ by" not in finding.summary


class Services:
    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def service_ticket(self, ticket: Ticket, spn: str, kdc: Kdc, *_: object) -> Any:
        if isinstance(self.answer, ClientError):
            raise self.answer
        return self.answer


GMSA = GmsaTicket("webapp01$@CORP.EXAMPLE", TICKET, ONE)
SPN = "MSSQLSvc/db.corp.example:1433"
NO_SERVERS: Outcome[SqlServers] = Outcome(None, skipped("no connection string was given"))
NO_DIRECTORY: Outcome[BoundDirectory] = Outcome(None, skipped("not asked"))


def asked(kerberos: object, *spns: str) -> Finding:
    result = service_ticket(GMSA, ServiceNames(spns), cast("Kerberos", kerberos), NO_SERVERS, NO_DIRECTORY, Dns())
    return result.finding if isinstance(result, Given) else result


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        (ServiceTicket(SPN, GMSA.principal, 36000), Status.PASS, "got a ticket"),
        (refusal(KdcReason.UNKNOWN_SERVICE), Status.FAIL, f"no account in the AD has the SPN {SPN}"),
        (refusal(KdcReason.NOT_UNIQUE), Status.FAIL, "more than one account"),
        (refusal(KdcReason.NO_ENCTYPE), Status.FAIL, "encryption type"),
        (TimedOut("KDC 127.0.0.1:88", 8), Status.UNKNOWN, "did not answer"),
    ],
)
def test_each_answer_for_a_service_is_explained(answer: Any, status: Status, words: str) -> None:
    try:
        finding = asked(Services(answer), SPN)
    except Stop as stop:
        finding = stop.finding
    assert finding.status is status
    assert words in finding.summary


def test_without_an_spn_nothing_is_asked() -> None:
    finding = asked(Services(AssertionError("asked")))
    assert finding.status is Status.SKIPPED


@pytest.mark.parametrize(
    ("reason", "owner"),
    [
        (KdcReason.WRONG_PASSWORD, Owner.AWS),
        (KdcReason.UNKNOWN_CLIENT, Owner.AWS),
        (KdcReason.WRONG_REALM, Owner.AWS),
        (KdcReason.DISABLED, None),
    ],
)
def test_what_is_fixed_in_the_secret_is_fixed_by_aws(reason: KdcReason, owner: Owner | None) -> None:
    fix = explain_user_refusal(refusal(reason), ACCOUNT).fix
    assert fix is not None
    assert fix.owner is owner


@pytest.mark.parametrize(
    ("reason", "says"),
    [
        (KdcReason.ARMOR_REQUIRED, "require Kerberos armoring (FAST)"),
        (KdcReason.POLICY, "does not allow reader@CORP.EXAMPLE to log on from this host"),
        (KdcReason.SMART_CARD, "only with a smart card"),
    ],
)
def test_a_hardened_domain_is_named_for_the_user(reason: KdcReason, says: str) -> None:
    finding = explain_user_refusal(refusal(reason), ACCOUNT)
    assert (finding.status, says in finding.summary) == (Status.FAIL, True), finding.summary


@pytest.mark.parametrize(
    ("reason", "says"),
    [
        (KdcReason.ARMOR_REQUIRED, "require Kerberos armoring (FAST)"),
        (KdcReason.POLICY, "an authentication policy or silo does not allow the gMSA"),
    ],
)
def test_a_hardened_domain_is_named_for_the_gmsa(reason: KdcReason, says: str) -> None:
    finding = explain_gmsa_refusal(refusal(reason), GMSA.principal)
    assert (finding.status, says in finding.summary) == (Status.FAIL, True), finding.summary


def test_selective_authentication_and_silos_are_named_for_the_service() -> None:
    finding = asked(Services(refusal(KdcReason.POLICY)), SPN)
    assert (finding.status, "selective authentication of a trust" in finding.summary) == (Status.FAIL, True)
