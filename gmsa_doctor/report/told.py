"""What reports have in common: which findings they tell, in which order and in which words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gmsa_doctor.core.model import Finding, Report, Status, SubjectReport, Verdict
from gmsa_doctor.report.fingerprint import place

PROOF = "kerberos.gmsa-ticket"
"""The check whose pass proves that the container would get its ticket."""
VERDICTS = {
    Verdict.PASS: (Status.PASS, "PASS"),
    Verdict.FAIL: (Status.FAIL, "FAIL"),
    Verdict.INCOMPLETE: (Status.UNKNOWN, "INCOMPLETE"),
}
"""The status whose sign and colour a verdict has, and its word."""
_WORST_FIRST = (Status.FAIL, Status.ERROR, Status.UNKNOWN, Status.WARN)


@dataclass(frozen=True)
class Told:
    """A finding, and the subjects for which it is the same in every word."""

    finding: Finding
    subjects: tuple[SubjectReport, ...]


def is_failure(finding: Finding) -> bool:
    """Whether it fails the run; with ``--fail-on warn`` a warning that is a root cause does."""
    return finding.status is Status.FAIL or (finding.status is Status.WARN and finding.root)


def worst_first(report: Report) -> list[Told]:
    """All that is not well, for each subject, root causes of a failure first."""
    told = [Told(one, (each,)) for each in report.subjects for one in each.findings if is_failure(one) or _is_open(one)]
    return sorted(told, key=lambda one: _rank(one.finding))


def together(report: Report) -> list[Told]:
    """The same, with what is true of several subjects told once."""
    found: dict[object, Told] = {}
    for one in worst_first(report):
        it = one.finding
        key = (it.check, it.status, it.root, it.summary, it.observed, it.expected, it.fix, it.location)
        first = found.get(key)
        found[key] = Told(first.finding, (*first.subjects, *one.subjects)) if first else one
    return list(found.values())


def details(finding: Finding) -> Iterator[str]:
    """What was found out beside the summary, a line each; commands are indented by four blanks."""
    if finding.location:
        yield f"at: {place(finding.location)}"
    if finding.observed:
        yield f"observed: {finding.observed}"
    if finding.expected:
        yield f"expected: {finding.expected}"
    yield from (f"{one.status}: {one.name}: {one.text}" for one in finding.rows if one.status is not Status.PASS)
    if finding.fix:
        yield f"fix: {finding.fix.text}"
        yield from (f"    {one}" for one in finding.fix.commands)
    if shown := shows_as(finding):
        yield f"Credentials Fetcher shows it as: {shown}"
    if finding.docs:
        yield f"see: {finding.docs}"


def shows_as(finding: Finding) -> str:
    """The daemon's text, by its version where that matters; empty if there is none."""
    shows = finding.shows_as
    if shows is None:
        return ""
    if shows.v2 == shows.v1_3:
        return f'"{shows.v2}"' if shows.v2 else ""
    texts = {"2.x": shows.v2, "1.3": shows.v1_3}
    return "; ".join(f'{version}: "{text}"' for version, text in texts.items() if text)


def outside_of_checks(report: Report) -> Iterator[str]:
    """Why a run is not whole, as far as no finding tells it. What was not read is told apart."""
    if report.interrupted:
        yield "interrupted: what had not ended is unknown"
    for id in report.missing:
        yield f"{id} was required, and was skipped"


def is_unproven(report: Report) -> bool:
    """Whether a run passed without the live flow: that the gMSA gets its ticket is then not proven."""
    proofs = [one for each in report.subjects for one in each.findings if one.check == PROOF]
    return report.verdict is Verdict.PASS and any(one.status is Status.SKIPPED for one in proofs)


def counted(counts: Mapping[Status, int]) -> str:
    """``5 pass, 1 fail``."""
    return ", ".join(f"{counts[status]} {status}" for status in Status if counts.get(status))


def _is_open(finding: Finding) -> bool:
    return finding.status in _WORST_FIRST


def _rank(finding: Finding) -> tuple[int, bool]:
    status = Status.FAIL if is_failure(finding) else finding.status
    return _WORST_FIRST.index(status), not finding.root
