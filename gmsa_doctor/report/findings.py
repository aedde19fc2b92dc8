"""What the reports share: which findings they list, in which order, and in which words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from gmsa_doctor.core.check_id import CheckId
from gmsa_doctor.core.engine import NOT_SELECTED
from gmsa_doctor.core.model import Finding, Fix, Owner, Report, Status, SubjectReport, Verdict
from gmsa_doctor.core.severity import BAD
from gmsa_doctor.report.fingerprint import place
from gmsa_doctor.report.fix_steps import fix_steps
from gmsa_doctor.report.grouping import without_names

S = TypeVar("S", bound=SubjectReport)

PROOF = CheckId("kerberos.gmsa-ticket")
"""The check whose pass proves that the container would get its ticket."""
_LISTED_AT_MOST = 10
"""More checks that were skipped for the same reason are counted, not listed."""
_CREDENTIAL_SPECS = CheckId("task-definition.credentialspecs")
VERDICTS = {
    Verdict.PASS: (Status.PASS, "PASS"),
    Verdict.UNPROVEN: (Status.WARN, "UNPROVEN"),
    Verdict.FAIL: (Status.FAIL, "FAIL"),
    Verdict.INCOMPLETE: (Status.UNKNOWN, "INCOMPLETE"),
}
"""The status whose sign and colour a verdict has, and its word."""


@dataclass(frozen=True)
class SharedFinding:
    """A finding, and the subjects for which it is the same in every word, but for their names in the fix."""

    finding: Finding
    subjects: tuple[SubjectReport, ...]
    fixes_differ: bool = False
    """In the subjects' names only."""


@dataclass(frozen=True)
class RootFinding(Generic[S]):
    """What no other finding is the cause of, listed once: its ids, a finding that stands for all, its subjects."""

    number: int
    finding: Finding
    ids: list[str] = field(default_factory=list)
    subjects: list[S] = field(default_factory=list)
    fixes: list[Fix | None] = field(default_factory=list)
    """Those that differ, which is in the subjects' names only."""

    def decides(self, report: Report) -> bool:
        """Whether the verdict rests on it."""
        return not set(self.ids).isdisjoint(report.root_causes)

    def skipped(self) -> list[str]:
        """Ids of the checks that were skipped because of it."""
        return skipped_because(self.ids, all_findings(self.subjects))


def root_findings(subjects: Iterable[S], key: Callable[[S, Finding], object]) -> dict[object, RootFinding[S]]:
    """Each root cause and each open question once, by ``key``, which two findings of one root have in common.

    Those of most subjects come first, and among these the ones with evidence.
    """
    roots: dict[object, RootFinding[S]] = {}
    for subject in subjects:
        for finding in subject.findings:
            if finding.root:
                root = roots.setdefault(key(subject, finding), RootFinding(len(roots) + 1, finding))
                root.ids.extend([] if finding.check in root.ids else [finding.check])
                root.subjects.extend([] if root.subjects and root.subjects[-1] is subject else [subject])
                root.fixes.extend([] if finding.fix in root.fixes[:2] else [finding.fix])
    return dict(sorted(roots.items(), key=lambda item: (-len(item[1].subjects), not item[1].finding.has_evidence)))


def all_findings(subjects: Iterable[SubjectReport]) -> Iterator[Finding]:
    """The findings of all the subjects."""
    return (finding for subject in subjects for finding in subject.findings)


def vantages(report: Report) -> str:
    """Where the subjects were checked from, each vantage once."""
    return ", ".join(dict.fromkeys(filter(None, (dict(subject.facts).get("vantage") for subject in report.subjects))))


def skipped_because(ids: Iterable[str], findings: Iterable[Finding]) -> list[str]:
    """Ids of the checks that were skipped because of one of ``ids``, each once."""
    causes = set(ids)
    return list(dict.fromkeys(finding.check for finding in findings if not causes.isdisjoint(finding.because)))


def skipped_by_reason(subjects: Iterable[S]) -> dict[str, list[tuple[S, Finding]]]:
    """What was skipped for a reason of its own, and not because of another finding, by reason."""
    reasons: dict[str, list[tuple[S, Finding]]] = {}
    for subject in subjects:
        for finding in subject.findings:
            if finding.status is Status.SKIPPED and not finding.because:
                reasons.setdefault(finding.summary, []).append((subject, finding))
    return reasons


def skipped_together(subject: SubjectReport) -> dict[str, list[str]]:
    """Ids of the checks that were skipped for one reason of the run, such as --offline, by reason; only long lists."""
    reasons: dict[str, list[str]] = {}
    for finding in subject.findings:
        causes = [cause for id in finding.because if (cause := subject.finding(id))] or [finding]
        if finding.summary != NOT_SELECTED and all(cause.status is Status.SKIPPED for cause in (finding, *causes)):
            reasons.setdefault(causes[0].summary, []).append(finding.check)
    return {reason: ids for reason, ids in reasons.items() if len(ids) > _LISTED_AT_MOST}


def is_root_cause(finding: Finding) -> bool:
    """Whether it is a cause that is known: an open question may be a root finding, but is none of these."""
    return finding.root and finding.is_failure


def is_aside(finding: Finding) -> bool:
    """Whether it is an open question on which the verdict does not rest."""
    return finding.status is Status.UNKNOWN and not finding.root and not finding.because


def is_bare(finding: Finding) -> bool:
    """Whether it is an open question of which no more is known than that: not finished, interrupted."""
    details = (finding.observed, finding.expected, finding.fix, finding.rows)
    return finding.status is Status.UNKNOWN and not any(details)


def worst_first(report: Report) -> list[SharedFinding]:
    """All that is not well, for each subject, root causes of a failure first."""
    problems = [
        SharedFinding(finding, (subject,))
        for subject in report.subjects
        for finding in subject.findings
        if finding.status in BAD
    ]
    return sorted(problems, key=lambda problem: _rank(problem.finding))


def merged(report: Report) -> list[SharedFinding]:
    """The same, with what is true of several subjects listed once: of the same rank, what most subjects have first."""
    found: dict[object, tuple[Finding, list[SubjectReport], list[Fix | None]]] = {}
    for problem in worst_first(report):
        finding = problem.finding
        (subject,) = problem.subjects
        words = (finding.summary, finding.observed, finding.expected, without_names(finding.fix, subject))
        key = (finding.check, finding.status, finding.root, words, finding.location)
        first, subjects, fixes = found.setdefault(key, (finding, [], []))
        subjects.append(subject)
        fixes.extend([] if finding.fix in (first.fix, *fixes[:1]) else [finding.fix])
    shared = [SharedFinding(first, tuple(subjects), bool(fixes)) for first, subjects, fixes in found.values()]
    return sorted(shared, key=lambda problem: (_rank(problem.finding), -len(problem.subjects)))


def _rank(finding: Finding) -> tuple[int, bool, bool]:
    return BAD.index(Status.FAIL if finding.is_failure else finding.status), not finding.root, not finding.has_evidence


def detail_lines(finding: Finding) -> Iterator[str]:
    """What was found out in addition to the summary, a line each; commands are indented by four blanks."""
    if finding.location:
        yield f"at: {place(finding.location)}"
    if finding.observed:
        yield f"observed: {finding.observed}"
    if finding.expected:
        yield f"expected: {finding.expected}"
    yield from (f"{row.status}: {row.name}: {row.text}" for row in finding.rows if row.status is not Status.PASS)
    yield from (f"evidence: {evidence.sentence}" for evidence in finding.evidence)
    for index, step in enumerate(fix_steps(finding.fix) if finding.fix else ()):
        yield f"{'' if index else 'fix: '}{step.marked}"
        yield from (f"    {command}" for command in step.commands)
    if text := daemon_texts(finding):
        yield f"seen as: {text}"
    if finding.docs:
        yield f"see: {finding.docs}"


def daemon_texts(finding: Finding) -> str:
    """What the user sees in stoppedReason or a log, by the daemon's version if that matters; empty if nothing."""
    return "; ".join(f'{version}"{text}"' for version, text in texts_by_version(finding))


def texts_by_version(finding: Finding) -> Iterator[tuple[str, str]]:
    """The same as pairs of a beginning (``Credentials Fetcher 2.x: ``, or nothing) and a text."""
    shows = finding.shows_as
    if shows and shows.v2 == shows.v1_3 and shows.v2:
        yield "", shows.v2
    elif shows:
        name = "Credentials Fetcher "
        for version, text in (("2.x", shows.v2), ("1.3", shows.v1_3)):
            if text:
                yield f"{name}{version}: ", text
                name = ""


INTERRUPTION = "interrupted: what had not ended is unknown"


def gaps(report: Report) -> Iterator[str]:
    """Why a run is not whole, as far as no finding reports it; files that could not be read are listed apart."""
    if report.interrupted:
        yield INTERRUPTION
    for id in report.missing:
        yield f"{id} was required, and was skipped"


@dataclass(frozen=True)
class MissingProof:
    """Why the ticket was not requested for these subjects, and what requests it: fixes that differ in names only."""

    reason: str
    fixes: tuple[Fix, ...]
    subjects: tuple[str, ...]

    @property
    def fix(self) -> Fix | None:
        """What requests the ticket of the first subject."""
        return next(iter(self.fixes), None)

    @property
    def for_others(self) -> str:
        """What to do for the other subjects; empty if the fix is theirs too."""
        return same_for_others(self.subjects[0]) if self.fixes[1:] else ""

    @property
    def sentence(self) -> str:
        """In the words of the reports."""
        return f"Not proven: the ticket was not requested, because {self.reason.removeprefix('not checked: ')}."


def missing_proofs(report: Report) -> list[MissingProof]:
    """Why a run without a failure did not prove the tickets, each reason once."""
    if report.verdict is not Verdict.UNPROVEN:
        return []
    names: dict[tuple[str, str], list[str]] = {}
    fixes: dict[tuple[str, str], dict[Fix, None]] = {}
    for subject in report.subjects:
        proof = subject.finding(PROOF)
        if proof and proof.status not in (Status.PASS, Status.WARN):
            causes = [subject.finding(id) for id in proof.because] or [proof]
            cause = next((cause for cause in causes if cause), proof)
            words = {Status.WAIVED: f"{cause.check} is waived", Status.SKIPPED: cause.summary}
            reason = words.get(cause.status, f"{cause.check} did not pass: {cause.summary}")
            reason = f"{PROOF} was not selected" if cause.summary == NOT_SELECTED else reason
            key = reason.rstrip("."), cause.fix.text if cause.fix else ""
            names.setdefault(key, []).append(subject.name)
            fixes.setdefault(key, {}).update(dict.fromkeys([cause.fix] if cause.fix else []))
    return [MissingProof(key[0], tuple(fixes[key]), tuple(of_key)) for key, of_key in names.items()]


def status_words(findings: Iterable[Finding]) -> dict[Status, str]:
    """How many findings have each status (``1 failed``), the worst first."""
    counts = Counter(finding.status for finding in findings)
    words = {
        Status.FAIL: "failed",
        Status.ERROR: "crashed",
        Status.UNKNOWN: "unknown",
        Status.WARN: "warning" if counts[Status.WARN] == 1 else "warnings",
        Status.PASS: "passed",
        Status.WAIVED: "waived",
        Status.SKIPPED: "skipped",
    }
    return {status: f"{counts[status]} {word}" for status, word in words.items() if counts[status]}


def counted(findings: Iterable[Finding]) -> str:
    """``1 failed, 5 passed``."""
    return ", ".join(status_words(findings).values())


def not_selected(report: Report) -> str:
    """How many of the skipped were not selected, to follow their number; empty if none."""
    number = sum(finding.summary == NOT_SELECTED for finding in all_findings(report.subjects))
    return f" ({number} of them not selected)" if number else ""


def not_using_gmsa(report: Report) -> Iterator[str]:
    """How many task definitions in the files, and how many services, were passed over, and how to check them."""
    passed_over = {"task definition": report.passed_over, "service": report.services_passed_over}
    for kind, number in passed_over.items():
        does, was, s = ("does", "was", "") if number == 1 else ("do", "were", "s")
        if number:
            hint = f"(--require {_CREDENTIAL_SPECS} checks all)"
            yield f"{number} {kind}{s} {does} not use a gMSA and {was} not checked {hint}."


def same_for_others(first: str) -> str:
    """What to do for the other subjects of a finding, whose fix has the names of the first one."""
    return f"For the others: the same, with their names in place of those of {first}."


def checks_were(ids: Iterable[str]) -> str:
    """``1 check was``, ``2 checks were``."""
    number = len(list(ids))
    return f"{number} check{' was' if number == 1 else 's were'}"


def check_page(finding: Finding) -> str | None:
    """The page of the finding's check, relative to the project's root; None for a plug-in's."""
    return f"docs/checks/{finding.check}.md" if finding.origin == "gmsa-doctor" else None


OWNERS = {
    Owner.AWS: "AWS account administrator",
    Owner.AD: "AD administrator",
    Owner.DEVELOPER: "developer (task definition, image, application)",
}
"""Who acts, in words."""

_WINDOWS = "repadmin|setspn|nltest|w32tm|dcdiag|gpupdate|net"
_POWERSHELL = re.compile(rf"\$?\(?[A-Z][a-z]+-[A-Z]\w+|\$\w+ *=|({_WINDOWS}) ")


def language(command: str) -> str:
    """What runs a command of a fix: ``powershell`` (on Windows) or ``sh``."""
    return "powershell" if _POWERSHELL.match(command) else "sh"
