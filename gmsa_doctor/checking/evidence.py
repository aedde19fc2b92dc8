"""Brings what was recorded to the findings that explain it. Pure: findings and records to findings.

A text becomes evidence of a failure among its causes. Without one, the check that read the text reports it. A text is
out of date if what it is about has changed since: the task definition, the CredSpec, the secret, the account in the AD.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from gmsa_doctor.checking.symptoms import outside_sentence
from gmsa_doctor.core.check_id import CheckId
from gmsa_doctor.core.evidence import Evidence
from gmsa_doctor.core.model import Finding, Fix, Row, Status
from gmsa_doctor.formats.symptoms.matching import Answer, answer
from gmsa_doctor.formats.symptoms.reading import lines_of
from gmsa_doctor.given.records import Record
from gmsa_doctor.given.subject import Subject

_LONGEST = 300
_CAUSES = 5
_CREDSPEC, _SECRET, _USER, _GMSA = map(
    CheckId, ("credspec.object", "secret.value", "user.entry", "directory.gmsa-account")
)
_CHANGED_WITH: dict[str, tuple[str, ...]] = {
    "credspec": (_CREDSPEC,),
    "secret": (_SECRET,),
    "user": (_USER, _SECRET),
    CheckId("kerberos.user-ticket"): (_USER, _SECRET),
    "directory": (_GMSA,),
    "gmsa": (_GMSA,),
    "permission": (_GMSA,),
    CheckId("kerberos.gmsa-ticket"): (_GMSA,),
}
"""The findings that know when what a check (or an area) is about was last changed."""
_WHAT: dict[str, str] = {_CREDSPEC: "the CredSpec", _SECRET: "the secret", _USER: "the user", _GMSA: "the gMSA"}


@dataclass(frozen=True)
class Recorded:
    """All records about a subject; ``steady`` is when its service was last steady after its deployment began."""

    records: tuple[Record, ...] = ()
    steady: datetime | None = None


@dataclass
class _Text:
    """Records with the same text, with what the catalogue says of it."""

    source: str
    by: str
    line: str
    answer: Answer | None
    records: list[Record]

    @property
    def last(self) -> Record:
        return max(self.records, key=lambda record: record.time)

    @property
    def causes(self) -> tuple[str, ...]:
        return self.answer.causes if self.answer else ()

    def rules_out(self, id: str) -> bool:
        return self.answer is not None and any(match.symptom.rules_out_check(id) for match in self.answer.matches)

    @property
    def count(self) -> int:
        if len(self.records) > 1 or not self.answer:
            return len(self.records)
        symptom = self.answer.decisive.symptom
        return sum(match.symptom is symptom for match in self.answer.matches)


def joined(
    findings: Sequence[Finding], recorded: Recorded, subject: Subject, now: datetime, fail_on_warning: bool = False
) -> tuple[Finding, ...]:
    """The findings with the evidence of each, and with the texts that none of them explains."""
    if not recorded.records:
        return tuple(findings)
    by_id = {finding.check: finding for finding in findings}
    evidence: dict[str, list[Evidence]] = {}
    unexplained: dict[str, list[tuple[_Text, Evidence]]] = {}
    for text in _texts(recorded.records):
        cause = _explaining(text, by_id)
        stale = _stale(text, cause, by_id, subject, recorded.steady)
        found = _evidence(text, stale, now)
        if cause:
            evidence.setdefault(cause.check, []).append(found)
        elif text.source in by_id:
            unexplained.setdefault(text.source, []).append((text, found))
    result = []
    for finding in findings:
        if finding.check in unexplained:
            finding = _reported(finding, unexplained[finding.check], by_id, subject, now).rooted(fail_on_warning)
        if own := evidence.get(finding.check):
            finding = replace(finding, evidence=(*finding.evidence, *own))
        result.append(finding)
    return tuple(result)


def _texts(records: Iterable[Record]) -> list[_Text]:
    """The records by text, the newest text first."""
    found: dict[object, _Text] = {}
    for record in records:
        lines = [line for text in record.lines for line in lines_of(text)]
        known = answer(lines)
        line = lines[known.decisive.line] if known else ": ".join(lines)
        said = (known.decisive.symptom.id, known.causes) if known else line
        text = found.setdefault((record.source, record.by, said), _Text(record.source, record.by, line, known, []))
        text.records.append(record)
        if record is text.last:
            text.line, text.answer = line, known
    return sorted(found.values(), key=lambda text: text.last.time, reverse=True)


def _explaining(text: _Text, by_id: Mapping[str, Finding]) -> Finding | None:
    """The finding that explains a text: a failure of one of its causes, what that was skipped because of, a warning."""
    causes = [by_id[id] for id in text.causes if id in by_id]
    failed = [finding for finding in causes if finding.status is Status.FAIL]
    behind = [by_id[id] for finding in causes for id in finding.because if id in by_id and not text.rules_out(id)]
    failed += [finding for finding in behind if finding.status is Status.FAIL]
    warned = [finding for finding in causes if finding.status is Status.WARN]
    return next(iter([*failed, *warned]), None)


def _stale(
    text: _Text, cause: Finding | None, by_id: Mapping[str, Finding], subject: Subject, steady: datetime | None
) -> str:
    """Why a text is out of date; empty if it is not known to be."""
    last = text.last
    if _is_newer(last.definition, subject.task_definition):
        return ""  # ECS has rolled a deployment back, or is about to start one
    if last.definition and last.definition != subject.task_definition:
        return f"the task ran {last.definition}, and {subject.task_definition} is checked"
    about = cause.check if cause else next(iter(text.causes), "")
    for id in _CHANGED_WITH.get(about) or _CHANGED_WITH.get(about.partition(".")[0], ()):
        changed = by_id[id].changed if id in by_id else ""
        if changed and datetime.fromisoformat(changed) > last.time:
            return f"{_WHAT[id]} was changed at {_clock(datetime.fromisoformat(changed))}, after it"
    if not cause and steady and steady > last.time:
        return f"the service was steady at {_clock(steady)}, after it"
    return ""


def _is_newer(definition: str, checked: str) -> bool:
    """Whether a task definition is a later revision of the family that is checked."""
    family, _, revision = definition.rpartition(":")
    own_family, _, own = checked.rpartition(":")
    return family == own_family and revision.isdigit() and own.isdigit() and int(revision) > int(own)


def _evidence(text: _Text, stale: str, now: datetime) -> Evidence:
    last = text.last
    times = f", {text.count} times" if text.count > 1 else ""
    line = text.line if len(text.line) <= _LONGEST else f"{text.line[:_LONGEST]} …"
    return Evidence(
        summary=f"{text.by} reported this {ago((now - last.time).total_seconds())}{times}",
        text=line,
        source=text.source,
        count=text.count,
        first=min(record.time for record in text.records).isoformat(timespec="seconds"),
        last=last.time.isoformat(timespec="seconds"),
        task=last.task,
        stale=stale,
    )


def _reported(
    finding: Finding,
    texts: Sequence[tuple[_Text, Evidence]],
    by_id: Mapping[str, Finding],
    subject: Subject,
    now: datetime,
) -> Finding:
    """The finding of the check that read these texts, which nothing explains."""
    evidence = tuple(found for _, found in texts)
    current = [text for text, found in texts if not found.stale]
    if not current:
        number = f"{len(texts)} error text{'s' if texts[1:] else ''} of before"
        return replace(finding, summary=f"{finding.summary}; {number}, out of date", evidence=evidence)
    first = current[0]
    shown = next(found for text, found in texts if text is first)
    more = f" ({len(current) - 1} more)" if current[1:] else ""
    verdict, fix = _verdict(first, by_id, subject, now)
    rows = tuple(_row(by_id[id]) for id in first.causes[:_CAUSES] if id in by_id)
    summary, is_clean = f"{shown.summary}{more}: {shown.text}; {verdict}", finding.status is Status.PASS
    return replace(
        finding,
        status=Status.WARN if is_clean else finding.status,
        summary=summary if is_clean else f"{finding.summary}; {summary}",
        expected=finding.expected or "a finding that explains it, or tasks that start",
        fix=finding.fix or fix,
        rows=finding.rows or rows,
        evidence=evidence,
        owner=next((by_id[id].owner for id in first.causes if id in by_id), finding.owner),
    )


def _verdict(text: _Text, by_id: Mapping[str, Finding], subject: Subject, now: datetime) -> tuple[str, Fix]:
    """What is known of a text that no finding explains, and what to do about it."""
    last = text.last
    if _is_newer(last.definition, subject.task_definition) and last.task:
        cluster = f" --cluster {shlex.quote(subject.cluster)}" if subject.cluster else ""
        return (
            f"the task ran {last.definition}, and {subject.task_definition} is checked",
            Fix("Check that task.", (f"gmsa-doctor check{cluster} --task {shlex.quote(last.task)}",)),
        )
    explain = f"gmsa-doctor explain {shlex.quote(text.line[:_LONGEST])}"
    if not text.answer:
        return "the text is not known", Fix("Read the text and the log of the task.", _describe(text, subject))
    symptom = text.answer.decisive.symptom
    if symptom.outside:
        sentence = outside_sentence(symptom).partition(":")[0].rstrip(".")
        advice = symptom.note or "Read the page below."
        return sentence[:1].lower() + sentence[1:], Fix(advice, (explain, *_describe(text, subject)))
    causes = [by_id[id] for id in text.causes if id in by_id]
    if causes and causes[0].status is Status.PASS:
        return (
            f"but {causes[0].check} passes at {_clock(now)}: it was fixed since, or it fails intermittently",
            Fix("If it was fixed since, start new tasks. Otherwise read its causes.", (*_redeploy(subject), explain)),
        )
    return "no finding explains it", Fix("Check the likeliest causes in their order.", (explain,))


def _redeploy(subject: Subject) -> tuple[str, ...]:
    if not (subject.service and subject.cluster):
        return ()
    names = f"--cluster {shlex.quote(subject.cluster)} --service {shlex.quote(subject.service)}"
    return (f"aws ecs update-service {names} --force-new-deployment",)


def _describe(text: _Text, subject: Subject) -> tuple[str, ...]:
    if not (text.last.task and subject.cluster):
        return ()
    return (f"aws ecs describe-tasks --cluster {shlex.quote(subject.cluster)} --tasks {shlex.quote(text.last.task)}",)


def _row(finding: Finding) -> Row:
    return Row(finding.check, finding.status, finding.summary)


def _clock(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"


def ago(seconds: float) -> str:
    """``just now``, ``4 minutes ago``, ``2 hours ago``, ``3 days ago``."""
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if (number := int(seconds // length)) > 0:
            return f"{number} {unit}{'s' if number > 1 else ''} ago"
    return "just now"
