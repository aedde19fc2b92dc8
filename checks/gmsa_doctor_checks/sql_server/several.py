"""One finding for several servers or connection strings: the worst decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gmsa_doctor.authoring import Finding, Row, Status, passed

_SEVERITY = (Status.FAIL, Status.UNKNOWN, Status.WARN)


def worst_of(findings: Sequence[Finding], rows: tuple[Row, ...] = ()) -> Finding:
    """The first of the worst findings, with the rows of all; where nothing is wrong, all that passed.

    Where none passed either, the first: each was skipped for a reason of its own, which its row tells.
    """
    for status in _SEVERITY:
        found = [one for one in findings if one.status is status]
        if found:
            return replace(found[0], rows=rows)
    seen = [one.summary for one in findings if one.status is Status.PASS]
    return passed("; ".join(seen), rows=rows) if seen else replace(findings[0], rows=rows)
