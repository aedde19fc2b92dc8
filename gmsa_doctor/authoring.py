"""What an author of checks imports: the decorator, the kinds of results, and what findings are made of."""

from gmsa_doctor.core.bundles import bundle
from gmsa_doctor.core.hidden import Hidden
from gmsa_doctor.core.model import (
    Cause,
    Finding,
    Fix,
    Given,
    Outcome,
    Result,
    Row,
    ShowsAs,
    Status,
    Stop,
    failed,
    passed,
    skipped,
    stands_behind,
    unknown,
    warned,
)
from gmsa_doctor.core.registry import check

__all__ = [
    "Cause",
    "Finding",
    "Fix",
    "Given",
    "Hidden",
    "Outcome",
    "Result",
    "Row",
    "ShowsAs",
    "Status",
    "Stop",
    "bundle",
    "check",
    "failed",
    "passed",
    "skipped",
    "stands_behind",
    "unknown",
    "warned",
]
