"""Completes findings with what the subject knows: the commands of fixes, the texts seen there, the place in a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache

from gmsa_doctor.checking.file_changes import with_edits
from gmsa_doctor.checking.own_commands import OwnCommands
from gmsa_doctor.core.changed_copy import changed_copy
from gmsa_doctor.core.model import Finding, Fix, Location, Status
from gmsa_doctor.core.registry import Registry
from gmsa_doctor.formats.symptoms.catalogue import seen_on_ec2
from gmsa_doctor.given.request import Request
from gmsa_doctor.given.subject import Platform
from gmsa_doctor.given.vantage import Vantage
from gmsa_doctor.subjects.source import FoundSubject


class Completion:
    """For the subjects of a run. Findings that come out the same are one object: thousands of subjects share them."""

    def __init__(self, registry: Registry, request: Request, vantage: Vantage, given: Iterable[object]) -> None:
        self._registry, self._request, self._vantage = registry, request, vantage.word
        self._reasons = {value.summary for value in given if isinstance(value, Finding)}
        self._made: dict[object, tuple[Finding, Finding]] = {}
        self._fixes: dict[Fix, Fix] = {}

    def of(self, findings: Iterable[Finding], found: FoundSubject) -> tuple[Finding, ...]:
        """The findings of a subject, complete."""
        places = cache(found.positions.of)  # many checks are about the same part
        commands = OwnCommands(found, self._request)
        platform = found.values.get(Platform)
        on_ec2 = isinstance(platform, Platform) and platform.has_ecs_agent
        if not (found.positions.file or found.positions.credspec_file):
            return tuple(self._complete(finding, None, commands, on_ec2=on_ec2) for finding in findings)
        return with_edits(self._complete(finding, places, commands, on_ec2=on_ec2) for finding in findings)

    def _complete(
        self, finding: Finding, places: Callable[[str], Location | None] | None, commands: OwnCommands, *, on_ec2: bool
    ) -> Finding:
        fix = commands.of(finding.fix)
        location = self._location(finding, places) if places and not self._is_elsewhere(finding) else None
        if fix is not finding.fix and fix:
            fix = self._fixes.setdefault(fix, fix)
        key = id(finding), id(fix), location, on_ec2
        if key not in self._made:  # with the finding, whose id no other gets then
            placed = changed_copy(finding, fix=fix, vantage=self._vantage, location=location)
            seen = _as_seen_on_ec2(placed) if on_ec2 else placed
            self._made[key] = finding, seen.rooted(self._request.fail_on_warning)
        return self._made[key][1]

    def _is_elsewhere(self, finding: Finding) -> bool:
        """Whether no place in a file is the cause: it is skipped for another finding, or for how the run is."""
        return finding.status is Status.SKIPPED and (bool(finding.because) or finding.summary in self._reasons)

    def _location(self, finding: Finding, places: Callable[[str], Location | None]) -> Location | None:
        """What the check is about; if the finding has a line and a column, they are of that file."""
        check = self._registry.get(finding.check)
        place = places(finding.about or (check.about if check else ""))
        own = finding.location
        return Location(place.file, own.line, own.column) if place and own else place


def _as_seen_on_ec2(finding: Finding) -> Finding:
    """The finding with the texts that are seen on EC2, which differ from Fargate's."""
    shows = finding.shows_as
    if not shows:
        return finding
    v2, v1_3 = seen_on_ec2(shows.v2, shows.v1_3)
    return replace(finding, shows_as=replace(shows, v2=v2, v1_3=v1_3) if v2 or v1_3 else None)
