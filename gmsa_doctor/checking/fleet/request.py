"""The options of `gmsa-doctor fleet`, as data."""

from __future__ import annotations

from dataclasses import dataclass, field

from gmsa_doctor.core.check_id import CheckId
from gmsa_doctor.given.request import Live, Request
from gmsa_doctor.report.fleet.model import Target

ROLE_NAME = "gmsa-doctor"
_WAIVERS = CheckId("config.waivers")
"""Not in a shard: a waiver that matches nothing there may match in another one."""


@dataclass(frozen=True)
class FleetRequest:
    """Which accounts and regions, how they are entered, and how each is checked."""

    regions: tuple[str, ...] = ()
    """Names, patterns such as ``eu-*``, or ``all``; without any, the configured region."""
    excluded_regions: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    """Without these, and without the organization: the own account."""
    excluded_accounts: tuple[str, ...] = ()
    organization: bool = False
    units: tuple[str, ...] = ()
    """Ids of organizational units or roots, of which accounts at any depth count."""
    role_name: str = ROLE_NAME
    external_id: str | None = None
    profile: str | None = None
    max_rate: float | None = None
    seconds: float = 3600.0
    """The most that one shard may take."""
    side_by_side: int = 4
    """How many shards are checked at the same time."""
    live: Live = Live.NEVER
    dns_server: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    require: tuple[str, ...] = ()
    fail_on_warning: bool = False
    typed: frozenset[str] = field(default_factory=frozenset)

    @property
    def of_organization(self) -> bool:
        """Whether the accounts are those of the organization, or of a part of it."""
        return self.organization or bool(self.units)

    def of_shard(self, target: Target) -> Request:
        """The request of `check --all-clusters` in the shard's region."""
        return Request(
            all_clusters=True,
            region=target.region,
            live=self.live,
            dns_server=self.dns_server,
            only=self.only,
            skip=(*self.skip, _WAIVERS),
            require=self.require,
            fail_on_warning=self.fail_on_warning,
            seconds=self.seconds,
            max_rate=self.max_rate,
            profile=self.profile,
        )
