"""One finding for several servers or connection strings: the worst decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gmsa_doctor.authoring import Finding, Status, if_several, passed, rows_of, worst


def combined(findings: Sequence[tuple[str, Finding]]) -> Finding:
    """The first of the worst findings, with a row for each under its name; where all is well, the passes in one.

    If none passed and none failed, it is the first: each was skipped for a reason of its own, which its row holds.
    """
    rows = if_several(rows_of(findings))
    found = worst((finding for _, finding in findings), count_skipped=False)
    if found.status is Status.PASS:
        return passed("; ".join(finding.summary for _, finding in findings if finding.status is Status.PASS), rows=rows)
    return replace(found, rows=rows)
