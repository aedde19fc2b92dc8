"""The JUnit XML, against golden files and the grammar that Jenkins takes."""

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest
import xmlschema
from hypothesis import given, settings
from hypothesis import strategies as st

from gmsa_doctor.core.model import Location, UnreadFile, Verdict
from gmsa_doctor.report import junit
from tests.report.samples import (
    BEHIND_REACH,
    CRASH,
    DENIED,
    FOR_SYSTEMS,
    GOOD,
    HOSTILE,
    ONE_DC_DOWN,
    OUT_OF_REACH,
    SAMPLES,
    WAIVED,
    WRONG_PASSWORD,
    finding,
    report,
)
from tests.report.test_reports import compare, findings

SCHEMA = xmlschema.XMLSchema(str(Path(__file__).parent / "schemas" / "junit.xsd"))


@pytest.mark.parametrize("name", FOR_SYSTEMS)
def test_it_is_the_golden_one(name: str) -> None:
    compare(f"{name}.junit.xml", junit.render(SAMPLES[name]))


@pytest.mark.parametrize("name", SAMPLES)
def test_it_fits_the_schema(name: str) -> None:
    SCHEMA.validate(junit.render(SAMPLES[name]))


def test_the_schema_refuses_what_jenkins_refuses() -> None:
    made = junit.render(SAMPLES["root-cause"])
    assert not SCHEMA.is_valid(made.replace("<testcase ", '<testcase file="x" ', 1))
    assert not SCHEMA.is_valid(made.replace(' failures="1"', "", 1))


def test_each_status_has_the_result_that_a_ci_system_counts() -> None:
    failing_warning = replace(ONE_DC_DOWN, root=True, check="network.ldap-signing")
    every = [*GOOD[:1], WRONG_PASSWORD, DENIED, CRASH, ONE_DC_DOWN, failing_warning, OUT_OF_REACH, WAIVED]
    suite = ET.fromstring(junit.render(report(("a", every), verdict=Verdict.FAIL)))[0]
    results = {case.attrib["name"]: [part.tag for part in case] for case in suite.iter("testcase")}
    assert results == {
        "task-definition.prefix": [],
        "kerberos.user-ticket": ["failure"],
        "secret.value": ["error"],
        "acme.odd": ["error"],
        "network.kerberos": ["system-out"],
        "network.ldap-signing": ["failure"],
        "dns.domain-controllers": ["skipped"],
        "execution-role.present": ["skipped"],
    }
    counts = {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "8", "failures": "2", "errors": "2", "skipped": "2"}


def test_an_interrupted_run_is_an_error_of_its_own() -> None:
    suite = ET.fromstring(junit.render(SAMPLES["interrupted"]))[-1]
    assert (suite.get("name"), suite.get("errors")) == (junit.RUN, "1")
    assert "interrupted" in (suite.findtext(".//error") or "")


def test_what_was_required_and_skipped_is_an_error() -> None:
    made = report(("a", [BEHIND_REACH]), verdict=Verdict.INCOMPLETE, missing=(BEHIND_REACH.check,))
    error = ET.fromstring(junit.render(made)).find(".//error")
    assert error is not None
    assert "required, and skipped" in error.attrib["message"]


def test_the_place_and_the_command_stand_in_the_text() -> None:
    made = ET.fromstring(
        junit.render(report(("a", [SAMPLES["in-files"].subjects[0].findings[0]]), verdict=Verdict.FAIL))
    )
    text = made.findtext(".//failure") or ""
    assert "at: deploy/web.yaml:14:11" in text.splitlines()
    password = ET.fromstring(junit.render(report(("a", [WRONG_PASSWORD]), verdict=Verdict.FAIL))).findtext(".//failure")
    assert WRONG_PASSWORD.fix
    assert WRONG_PASSWORD.fix.commands[0] in (password or "")


def test_names_cannot_end_an_element_or_bring_what_xml_forbids() -> None:
    odd = replace(HOSTILE, summary='</failure><x a="]]>&amp;\x00\x0b\ufffe\ud800', observed="<!-- ]]>")
    text = junit.render(report(('a"><b>\x1b', [odd]), verdict=Verdict.FAIL))
    suite = ET.fromstring(text)[0]
    assert suite.attrib["name"] == r'a"><b>\x1b'
    assert (suite.findtext(".//failure") or "").startswith(r'</failure><x a="]]>&amp;\x00\x0b\ufffe\ud800')


def test_there_may_be_no_subject_and_no_finding() -> None:
    SCHEMA.validate(junit.render(report(verdict=Verdict.PASS)))
    SCHEMA.validate(junit.render(report(("a", []), verdict=Verdict.PASS)))


@settings(deadline=None)
@given(st.lists(findings, max_size=4, unique_by=lambda one: one.check), st.text(max_size=20))
def test_whatever_a_finding_holds_the_document_fits(made: list, name: str) -> None:  # type: ignore[type-arg]
    extra = finding("acme.more")
    SCHEMA.validate(
        junit.render(report((name, [*made, extra]), verdict=Verdict.FAIL, unread=(UnreadFile(Location(name), name),)))
    )
