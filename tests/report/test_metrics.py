"""The verdict as a line of CloudWatch's embedded metric format."""

import json
from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from gmsa_doctor.core.errors import UsageError
from gmsa_doctor.core.model import Report, SubjectReport, Verdict
from gmsa_doctor.report.metrics import emf, require_namespace
from tests.report.samples import GOOD, SAMPLES, report

AT = 1_795_000_000_000
UNITS = ["Seconds", "Milliseconds", "Bytes", "Percent", "Count", "None"]

# The rules of https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
# as far as we use the format: where the page's text and its schema differ, or differ over time, the narrower one.
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["_aws"],
    "properties": {
        "_aws": {
            "type": "object",
            "required": ["Timestamp", "CloudWatchMetrics"],
            "additionalProperties": False,
            "properties": {
                "Timestamp": {"type": "integer", "minimum": 0},
                "CloudWatchMetrics": {
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "type": "object",
                        "required": ["Namespace", "Dimensions", "Metrics"],
                        "additionalProperties": False,
                        "properties": {
                            "Namespace": {"type": "string", "minLength": 1, "maxLength": 255},
                            "Dimensions": {
                                "type": "array",
                                "minItems": 1,
                                "items": {
                                    "type": "array",
                                    "maxItems": 9,
                                    "items": {"type": "string", "minLength": 1, "maxLength": 250},
                                },
                            },
                            "Metrics": {
                                "type": "array",
                                "maxItems": 100,
                                "items": {
                                    "type": "object",
                                    "required": ["Name"],
                                    "additionalProperties": False,
                                    "properties": {
                                        "Name": {"type": "string", "minLength": 1, "maxLength": 255},
                                        "Unit": {"enum": UNITS},
                                    },
                                },
                            },
                        },
                    },
                },
            },
        },
    },
}


def line(one: Report, namespace: str = "gmsa-doctor") -> dict[str, Any]:
    text = emf(one, namespace, AT)
    assert "\n" not in text
    assert text.isascii()
    document: dict[str, Any] = json.loads(text)
    return document


def named(*names: str, container: str | None = None) -> Report:
    made = report(*((name, GOOD) for name in names), verdict=Verdict.PASS)
    facts = (("container", container),) if container else ()
    return replace(made, subjects=tuple(SubjectReport(one.name, facts, one.findings) for one in made.subjects))


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
def test_each_line_keeps_the_rules_of_the_format(sample: Report) -> None:
    document = line(sample)
    jsonschema.validate(document, SCHEMA)
    for directive in document["_aws"]["CloudWatchMetrics"]:
        for keys in directive["Dimensions"]:
            assert all(isinstance(document[key], str) for key in keys)
            assert all(1 <= len(document[key]) <= 1024 for key in keys)
        assert all(isinstance(document[metric["Name"]], int | float) for metric in directive["Metrics"])
    assert document["_aws"]["Timestamp"] == AT


@pytest.mark.parametrize(
    ("sample", "verdict"),
    [
        ("passing", "Pass"),
        ("warning", "Pass"),
        ("unproven", "Unproven"),
        ("root-cause", "Fail"),
        ("denied", "Incomplete"),
    ],
)
def test_the_verdict_is_one_and_the_others_are_nought(sample: str, verdict: str) -> None:
    document = line(SAMPLES[sample])
    assert {name for name in ("Pass", "Unproven", "Fail", "Incomplete") if document[name] == 1} == {verdict}
    assert sum(document[name] for name in ("Pass", "Unproven", "Fail", "Incomplete")) == 1


def test_findings_are_counted_and_what_crashed_is_not_known_either() -> None:
    both = line(SAMPLES["failure-and-unknown"])
    assert (both["Failures"], both["Warnings"], both["Unknown"]) == (1, 1, 1)
    assert line(SAMPLES["crash"])["Unknown"] == 1
    assert line(SAMPLES["passing"])["DurationMs"] == 800


def test_nothing_that_a_finding_tells_is_in_the_line() -> None:
    document = line(SAMPLES["root-cause"])
    assert set(document) == {
        "_aws", "Subject", "Pass", "Unproven", "Fail", "Incomplete", "Failures", "Warnings", "Unknown", "DurationMs",
        "verdict", "root_causes", "version",
    }  # fmt: skip
    assert document["root_causes"] == ["kerberos.user-ticket"]


@pytest.mark.parametrize(
    ("one", "subject"),
    [
        (named("prod/web/app", container="app"), "prod/web"),
        (named("prod/web"), "prod/web"),
        (named("web/app", container="app"), "web"),
        (named("prod/a", "prod/b"), "prod/a,prod/b"),
        (named(":odd"), "odd"),
        (named("größe\n/資料"), "gr??e?/??"),
        (named(), "none"),
        (named(*(f"prod/service-{number}" for number in range(500))), None),
    ],
)
def test_the_subject_is_the_service_with_or_without_its_container(one: Report, subject: str | None) -> None:
    document = line(one)
    if subject:
        assert document["Subject"] == subject
    assert len(document["Subject"]) <= 1024
    assert document["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["Subject"]]


@pytest.mark.parametrize("namespace", ["gmsa-doctor", "Team A/gMSA:prod#1", "a" * 255])
def test_a_namespace_of_the_users_own_is_taken(namespace: str) -> None:
    require_namespace(namespace)
    assert line(SAMPLES["passing"], namespace)["_aws"]["CloudWatchMetrics"][0]["Namespace"] == namespace


@pytest.mark.parametrize("namespace", ["", " ", "AWS/ECS", ":x", "a" * 256, "größe", "a\nb", "a;b"])
def test_what_is_no_namespace_is_refused_with_what_one_is(namespace: str) -> None:
    with pytest.raises(UsageError, match=r"(?s)--metrics .*: give a CloudWatch namespace, such as gmsa-doctor"):
        require_namespace(namespace)
