"""What the parts of the HTML page share: subjects and root causes, with their anchors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gmsa_doctor.core.model import Check, Finding, Report, Status, SubjectReport
from gmsa_doctor.core.severity import BAD, worst
from gmsa_doctor.report.findings import RootFinding, is_bare
from gmsa_doctor.report.grouping import without_names

IN_FULL = (*BAD, Status.WAIVED)
"""The statuses of findings that are shown unfolded."""


@dataclass(frozen=True)
class SubjectSection(SubjectReport):
    """A subject with its section of the page; findings are linked to by their number, as ids may hold anything."""

    number: int
    checks: Mapping[str, Check]

    @property
    def anchor(self) -> str:
        """The id of its element."""
        return f"subject-{self.number}"

    @property
    def status(self) -> Status:
        """The worst of its findings; a skip counts only if nothing was checked."""
        return worst(self.findings, count_skipped=False).status if self.findings else Status.SKIPPED

    def anchor_of(self, finding: Finding) -> str:
        """The id of a finding's element."""
        index = next(index for index, own in enumerate(self.findings, 1) if own is finding)
        return f"finding-{self.number}-{index}"

    def link(self, finding: Finding) -> str:
        """A link to a finding."""
        return f"#{self.anchor_of(finding)}"

    def title(self, finding: Finding) -> str | None:
        """The title of a finding's check, where it is known."""
        check = self.checks.get(finding.check)
        return check.title if check else None


PageRoot = RootFinding[SubjectSection]


@dataclass(frozen=True)
class ReportPage:
    """What all parts of the page know: the report, its subjects, and its root causes by what makes two the same."""

    report: Report
    subjects: Sequence[SubjectSection]
    roots: Mapping[object, PageRoot]

    @property
    def many(self) -> bool:
        """Whether the subjects need names and an index."""
        return len(self.subjects) > 1


def anchor_of(root: PageRoot) -> str:
    """The id of a root cause's element."""
    return f"root-{root.number}"


def key(subject: SubjectReport, finding: Finding) -> object:
    """What two findings of one root cause have in common; open questions with the same words are one."""
    fix = without_names(finding.fix, subject)
    words = (finding.status, finding.summary, finding.observed, finding.expected, finding.rows, fix)
    return (is_bare(finding) or finding.check, words)
