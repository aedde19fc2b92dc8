"""Findings for the gMSA's entry, for KDS root keys, and for the domain data in a CredSpec."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gmsa_doctor.clients.ldap.forest import RootKey
from gmsa_doctor.core.model import Outcome, Status, failed, passed
from gmsa_doctor.formats.documents.credspec import CredSpecDocument
from gmsa_doctor_checks.credspec.domain_data import DomainData, judge
from gmsa_doctor_checks.directory.gmsa import dns_host_name, encryption_types, judge_root_key, rotation
from gmsa_doctor_checks.values import GmsaAccount, GmsaTicket

NOW = datetime(2026, 11, 25, 3, tzinfo=UTC)
GMSA = GmsaAccount("CN=web", "web$", host="web.corp.example", encryption_types=28)
GUID = "5c0d2e9b-8f43-4e0c-9d55-6b1f0f5b7c11"


GIVEN: Outcome[GmsaTicket] = Outcome(None, passed("got a ticket"))
REFUSED: Outcome[GmsaTicket] = Outcome(None, replace(failed("no ticket"), check="kerberos.gmsa-ticket"))


@pytest.mark.parametrize("types", [None, 0, 8, 16, 24, 28, 0x80018, 1, 3, 4, 7, 0x80004])
def test_the_encryption_types_of_a_gmsa_whose_logon_works_are_no_fault(types: int | None) -> None:
    assert encryption_types(replace(GMSA, encryption_types=types), GIVEN).status is Status.PASS


@pytest.mark.parametrize("types", [1, 3, 4, 7, 0x80004])
def test_without_aes_the_logon_decides(types: int) -> None:
    finding = encryption_types(replace(GMSA, encryption_types=types), REFUSED)
    assert (finding.status, finding.because) == (Status.SKIPPED, ("kerberos.gmsa-ticket",))


@pytest.mark.parametrize(
    ("password_set", "interval", "status", "says"),
    [
        (None, 30, Status.PASS, "not shown; rotates every 30 days"),
        (0, 30, Status.WARN, "never been set"),
        (134_400_000_000_000_000, None, Status.PASS, "rotation interval not shown"),
        (116_444_736_000_000_000, 30, Status.PASS, "overdue since about 1970-01-31"),
    ],
)
def test_the_age_of_the_password_is_reported(
    password_set: int | None, interval: int | None, status: Status, says: str
) -> None:
    finding = rotation(replace(GMSA, password_set=password_set, interval_days=interval))
    assert finding.status is status
    assert says in finding.summary


def test_a_gmsa_without_a_host_name_warns() -> None:
    assert dns_host_name(GMSA).status is Status.PASS
    assert dns_host_name(replace(GMSA, host=None)).status is Status.WARN


@pytest.mark.parametrize(
    ("keys", "status", "says"),
    [
        ((), Status.PASS, "only administrators can read the keys"),
        ((RootKey("a", None),), Status.PASS, "computed from KDS root key a"),
        ((RootKey("b", None), RootKey("a", NOW - timedelta(1))), Status.PASS, "since 2026-11-24"),
        ((RootKey("a", NOW + timedelta(1)),), Status.WARN, "not effective before 2026-11-26"),
        ((RootKey("b", NOW),), Status.WARN, "no longer exists"),
    ],
)
def test_the_root_key_of_the_password_is_looked_up(keys: tuple[RootKey, ...], status: Status, says: str) -> None:
    finding = judge_root_key("a", keys, NOW)
    assert finding.status is status
    assert says in finding.summary


CHILD = DomainData("S-1-5-21-1-2-3", GUID, "EU", "eu.corp.example", "corp.example")
RIGHT = CredSpecDocument(
    "eu.corp.example",
    "web",
    "arn",
    net_bios_name="eu",
    dns_tree_name="CORP.example",
    sid="S-1-5-21-1-2-3",
    guid=f"{{{GUID.upper()}}}",
)


def test_what_the_ad_says_passes_in_any_case() -> None:
    assert judge(RIGHT, CHILD).status is Status.PASS


def test_what_is_not_said_or_not_shown_is_not_compared() -> None:
    assert judge(CredSpecDocument("eu.corp.example", "web", "arn"), CHILD).status is Status.PASS
    assert judge(RIGHT, DomainData("", "", "", "eu.corp.example", "")).status is Status.PASS


@pytest.mark.parametrize(
    ("credspec", "value"),
    [
        (replace(RIGHT, sid="S-1-5-21-9"), "S-1-5-21-9"),
        (replace(RIGHT, guid="no GUID"), "no GUID"),
        (replace(RIGHT, net_bios_name="OLD"), "OLD"),
        (replace(RIGHT, dns_tree_name="old.example"), "old.example"),
    ],
)
def test_what_differs_is_named_with_what_the_ad_says(credspec: CredSpecDocument, value: str) -> None:
    finding = judge(credspec, CHILD)
    assert finding.status is Status.WARN
    assert value in (finding.observed or "")


def test_the_exchange_of_an_old_module_is_named() -> None:
    swapped = replace(RIGHT, dns_name="corp.example", dns_tree_name="eu.corp.example")
    assert "swapped" in judge(swapped, CHILD).summary
    assert "swapped" not in judge(replace(RIGHT, dns_tree_name="eu.corp.example"), CHILD).summary
