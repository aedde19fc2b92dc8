"""A filter of the findings, by status and by text. The script shows it; without a script it stays hidden."""

from __future__ import annotations

from collections.abc import Collection

from gmsa_doctor.core.model import Report, Status
from gmsa_doctor.core.severity import WORST_FIRST
from gmsa_doctor.report.findings import all_findings
from gmsa_doctor.report.tags import Html, icon, tag


def draw(report: Report) -> Html | None:
    """For the findings of a report."""
    return draw_for({finding.status for finding in all_findings(report.subjects)}, "text or check id")


def draw_for(statuses: Collection[Status], hint: str) -> Html | None:
    """A checkbox for each of the statuses, and a field for a text."""
    if len(statuses) < 2:  # nothing to choose
        return None
    boxes = [_box(status) for status in WORST_FIRST if status in statuses]
    return tag(
        "div",
        tag("label", "Filter ", tag("input", type="search", placeholder=hint)),
        tag("fieldset", tag("legend", "Status", class_="unseen"), *boxes),
        tag("output", "all shown", aria_live="polite"),
        class_="filter",
        role="search",
        hidden=True,
    )


def _box(status: Status) -> Html:
    return tag("label", tag("input", type="checkbox", value=status), icon(status), " ", status, class_=str(status))
