"""What the checks of `evidence` need, and which versions have a known fault."""

import pytest

from gmsa_doctor.core import registry
from gmsa_doctor_checks.evidence import known_fault


def test_what_ecs_recorded_is_read_at_once_and_beside_the_other_checks() -> None:
    """Their calls make the longest chain of calls no longer."""
    known = registry.load()
    for id in ("evidence.service-events", "evidence.stopped-tasks"):
        check = known.get(id)
        assert check
        assert known.givers(check) == []


def test_no_other_check_waits_for_them() -> None:
    known = registry.load()
    of_evidence = [check for check in known.checks if check.area == "evidence"]
    waiting = [
        check.id
        for check in known.checks
        if check.area != "evidence" and any(giver in of_evidence for giver in known.givers(check))
    ]
    assert waiting == []
    assert all(check.is_supplementary for check in of_evidence)


@pytest.mark.parametrize("version", ["", "1.3.7", "1.3.8", "2.0.0", "2.0.2", "2.0.10"])
def test_other_versions_have_no_known_fault(version: str) -> None:
    assert known_fault(version) == ""
