"""One report out of what was seen from outside and from inside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gmsa_doctor.core.model import Finding, Row, Status, SubjectReport
from gmsa_doctor.core.severity import worst
from gmsa_doctor.probe.message import ProbeMessage


@dataclass(frozen=True)
class ProbeReport:
    """What a probe has sent from its subnet."""

    subnet: str
    message: ProbeMessage


def merge(
    outside: Sequence[SubjectReport], inside: Sequence[ProbeReport], ids: frozenset[str], fail_on_warning: bool
) -> tuple[SubjectReport, ...]:
    """For the checks ``ids`` the inside finding takes the place of the outside one, where there is one."""
    return tuple(replace(subject, findings=_findings(subject, inside, ids, fail_on_warning)) for subject in outside)


def _findings(
    subject: SubjectReport, inside: Sequence[ProbeReport], ids: frozenset[str], fail_on_warning: bool
) -> tuple[Finding, ...]:
    by_subnet = [
        (report.subnet, {finding.check: finding for finding in seen.findings})
        for report in inside
        for seen in report.message.subjects
        if seen.name == subject.name
    ]
    merged = [
        (_of_all_subnets(finding.check, by_subnet) or finding).rooted(fail_on_warning)
        if finding.check in ids
        else finding
        for finding in subject.findings
    ]
    by_id = {finding.check: finding for finding in merged}
    return tuple(_overruled(finding, by_id, fail_on_warning) for finding in merged)


def _of_all_subnets(check: str, by_subnet: Sequence[tuple[str, Mapping[str, Finding]]]) -> Finding | None:
    """The finding of all subnets: the worst, with a row a subnet where they differ."""
    seen = [(subnet, findings[check]) for subnet, findings in by_subnet if check in findings]
    if not seen:
        return None
    most_severe = replace(worst((finding for _, finding in seen), count_skipped=False), vantage="inside")
    if len({finding.status for _, finding in seen}) == 1:
        return most_severe
    asked = [(subnet, finding.status) for subnet, finding in seen if finding.status is not Status.SKIPPED]
    here = [subnet for subnet, status in asked if status is most_severe.status]
    everywhere = most_severe.status is Status.PASS or len(here) == len(asked)
    prefix = "" if everywhere else f"in {', '.join(here)} ({len(here)} of {len(asked)} subnets): "
    rows = tuple(Row(subnet, finding.status, finding.summary) for subnet, finding in seen)
    return replace(most_severe, summary=f"{prefix}{most_severe.summary}", rows=rows)


def _overruled(finding: Finding, by_id: Mapping[str, Finding], fail_on_warning: bool) -> Finding:
    """A failure that was deduced is a warning, where what was seen from inside contradicts it."""
    evidence = by_id.get(finding.overruled_by or "")
    if finding.status is not Status.FAIL or evidence is None or evidence.vantage != "inside":
        return finding
    if evidence.status not in (Status.PASS, Status.WARN):
        return finding
    warning = finding.overruled(f"{evidence.check} passes from inside: {evidence.summary}")
    return replace(warning, root=fail_on_warning)
