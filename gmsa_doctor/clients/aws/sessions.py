"""The AWS sessions of a run."""

from __future__ import annotations

from gmsa_doctor.clients.aws.assumed_role import AssumedRole
from gmsa_doctor.clients.aws.rate import Paces
from gmsa_doctor.clients.aws.session import Aws, is_throttled


class AwsSessions:
    """The sessions of a run, made once. ``max_rate``: requests a second to each service, if fewer than usual.

    ``role``: in place of the credentials of the environment or the profile. ``paces``: those of other runs at the same
    time in the same account.
    """

    def __init__(
        self, max_rate: float | None = None, role: AssumedRole | None = None, paces: Paces | None = None
    ) -> None:
        self._max_rate, self._role, self._shared = max_rate, role, paces
        self._made: dict[tuple[str | None, str | None], Aws] = {}
        self._paces: dict[str | None, Paces] = {}

    def of(self, profile: str | None, region: str | None) -> Aws:
        """The session for a profile and a region. Raises as :class:`Aws`."""
        if (profile, region) not in self._made:
            paces = self._shared or self._paces.setdefault(profile, Paces(self._max_rate))  # a profile: one account
            self._made[profile, region] = Aws(profile, region, paces, self._role)
        return self._made[profile, region]

    def begin_again(self) -> None:
        """Send requests to services that were silent, too."""
        for aws in self._made.values():
            aws.silent.clear()

    def counted(self) -> tuple[int, int]:
        """How many requests were sent, and how many of them were throttled."""
        calls = [call for aws in self._made.values() for call in aws.calls]
        return len(calls), sum(is_throttled(call.result) for call in calls)
