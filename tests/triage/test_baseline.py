"""A baseline: only what is new fails."""

import json as stdlib_json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gmsa_doctor.checking.check import report_of
from gmsa_doctor.cli.saved_report import saved_report
from gmsa_doctor.core.declaration import declared_in
from gmsa_doctor.core.errors import UsageError
from gmsa_doctor.core.model import Finding, Location, Report, Status, SubjectReport, Verdict
from gmsa_doctor.core.registry import Registry
from gmsa_doctor.report import json
from gmsa_doctor.report.reader import NotJson, OtherVersion, ReportError, read
from gmsa_doctor.triage.apply import Triage, applied
from gmsa_doctor.triage.baseline import Baseline, baseline_of, without_known
from gmsa_doctor.triage.waivers import Waiver, waived
from gmsa_doctor_checks import config
from tests.report.samples import BEHIND, CRASH, DENIED, GOOD, NO_OBJECT, ONE_DC_DOWN, SAMPLES, WRONG_PASSWORD, report

TODAY = date(2026, 6, 15)
WARNED = replace(ONE_DC_DOWN, root=True)
"""As with `--fail-on warn`."""


def baseline(*findings: Finding, name: str = "prod/web/app") -> Baseline:
    return baseline_of(report((name, list(findings)), verdict=Verdict.FAIL))


def now(*findings: Finding, known: Baseline) -> tuple[Finding, ...]:
    (subject,) = without_known([SubjectReport("prod/web/app", (), findings)], known)
    return subject.findings


# Only what is new fails -----------------------------------------------------------------------------


def test_a_known_failure_is_waived_whatever_its_text() -> None:
    (waived,) = now(WRONG_PASSWORD, known=baseline(replace(WRONG_PASSWORD, summary="said otherwise then")))
    assert waived.status is Status.WAIVED
    assert waived.summary == f"known in the baseline: was fail: {WRONG_PASSWORD.summary}"
    assert not waived.root
    assert waived.fix == WRONG_PASSWORD.fix


def test_a_new_failure_stays_a_failure() -> None:
    findings = (*GOOD, WRONG_PASSWORD)
    assert now(*findings, known=baseline(*GOOD, NO_OBJECT)) == findings
    assert now(*findings, known=baseline(WRONG_PASSWORD, name="prod/web/other")) == findings


@pytest.mark.parametrize(
    ("before", "finding", "known"),
    [
        (WARNED, WARNED, True),
        (ONE_DC_DOWN, WARNED, True),
        (replace(ONE_DC_DOWN, status=Status.FAIL), WARNED, True),
        (WARNED, replace(WARNED, status=Status.FAIL), False),
        (ONE_DC_DOWN, ONE_DC_DOWN, False),
        (DENIED, DENIED, False),
        (CRASH, CRASH, False),
        (replace(DENIED, status=Status.FAIL), DENIED, False),
        (DENIED, replace(DENIED, status=Status.FAIL), False),
    ],
)
def test_a_worse_status_is_new_and_unknown_is_never_known(before: Finding, finding: Finding, known: bool) -> None:
    (waived,) = now(finding, known=baseline(before))
    assert waived == finding or known
    assert (waived.status is Status.WAIVED) == known


def test_only_new_failures_decide_the_verdict() -> None:
    known = baseline(*GOOD, WRONG_PASSWORD, *BEHIND)
    subjects = [SubjectReport("prod/web/app", (), (*GOOD, WRONG_PASSWORD, *BEHIND))]
    assert report_of(without_known(subjects, known), frozenset(), False, 0).verdict == "unproven"
    subjects = [SubjectReport("prod/web/app", (), (NO_OBJECT, WRONG_PASSWORD))]
    made = report_of(without_known(subjects, known), frozenset(), False, 0)
    assert (made.verdict, made.root_causes) == ("fail", ("credspec.object",))


def test_a_report_made_with_a_baseline_can_be_the_next_baseline() -> None:
    first = baseline(WRONG_PASSWORD, WARNED)
    second = baseline(*now(WRONG_PASSWORD, WARNED, known=first))
    assert second == first


def test_a_waived_failure_is_not_known_and_fails_when_the_waiver_expires() -> None:
    waiver = Waiver("kerberos", "*", "known in the baseline: was fail: no", date(2030, 1, 1), Location("c.toml"))
    (subject,), _ = waived([SubjectReport("prod/web/app", (), (WRONG_PASSWORD,))], [waiver], TODAY)
    assert baseline(*subject.findings) == Baseline(frozenset(), frozenset())


def test_a_baseline_does_not_hide_an_expired_waiver() -> None:
    registry = Registry(declared_in(config))
    waiver = Waiver("kerberos", "*", "later", date(2020, 1, 1), Location("c.toml", 3))
    policy = Triage("c.toml", waivers=(waiver,), today=TODAY)
    subjects = [SubjectReport("prod/web/app", (), (WRONG_PASSWORD,))]
    every = frozenset({"config.waivers"})
    first = report_of(applied(subjects, policy, registry, every, False), frozenset(), False, 0)
    again = applied(subjects, replace(policy, baseline=baseline_of(first)), registry, every, False)
    assert [subject.findings[0].status for subject in again] == [Status.WAIVED, Status.FAIL]


# A report is read again -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", SAMPLES)
def test_a_written_report_is_read_again(name: str) -> None:
    for ascii in (False, True):
        found = read(json.render(SAMPLES[name], ascii=ascii))
        assert found == essence(SAMPLES[name])


def essence(of: Report) -> Report:
    """What a reader keeps of a report."""
    subjects = tuple(
        SubjectReport(
            subject.name,
            (),
            tuple(
                Finding(f.status, f.summary, because=f.because, check=f.check, root=f.root) for f in subject.findings
            ),
        )
        for subject in of.subjects
    )
    return Report(of.version, of.verdict, subjects, of.root_causes, of.counts)


def changed(change: Callable[[dict[str, Any]], object]) -> str:
    document = stdlib_json.loads(json.render(SAMPLES["root-cause"]))
    change(document)
    return stdlib_json.dumps(document)


def test_keys_of_later_versions_are_ignored() -> None:
    text = changed(
        lambda document: document.update(schema_version="2.9", more=[1]) or document["subjects"][0].update(more=2)
    )
    assert read(text) == essence(SAMPLES["root-cause"])


@pytest.mark.parametrize("version", ["3.0", "0.9", "", "one", "10.1"])
def test_another_major_version_is_reported(version: str) -> None:
    with pytest.raises(OtherVersion, match=r"not 1\.x"):
        read(changed(lambda document: document.update(schema_version=version)))


@pytest.mark.parametrize("text", ["", "{", "nope", "[1,]", "[" * 100_000, f"[{'9' * 5000}]"])
def test_text_that_is_not_json_is_reported(text: str) -> None:
    with pytest.raises(NotJson):
        read(text)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda document: document.pop("schema_version"), "schema_version"),
        (lambda document: document.update(schema_version=1), "schema_version"),
        (lambda document: document.pop("subjects"), r"the report\.subjects is not an array"),
        (lambda document: document.update(verdict="good"), "verdict"),
        (lambda document: document["subjects"].append(3), r"subjects\[1\] is not an object"),
        (lambda document: document["subjects"][0].update(name=None), r"subjects\[0\]\.name is not a string"),
        (
            lambda document: document["subjects"][0]["findings"][2].update(status="odd"),
            r"subjects\[0\]\.findings\[2\]\.status",
        ),
        (lambda document: document["subjects"][0]["findings"][2].update(status=["fail"]), "status is not a string"),
        (lambda document: document["subjects"][0]["findings"][2].pop("root"), "root is not true or false"),
        (lambda document: document["subjects"][0]["findings"][2].update(because="x"), "because"),
    ],
)
def test_a_missing_or_wrong_value_is_reported_with_its_position(
    change: Callable[[dict[str, Any]], object], where: str
) -> None:
    with pytest.raises(ReportError, match=where):
        read(changed(change))


@pytest.mark.parametrize("text", ["null", "3", "[]", '"text"', "{}", '{"schema_version": null}'])
def test_json_that_is_not_a_report_is_reported(text: str) -> None:
    with pytest.raises(ReportError, match="not a report of gmsa-doctor"):
        read(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["1.0", "fail", "pass"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["schema_version", "verdict", "subjects", "findings", "name", "status", "root", "root_causes"]
            ),
            inner,
        )
    ),
)


@given(JSON)
def test_any_json_gives_a_report_or_a_typed_error(document: object) -> None:
    try:
        assert read(stdlib_json.dumps(document)).verdict
    except ReportError as error:
        message = str(error)
        assert "\n" not in message


# From a file ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file"),
        (b"\xff\xfe", "not UTF-8"),
        (b"{", "not valid JSON"),
        (b'{"schema_version": "3.0"}', "not 1.x or 2.x"),
        (b'{"Resources": {}}', "not a report of gmsa-doctor"),
    ],
)
def test_an_invalid_baseline_is_reported_with_its_name(content: bytes | None, words: str, tmp_path: Path) -> None:
    path = tmp_path / "old.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        saved_report(path, "--baseline")
    assert str(caught.value).startswith(f"--baseline {path}")
    assert words in str(caught.value)


def test_a_directory_is_not_a_baseline(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Is a directory"):
        saved_report(tmp_path, "--baseline")
