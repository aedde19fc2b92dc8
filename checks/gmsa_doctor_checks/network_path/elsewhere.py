"""What keeps tasks from AWS's services, and is told by another check: it keeps them from the AD as well. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gmsa_doctor.authoring import Finding, Outcome, Status
from gmsa_doctor_checks.network_access.values import GroupsOfTask, Ways
from gmsa_doctor_checks.network_path.values import ServicePaths, Way
from gmsa_doctor_checks.vpc_dns.values import VpcDns, VpcResolver

GROUPS = "network-access.security-groups"
ROUTES = "network-access.routes"
DNS = "dhcp-options.domain-name-servers"
DNS_SUPPORT = "enableDnsSupport"


@dataclass(frozen=True)
class Elsewhere:
    """The checks that may tell of the same fault: what each has found."""

    groups: Outcome[GroupsOfTask]
    ways: Outcome[Ways]
    dns: Outcome[VpcDns]
    resolver: Outcome[VpcResolver]

    def tells(self, paths: ServicePaths, bad: Sequence[Way], *, everywhere: bool) -> str | None:
        """The id of the check that tells of all ways that are bad; None if none does.

        One change, such as a default route or outbound rules that are gone, is one root cause.
        ``everywhere``: they are bad in each subnet, so that it is worse than a warning.
        """
        if _fails(self.groups.finding) and paths.egress and all(one.by == paths.egress for one in bad):
            return GROUPS
        off = self.resolver.value is not None and not self.resolver.value.on  # else it fails for another reason
        if off and _fails(self.dns.finding) and all(one.by == DNS_SUPPORT for one in bad):
            return DNS
        as_bad = _fails(self.ways.finding) or (not everywhere and self.ways.finding.status is Status.WARN)
        shut = self.ways.value.by_default if self.ways.value else ()
        return ROUTES if as_bad and all(one.exit and one.subnet in shut for one in bad) else None


def _fails(finding: Finding) -> bool:
    return finding.status is Status.FAIL


def by_their_exit(ways: Sequence[Way]) -> tuple[Way, ...]:
    """The ways, with the closed way out of a subnet as what has to be mended, where it closes those to several.

    An endpoint that is of no use to one of them, such as one that the route table lacks, is beside the point then.
    """
    by_exit = {(one.subnet, one.exit): one for one in ways if one.exit and one.by == one.exit}
    return tuple(
        replace(one, by=one.exit, fix=other.fix) if (other := by_exit.get((one.subnet, one.exit))) else one
        for one in ways
    )
