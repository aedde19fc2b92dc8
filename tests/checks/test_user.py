"""Findings for the attributes of a user's entry."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gmsa_doctor.clients.ldap.client import Attributes, Entry
from gmsa_doctor.core.hidden import Hidden
from gmsa_doctor.core.model import Outcome, Status, passed
from gmsa_doctor.formats.ad.user_account_control import Control
from gmsa_doctor.formats.fetcher import Fetcher
from gmsa_doctor.given.subject import Launch, Platform
from gmsa_doctor_checks.active_directory.user_entry import UserEntry, of_entry
from gmsa_doctor_checks.directory.user.account import encryption_types, kind, password_expiry, restrictions
from gmsa_doctor_checks.values import Account, DomainName

NOW = datetime.now(UTC)
DAY = timedelta(days=1)
WELL = UserEntry("CN=reader", "reader", "user", Control.NORMAL_ACCOUNT, NOW - 9 * DAY, None)
FARGATE, EC2 = Platform(Launch.FARGATE), Platform(Launch.EC2)
OLD = Platform(Launch.EC2, fetcher=Fetcher.V1_3)
ACCOUNT = Account("arn:secret", "reader", Hidden("x"), DomainName("corp.example"))


def test_nothing_prevents_the_logon_of_a_healthy_user() -> None:
    assert WELL.forbids(NOW) == ()
    assert {row.status for row in WELL.rows(NOW)} == {Status.PASS}


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (replace(WELL, flags=Control.ACCOUNTDISABLE), "disabled"),
        (replace(WELL, flags=Control.LOCKOUT, locked=NOW), "locked"),
        (replace(WELL, account_expires=NOW - DAY), "the account has expired"),
        (replace(WELL, password_set=None), "must be changed"),
        (replace(WELL, flags=Control.PASSWORD_EXPIRED, password_expires=NOW - DAY), "expired"),
        (replace(WELL, flags=Control.SMARTCARD_REQUIRED), "SMARTCARD_REQUIRED"),
        (replace(WELL, flags=Control.USE_DES_KEY_ONLY), "USE_DES_KEY_ONLY"),
        (replace(WELL, hours=bytes(21)), "logonHours"),
    ],
)
def test_each_attribute_that_prevents_a_logon_is_named(entry: UserEntry, says: str) -> None:
    (reason,) = entry.forbids(NOW)
    assert says in reason
    assert Status.FAIL in {row.status for row in entry.rows(NOW)}


@pytest.mark.parametrize(
    ("days", "platform", "status"),
    [
        (3, OLD, Status.FAIL),
        (3, EC2, Status.WARN),
        (3, FARGATE, Status.WARN),
        (8, OLD, Status.WARN),
    ],
)
def test_a_password_that_expires_stops_1_3_a_week_before(days: int, platform: Platform, status: Status) -> None:
    finding = password_expiry(replace(WELL, password_expires=NOW + days * DAY), platform, ACCOUNT)
    assert finding.status is status
    assert "Set-ADUser" in (finding.fix.commands[2] if finding.fix else "")


def test_an_expired_password_is_reported_by_the_logon() -> None:
    for entry in (replace(WELL, password_set=None), replace(WELL, flags=Control.PASSWORD_EXPIRED)):
        finding = password_expiry(entry, FARGATE, ACCOUNT)
        assert (finding.status, finding.because) == (Status.SKIPPED, ("kerberos.user-ticket",))


def test_hidden_attributes_neither_prevent_the_logon_nor_mean_that_the_password_never_expires() -> None:
    hidden = of_entry(Entry("CN=x", Attributes({"sAMAccountName": (b"reader",)})))
    assert hidden.forbids(NOW) == ()
    assert {row.status for row in hidden.rows(NOW)} == {Status.PASS}
    assert password_expiry(hidden, FARGATE, ACCOUNT).status is Status.SKIPPED


@pytest.mark.parametrize(
    ("name", "status"),
    [("user", Status.PASS), ("contosoPerson", Status.PASS), ("computer", Status.WARN)]
    + [(f"msDS-{which}ManagedServiceAccount", Status.WARN) for which in ("", "Group", "Delegated")],
)
def test_a_custom_class_is_a_user_and_a_computer_account_is_not(name: str, status: Status) -> None:
    account = Account("arn", "reader", Hidden("canary"), DomainName("corp.example"))
    assert kind(replace(WELL, kind=name), account).status is status


def test_what_prevents_the_logon_is_not_reported_again_as_a_restriction() -> None:
    gone = replace(WELL, account_expires=NOW - DAY, hours=bytes(21))
    assert restrictions(gone).status is Status.PASS


def test_all_restrictions_are_reported_together() -> None:
    entry = replace(
        WELL,
        account_expires=NOW + 2 * DAY,
        workstations=("WEB1",),
        flags=Control.DONT_REQUIRE_PREAUTH,
        groups=frozenset({"S-1-5-21-1-2-3-525"}),
    )
    finding = restrictions(entry)
    assert finding.status is Status.WARN
    assert finding.fix is not None
    assert len(finding.fix.commands) == 4


def test_a_group_with_a_similar_sid_is_not_protected_users() -> None:
    assert not replace(WELL, groups=frozenset({"S-1-5-21-1-2-3-1525", "S-1-5-32-525"})).protected


@pytest.mark.parametrize("types", [None, 0, 28, 4, 3])
def test_the_encryption_types_of_a_user_whose_logon_works_are_no_fault(types: int | None) -> None:
    assert (
        encryption_types(replace(WELL, encryption_types=types), Outcome(None, passed("got one"))).status is Status.PASS
    )


@given(
    st.dictionaries(
        st.sampled_from(
            ["userAccountControl", "pwdLastSet", "accountExpires", "lockoutTime", "logonHours", "tokenGroups"]
        ),
        st.lists(st.binary(max_size=30), max_size=2).map(tuple),
    )
)
def test_any_attribute_values_are_accepted(attributes: dict[str, tuple[bytes, ...]]) -> None:
    found = of_entry(Entry("CN=x", Attributes(attributes)))
    found.forbids(NOW)
    assert found.rows(NOW)
