"""One report out of what was seen from outside and from inside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gmsa_doctor.core.model import Finding, Row, Status, SubjectReport
from gmsa_doctor.probe.message import Message

_WORST_FIRST = tuple(map(Status, ("fail", "error", "unknown", "warn", "waived", "pass", "skipped")))


@dataclass(frozen=True)
class ProbeReport:
    """What a probe has sent from its subnet."""

    subnet: str
    message: Message


def merge(
    outside: Sequence[SubjectReport], inside: Sequence[ProbeReport], ids: frozenset[str], fail_on_warning: bool
) -> tuple[SubjectReport, ...]:
    """For the checks ``ids`` the inside finding takes the place of the outside one, where there is one."""
    return tuple(replace(one, findings=_findings(one, inside, ids, fail_on_warning)) for one in outside)


def _findings(
    subject: SubjectReport, inside: Sequence[ProbeReport], ids: frozenset[str], fail_on_warning: bool
) -> tuple[Finding, ...]:
    seen = [(one.subnet, found) for one in inside for found in [_of(subject.name, one.message)] if found]
    merged = [
        _rooted(_one(one.check, seen) or one, fail_on_warning) if one.check in ids else one for one in subject.findings
    ]
    by_id = {one.check: one for one in merged}
    return tuple(_weighed(one, by_id, fail_on_warning) for one in merged)


def _of(name: str, message: Message) -> Mapping[str, Finding]:
    return {one.check: one for each in message.subjects if each.name == name for one in each.findings}


def _one(check: str, seen: Sequence[tuple[str, Mapping[str, Finding]]]) -> Finding | None:
    """The finding of all subnets: the worst, with a row a subnet where they differ."""
    found = [(subnet, findings[check]) for subnet, findings in seen if check in findings]
    if not found:
        return None
    worst = min((one for _, one in found), key=lambda one: _WORST_FIRST.index(one.status))
    finding = replace(worst, vantage="inside")
    if len({one.status for _, one in found}) == 1:
        return finding
    asked = [(subnet, one.status) for subnet, one in found if one.status is not Status.SKIPPED]
    here = [subnet for subnet, status in asked if status is worst.status]
    everywhere = worst.status is Status.PASS or len(here) == len(asked)
    prefix = "" if everywhere else f"in {', '.join(here)} ({len(here)} of {len(asked)} subnets): "
    rows = tuple(Row(subnet, one.status, one.summary) for subnet, one in found)
    return replace(finding, summary=f"{prefix}{worst.summary}", rows=rows)


def _rooted(finding: Finding, fail_on_warning: bool) -> Finding:
    return replace(finding, root=finding.root or (fail_on_warning and finding.status is Status.WARN))


def _weighed(finding: Finding, by_id: Mapping[str, Finding], fail_on_warning: bool) -> Finding:
    """A failure that was deduced is a warning, where what was seen from inside contradicts it."""
    evidence = by_id.get(finding.overruled_by or "")
    if finding.status is not Status.FAIL or evidence is None or evidence.vantage != "inside":
        return finding
    if evidence.status not in (Status.PASS, Status.WARN):
        return finding
    summary = f"{finding.summary}; but {evidence.check} passes from inside: {evidence.summary}"
    return replace(finding, status=Status.WARN, summary=summary, shows_as=None, root=fail_on_warning)
