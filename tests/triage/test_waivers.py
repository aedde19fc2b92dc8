"""Waivers and severities: their effect on findings, and findings about expired and unused waivers."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gmsa_doctor.checking.check import report_of
from gmsa_doctor.core.declaration import declared_in
from gmsa_doctor.core.model import Finding, Location, Status, SubjectReport
from gmsa_doctor.core.registry import Registry
from gmsa_doctor.triage.apply import Triage, applied
from gmsa_doctor.triage.waivers import Severity, Waiver, WaiverOutcome, WaiverState, WaiverUse, waived, with_severities
from gmsa_doctor_checks import config
from tests.report.samples import BEHIND, CRASH, DENIED, GOOD, ONE_DC_DOWN, OUT_OF_REACH, WRONG_PASSWORD

TODAY = date(2026, 6, 15)
WAIVER = Waiver("kerberos", "prod/web/*", "migration, ticket 4711", date(2026, 12, 31), Location("gmsa-doctor.toml", 3))
EXPIRED = replace(WAIVER, expires=date(2026, 6, 14), location=Location("gmsa-doctor.toml", 9))
REGISTRY = Registry(declared_in(config))
EVERY = frozenset({"config.waivers"})


def subject(*findings: Finding, name: str = "prod/web/app") -> SubjectReport:
    return SubjectReport(name, (), findings)


def the_one(findings: tuple[Finding, ...], check: str) -> Finding:
    return next(finding for finding in findings if finding.check == check)


def uses(state: WaiverState) -> list[WaiverUse]:
    return [outcome.use for outcome in state.waivers]


# What is waived -------------------------------------------------------------------------------------


@pytest.mark.parametrize("finding", [WRONG_PASSWORD, ONE_DC_DOWN, DENIED])
def test_a_waived_failure_warning_or_unknown_shows_its_status(finding: Finding) -> None:
    waiver = replace(WAIVER, check=finding.check)
    (judged,), _ = waived([subject(finding)], [waiver], TODAY)
    (waived_finding,) = judged.findings
    assert waived_finding.status is Status.WAIVED
    assert (
        waived_finding.summary
        == f"waived until 2026-12-31: migration, ticket 4711; was {finding.status}: {finding.summary}"
    )
    assert replace(waived_finding, status=finding.status, summary=finding.summary, root=finding.root) == finding
    assert not waived_finding.root


@pytest.mark.parametrize("finding", [GOOD[0], OUT_OF_REACH, CRASH])
def test_passed_skipped_and_error_cannot_be_waived(finding: Finding) -> None:
    subjects = (subject(finding),)
    assert waived(subjects, [replace(WAIVER, check=finding.check)], TODAY)[0] == subjects


def test_checks_skipped_because_of_a_waived_finding_stay_skipped() -> None:
    (judged,), _ = waived([subject(*GOOD, WRONG_PASSWORD, *BEHIND)], [WAIVER], TODAY)
    assert the_one(judged.findings, "kerberos.user-ticket").status is Status.WAIVED
    for finding_behind in BEHIND:
        assert the_one(judged.findings, finding_behind.check) == finding_behind


def test_the_run_passes_if_only_waived_findings_fail() -> None:
    judged, _ = waived([subject(*GOOD, WRONG_PASSWORD, *BEHIND)], [WAIVER], TODAY)
    assert report_of(judged, frozenset(), False, 0).verdict == "unproven"
    assert report_of((*judged, subject(WRONG_PASSWORD, name="x")), frozenset(), False, 0).verdict == "fail"


@pytest.mark.parametrize(
    ("check", "pattern", "matches"),
    [
        ("kerberos.user-ticket", "prod/web/app", True),
        ("kerberos", "*", True),
        ("kerberos", "prod/*", True),
        ("kerberos", "prod/web/?pp", True),
        ("kerberos", "PROD/*", False),
        ("kerberos", "prod/web", False),
        ("kerberos", "web/*", False),
        ("kerberos.clock", "*", False),
        ("kerb", "*", False),
        ("kerberos.user", "*", False),
    ],
)
def test_a_waiver_is_by_check_or_area_and_by_subject(check: str, pattern: str, matches: bool) -> None:
    (judged,), _ = waived([subject(WRONG_PASSWORD)], [replace(WAIVER, check=check, subject=pattern)], TODAY)
    assert (judged.findings[0].status is Status.WAIVED) == matches


def test_a_waiver_holds_on_its_last_day_and_not_on_the_next() -> None:
    last = replace(WAIVER, expires=TODAY)
    (judged,), state = waived([subject(WRONG_PASSWORD)], [last], TODAY)
    assert judged.findings[0].status is Status.WAIVED
    assert not state.waivers[0].expired
    (judged,), state = waived([subject(WRONG_PASSWORD)], [last], TODAY + timedelta(days=1))
    assert judged.findings == (WRONG_PASSWORD,)
    assert state.waivers == (WaiverOutcome(last, WaiverUse.USED, expired=True),)


def test_a_valid_waiver_holds_in_addition_to_an_expired_one() -> None:
    (judged,), state = waived([subject(WRONG_PASSWORD)], [EXPIRED, WAIVER], TODAY)
    assert judged.findings[0].summary.startswith("waived until 2026-12-31")
    assert [outcome.expired for outcome in state.waivers] == [True, False]


@given(st.text(), st.text())
def test_any_text_can_be_a_pattern_and_a_name(pattern: str, name: str) -> None:
    assert isinstance(replace(WAIVER, subject=pattern).is_about(name), bool)


# What became of a waiver ----------------------------------------------------------------------------

CLOCK = replace(GOOD[0], check="kerberos.clock")


@pytest.mark.parametrize(
    ("findings", "use"),
    [
        ([WRONG_PASSWORD, CLOCK], WaiverUse.USED),
        ([CLOCK], WaiverUse.UNUSED),
        ([CLOCK, replace(OUT_OF_REACH, check="kerberos.user-ticket")], WaiverUse.UNDECIDED),
        ([replace(CRASH, check="kerberos.clock")], WaiverUse.UNDECIDED),
        ([*GOOD], WaiverUse.UNDECIDED),
    ],
)
def test_a_waiver_is_unused_only_if_all_its_checks_passed(findings: list[Finding], use: WaiverUse) -> None:
    assert uses(waived([subject(*findings)], [WAIVER], TODAY)[1]) == [use]


def test_a_waiver_of_subjects_that_are_not_in_this_run_is_left_alone() -> None:
    assert uses(waived([subject(CLOCK, name="prod/db/app")], [WAIVER], TODAY)[1]) == [WaiverUse.ELSEWHERE]


# Severities -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("fail_on_warning", [False, True])
def test_a_failure_may_count_as_a_warning(fail_on_warning: bool) -> None:
    (failure, other) = with_severities(
        [WRONG_PASSWORD, GOOD[0]],
        {"kerberos.user-ticket": Severity.WARN, GOOD[0].check: Severity.WARN},
        fail_on_warning,
    )
    assert failure == replace(WRONG_PASSWORD, status=Status.WARN, root=fail_on_warning)
    assert other == GOOD[0]


def test_a_warning_may_count_as_a_failure() -> None:
    (warning, other) = with_severities(
        [ONE_DC_DOWN, DENIED], {"network.kerberos": Severity.FAIL, "secret.value": Severity.FAIL}, False
    )
    assert warning == replace(ONE_DC_DOWN, status=Status.FAIL, root=True)
    assert other == DENIED


# The check ------------------------------------------------------------------------------------------


def judged(*waivers: tuple[Waiver, WaiverUse, bool]) -> Finding:
    return config.waivers(WaiverState(tuple(WaiverOutcome(*waiver) for waiver in waivers)))


def test_waivers_in_use_pass_with_a_row_each() -> None:
    finding = judged(
        (WAIVER, WaiverUse.USED, False), (WAIVER, WaiverUse.ELSEWHERE, False), (WAIVER, WaiverUse.UNDECIDED, False)
    )
    assert finding.status is Status.PASS
    assert finding.summary == "3 waivers, none expired"
    assert [row.status for row in finding.rows] == [Status.PASS, Status.SKIPPED, Status.SKIPPED]
    assert finding.rows[0].name == "gmsa-doctor.toml:3: kerberos of prod/web/*"


@pytest.mark.parametrize("use", [WaiverUse.USED, WaiverUse.UNUSED, WaiverUse.UNDECIDED])
def test_an_expired_waiver_fails_with_its_check_reason_and_position(use: WaiverUse) -> None:
    finding = judged((WAIVER, WaiverUse.USED, False), (EXPIRED, use, True))
    assert finding.status is Status.FAIL
    assert finding.summary == "expired: kerberos of prod/web/* (gmsa-doctor.toml:9)"
    assert finding.observed == "kerberos of prod/web/*: migration, ticket 4711, until 2026-06-14"
    assert finding.location == EXPIRED.location
    assert finding.fix
    assert "expires" in finding.fix.text


def test_an_expired_waiver_for_other_subjects_warns() -> None:
    finding = judged((EXPIRED, WaiverUse.ELSEWHERE, True))
    assert finding.status is Status.WARN
    assert "expired" in finding.summary


def test_an_unused_waiver_warns() -> None:
    finding = judged((WAIVER, WaiverUse.UNUSED, False))
    assert finding.status is Status.WARN
    assert finding.summary == "unused: kerberos of prod/web/* (gmsa-doctor.toml:3)"
    assert finding.location == WAIVER.location


def test_expired_and_unused_waivers_are_reported_together_and_the_worst_decides() -> None:
    finding = judged((WAIVER, WaiverUse.UNUSED, False), (EXPIRED, WaiverUse.USED, True))
    assert finding.status is Status.FAIL
    assert "expired: " in finding.summary
    assert "unused: " in finding.summary
    assert finding.location == EXPIRED.location


# All of it over a run -------------------------------------------------------------------------------


def policy(*waivers: Waiver, **severities: Severity) -> Triage:
    return Triage(
        "gmsa-doctor.toml", {f"config.{key}": severity for key, severity in severities.items()}, waivers, today=TODAY
    )


def test_without_a_configuration_nothing_changes() -> None:
    subjects = (subject(*GOOD, WRONG_PASSWORD),)
    assert applied(subjects, Triage(), REGISTRY, EVERY, False) == subjects


def test_an_expired_waiver_is_an_additional_failure() -> None:
    first, last = applied([subject(WRONG_PASSWORD)], policy(EXPIRED), REGISTRY, EVERY, False)
    assert first.findings == (WRONG_PASSWORD,)
    assert last.name == "gmsa-doctor.toml"
    assert [(finding.check, finding.status, finding.root) for finding in last.findings] == [
        ("config.waivers", Status.FAIL, True)
    ]
    report = report_of((first, last), frozenset(), False, 0)
    assert report.root_causes == ("kerberos.user-ticket", "config.waivers")


def test_an_expired_waiver_fails_the_run_even_if_its_failure_is_fixed() -> None:
    report = report_of(applied([subject(CLOCK)], policy(EXPIRED), REGISTRY, EVERY, False), frozenset(), False, 0)
    assert report.verdict == "fail"


@pytest.mark.parametrize(("fail_on_warning", "verdict"), [(False, "unproven"), (True, "fail")])
def test_an_unused_waiver_fails_the_run_only_where_warnings_do(fail_on_warning: bool, verdict: str) -> None:
    subjects = applied([subject(CLOCK)], policy(WAIVER), REGISTRY, EVERY, fail_on_warning)
    assert report_of(subjects, frozenset(), False, 0).verdict == verdict


def test_the_severity_of_the_waivers_themselves_can_be_changed() -> None:
    subjects = applied([subject(CLOCK)], policy(EXPIRED, waivers=Severity.WARN), REGISTRY, EVERY, False)
    assert report_of(subjects, frozenset(), False, 0).verdict == "unproven"


def test_severities_come_before_waivers() -> None:
    changed = Triage("c.toml", {"kerberos.user-ticket": Severity.WARN}, (WAIVER,), today=TODAY)
    (first, _) = applied([subject(WRONG_PASSWORD)], changed, REGISTRY, EVERY, False)
    assert "; was warn: " in first.findings[0].summary


def test_without_its_check_the_configuration_is_not_a_subject() -> None:
    assert len(applied([subject(CLOCK)], policy(EXPIRED), REGISTRY, frozenset(), False)) == 1
