"""One finding for several servers or connection strings: the worst one decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from gmsa_doctor.authoring import Finding, Given, Result, Status, if_several, passed, rows_of, worst
from gmsa_doctor.core.errors import ClientError


def combined(results: Sequence[tuple[str, Result[Any] | ClientError]]) -> Finding:
    """The first of the worst findings, with a row for each under its name. If all passed, one pass for all.

    If all were skipped, the first one; the rows hold the reasons of the others.
    """
    findings = [(name, _finding(result)) for name, result in results]
    rows = if_several(rows_of(findings))
    first = worst((finding for _, finding in findings), count_skipped=False)
    if first.status is Status.PASS:
        return passed("; ".join(finding.summary for _, finding in findings if finding.status is Status.PASS), rows=rows)
    return replace(first, rows=rows)


def _finding(result: Result[Any] | ClientError) -> Finding:
    if isinstance(result, Given):
        return result.finding
    return result.finding() if isinstance(result, ClientError) else result
