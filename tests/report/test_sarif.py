"""The SARIF log, against golden files and the schema of OASIS, and what GitHub wants beyond it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gmsa_doctor.core import registry
from gmsa_doctor.core.model import Finding, Location, Report, SubjectReport, UnreadFile, Verdict
from gmsa_doctor.report import sarif
from tests.report.samples import CHECKS, DENIED, FOR_SYSTEMS, NO_PREFIX, SAMPLES, WRONG_PASSWORD, report
from tests.report.test_reports import compare, findings

SCHEMA: dict[str, Any] = json.loads(
    (Path(__file__).parent / "schemas" / "sarif-schema-2.1.0.json").read_text(encoding="utf-8")
)
VALIDATOR = jsonschema.Draft4Validator(SCHEMA)


def run_of(made: Report) -> dict[str, Any]:
    log = json.loads(sarif.render(made, CHECKS))
    VALIDATOR.validate(log)
    (run,) = log["runs"]
    assert isinstance(run, dict)
    return run


@pytest.mark.parametrize("name", FOR_SYSTEMS)
def test_it_is_the_golden_one(name: str) -> None:
    compare(f"{name}.sarif", sarif.render(SAMPLES[name], CHECKS))


@pytest.mark.parametrize("name", SAMPLES)
def test_it_fits_the_schema_and_each_result_has_a_place_a_rule_and_a_fingerprint(name: str) -> None:
    run = run_of(SAMPLES[name])
    rules = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        physical = result["locations"][0]["physicalLocation"]
        assert physical["region"]["startLine"] >= 1
        assert not physical["artifactLocation"]["uri"].startswith(("/", "./", "file:"))
    prints = [one["partialFingerprints"]["gmsaDoctor/v1"] for one in run["results"]]
    assert len(set(prints)) == len(prints)


def test_the_schema_is_a_schema_and_refuses_what_is_none_of_sarif() -> None:
    jsonschema.Draft4Validator.check_schema(SCHEMA)
    log = json.loads(sarif.render(SAMPLES["root-cause"], CHECKS))
    log["runs"][0]["results"][0]["severity"] = "high"
    assert not VALIDATOR.is_valid(log)


def test_the_rules_are_the_checks_and_say_what_explain_says() -> None:
    every = {one.id: one for one in registry.load().checks}
    log = json.loads(sarif.render(SAMPLES["root-cause"], every))
    VALIDATOR.validate(log)
    rules = {one["id"]: one for one in log["runs"][0]["tool"]["driver"]["rules"]}
    assert list(rules) == list(every)
    for id, rule in rules.items():
        assert rule["shortDescription"]["text"] == every[id].title
        assert rule["helpUri"] == every[id].docs
        assert "**Fix:**" in rule["help"]["markdown"]


def test_a_finding_in_a_file_has_its_place_and_leaves_the_line_hash_to_github() -> None:
    (result,) = run_of(report(("web/app", [NO_PREFIX]), verdict=Verdict.FAIL))["results"]
    assert result["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "deploy/web.yaml", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 14, "startColumn": 11},
    }
    assert list(result["partialFingerprints"]) == ["gmsaDoctor/v1"]


def test_a_live_subject_has_a_placeholder_beside_its_task_definition() -> None:
    (result,) = run_of(SAMPLES["root-cause"])["results"]
    place = result["locations"][0]
    assert place["physicalLocation"]["artifactLocation"]["uri"] == ".gmsa-doctor/prod/web/app"
    assert place["logicalLocations"][0] == {
        "name": "prod/web/app",
        "fullyQualifiedName": "arn:aws:ecs:us-east-1:123456789012:task-definition/web:42",
        "kind": "resource",
    }
    assert "primaryLocationLineHash" in result["partialFingerprints"]


@pytest.mark.parametrize(
    ("facts", "name"),
    [
        ({"region": "cn-north-1"}, "arn:aws-cn:ecs:cn-north-1:123456789012:task-definition/web:42"),
        ({"region": "us-gov-west-1"}, "arn:aws-us-gov:ecs:us-gov-west-1:123456789012:task-definition/web:42"),
        ({"region": "us-iso-east-1"}, "arn:aws-iso:ecs:us-iso-east-1:123456789012:task-definition/web:42"),
        ({"region": ""}, "prod/web/app"),
        ({"task_definition": "deploy/web.json"}, "prod/web/app"),
    ],
)
def test_an_arn_is_made_only_of_what_is_known(facts: dict[str, str], name: str) -> None:
    whole = SAMPLES["root-cause"]
    one = whole.subjects[0]
    changed = SubjectReport(one.name, tuple({**dict(one.facts), **facts}.items()), one.findings)
    (result,) = run_of(replace(whole, subjects=(changed,)))["results"]
    assert result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] == name


def test_a_files_name_is_percent_encoded_and_read_back() -> None:
    result = next(one for one in run_of(SAMPLES["in-files"])["results"] if one["ruleId"] == "credspec.names")
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == "deploy/gr%C3%B6%C3%9Fe%20%26%2050%25%2C%20%281%29.json"
    assert unquote(uri) == "deploy/größe & 50%, (1).json"


def test_a_file_outside_keeps_its_absolute_name() -> None:
    outside = replace(NO_PREFIX, location=Location("/srv/a b.json", 2))
    (result,) = run_of(report(("web/app", [outside]), verdict=Verdict.FAIL))["results"]
    artifact = result["locations"][0]["physicalLocation"]["artifactLocation"]
    assert artifact == {"uri": "file:///srv/a%20b.json"}


def test_passes_skips_and_waived_findings_are_no_results() -> None:
    levels = [(one["ruleId"], one["level"]) for one in run_of(SAMPLES["in-files"])["results"]]
    assert levels == [
        ("task-definition.prefix", "error"),
        ("task-definition.prefix", "error"),
        ("credspec.names", "warning"),
    ]


def test_a_failure_is_a_successful_run_and_a_gap_is_not() -> None:
    def invocation(name: str) -> dict[str, Any]:
        made: dict[str, Any] = run_of(SAMPLES[name])["invocations"][0]
        return made

    assert invocation("root-cause")["executionSuccessful"]
    assert not invocation("crash")["executionSuccessful"]
    for name, word in (("interrupted", "interrupted"), ("out-of-reach", "required"), ("in-files", "could not be read")):
        assert not invocation(name)["executionSuccessful"]
        assert word in invocation(name)["toolExecutionNotifications"][0]["message"]["text"]


def test_the_invocation_has_the_exit_code_the_command_and_the_start() -> None:
    (of_run,) = run_of(SAMPLES["denied"])["invocations"]
    assert of_run["exitCode"] == 3
    assert of_run["commandLine"] == "gmsa-doctor check --cluster prod --service web"
    assert of_run["startTimeUtc"] == "2026-11-30T08:15:00Z"


def test_names_make_no_link_of_a_message() -> None:
    odd = replace(WRONG_PASSWORD, summary="[click](https://evil.example) \x1b[31m\u202e")
    (result,) = run_of(report(("a", [odd]), verdict=Verdict.FAIL))["results"]
    text = result["message"]["text"]
    assert "](" not in text
    assert text.splitlines()[0] == r"[click] (https://evil.example) \x1b[31m\u202e"


def test_a_check_that_is_not_of_this_run_is_a_rule_with_its_id_alone() -> None:
    rules = run_of(report(("a", [DENIED]), verdict=Verdict.INCOMPLETE))["tool"]["driver"]["rules"]
    assert rules[-1] == {"id": "secret.value"}


@settings(deadline=None)
@given(st.lists(findings, max_size=4), st.text(max_size=20))
def test_whatever_a_finding_holds_it_fits(made: list[Finding], name: str) -> None:
    located = [replace(one, location=Location(name or "x", 1, 1)) for one in made]
    text = sarif.render(
        report((name, [*made, *located]), verdict=Verdict.FAIL, unread=(UnreadFile(Location(name), name),)), CHECKS
    )
    VALIDATOR.validate(json.loads(text))
    assert all(line.isprintable() for line in text.split("\n"))
    assert text.encode()
