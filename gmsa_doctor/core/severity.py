"""The one order of statuses, and what findings that are about several things have in common."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

from gmsa_doctor.core.model import Finding, Row, Status

WORST_FIRST = (Status.FAIL, Status.ERROR, Status.UNKNOWN, Status.WARN, Status.SKIPPED, Status.WAIVED, Status.PASS)
BAD = WORST_FIRST[:4]
"""The statuses that are reported as a problem."""


class HasStatus(Protocol):
    """A finding, a row, or anything else with a status."""

    @property
    def status(self) -> Status:
        """The status."""


S = TypeVar("S", bound=HasStatus)


def worst_first(item: HasStatus) -> int:
    """The key to sort by severity."""
    return WORST_FIRST.index(item.status)


def worst(items: Iterable[S], *, count_skipped: bool = True) -> S:
    """The first of the worst. With ``count_skipped=False`` a skip is chosen only if all are skipped."""
    all_items = list(items)
    checked = [] if count_skipped else [item for item in all_items if item.status is not Status.SKIPPED]
    return min(checked or all_items, key=worst_first)


def rows_of(findings: Iterable[tuple[str, Finding]]) -> tuple[Row, ...]:
    """A row for each finding, under the name that stands beside it."""
    return tuple(Row(name, finding.status, finding.summary) for name, finding in findings)


def if_several(rows: tuple[Row, ...]) -> tuple[Row, ...]:
    """The rows, unless there is only one: the summary of the finding says as much."""
    return rows if len(rows) > 1 else ()


def listed(names: Iterable[object], most: int = 4) -> str:
    """``a, b and 3 more``: the first ``most`` names, and how many others there are."""
    words = [str(name) for name in names]
    more = len(words) - most
    return ", ".join(words[:most]) + (f" and {more} more" if more > 0 else "")


def in_words(names: Iterable[object], conjunction: str = "and") -> str:
    """``a, b and c``; empty if there are no names."""
    words = [str(name) for name in names]
    return f" {conjunction} ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
