"""The root causes of a fleet: a fault that many services have is listed once, and the widest first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from gmsa_doctor.core.model import Finding, Fix, Status, SubjectReport
from gmsa_doctor.core.severity import BAD
from gmsa_doctor.report.findings import is_bare
from gmsa_doctor.report.fleet.model import FleetReport, FleetSubject, Target
from gmsa_doctor.report.fleet.table import facts_of, filled
from gmsa_doctor.report.grouping import without_names


@dataclass
class FleetCause:
    """A root cause, or an open question. ``finding`` is that of the first of its ``subjects`` (numbers from 0).

    ``number`` is that finding's in the table.
    """

    number: int
    finding: Finding
    subjects: list[int] = field(default_factory=list)
    services: dict[str, Target] = field(default_factory=dict)
    """Where each of its services runs, by the name with account and region."""
    unlisted: set[str] = field(default_factory=set)
    """Those among them that are no services, such as a cluster whose services cannot be listed."""
    fixes: set[Fix | None] = field(default_factory=set)

    def take(self, other: FleetCause) -> None:
        """Add what another one has, which turned out to be the same."""
        self.subjects += other.subjects
        self.services |= other.services
        self.unlisted |= other.unlisted
        self.fixes |= other.fixes

    @property
    def accounts(self) -> list[str]:
        """Its accounts, each once."""
        return list(dict.fromkeys(target.account for target in self.services.values()))

    @property
    def regions(self) -> list[str]:
        """Its regions, each once."""
        return list(dict.fromkeys(target.region for target in self.services.values()))

    @property
    def in_places(self) -> str:
        """``37 services in 3 accounts``."""
        services, accounts, regions = len(self.services), len(self.accounts), len(self.regions)
        where = f"{accounts} account{'' if accounts == 1 else 's'}"
        where += f" and {regions} regions" if regions > 1 else ""
        noun = "subject" if self.unlisted else "service"
        return f"{services} {noun}{'' if services == 1 else 's'} in {where}"


def service_of(fleet: FleetReport, subject: FleetSubject) -> str:
    """The service of a subject, after its account and region; without a service, the subject."""
    name = dict(subject.facts).get("service") or subject.name
    return f"{fleet.shards[subject.shard].target} {name}"


def causes_of(fleet: FleetReport) -> list[FleetCause]:
    """Each root cause once, those of most services first; open questions after them."""
    found: dict[object, FleetCause] = {}
    for number, index, finding in _roots(fleet):
        subject = fleet.subjects[index]
        target = fleet.shards[subject.shard].target
        keys = _keys(finding, SubjectReport(subject.name, facts_of(fleet, subject), ()), target)
        known = list({id(found[key]): found[key] for key in keys if key in found}.values())
        cause = known[0] if known else FleetCause(number, finding)
        for other in known[1:]:
            cause.take(other)
            found.update(dict.fromkeys([key for key, value in found.items() if value is other], cause))
        found.update(dict.fromkeys(keys, cause))
        cause.subjects.append(index)
        name = service_of(fleet, subject)
        cause.services[name] = target
        cause.unlisted |= set() if dict(subject.facts).get("service") else {name}
        cause.fixes.add(finding.fix)
    return sorted(
        {id(cause): cause for cause in found.values()}.values(),
        key=lambda cause: (
            BAD.index(Status.FAIL if cause.finding.is_failure else cause.finding.status),
            -len(cause.services),
            -len(cause.accounts),
            cause.finding.check,
        ),
    )


def _roots(fleet: FleetReport) -> Iterator[tuple[int, int, Finding]]:
    """The number of a finding in the table, that of its subject, and the finding."""
    roots = {number for number, entry in enumerate(fleet.findings) if entry.finding.root}
    for index, subject in enumerate(fleet.subjects):
        for number in filter(roots.__contains__, subject.findings):
            named = SubjectReport(subject.name, facts_of(fleet, subject), ())
            finding = filled(fleet.findings[number], named)
            if finding.status in BAD:
                yield number, index, finding


def _keys(finding: Finding, subject: SubjectReport, target: Target) -> tuple[object, object]:
    """Two findings with one of these in common have one root cause: the same words, the resource among them.

    Either exactly, as for a secret that several accounts read, or but for the account and the region, as for a role
    that each account has. In the fix, the service's own names may differ.
    """
    words = (finding.summary, finding.observed, finding.expected, without_names(finding.fix, subject))
    exact = (is_bare(finding) or finding.check, finding.status, str(words))
    return exact, (*exact[:2], exact[2].replace(target.account, "<account>").replace(target.region, "<region>"))
