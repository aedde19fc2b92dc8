"""Findings for closed ports: one failure for each fault, and only one if a domain controller is down."""

from dataclasses import replace
from typing import cast

import pytest

from gmsa_doctor.authoring import Owner
from gmsa_doctor.clients.network.tcp import Tcp
from gmsa_doctor.core.errors import ClientError, Refused, TimedOut
from gmsa_doctor.core.model import Finding, Given, Outcome, Status, failed, skipped
from gmsa_doctor.formats.fetcher import Fetcher
from gmsa_doctor.given.subject import Launch, Platform
from gmsa_doctor.given.vantage import Vantage
from gmsa_doctor_checks.domain_controllers.network import ldap
from gmsa_doctor_checks.network_access.values import Passage
from gmsa_doctor_checks.values import DomainControllers, DomainName, Endpoint, ReachableKdcs

DOMAIN = DomainName("corp.example")
NO_PASSAGE: Outcome[Passage] = Outcome(None, skipped("not asked"))
FARGATE = Platform(Launch.FARGATE)
DEAD: Outcome[ReachableKdcs] = Outcome(
    None, replace(failed("no domain controller accepts it"), check="network.kerberos")
)


class Ports:
    """Each port gives this answer."""

    def __init__(self, answer: ClientError | float) -> None:
        self.answer = answer

    def connect(self, host: str, port: int, seconds: float | None = None) -> float:
        if isinstance(self.answer, ClientError):
            raise self.answer
        return self.answer


def controllers(*kdcs: str) -> DomainControllers:
    on = tuple(Endpoint(f"dc{address[-1]}.corp.example", address, 88) for address in kdcs)
    return DomainControllers(DOMAIN, (Endpoint("dc1.corp.example", "127.0.0.1", 389),), on)


def asked(
    answer: ClientError | float,
    kdcs: Outcome[ReachableKdcs],
    on: DomainControllers | None = None,
    *,
    inside: bool = True,
) -> Finding:
    tcp = cast("Tcp", Ports(answer))
    result = ldap(on or controllers("127.0.0.1", "127.0.0.2"), tcp, Vantage(inside=inside), NO_PASSAGE, kdcs, FARGATE)
    return result.finding if isinstance(result, Given) else result


@pytest.mark.parametrize("answer", [Refused("TCP 127.0.0.1:389"), TimedOut("TCP 127.0.0.1:389", 3)])
def test_domain_controllers_that_accept_no_connections_are_reported_by_network_kerberos(answer: ClientError) -> None:
    finding = asked(answer, DEAD)
    assert (finding.status, finding.because) == (Status.SKIPPED, ("network.kerberos",))
    assert "also closed, on the same hosts" in finding.summary


def test_a_closed_ldap_port_alone_is_a_fault_of_its_own() -> None:
    kdcs = Endpoint("dc1.corp.example", "127.0.0.1", 88)
    healthy = Outcome(ReachableKdcs(DOMAIN, (kdcs,)), Finding(Status.PASS, "open", check="network.kerberos"))
    finding = asked(Refused("TCP 127.0.0.1:389"), healthy)
    assert (finding.status, finding.because) == (Status.FAIL, ())
    assert finding.fix is not None
    assert finding.fix.owner is Owner.AD


def test_a_kdc_on_another_host_explains_nothing() -> None:
    finding = asked(Refused("TCP 127.0.0.1:389"), DEAD, controllers("127.0.0.2"))
    assert (finding.status, finding.because) == (Status.FAIL, ())


def test_silence_outside_is_skipped() -> None:
    outside: Outcome[ReachableKdcs] = Outcome(None, skipped("not checked"))
    finding = asked(TimedOut("TCP 127.0.0.1:389", 3), outside, inside=False)
    assert finding.status is Status.SKIPPED
    assert "not checked: from here, no domain controller accepts LDAP" in finding.summary


def test_ldap_is_tried_even_if_the_kdc_is_closed() -> None:
    assert asked(0.001, DEAD).status is Status.PASS


class Silent:
    """Only the last of the domain controllers accepts connections; the others are silent, or refuse."""

    def __init__(self, open_address: str, error: type[TimedOut] | type[Refused]) -> None:
        self.open_address, self.error = open_address, error

    def connect(self, host: str, port: int, seconds: float | None = None) -> float:
        if host == self.open_address:
            return 0.001
        raise TimedOut(f"TCP {host}:{port}", 3) if self.error is TimedOut else Refused(f"TCP {host}:{port}")


@pytest.mark.parametrize(
    ("count", "platform", "error", "status", "says"),
    [
        (12, FARGATE, TimedOut, Status.UNKNOWN, "2.x waits up to 110 s"),
        (12, Platform(Launch.EC2, fetcher=Fetcher.V2), TimedOut, Status.FAIL, "DeadlineExceeded"),
        (3, Platform(Launch.EC2, fetcher=Fetcher.V2), TimedOut, Status.UNKNOWN, "2.x waits up to 20 s"),
        (3, Platform(Launch.EC2, fetcher=Fetcher.V1_3), TimedOut, Status.FAIL, "DeadlineExceeded"),
        (12, FARGATE, Refused, Status.WARN, "11 of 12 domain controllers"),
        (2, FARGATE, TimedOut, Status.WARN, "1 of 2 domain controllers"),
    ],
)
def test_the_share_of_silent_domain_controllers_decides(
    count: int, platform: Platform, error: type[TimedOut] | type[Refused], status: Status, says: str
) -> None:
    on = tuple(Endpoint(f"dc{n}.corp.example", f"10.0.0.{n}", 389) for n in range(count))
    tcp = cast("Tcp", Silent(f"10.0.0.{count - 1}", error))
    result = ldap(DomainControllers(DOMAIN, on, ()), tcp, Vantage(inside=True), NO_PASSAGE, DEAD, platform)
    assert isinstance(result, Given)
    assert result.finding.status is status
    assert says in result.finding.summary
