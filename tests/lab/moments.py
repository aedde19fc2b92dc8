"""Moments of a run: the n-th call of an operation, carried out and not yet answered."""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from tests.lab.aws_requests import Request


@dataclass
class _Moment:
    service: str
    operation: str
    times: int
    do: Callable[[], object]

    def is_now(self, request: Request) -> bool:
        """Count the call; return whether it is the one."""
        if (self.service, self.operation) == (request.service, request.operation):
            self.times -= 1
            return self.times == 0
        return False


class Moments:
    """What is to be done at which moment, once."""

    def __init__(self) -> None:
        self._moments: list[_Moment] = []
        self._lock = Lock()

    def add(self, service: str, operation: str, times: int, do: Callable[[], object]) -> None:
        """Do this when the call was carried out so often."""
        with self._lock:
            self._moments.append(_Moment(service, operation, times, do))

    def pass_by(self, request: Request) -> None:
        """Do what is to be done at this call."""
        with self._lock:
            now = [moment for moment in self._moments if moment.is_now(request)]
        for moment in now:
            moment.do()

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._moments.clear()
