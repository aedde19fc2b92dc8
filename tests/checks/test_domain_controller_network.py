"""UDP, other ports, PTR records, and the answer of each KDC for the user; called with values."""

from dataclasses import replace
from typing import Any, cast

import pytest

from gmsa_doctor.clients.dns.resolver import Dns
from gmsa_doctor.clients.kerberos.client import Ticket
from gmsa_doctor.clients.kerberos.kdc_questions import FirstAnswer, KdcQuestions
from gmsa_doctor.clients.network.tcp import Tcp
from gmsa_doctor.core.errors import ClientError, NotFound, Refused, TimedOut
from gmsa_doctor.core.hidden import Hidden
from gmsa_doctor.core.model import Finding, Outcome, Status, passed, skipped
from gmsa_doctor.formats.aws.ecs_config import EcsConfig
from gmsa_doctor.formats.fetcher import Fetcher
from gmsa_doctor.given.subject import Launch, Platform
from gmsa_doctor.given.vantage import Vantage
from gmsa_doctor_checks.domain_controllers.other_ports import kerberos_udp, other_ports, reverse_names
from gmsa_doctor_checks.domain_controllers.replication import user
from gmsa_doctor_checks.values import (
    Account,
    DomainControllers,
    DomainName,
    Endpoint,
    ReachableKdcs,
    ReachableLdap,
    UserTicket,
)

DOMAIN = DomainName("corp.example")
ACCOUNT = Account("arn", "reader", Hidden("canary-secret"), DOMAIN)
KDCS = tuple(Endpoint(f"dc{n}.corp.example", f"10.0.0.{n}", 88) for n in (1, 2, 3))
LDAP = tuple(Endpoint(kdc.host, kdc.address, 389) for kdc in KDCS)
INSIDE, OUTSIDE = Vantage(inside=True), Vantage(inside=False)
FARGATE, EC2 = Platform(Launch.FARGATE), Platform(Launch.EC2)
OLD = Platform(Launch.EC2, fetcher=Fetcher.V1_3)
WELL = FirstAnswer(25)
SILENCE = TimedOut("KDC 10.0.0.2:88 (UDP)", 3)


class Answers:
    """A client that answers in turn, by address."""

    def __init__(self, *answers: Any) -> None:
        self.answers = {f"10.0.0.{n}": answer for n, answer in enumerate(answers, 1)}
        self.asked: list[tuple[object, ...]] = []

    def by(self, address: str, *question: object) -> Any:
        self.asked.append((address, *question))
        answer = self.answers[address]
        if isinstance(answer, ClientError):
            raise answer
        return answer

    def first_answer(self, account: str, realm: str, address: str, port: int, over: str = "TCP") -> Any:
        return self.by(address, account, realm, over)

    def names_of(self, address: str) -> Any:
        return self.by(address)

    def connect(self, address: str, port: int, seconds: float) -> Any:
        return self.by(address, port)


def over_udp(*answers: Any, vantage: Vantage = INSIDE) -> Finding:
    kdcs = ReachableKdcs(DOMAIN, KDCS[: len(answers)])
    return kerberos_udp(ACCOUNT, kdcs, cast("KdcQuestions", Answers(*answers)), vantage)


def test_any_answer_over_udp_passes() -> None:
    assert over_udp(WELL, FirstAnswer(6)).status is Status.PASS


def test_a_refusal_over_udp_costs_no_time_and_passes() -> None:
    assert over_udp(WELL, Refused("KDC 10.0.0.2:88 (UDP)")).status is Status.PASS


def test_silence_over_udp_warns_and_names_the_address() -> None:
    finding = over_udp(WELL, SILENCE)
    assert finding.status is Status.WARN
    assert "dc2.corp.example" in finding.summary
    assert finding.fix is not None
    assert "10.0.0.2" in finding.fix.text


def test_silence_over_udp_is_skipped_outside_the_task_network() -> None:
    assert over_udp(WELL, SILENCE, vantage=OUTSIDE).status is Status.SKIPPED


def logons(*answers: Any, ticket_of: int = 0, vantage: Vantage = INSIDE) -> tuple[Finding, Answers]:
    client = Answers(*answers)
    ticket = UserTicket("reader@CORP.EXAMPLE", Ticket("reader@CORP.EXAMPLE", 36000, None), KDCS[ticket_of])
    kdcs = KDCS[: len(answers)]
    controllers = DomainControllers(DOMAIN, (), kdcs)
    return user(ticket, controllers, ReachableKdcs(DOMAIN, kdcs), cast("KdcQuestions", client)), client


def test_the_kdc_that_gave_the_ticket_is_not_asked_again() -> None:
    finding, client = logons(WELL, WELL)
    assert finding.status is Status.PASS
    assert client.asked == [("10.0.0.2", "reader", "CORP.EXAMPLE", "TCP")]


def test_kdcs_that_did_not_answer_before_are_reported_with_the_ticket_and_not_asked_again() -> None:
    finding, client = logons(SILENCE, WELL, WELL, ticket_of=1)
    assert finding.status is Status.PASS
    assert [address for address, *_ in client.asked] == ["10.0.0.3"]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (FirstAnswer(6), "it has no user reader"),
        (FirstAnswer(18, 0xC0000234), "reader is locked there"),
        (FirstAnswer(18, 0xC0000072), "reader is disabled there"),
        (FirstAnswer(18), "disabled, locked or expired there"),
        (FirstAnswer(23), "has expired there"),
        (FirstAnswer(68), "does not serve the realm"),
        (SILENCE, "did not answer"),
    ],
)
def test_a_kdc_where_the_user_cannot_log_on_warns(answer: Any, words: str) -> None:
    finding, _ = logons(WELL, answer, WELL)
    assert finding.status is Status.WARN
    assert words in finding.summary
    assert "1 of 3 domain controllers: about every third task" in finding.summary
    assert finding.fix is not None
    assert "Get-ADUser reader -Server dc2.corp.example" in finding.fix.commands[-1]


def test_other_ports_always_pass() -> None:
    refused = Refused("TCP 10.0.0.2:636")
    finding = other_ports(ReachableLdap(DOMAIN, LDAP[:2]), cast("Tcp", Answers(0.001, refused)))
    assert finding.status is Status.PASS
    assert finding.summary.startswith("3 of 6 open")
    assert finding.rows[1].text == "53 (DNS) closed, 464 (password changes) closed, 636 (LDAPS) closed"


UNKNOWN: Outcome[Account] = Outcome(None, skipped("no secret"))


def back(*answers: Any, platform: Platform = FARGATE, account: Outcome[Account] = UNKNOWN) -> Finding:
    controllers = DomainControllers(DOMAIN, LDAP[: len(answers)], ())
    return reverse_names(controllers, cast("Dns", Answers(*answers)), platform, account, EcsConfig())


MISSING = NotFound("no such name", "NXDOMAIN")
AWS = ("ip-10-0-0-1.ec2.internal",)


@pytest.mark.parametrize(
    ("answer", "platform", "status"),
    [
        (("dc1.corp.example",), OLD, Status.PASS),
        (("other.corp.example", "dc1.corp.example"), OLD, Status.PASS),
        (("other.corp.example",), FARGATE, Status.WARN),
        (("other.corp.example",), EC2, Status.WARN),
        (AWS, FARGATE, Status.PASS),
        (AWS, EC2, Status.WARN),
        (MISSING, FARGATE, Status.PASS),
        (MISSING, EC2, Status.PASS),
        (MISSING, OLD, Status.WARN),
        (TimedOut("DNS server", 4), OLD, Status.PASS),
    ],
)
def test_each_ptr_record(answer: Any, platform: Platform, status: Status) -> None:
    finding = back(answer, platform=platform)
    assert finding.status is status
    if status is Status.WARN:
        assert finding.fix is not None
        assert "dig +short -x 10.0.0.1" in finding.fix.commands


NEW = Platform(Launch.EC2, fetcher=Fetcher.V2)
KNOWN = Outcome(ACCOUNT, passed(""))
WITH_DN = Outcome(replace(ACCOUNT, distinguished_name="CN=webapp01,DC=corp,DC=example"), passed(""))


@pytest.mark.parametrize(
    ("platform", "account", "words"),
    [
        (FARGATE, WITH_DN, "this task does not need them"),
        (NEW, WITH_DN, "this task does not need them"),
        (NEW, KNOWN, "2.x requires one to search for the gMSA's DN, only where SASL_NOCANON is off (off in Debian"),
        (NEW, UNKNOWN, "the gMSA's DN, if the secret has no distinguishedName, only where"),
        (EC2, WITH_DN, "Credentials Fetcher 1.3 from before December 2024 requires one, only where"),
        (EC2, KNOWN, "December 2024 requires one, and 2.x requires one to search"),
        (FARGATE, KNOWN, "(not documented for Fargate)"),
    ],
)
def test_a_missing_ptr_record_names_what_may_require_it(
    platform: Platform, account: Outcome[Account], words: str
) -> None:
    finding = back(MISSING, platform=platform, account=account)
    assert finding.status is Status.PASS
    assert words in finding.summary
