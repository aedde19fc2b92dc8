"""``--wait``: what is wrong may be about to pass, so it is looked at again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from gmsa_doctor.core.check_id import CheckId
from gmsa_doctor.core.limits import PACE
from gmsa_doctor.core.model import Finding, Status, SubjectReport

PAUSE_SECONDS = 5.0 * PACE
TRANSIENT = frozenset(
    {
        CheckId("dns.domain-controllers"),
        CheckId("kerberos.user-ticket"),
        CheckId("directory.gmsa-account"),
        CheckId("directory.managed-password"),
        CheckId("kerberos.gmsa-ticket"),
    }
)
"""What takes a while after it was set right: DNS that was changed, a secret that was rotated, a gMSA that was made or
permitted, and domain controllers that have yet to hear of it."""


def awaited(subjects: Iterable[SubjectReport]) -> tuple[str, ...]:
    """The root causes that may pass by themselves; none if there are others, which will not."""
    roots = [finding for subject in subjects for finding in subject.findings if finding.root]
    ids = tuple(dict.fromkeys(root.check for root in roots if root.status is not Status.WARN))
    return ids if set(ids) <= TRANSIENT else ()


def not_repeated(subject: SubjectReport, reason: str) -> SubjectReport:
    """The report of the last attempt, if another one was not possible: its failures may have passed meanwhile."""

    def unknown_now(finding: Finding) -> Finding:
        if finding.status is not Status.FAIL:
            return finding
        return replace(finding, status=Status.UNKNOWN, summary=f"{finding.summary}. Not checked again: {reason}")

    return replace(subject, findings=tuple(map(unknown_now, subject.findings)))
