"""What can be made to go wrong with the tasks of the embedded Fargate, in all subnets or in one."""

from typing import Any

from tests.lab.fargate_logs import Mishaps


class Faults:
    """Switches; each holds until `reset`, and with `subnet` only for the tasks in that one."""

    def __init__(self) -> None:
        self._faults: list[tuple[str, str | None, Any]] = []

    def no_capacity(self, subnet: str | None = None) -> None:
        """RunTask starts nothing and says so in `failures`."""
        self._faults.append(("capacity", subnet, True))

    def cannot_pull(self, subnet: str | None = None) -> None:
        """The image is not found."""
        self._faults.append(("pull", subnet, True))

    def stop_reason(self, text: str, subnet: str | None = None) -> None:
        """Each task fails to start, with this stoppedReason."""
        self._faults.append(("start", subnet, text))

    def credentials_fetcher_fails(self, text: str, subnet: str | None = None) -> None:
        """Each task with credentialSpecs fails to start, with this stoppedReason."""
        self._faults.append(("ticket", subnet, text))

    def dns_cut(self, subnet: str | None = None) -> None:
        """The path to the DNS servers is blocked: nothing listens there."""
        self._faults.append(("dns", subnet, True))

    def kill_after(self, seconds: float, subnet: str | None = None) -> None:
        """The container is killed so many seconds after its start, as one that takes too much memory."""
        self._faults.append(("kill", subnet, seconds))

    def logs_lost(self, *numbers: int, subnet: str | None = None) -> None:
        """The lines of these numbers, from 1, never arrive; -1 is the last."""
        self._faults.append(("lost", subnet, numbers))

    def logs_duplicated(self, subnet: str | None = None) -> None:
        """Each line arrives twice."""
        self._faults.append(("duplicated", subnet, True))

    def logs_shuffled(self, subnet: str | None = None) -> None:
        """The lines arrive when the container has ended, in another order."""
        self._faults.append(("shuffled", subnet, True))

    def logs_late(self, seconds: float, subnet: str | None = None) -> None:
        """The lines arrive so many seconds after the task has stopped."""
        self._faults.append(("late", subnet, seconds))

    def clear_faults(self) -> None:
        """Let everything go well again."""
        self._faults.clear()

    def fault(self, kind: str, subnet: str) -> Any:
        """Give what the last such switch for the subnet was set to; None: there is none."""
        return next(
            (what for name, where, what in reversed(self._faults) if name == kind and where in (None, subnet)), None
        )

    def mishaps(self, subnet: str) -> Mishaps:
        """Give what befalls the log lines of a task in the subnet."""
        return Mishaps(
            frozenset(self.fault("lost", subnet) or ()),
            bool(self.fault("duplicated", subnet)),
            bool(self.fault("shuffled", subnet)),
            self.fault("late", subnet) or 0.0,
        )
