"""Services that allow few requests a second: requests wait their turn."""

from collections.abc import Callable
from threading import Event

import pytest

from gmsa_doctor.clients.aws import rate
from gmsa_doctor.clients.aws.rate import REQUESTS_PER_SECOND, Rate
from gmsa_doctor.clients.aws.route53 import Route53Resolver
from gmsa_doctor.clients.aws.session import Aws
from tests.lab.aws import EmbeddedAws


class Clock:
    """A clock that moves only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_41_requests_never_exceed_five_in_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(rate, "time", clock)
    limited = Rate(5, window=1.1)
    times = []
    for _ in range(41):
        limited.wait()
        times.append(clock.now)
    assert all(sum(start <= own < start + 1 for own in times) <= 5 for start in times)
    assert times[4] == 0


@pytest.mark.parametrize("ask", [lambda aws: Route53Resolver(aws).rules_of_vpc("vpc-1")])
def test_requests_to_resolver_wait_their_turn(
    ask: Callable[[Aws], object], aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited = Event()
    monkeypatch.setattr(Rate, "wait", lambda self, **_: waited.set())
    for name, value in aws.variables().items():
        monkeypatch.setenv(name, value)
    ask(Aws())
    assert waited.is_set()
    assert {"route53resolver", "route53"} <= set(REQUESTS_PER_SECOND)
