"""Problems of the configuration itself: expired and unused waivers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gmsa_doctor.authoring import Finding, Fix, Row, Status, check, failed, passed, warned, worst, worst_first
from gmsa_doctor.triage.waivers import WaiverOutcome, WaiverState, WaiverUse

TOML = "https://toml.io/en/v1.0.0#local-date"

_WORDS = {
    WaiverUse.USED: "in use",
    WaiverUse.UNUSED: "unused: its checks pass",
    WaiverUse.UNDECIDED: "unused, but not all of its checks ran",
    WaiverUse.ELSEWHERE: "none of its subjects is in this run",
}


@check("config.waivers", title="All waivers are in use and none has expired", docs=TOML)
def waivers(state: WaiverState) -> Finding:
    """Checks after a run that no waiver in the configuration has expired and that each one is used.

    An expired waiver has no effect and is a failure (a warning if none of its subjects is in the run). A waiver whose
    checks all pass is a warning. A waiver for other subjects, or whose checks did not all run, is not reported.

    Why: a waiver is a promise to fix something by a date. A forgotten one hides the next failure of its check.

    Fix: fix the waived failure and remove the waiver from the configuration, or set a new date.
    """
    rows = tuple(map(_row, state.waivers))
    expired = sorted(
        (outcome for outcome in state.waivers if outcome.expired), key=lambda outcome: worst_first(_row(outcome))
    )
    unused = [outcome for outcome in state.waivers if not outcome.expired and outcome.use is WaiverUse.UNUSED]
    if not expired and not unused:
        return passed(f"{len(rows)} waiver{'' if len(rows) == 1 else 's'}, none expired", rows=rows)
    fix = "Remove the waiver: the failure that it was for is fixed."
    if expired:
        fix = "Fix the waived failure and remove the waiver, or set a new date in `expires`."
    details = (f"{outcome.waiver}: {outcome.waiver.reason}, until {outcome.waiver.expires}" for outcome in expired)
    finding = (failed if worst(rows).status is Status.FAIL else warned)(
        "; ".join(f"{word}: {_names(found)}" for word, found in (("expired", expired), ("unused", unused)) if found),
        observed="; ".join(details) or None,
        expected="waivers that are in use and have not expired",
        fix=Fix(fix),
        rows=rows,
    )
    return replace(finding, location=(expired or unused)[0].waiver.location)


def _row(outcome: WaiverOutcome) -> Row:
    waiver = outcome.waiver
    if outcome.expired:
        status = Status.WARN if outcome.use is WaiverUse.ELSEWHERE else Status.FAIL
    else:
        status = {WaiverUse.USED: Status.PASS, WaiverUse.UNUSED: Status.WARN}.get(outcome.use, Status.SKIPPED)
    word = f"expired on {waiver.expires}" if outcome.expired else f"until {waiver.expires}"
    return Row(f"{waiver.location}: {waiver}", status, f"{word}, {_WORDS[outcome.use]}: {waiver.reason}")


def _names(outcomes: Sequence[WaiverOutcome]) -> str:
    return ", ".join(f"{outcome.waiver} ({outcome.waiver.location})" for outcome in outcomes)
