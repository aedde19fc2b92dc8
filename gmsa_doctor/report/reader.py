"""A JSON report read again: of what `json.py` writes, what a comparison needs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any, TypeVar

from gmsa_doctor.core.model import Finding, Report, Status, SubjectReport, Verdict

T = TypeVar("T")

MAJOR = "1"


class ReportError(ValueError):
    """The text is no report that can be read. The message is fit for the user and repeats nothing of the text."""


class NotJson(ReportError):
    """It is no JSON at all."""


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
        raise NotJson(f"it is no JSON: {error.msg[:1].lower()}{error.msg[1:]} at {where}") from error
    except (ValueError, RecursionError) as error:
        raise NotJson("it is no JSON that can be read: too deep, or a number that is too long") from error
    root = _object(document, "the report")
    _require_version(root)
    subjects = tuple(
        _subject(one, f"subjects[{number}]") for number, one in enumerate(_list(root, "subjects", "the report"))
    )
    counts = Counter(one.status for each in subjects for one in each.findings)
    return Report(
        version=_version(root),
        verdict=_one_of(Verdict, root, "verdict", "the report"),
        subjects=subjects,
        root_causes=_texts(root, "root_causes", "the report"),
        counts=tuple((status, counts[status]) for status in Status),
    )


def _require_version(root: dict[str, Any]) -> None:
    version = root.get("schema_version")
    if not isinstance(version, str):
        raise ReportError("it is no report of gmsa-doctor: it has no schema_version (made with --format json?)")
    if version.partition(".")[0] != MAJOR:
        raise OtherVersion(f"its schema_version is not {MAJOR}.x: make it again with this version of gmsa-doctor")


def _version(root: dict[str, Any]) -> str:
    tool = root.get("tool")
    version = tool.get("version") if isinstance(tool, dict) else None
    return version if isinstance(version, str) else ""


def _subject(value: object, where: str) -> SubjectReport:
    subject = _object(value, where)
    findings = _list(subject, "findings", where)
    return SubjectReport(
        _text(subject, "name", where),
        (),
        tuple(_finding(one, f"{where}.findings[{number}]") for number, one in enumerate(findings)),
    )


def _finding(value: object, where: str) -> Finding:
    finding = _object(value, where)
    root = finding.get("root")
    if not isinstance(root, bool):
        raise _wrong(f"{where}.root", "true or false")
    return Finding(
        _one_of(Status, finding, "status", where),
        _text(finding, "summary", where),
        because=_texts(finding, "because", where),
        check=_text(finding, "check", where),
        root=root,
    )


def _wrong(where: str, wanted: str) -> ReportError:
    return ReportError(f"it is no report of gmsa-doctor: {where} is not {wanted}")


def _object(value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _wrong(where, "an object")
    return value


def _list(parent: dict[str, Any], key: str, where: str) -> list[Any]:
    value = parent.get(key)
    if not isinstance(value, list):
        raise _wrong(f"{where}.{key}", "an array")
    return value


def _text(parent: dict[str, Any], key: str, where: str) -> str:
    value = parent.get(key)
    if not isinstance(value, str):
        raise _wrong(f"{where}.{key}", "a string")
    return value


def _texts(parent: dict[str, Any], key: str, where: str) -> tuple[str, ...]:
    values = _list(parent, key, where)
    if not all(isinstance(one, str) for one in values):
        raise _wrong(f"{where}.{key}", "an array of strings")
    return tuple(values)


def _one_of(kind: Callable[[str], T], parent: dict[str, Any], key: str, where: str) -> T:
    try:
        return kind(_text(parent, key, where))
    except ReportError:
        raise
    except ValueError as error:
        raise _wrong(f"{where}.{key}", f"a {key} that is known") from error
