"""The table of different findings, and the subjects that refer to it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache

from gmsa_doctor.core.model import Finding, Report, Status, SubjectReport
from gmsa_doctor.report.fleet.model import FleetReport, FleetSubject, Shard, TableFinding
from gmsa_doctor.report.grouping import own_names, pattern_of

_FACTS = ("subject", "task_definition", "service", "container", "account", "region", "vantage")
"""In the order of a subject's report."""


class Table:
    """Findings by their number. Adds each once."""

    def __init__(self, findings: Iterable[TableFinding] = ()) -> None:
        self._numbers = {finding: number for number, finding in enumerate(findings)}

    @property
    def findings(self) -> tuple[TableFinding, ...]:
        """All of them, in order."""
        return tuple(self._numbers)

    def number(self, finding: TableFinding) -> int:
        """The number of a finding."""
        return self._numbers.setdefault(finding, len(self._numbers))


def with_subjects(fleet: FleetReport, number: int, report: Report) -> FleetReport:
    """The same with the subjects of a report, which is that of the shard with this number."""
    table = Table(fleet.findings)
    shard = fleet.shards[number]
    uses = Counter(id(finding) for subject in report.subjects for finding in subject.findings)
    known: dict[int, int] = {}

    def number_of(finding: Finding, subject: SubjectReport) -> int:
        """Several subjects share a finding that has none of their own names."""
        if uses[id(finding)] == 1:
            return table.number(_template(finding, subject))
        if id(finding) not in known:
            known[id(finding)] = table.number(TableFinding(replace(finding, duration_ms=0)))
        return known[id(finding)]

    subjects = tuple(
        FleetSubject(
            number,
            subject.name,
            _facts_without(subject, shard),
            tuple(number_of(finding, subject) for finding in subject.findings),
        )
        for subject in report.subjects
    )
    return replace(fleet, findings=table.findings, subjects=(*fleet.subjects, *subjects))


def merged(parts: Sequence[FleetReport], whole: FleetReport) -> FleetReport:
    """``whole`` with the shards, findings and subjects of the parts."""
    table = Table()
    shards: list[Shard] = []
    subjects: list[FleetSubject] = []
    for part in parts:
        numbers = [table.number(finding) for finding in part.findings]
        subjects += (
            replace(
                subject,
                shard=subject.shard + len(shards),
                findings=tuple(numbers[number] for number in subject.findings),
            )
            for subject in part.subjects
        )
        shards += part.shards
    return replace(whole, shards=tuple(shards), findings=table.findings, subjects=tuple(subjects))


def subject_report(
    fleet: FleetReport, subject: FleetSubject, only: Collection[Status] = tuple(Status)
) -> SubjectReport:
    """The subject with all its findings, as in an ordinary report. Those of other statuses keep placeholders."""
    facts = facts_of(fleet, subject)
    named = SubjectReport(subject.name, facts, ())
    entries = (fleet.findings[number] for number in subject.findings)
    findings = tuple(filled(entry, named) if entry.finding.status in only else entry.finding for entry in entries)
    return replace(named, findings=findings)


def facts_of(fleet: FleetReport, subject: FleetSubject) -> tuple[tuple[str, str], ...]:
    """The facts of a subject, those that its shard knows among them."""
    known = {**_facts_of_shard(subject.name, fleet.shards[subject.shard]), **dict(subject.facts)}
    return tuple((name, known[name]) for name in _FACTS if known.get(name))


def status_of(fleet: FleetReport, subject: FleetSubject) -> Status:
    """The worst status of its findings; ``skipped`` only if nothing was checked."""
    from gmsa_doctor.core.severity import worst

    findings = [fleet.findings[number].finding for number in subject.findings]
    return worst(findings, count_skipped=False).status if findings else Status.SKIPPED


def _facts_of_shard(name: str, shard: Shard) -> dict[str, str]:
    return {"subject": name, "account": shard.target.account, "region": shard.target.region}


def _facts_without(subject: SubjectReport, shard: Shard) -> tuple[tuple[str, str], ...]:
    known = _facts_of_shard(subject.name, shard)
    return tuple((name, text) for name, text in subject.facts if known.get(name) != text)


# Names of a subject in a finding -----------------------------------------------------------------------


def _template(finding: Finding, subject: SubjectReport) -> TableFinding:
    """With the subject's own names replaced, if that can be undone without a loss."""
    plain = replace(finding, duration_ms=0)
    names = own_names(subject.facts)
    pattern = pattern_of(tuple(names))
    changed = _changed(plain, lambda text: pattern.sub(lambda match: names[match[0]], text))
    template = TableFinding(changed, is_template=True)
    return template if changed != plain and filled(template, subject) == plain else TableFinding(plain)


def filled(entry: TableFinding, subject: SubjectReport) -> Finding:
    """The finding with the subject's own names."""
    if not entry.is_template:
        return entry.finding
    names = _by_placeholder(subject.facts)
    pattern = _placeholders(tuple(names))
    return _changed(entry.finding, lambda text: pattern.sub(lambda match: names[match[0]], text))


@cache
def _by_placeholder(facts: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
    return {placeholder: name for name, placeholder in own_names(facts).items()}


@cache
def _placeholders(names: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, names)) or r"(?!)")


def _changed(finding: Finding, change: Callable[[str], str]) -> Finding:
    """The finding with each of its texts changed."""
    fix = finding.fix
    return replace(
        finding,
        summary=change(finding.summary),
        observed=finding.observed and change(finding.observed),
        expected=finding.expected and change(finding.expected),
        fix=fix and replace(fix, text=change(fix.text), commands=tuple(map(change, fix.commands))),
        rows=tuple(replace(row, name=change(row.name), text=change(row.text)) for row in finding.rows),
        evidence=tuple(
            replace(one, summary=change(one.summary), text=change(one.text), task=change(one.task))
            for one in finding.evidence
        ),
    )
