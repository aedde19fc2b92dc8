"""Waivers, after a run, and plug-ins that cannot be loaded."""

from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest

from gmsa_doctor.authoring import Status
from gmsa_doctor.core.model import Location
from gmsa_doctor.triage.waivers import Waiver, WaiverOutcome, WaiverState, WaiverUse
from gmsa_doctor_checks.config import waivers
from gmsa_doctor_checks.plug_ins import loaded

WAIVER = Waiver("kerberos.clock", "*", "known", date(2026, 1, 1), Location("gmsa-doctor.toml", 1))


@pytest.mark.parametrize(
    ("use", "expired", "status"),
    [
        (WaiverUse.USED, False, Status.PASS),
        (WaiverUse.UNDECIDED, False, Status.PASS),
        (WaiverUse.UNUSED, False, Status.WARN),
        (WaiverUse.USED, True, Status.FAIL),
        (WaiverUse.ELSEWHERE, True, Status.WARN),
    ],
)
def test_a_waiver_is_in_use_and_not_expired(use: WaiverUse, expired: bool, status: Status) -> None:
    finding = waivers(WaiverState((WaiverOutcome(WAIVER, use, expired),)))
    assert finding.status is status
    assert bool(finding.fix) is (status is not Status.PASS)


def test_a_plug_in_that_cannot_be_loaded_is_an_error() -> None:
    plug_in = SimpleNamespace(name="acme", origin="acme-checks 1.0", reason="No module named 'acme'")
    broken: Any = SimpleNamespace(plug_ins=(plug_in,))
    finding = loaded(broken)
    assert finding.status is Status.ERROR
    assert finding.fix
    assert "acme-checks" in finding.fix.text
