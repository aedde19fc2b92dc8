"""How texts that were recorded come to findings: values in, values out."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gmsa_doctor.checking.evidence import Recorded, ago, joined
from gmsa_doctor.core.model import Finding, Status
from gmsa_doctor.given.records import Record
from gmsa_doctor.given.subject import Subject

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
SUBJECT = Subject("demo/web/web", "demo", "web", "web:3")
SOURCE = Finding(Status.PASS, "2 tasks stopped, 2 with an error", check="evidence.stopped-tasks")
NO_PASSWORD = "failed to create gMSA ticket: failed to find gMSA password for service account web"


def finding(check: str, status: Status, **more: object) -> Finding:
    root = status is Status.FAIL
    return replace(Finding(status, f"{check} is {status}", check=check, root=root), **more)  # type: ignore[arg-type]


def record(text: str, minutes: int = 4, definition: str = "web:3") -> Record:
    return Record(SOURCE.check, "ECS", (text,), NOW - timedelta(minutes=minutes), "task/1", definition)


def after(findings: list[Finding], *records: Record, steady: datetime | None = None) -> dict[str, Finding]:
    result = joined([*findings, SOURCE], Recorded(records, steady), SUBJECT, NOW)
    return {finding.check: finding for finding in result}


def test_a_failure_among_the_causes_explains_it_with_how_often_and_when() -> None:
    failure = finding("directory.managed-password", Status.FAIL)
    found = after([failure], record(NO_PASSWORD, 10), record(NO_PASSWORD, 4))
    (evidence,) = found[failure.check].evidence
    assert evidence.summary == "ECS reported this 4 minutes ago, 2 times"
    assert (evidence.first, evidence.last) == ("2026-01-02T11:50:00+00:00", "2026-01-02T11:56:00+00:00")
    assert evidence.text == NO_PASSWORD
    assert found[SOURCE.check] == SOURCE


def test_the_likeliest_failure_explains_it() -> None:
    later = finding("dns.domain-controllers", Status.FAIL)
    likely = finding("directory.gmsa-account", Status.FAIL)
    found = after([later, likely], record(NO_PASSWORD))
    assert found[likely.check].evidence
    assert not found[later.check].evidence


def test_what_a_cause_was_skipped_because_of_explains_it() -> None:
    failure = finding("network-access.security-groups", Status.FAIL)
    behind = finding("directory.managed-password", Status.SKIPPED, because=(failure.check,))
    assert after([failure, behind], record(NO_PASSWORD))[failure.check].evidence


def test_a_failure_that_the_text_rules_out_does_not_explain_it() -> None:
    """The task got past the secret when it left this text."""
    failure = finding("secret.fields", Status.FAIL)
    behind = finding("directory.managed-password", Status.SKIPPED, because=(failure.check,))
    found = after([failure, behind], record(NO_PASSWORD))
    assert not found[failure.check].evidence
    assert found[SOURCE.check].status is Status.WARN


def test_a_warning_explains_it_if_no_failure_does() -> None:
    warning = finding("directory.managed-password", Status.WARN)
    assert after([warning], record(NO_PASSWORD))[warning.check].evidence


def test_a_cause_that_is_unknown_does_not_explain_it_and_is_listed() -> None:
    unknown = finding("directory.managed-password", Status.UNKNOWN)
    found = after([unknown], record(NO_PASSWORD))[SOURCE.check]
    assert found.status is Status.WARN
    assert [(row.name, row.status) for row in found.rows] == [(unknown.check, Status.UNKNOWN)]


def test_a_pass_stays_a_pass_and_both_are_reported() -> None:
    proof = finding("directory.managed-password", Status.PASS)
    found = after([proof], record(NO_PASSWORD))
    assert found[proof.check] == proof
    assert "but directory.managed-password passes at 2026-01-02 12:00:00 UTC" in found[SOURCE.check].summary


@pytest.mark.parametrize(
    ("changed", "stale"), [(1, "the secret was changed at 2026-01-02 11:59:00 UTC, after it"), (5, "")]
)
def test_a_text_about_the_secret_is_out_of_date_if_that_was_changed_since(changed: int, stale: str) -> None:
    secret = finding("secret.value", Status.PASS, changed=(NOW - timedelta(minutes=changed)).isoformat())
    failure = finding("secret.fields", Status.FAIL)
    found = after([secret, failure], record("username not found in secret"))[failure.check]
    assert found.evidence[0].stale == stale
    assert found.has_evidence is not bool(stale)


def test_a_steady_service_outdates_what_nothing_explains_and_no_failure() -> None:
    failure = finding("directory.managed-password", Status.FAIL)
    steady = NOW - timedelta(minutes=1)
    assert not after([failure], record(NO_PASSWORD), steady=steady)[failure.check].evidence[0].stale
    found = after([], record(NO_PASSWORD), steady=steady)[SOURCE.check]
    assert (found.status, found.evidence[0].stale) == (
        Status.PASS, "the service was steady at 2026-01-02 11:59:00 UTC, after it"
    )  # fmt: skip


def test_a_task_of_a_newer_revision_is_reported_with_the_command_that_checks_it() -> None:
    """The circuit breaker has rolled the service back, which is steady again."""
    found = after([], record(NO_PASSWORD, definition="web:4"), steady=NOW)[SOURCE.check]
    assert found.status is Status.WARN
    assert found.summary.endswith("the task ran web:4, and web:3 is checked")
    assert found.fix
    assert found.fix.commands == ("gmsa-doctor check --cluster demo --task task/1",)
    older = after([], record(NO_PASSWORD, definition="web:2"))[SOURCE.check]
    assert (older.status, bool(older.evidence[0].stale)) == (Status.PASS, True)


def test_several_texts_are_counted_and_the_newest_is_named() -> None:
    found = after([], record("the one thing", 9), record("the other thing", 3))[SOURCE.check]
    assert found.summary.startswith("ECS reported this 3 minutes ago (1 more): the other thing")
    assert len(found.evidence) == 2


def test_a_warning_of_the_source_itself_stays_and_the_text_follows() -> None:
    own = replace(SOURCE, status=Status.WARN, summary="the deployment failed", expected="a steady state")
    (found,) = joined([own], Recorded((record("the one thing"),)), SUBJECT, NOW)
    assert found.summary.startswith("the deployment failed; ECS reported this 4 minutes ago: the one thing")
    assert found.expected == "a steady state"


def test_without_the_finding_of_its_source_a_text_is_left_out() -> None:
    (only,) = joined([finding("secret.fields", Status.PASS)], Recorded((record("x"),)), SUBJECT, NOW)
    assert not only.evidence


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "just now"), (59, "just now"), (60, "1 minute ago"), (7200, "2 hours ago"), (200_000, "2 days ago")],
)
def test_times_are_told_in_their_largest_unit(seconds: int, text: str) -> None:
    assert ago(seconds) == text
