"""What the configuration itself is to be told of: waivers whose time is over, and those that waive nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gmsa_doctor.authoring import Finding, Fix, Row, Status, check, failed, passed, warned, worst, worst_first
from gmsa_doctor.triage.waivers import WaiverOutcome, WaiverState, WaiverUse

TOML = "https://toml.io/en/v1.0.0#local-date"

_WORDS = {
    WaiverUse.USED: "in use",
    WaiverUse.UNUSED: "waives nothing: its checks pass",
    WaiverUse.UNDECIDED: "waived nothing, but not all of its checks could be asked",
    WaiverUse.ELSEWHERE: "none of its subjects is in this run",
}


@check("config.waivers", title="The waivers are in use, and none has expired", docs=TOML)
def waivers(state: WaiverState) -> Finding:
    """Looks at the waivers of the configuration after a run: none has expired, and each waives something.

    An expired waiver waives nothing any more, and is a failure of its own (a warning where none of its subjects is in
    the run). A waiver whose checks all pass is a warning. One that is about other subjects, or whose checks could not
    all be asked, is left alone.

    Why: a waiver is a promise to mend something by a date. One that is forgotten hides the next failure of its check.

    Fix: mend what was waived and take the waiver out of the configuration, or give it a new date.
    """
    rows = tuple(map(_row, state.waivers))
    expired = sorted(
        (outcome for outcome in state.waivers if outcome.expired), key=lambda outcome: worst_first(_row(outcome))
    )
    unused = [outcome for outcome in state.waivers if not outcome.expired and outcome.use is WaiverUse.UNUSED]
    if not expired and not unused:
        return passed(f"{len(rows)} waiver{'' if len(rows) == 1 else 's'}, none expired", rows=rows)
    parts = [f"expired: {_names(expired)}"] if expired else []
    parts += [f"unused: {_names(unused)}"] if unused else []
    fix = (
        "Mend what was waived and take the waiver out, or give it a new date in `expires`."
        if expired
        else "Take the waiver out: what it was for is mended."
    )
    make = failed if worst(rows).status is Status.FAIL else warned
    details = (f"{outcome.waiver}: {outcome.waiver.reason}, until {outcome.waiver.expires}" for outcome in expired)
    finding = make(
        "; ".join(parts),
        observed="; ".join(details) or None,
        expected="waivers that are in use, none after its date",
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
