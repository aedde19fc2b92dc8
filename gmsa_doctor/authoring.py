"""What an author of checks imports: the decorator, the kinds of results, and what findings are made of."""

from gmsa_doctor.core.bundles import bundle
from gmsa_doctor.core.check_id import CheckId
from gmsa_doctor.core.declaration import check
from gmsa_doctor.core.deferral import deferred_to, root_ids
from gmsa_doctor.core.fix_in_steps import alternatives, fix_in_steps, one_after_the_other
from gmsa_doctor.core.hidden import Hidden
from gmsa_doctor.core.model import (
    Cause,
    Finding,
    Fix,
    Given,
    Outcome,
    Owner,
    Result,
    Row,
    ShowsAs,
    Status,
    Step,
    Stop,
    failed,
    passed,
    skipped,
    unknown,
    warned,
)
from gmsa_doctor.core.severity import if_several, in_words, listed, rows_of, worst, worst_first

__all__ = [
    "Cause",
    "CheckId",
    "Finding",
    "Fix",
    "Given",
    "Hidden",
    "Outcome",
    "Owner",
    "Result",
    "Row",
    "ShowsAs",
    "Status",
    "Step",
    "Stop",
    "alternatives",
    "bundle",
    "check",
    "deferred_to",
    "failed",
    "fix_in_steps",
    "if_several",
    "in_words",
    "listed",
    "one_after_the_other",
    "passed",
    "root_ids",
    "rows_of",
    "skipped",
    "unknown",
    "warned",
    "worst",
    "worst_first",
]
