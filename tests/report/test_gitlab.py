"""The Code Quality report, against golden files and a schema written from GitLab's documentation."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gmsa_doctor.core.model import Finding, Location, UnreadFile, Verdict
from gmsa_doctor.report import gitlab
from tests.report.samples import FOR_SYSTEMS, SAMPLES, report
from tests.report.test_reports import compare, findings

SCHEMA: dict[str, Any] = json.loads((Path(__file__).parent / "schemas" / "gitlab-code-quality.schema.json").read_text())


def entries(name: str) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = json.loads(gitlab.render(SAMPLES[name]))
    return made


@pytest.mark.parametrize("name", FOR_SYSTEMS)
def test_it_is_the_golden_one(name: str) -> None:
    compare(f"{name}.gitlab.json", gitlab.render(SAMPLES[name]))


@pytest.mark.parametrize("name", SAMPLES)
def test_it_fits_the_schema_and_no_fingerprint_comes_twice(name: str) -> None:
    jsonschema.validate(entries(name), SCHEMA)
    prints = [one["fingerprint"] for one in entries(name)]
    assert len(set(prints)) == len(prints)


def test_all_is_well_is_an_empty_array() -> None:
    assert gitlab.render(SAMPLES["passing"]) == "[]\n"


def test_the_worst_comes_first_and_has_the_worst_severity() -> None:
    assert [(one["check_name"], one["severity"]) for one in entries("failure-and-unknown")] == [
        ("credspec.object", "blocker"),
        ("secret.value", "major"),
        ("network.kerberos", "minor"),
    ]


def test_a_finding_in_a_file_is_told_at_its_line_for_each_subject() -> None:
    made = [one for one in entries("in-files") if one["check_name"] == "task-definition.prefix"]
    assert [one["location"] for one in made] == [{"path": "deploy/web.yaml", "lines": {"begin": 14}}] * 2


def test_an_interrupted_run_is_a_blocker() -> None:
    first = entries("interrupted")[0]
    assert (first["check_name"], first["severity"]) == (gitlab.INCOMPLETE, "blocker")
    assert "interrupted" in first["description"]


def test_a_file_that_could_not_be_read_is_a_blocker() -> None:
    first = entries("in-files")[0]
    assert (first["severity"], first["location"]["path"]) == ("blocker", "deploy/broken.json")


@settings(deadline=None)
@given(st.lists(findings, max_size=4), st.text(max_size=20))
def test_whatever_a_finding_holds_it_fits(made: list[Finding], name: str) -> None:
    text = gitlab.render(report((name, made), verdict=Verdict.FAIL, unread=(UnreadFile(Location(name), name),)))
    jsonschema.validate(json.loads(text), SCHEMA)
    assert all(line.isprintable() for line in text.split("\n"))
    assert text.encode()
