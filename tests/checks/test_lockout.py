"""No logon that would lock the account, as far as an administrator sees that."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gmsa_doctor.authoring import Status
from gmsa_doctor.formats.ad.user_account_control import Control
from gmsa_doctor_checks.active_directory.lockout import LockoutPolicy, last_attempt
from gmsa_doctor_checks.active_directory.user_entry import UserEntry

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
WINDOW = timedelta(minutes=30)
READER = UserEntry("CN=reader", "reader", "user", Control(0), NOW, None)
FOUR = replace(READER, bad_passwords=4, last_bad_password=NOW - timedelta(minutes=10))


def test_with_one_failed_logon_left_none_is_tried() -> None:
    finding = last_attempt(FOUR, LockoutPolicy(5, WINDOW), "admin@CORP.EXAMPLE", NOW)
    assert finding is not None
    assert (finding.status, finding.summary) == (
        Status.UNKNOWN,
        "no logon was tried: badPwdCount of reader is 4 of 5, and one more wrong password would lock it",
    )
    assert "2026-11-30 12:20 UTC" in (finding.fix.text if finding.fix else "")


@pytest.mark.parametrize(
    ("user", "policy"),
    [
        (FOUR, LockoutPolicy(6, WINDOW)),
        (FOUR, LockoutPolicy(0, WINDOW)),
        (FOUR, LockoutPolicy(5, timedelta(minutes=5))),
        (FOUR, None),
        (READER, LockoutPolicy(1, WINDOW)),
        (replace(FOUR, flags=Control.LOCKOUT), LockoutPolicy(4, WINDOW)),
    ],
    ids=["two are left", "no account is locked", "the window is over", "unknown policy", "no failed logon", "locked"],
)
def test_otherwise_a_logon_may_be_tried(user: UserEntry, policy: LockoutPolicy | None) -> None:
    assert last_attempt(user, policy, "admin@CORP.EXAMPLE", NOW) is None
