"""Merges the findings from outside and from inside into one report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gmsa_doctor.core.model import Finding, Row, Status, SubjectReport
from gmsa_doctor.core.severity import worst
from gmsa_doctor.probe.message import ProbeMessage


@dataclass(frozen=True)
class ProbeReport:
    """A probe's message from its subnet."""

    subnet: str
    message: ProbeMessage


def merge(
    outside: Sequence[SubjectReport], inside: Sequence[ProbeReport], ids: frozenset[str], fail_on_warning: bool
) -> tuple[SubjectReport, ...]:
    """The outside reports, with inside findings in place of outside ones for the checks ``ids``."""
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
    """The worst finding of all subnets, with a row for each subnet if they differ."""
    seen = [(subnet, findings[check]) for subnet, findings in by_subnet if check in findings]
    if not seen:
        return None
    most_severe = replace(worst((finding for _, finding in seen), count_skipped=False), vantage="inside")
    if len({finding.status for _, finding in seen}) == 1:
        return most_severe
    checked = [(subnet, finding.status) for subnet, finding in seen if finding.status is not Status.SKIPPED]
    affected = [subnet for subnet, status in checked if status is most_severe.status]
    everywhere = most_severe.status is Status.PASS or len(affected) == len(checked)
    prefix = "" if everywhere else f"in {', '.join(affected)} ({len(affected)} of {len(checked)} subnets): "
    rows = tuple(Row(subnet, finding.status, finding.summary) for subnet, finding in seen)
    return replace(most_severe, summary=f"{prefix}{most_severe.summary}", rows=rows)


def _overruled(finding: Finding, by_id: Mapping[str, Finding], fail_on_warning: bool) -> Finding:
    """A deduced failure becomes a warning, and a doubt a pass, if an observation from inside contradicts it."""
    evidence = by_id.get(finding.overruled_by or "")
    if evidence is None or evidence.vantage != "inside" or evidence.status not in (Status.PASS, Status.WARN):
        return finding
    seen = finding.overruled(f"{evidence.check} passes from inside: {evidence.summary}")
    return replace(seen, root=fail_on_warning and seen.status is Status.WARN)
