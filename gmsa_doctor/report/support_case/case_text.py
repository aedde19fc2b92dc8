"""The text of a support case in Markdown: what was observed, what was verified, and what was ruled out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from gmsa_doctor.core.model import Cause, Finding, Report, Status, SubjectReport
from gmsa_doctor.core.printable import printable
from gmsa_doctor.formats.symptoms.matching import answer
from gmsa_doctor.formats.symptoms.reading import lines_of
from gmsa_doctor.report.findings import (
    OWNERS,
    detail_lines,
    gaps,
    missing_proofs,
    skipped_by_reason,
    status_words,
    vantages,
)
from gmsa_doctor.report.markdown_text import code, fitted, prose
from gmsa_doctor.report.steps import states

_CAUSES = {
    Cause.TASK_DEFINITION: "A fault in the task definition",
    Cause.CREDSPEC: "A fault in the CredSpec",
    Cause.CREDENTIALS: "A fault in the user's credentials",
    Cause.DHCP_OPTIONS: "A fault in the DHCP options set of the VPC",
}
"""The causes that AWS documents. Source: the page that :class:`Cause` names."""
LIMIT = 8_000
"""What AWS Support takes as the text of a case, in characters. Bytes are counted here.

Source: ``communicationBody`` in https://docs.aws.amazon.com/awssupport/latest/APIReference/API_CreateCase.html
"""
_MOST = 20
"""Subjects that have a section of their own."""


def render(report: Report, files: Mapping[str, str]) -> str:
    """The text; ``files`` are the other files of the archive, with what they contain."""
    report = printable(report)
    name = report.subjects[0].name if len(report.subjects) == 1 else f"{len(report.subjects)} subjects"
    blocks = [
        f"# gMSA on Amazon ECS: {prose(name)}: {report.verdict}",
        *_run(report),
        *(block for subject in report.subjects[:_MOST] for block in _subject(subject, len(report.subjects))),
    ]
    if len(report.subjects) > _MOST:
        blocks.append(f"{len(report.subjects) - _MOST} more subjects are in the report.")
    end = ["## Files", _listed(f"{code(name)}: {prose(text)}" for name, text in files.items()), _PRIVACY]
    room = LIMIT - len("\n\n".join(end).encode()) - 1
    return "\n\n".join((fitted([block for block in blocks if block], room).rstrip(), *end)) + "\n"


_PRIVACY = (
    "The files contain account ids, ARNs, names, IP addresses and error texts. Passwords, the values of environment "
    "variables, commands and labels are left out or shown as `<hidden>`. Read the files before you send them."
)


def _run(report: Report) -> Iterator[str]:
    facts = {
        "Started": report.started,
        "Duration": f"{report.duration_ms / 1000:.1f} s",
        "Checked from": vantages(report),
        "gmsa-doctor": report.version,
    }
    lines = [f"{name}: {prose(text)}" for name, text in facts.items() if text]
    if report.command:
        lines.insert(0, f"Command: {code(report.command)}")
    lines += [prose(proof.sentence) for proof in missing_proofs(report)]
    lines += [prose(reason) for reason in gaps(report)]
    yield _listed(lines)


def _subject(subject: SubjectReport, number: int) -> Iterator[str]:
    if number > 1:
        yield f"## {prose(subject.name)}"
    yield _listed(f"{name.replace('_', ' ')}: {code(text)}" for name, text in subject.facts)
    sections = {
        "Observed": _observed(subject.findings),
        "Root causes": _roots(subject.findings),
        "Verified": _verified(subject.findings),
        "Ruled out": _ruled_out(subject.findings),
        "Not verified": _not_verified(subject),
    }
    for title, lines in sections.items():
        if listed := _listed(lines):
            yield f"##{'#' if number > 1 else ''} {title}"
            yield listed


def _observed(findings: Sequence[Finding]) -> Iterator[str]:
    """The recorded texts, each once."""
    yield from dict.fromkeys(prose(evidence.sentence) for finding in findings for evidence in finding.evidence)


def _roots(findings: Sequence[Finding]) -> Iterator[str]:
    for finding in findings:
        if finding.root:
            owner = f" Owner: {OWNERS[finding.owner]}." if finding.owner else ""
            word = "" if finding.is_failure else "open question: "
            details = [line for line in detail_lines(finding) if not line.startswith(("evidence:", "    "))]
            yield f"{code(finding.check)}: {word}{prose(finding.summary)}.{owner}" + "".join(
                f"\n  - {prose(line)}" for line in details
            )


def _verified(findings: Sequence[Finding]) -> Iterator[str]:
    """The steps that are proven, each with the finding that proves it."""
    for step in states(findings):
        if step.status is Status.PASS and step.proof:
            proof = f"{code(step.proof.check)}{_from(step.proof)}: {prose(step.proof.summary)}"
            counts = ", ".join(status_words(step.findings).values())
            yield f"**{prose(step.name)}** {prose(step.detail)}: {proof} ({counts})"


def _ruled_out(findings: Sequence[Finding]) -> Iterator[str]:
    """The causes that AWS documents, and those of the recorded texts, of which the checks passed."""
    for cause, sentence in _CAUSES.items():
        of_cause = [finding for finding in findings if finding.cause is cause]
        if of_cause and all(finding.status is Status.PASS for finding in of_cause):
            yield f"{prose(sentence)}: all {len(of_cause)} checks of it passed"
    by_id = {finding.check: finding for finding in findings}
    for text in dict.fromkeys(evidence.text for finding in findings for evidence in finding.evidence):
        known = answer(lines_of(text))
        likely = [by_id[id] for id in known.causes if id in by_id] if known else []
        for finding in likely:
            if finding.status is Status.PASS:
                yield f"{code(finding.check)} as the cause of {code(text)}: passed{_from(finding)}"


def _not_verified(subject: SubjectReport) -> Iterator[str]:
    for step in states(subject.findings):
        if step.status is not Status.PASS:
            counts = ", ".join(status_words(step.findings).values())
            yield f"**{prose(step.name)}** {prose(step.detail)}: {prose(step.word)}{f' ({counts})' if counts else ''}"
    for finding in subject.findings:
        if finding.status in (Status.UNKNOWN, Status.ERROR) and not finding.root:
            yield f"{code(finding.check)}: {finding.status}: {prose(finding.summary)}"
    for reason, skips in skipped_by_reason([subject]).items():
        yield f"{prose(reason)}: {', '.join(code(skip.check) for _, skip in skips)}"


def _from(finding: Finding) -> str:
    return " (from inside the task's network)" if finding.vantage == "inside" else ""


def _listed(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)
