"""How fast requests are sent to each AWS service: they wait their turn instead of failing, or using up a quota.

The quotas of an account are shared: its own deployments and autoscaling fail if somebody else uses all of one. In the
long run we take at most half of what a service permits; a run for one subject never makes enough requests to wait.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Lock

from gmsa_doctor.core.limits import PACE, waiting

_WINDOW = 1.1
"""Seconds: somewhat more than one, since requests take different times to arrive."""
GLOBAL_SERVICES = frozenset({"iam", "route53", "organizations"})
"""Services with one quota for all regions of an account."""


@dataclass(frozen=True)
class Limit:
    """Requests to a service in one second at most, and in each second of a long run, after the first ``burst``."""

    per_second: float
    sustained: float
    burst: int

    def at_most(self, rate: float | None) -> Limit:
        """The same with a lower rate, if there is one."""
        if rate is None:
            return self
        return replace(self, per_second=min(self.per_second, rate), sustained=min(self.sustained, rate))


DEFAULT = Limit(20, 10, 100)
"""ECS and EC2 permit 20 requests a second of most actions, and 100 at once.

Sources: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html
https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
"""
LIMITS = {
    "route53resolver": Limit(5, 2, 30),
    "route53": Limit(5, 2, 30),
    "iam": Limit(20, 2, 60),
    "ds": Limit(20, 2, 40),
}
"""By botocore's name of the service. IAM and Directory Service publish no quota.

Source: https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html#limits-api-requests
"""


class Pace:
    """Gives each request a time at which it may be sent. Safe between threads."""

    def __init__(
        self,
        limit: Limit,
        *,
        unit: float = PACE,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        number = max(1, math.floor(limit.per_second))
        self._times: deque[float] = deque(maxlen=number)
        self._window = _WINDOW * unit * number / limit.per_second
        self._interval = unit / limit.sustained
        self._ahead = self._interval * (limit.burst - 1)
        self._due = -math.inf
        """When the last request would have been sent at the sustained rate."""
        self._clock, self._sleep, self._lock = clock, sleep, Lock()

    def wait(self, **_: object) -> None:
        """Return when another request may be sent; botocore calls this before each one."""
        delay = self._reserve()
        if delay > 0:
            with waiting():
                self._sleep(delay)

    def _reserve(self) -> float:
        """Seconds until the turn of a new request."""
        with self._lock:
            now = self._clock()
            turn = max(now, self._due - self._ahead)
            if len(self._times) == self._times.maxlen:
                turn = max(turn, self._times[0] + self._window)
            self._due = max(self._due, turn) + self._interval
            self._times.append(turn)
            return turn - now


class Paces:
    """The paces for one account: one for each service and region. ``max_rate`` limits them further."""

    def __init__(self, max_rate: float | None = None) -> None:
        self._max_rate = max_rate
        self._made: dict[tuple[str, str | None], Pace] = {}
        self._lock = Lock()

    def of(self, service: str, region: str | None) -> Pace:
        """The pace of a service, by botocore's name, in a region."""
        key = service, None if service in GLOBAL_SERVICES else region
        with self._lock:
            if key not in self._made:
                self._made[key] = Pace(LIMITS.get(service, DEFAULT).at_most(self._max_rate))
            return self._made[key]
