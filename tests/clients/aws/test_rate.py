"""The pace of requests: none is too early, none waits without need, and nothing is asked twice."""

from collections.abc import Callable
from threading import Event

import pytest

from gmsa_doctor.clients.aws import rate
from gmsa_doctor.clients.aws.rate import DEFAULT, LIMITS, Limit, Pace, Paces
from gmsa_doctor.clients.aws.route53 import Route53Resolver
from gmsa_doctor.clients.aws.session import Aws
from tests.lab.aws import EmbeddedAws


class Clock:
    """A clock that moves only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def times_of(limit: Limit, requests: int) -> list[float]:
    """When these requests are sent, by one that always has another one."""
    clock, times = Clock(), []
    pace = Pace(limit, unit=1, clock=clock, sleep=clock.sleep)
    for _ in range(requests):
        pace.wait()
        times.append(clock.now)
    return times


def most_in(seconds: float, times: list[float]) -> int:
    return max(sum(start <= own < start + seconds for own in times) for start in times)


@pytest.mark.parametrize("limit", [DEFAULT, *LIMITS.values(), DEFAULT.at_most(5), DEFAULT.at_most(0.5)])
def test_requests_never_exceed_the_number_of_a_second_nor_the_sustained_rate(limit: Limit) -> None:
    times = times_of(limit, 600)
    assert most_in(1, times) <= max(1, limit.per_second)
    late = times[-300:]
    assert 0.9 * limit.sustained <= 299 / (late[-1] - late[0]) <= 1.01 * limit.sustained


def refused(times: list[float], rate: float, burst: int) -> int:
    """How many of these requests a service refuses that fills its bucket at this rate, and serves this burst."""
    tokens, last, number = float(burst), 0.0, 0
    for now in times:
        tokens, last = min(burst, tokens + (now - last) * rate), now
        if tokens >= 1 - 1e-9:
            tokens -= 1
        else:
            number += 1
    return number


@pytest.mark.parametrize(
    ("service", "rate", "burst"),
    [("ecs", 20, 20), ("ecs", 20, 50), ("ec2", 20, 100), ("iam", 20, 20), ("route53", 5, 5), ("route53resolver", 5, 5)],
)
def test_a_service_that_permits_what_aws_documents_never_refuses_a_request(
    service: str, rate: float, burst: int
) -> None:
    assert refused(times_of(LIMITS.get(service, DEFAULT), 3000), rate, burst) == 0


@pytest.mark.parametrize("service", ["ecs", "ec2", "iam", "ds", "s3"])
def test_what_one_subject_asks_of_a_service_does_not_wait(service: str) -> None:
    assert times_of(LIMITS.get(service, DEFAULT), 20)[-1] == 0


def test_a_burst_comes_back_when_nothing_was_asked_for_a_while() -> None:
    clock = Clock()
    pace = Pace(Limit(1000, 10, 100), unit=1, clock=clock, sleep=clock.sleep)
    for _ in range(100):
        pace.wait()
    assert clock.now == 0
    pace.wait()
    assert clock.now == pytest.approx(0.1)
    clock.now += 1000
    before = clock.now
    for _ in range(100):
        pace.wait()
    assert clock.now == pytest.approx(before)


def test_regions_have_their_own_pace_but_for_global_services() -> None:
    paces = Paces()
    assert paces.of("ecs", "eu-west-1") is paces.of("ecs", "eu-west-1")
    assert paces.of("ecs", "eu-west-1") is not paces.of("ecs", "eu-west-2")
    assert paces.of("ecs", "eu-west-1") is not paces.of("ec2", "eu-west-1")
    assert paces.of("iam", "eu-west-1") is paces.of("iam", "eu-west-2")


@pytest.mark.parametrize("ask", [lambda aws: Route53Resolver(aws).rules_of_vpc("vpc-1")])
def test_requests_to_aws_wait_their_turn(
    ask: Callable[[Aws], object], aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited = Event()
    monkeypatch.setattr(rate.Pace, "wait", lambda self, **_: waited.set())
    for name, value in aws.variables().items():
        monkeypatch.setenv(name, value)
    ask(Aws())
    assert waited.is_set()
