"""A JSON report read again: of what `json.py` writes, what a comparison needs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any, TypeVar

from gmsa_doctor.core.model import Finding, Report, Status, SubjectReport, Verdict
from gmsa_doctor.report.findings import all_findings

T = TypeVar("T")

MAJORS = ("1", "2")
"""Version 1 has no verdict `unproven`, and root causes without their subject."""


class ReportError(ValueError):
    """The text cannot be read as a report. The message is fit for the user and repeats nothing from the text."""


class NotJson(ReportError):
    """The text is not JSON."""


class OtherVersion(ReportError):
    """It is a report of another major version of the schema."""


def read(text: str) -> Report:
    """The report, its findings with check, status, root, because and summary.

    Keys that are not known are ignored, as the schema promises for later 1.x versions. Raises ReportError.
    """
    try:
        document = json.loads(text.removeprefix("\ufeff"))
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise NotJson(f"it is not valid JSON: {error.msg[:1].lower()}{error.msg[1:]} at {where}") from error
    except (ValueError, RecursionError) as error:
        raise NotJson("it is not valid JSON: too deep, or a number is too long") from error
    root = _object(document, "the report")
    schema = root.get("schema_version")
    if not isinstance(schema, str):
        raise ReportError("it is not a report of gmsa-doctor: schema_version is missing (use --format json)")
    if schema.partition(".")[0] not in MAJORS:
        raise OtherVersion(f"its schema_version is {schema[:20]}, not 1.x or 2.x: create it again with this version")
    subjects = tuple(
        _subject(subject, f"subjects[{number}]")
        for number, subject in enumerate(_member(root, "subjects", list, "the report"))
    )
    counts = Counter(finding.status for finding in all_findings(subjects))
    roots = [finding for finding in all_findings(subjects) if finding.root]
    failures = [finding for finding in roots if finding.is_failure]
    tool = root.get("tool")
    version = tool.get("version") if isinstance(tool, dict) else None
    return Report(
        version=version if isinstance(version, str) else "",
        verdict=_word(Verdict, root, "verdict", "the report"),
        subjects=subjects,
        root_causes=tuple(dict.fromkeys(finding.check for finding in failures or roots)),
        counts=tuple((status, counts[status]) for status in Status),
    )


def _subject(value: object, where: str) -> SubjectReport:
    subject = _object(value, where)
    findings = _member(subject, "findings", list, where)
    return SubjectReport(
        _member(subject, "name", str, where),
        (),
        tuple(_finding(finding, f"{where}.findings[{number}]") for number, finding in enumerate(findings)),
    )


def _finding(value: object, where: str) -> Finding:
    finding = _object(value, where)
    return Finding(
        root=_member(finding, "root", bool, where),
        status=_word(Status, finding, "status", where),
        summary=_member(finding, "summary", str, where),
        because=_texts(finding, "because", where),
        check=_member(finding, "check", str, where),
    )


def _wrong(where: str, wanted: str) -> ReportError:
    return ReportError(f"it is not a report of gmsa-doctor: {where} is not {wanted}")


def _object(value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _wrong(where, "an object")
    return value


_KINDS = {list: "an array", str: "a string", bool: "true or false"}


def _member(parent: dict[str, Any], key: str, kind: type[T], where: str) -> T:
    value = parent.get(key)
    if not isinstance(value, kind):
        raise _wrong(f"{where}.{key}", _KINDS[kind])
    return value


def _texts(parent: dict[str, Any], key: str, where: str) -> tuple[str, ...]:
    values = _member(parent, key, list, where)
    if not all(isinstance(value, str) for value in values):
        raise _wrong(f"{where}.{key}", "an array of strings")
    return tuple(values)


def _word(kind: Callable[[str], T], parent: dict[str, Any], key: str, where: str) -> T:
    """A member of an enumeration."""
    text = _member(parent, key, str, where)
    try:
        return kind(text)
    except ValueError as error:
        raise _wrong(f"{where}.{key}", f"a {key} that is known") from error
