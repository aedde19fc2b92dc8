"""What the parts of the HTML page share: subjects and root causes, and where in the page each stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gmsa_doctor.core.model import Check, Finding, Report, Status, SubjectReport

IN_FULL = (Status.FAIL, Status.ERROR, Status.UNKNOWN, Status.WARN, Status.WAIVED)
"""What is shown unfolded, the worst first."""
Titles = Mapping[str, Check]


@dataclass(frozen=True)
class SubjectPage:
    """A subject with its place in the page; findings are linked to by their number, as ids may hold anything."""

    number: int
    report: SubjectReport
    titles: Titles

    @property
    def anchor(self) -> str:
        """The id of its element."""
        return f"subject-{self.number}"

    @property
    def status(self) -> Status:
        """The worst of its findings; a skip is the worst only where nothing was asked."""
        seen = {one.status for one in self.report.findings}
        return next((one for one in (*IN_FULL, Status.PASS) if one in seen), Status.SKIPPED)

    def anchor_of(self, finding: Finding) -> str:
        """The id of a finding's element."""
        index = next(index for index, one in enumerate(self.report.findings, 1) if one is finding)
        return f"finding-{self.number}-{index}"

    def link(self, finding: Finding) -> str:
        """A link to a finding."""
        return f"#{self.anchor_of(finding)}"

    def title(self, finding: Finding) -> str | None:
        """The title of a finding's check, where it is known."""
        check = self.titles.get(finding.check)
        return check.title if check else None


@dataclass(frozen=True)
class Root:
    """A root cause, told once: its ids, a finding that speaks for them, and the subjects that have it."""

    number: int
    finding: Finding
    ids: list[str] = field(default_factory=list)
    subjects: list[SubjectPage] = field(default_factory=list)

    @property
    def anchor(self) -> str:
        """The id of its element."""
        return f"root-{self.number}"

    def at(self, subject: SubjectPage) -> Finding:
        """The finding of one of the subjects."""
        return next(one for one in subject.report.findings if one.root and key(one) == key(self.finding))

    def behind(self) -> list[str]:
        """Ids of what was not asked because of it."""
        found = (f.check for one in self.subjects for f in one.report.findings if set(self.ids) & set(f.because))
        return list(dict.fromkeys(found))


@dataclass(frozen=True)
class Page:
    """What all parts of the page know: the report, its subjects, and its root causes by what makes two the same."""

    report: Report
    subjects: Sequence[SubjectPage]
    roots: Mapping[object, Root]

    @property
    def many(self) -> bool:
        """Whether the subjects need names and an index."""
        return len(self.subjects) > 1

    def is_told_first(self, root: Root) -> bool:
        """Whether the verdict rests on it."""
        return bool(set(root.ids) & set(self.report.root_causes))

    def root_of(self, finding: Finding) -> Root | None:
        """The root cause as which a finding is told at the beginning."""
        return self.roots[key(finding)] if finding.root else None


def roots(subjects: Sequence[SubjectPage]) -> dict[object, Root]:
    """Each root cause once."""
    found: dict[object, Root] = {}
    for subject in subjects:
        for one in subject.report.findings:
            if one.root:
                root = found.setdefault(key(one), Root(len(found) + 1, one))
                root.ids.extend([] if one.check in root.ids else [one.check])
                root.subjects.extend([] if subject in root.subjects[-1:] else [subject])
    return found


def key(finding: Finding) -> object:
    """What two findings of one root cause have in common; open questions with the same words are one."""
    seen = (finding.status, finding.summary, finding.observed, finding.expected, finding.rows)
    return (_is_bare(finding) or finding.check, seen, finding.fix)


def _is_bare(finding: Finding) -> bool:
    """An open question of which no more is known than that: not finished, interrupted."""
    more = (finding.observed, finding.expected, finding.fix, finding.rows)
    return finding.status is Status.UNKNOWN and not any(more)
