"""Findings for closed ports: one failure for each fault, and only one if a domain controller is down."""

from dataclasses import replace
from typing import cast

import pytest

from gmsa_doctor.authoring import Owner
from gmsa_doctor.clients.network.tcp import Tcp
from gmsa_doctor.core.errors import ClientError, Refused, TimedOut
from gmsa_doctor.core.model import Finding, Given, Outcome, Status, failed, skipped
from gmsa_doctor.given.vantage import Vantage
from gmsa_doctor_checks.domain_controllers.network import ldap
from gmsa_doctor_checks.network_access.values import Passage
from gmsa_doctor_checks.values import DomainControllers, DomainName, Endpoint, ReachableKdcs

DOMAIN = DomainName("corp.example")
NO_PASSAGE: Outcome[Passage] = Outcome(None, skipped("not asked"))
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
    result = ldap(on or controllers("127.0.0.1", "127.0.0.2"), tcp, Vantage(inside=inside), NO_PASSAGE, kdcs)
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
