"""What the configuration itself is to be told of: waivers whose time is over, and those that waive nothing."""

from __future__ import annotations

from dataclasses import replace

from gmsa_doctor.authoring import Finding, Fix, Row, Status, check, failed, passed, warned
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
    expired = [one for one in state.waivers if one.expired and one.use is not WaiverUse.ELSEWHERE]
    expired_elsewhere = [one for one in state.waivers if one.expired and one.use is WaiverUse.ELSEWHERE]
    unused = [one for one in state.waivers if not one.expired and one.use is WaiverUse.UNUSED]
    rows = tuple(map(_row, state.waivers))
    worst = expired or expired_elsewhere or unused
    if not worst:
        return passed(_counted(len(state.waivers), "waiver"), rows=rows)
    over = expired + expired_elsewhere
    parts = [f"expired: {_names(over)}"] if over else []
    parts += [f"unused: {_names(unused)}"] if unused else []
    fix = (
        "Mend what was waived and take the waiver out, or give it a new date in `expires`."
        if over
        else "Take the waiver out: what it was for is mended."
    )
    make = failed if expired else warned
    finding = make(
        "; ".join(parts),
        observed=_details(over) if over else None,
        expected="waivers that are in use, none after its date",
        fix=Fix(fix),
        rows=rows,
    )
    return replace(finding, location=worst[0].waiver.location)


def _row(one: WaiverOutcome) -> Row:
    waiver = one.waiver
    word = f"expired on {waiver.expires}" if one.expired else f"until {waiver.expires}"
    return Row(f"{waiver.location}: {waiver}", _status(one), f"{word}, {_WORDS[one.use]}: {waiver.reason}")


def _status(one: WaiverOutcome) -> Status:
    if one.expired:
        return Status.WARN if one.use is WaiverUse.ELSEWHERE else Status.FAIL
    return {WaiverUse.USED: Status.PASS, WaiverUse.UNUSED: Status.WARN}.get(one.use, Status.SKIPPED)


def _names(uses: list[WaiverOutcome]) -> str:
    return ", ".join(f"{one.waiver} ({one.waiver.location})" for one in uses)


def _details(uses: list[WaiverOutcome]) -> str:
    return "; ".join(f"{one.waiver}: {one.waiver.reason}, until {one.waiver.expires}" for one in uses)


def _counted(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}, none expired"
