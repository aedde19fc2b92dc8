"""How many requests a second a service allows, where that is few: requests then wait their turn instead of failing."""

from __future__ import annotations

import time
from collections import deque
from threading import Lock

from gmsa_doctor.core.limits import PACE

REQUESTS_PER_SECOND = {"route53resolver": 5, "route53": 5}
"""By boto3's name of the service. Others allow more than a run makes.

Source: https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html#limits-api-requests
"""
_WINDOW = 1.1
"""Seconds: somewhat more than one, since requests take different times to arrive."""


class Rate:
    """Lets at most so many requests pass in each second. Safe between threads."""

    def __init__(self, requests: int, window: float = _WINDOW * PACE) -> None:
        self._passed: deque[float] = deque(maxlen=requests)
        self._window = window
        self._lock = Lock()

    def wait(self, **_: object) -> None:
        """Return when another request may be sent; botocore calls this before each one."""
        with self._lock:
            now = time.monotonic()
            if len(self._passed) == self._passed.maxlen and now - self._passed[0] < self._window:
                time.sleep(self._window - (now - self._passed[0]))
                now = time.monotonic()
            self._passed.append(now)
