"""Quotas of the embedded AWS: how many requests a second each service permits."""

import time
from collections.abc import Mapping
from threading import Lock


class Quotas:
    """A bucket for each service: it holds the requests of a second, and is filled at that rate.

    ``second`` is how long a second of this AWS takes. Safe between threads.
    """

    def __init__(self, usual: float, others: Mapping[str, float], second: float) -> None:
        self._usual, self._others, self._second = usual, others, second
        self._buckets: dict[str, tuple[float, float]] = {}
        self._lock = Lock()
        self.refused = 0

    def permits(self, service: str) -> bool:
        """Take a request from the service's bucket; False if there is none left."""
        quota = self._others.get(service, self._usual)
        with self._lock:
            now = time.monotonic()
            left, since = self._buckets.get(service, (quota, now))
            left = min(quota, left + (now - since) * quota / self._second)
            permitted = left >= 1
            self._buckets[service] = (left - permitted, now)
            self.refused += not permitted
            return permitted
