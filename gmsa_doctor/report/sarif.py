"""The report as SARIF 2.1.0: the checks are its rules, and what is not well its results.

GitHub's code scanning shows a result only at a file of the repository, so each has a physical location: where the
cause stands in a file, or for a live subject a placeholder, beside the task definition as a logical location.
Passes, skips and waived findings are no results: what is gone from the results is closed as mended.

Sources: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html;
https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

from gmsa_doctor.core.model import Check, Finding, Location, Report, Status, SubjectReport
from gmsa_doctor.core.printable import json_document, printable
from gmsa_doctor.formats.aws.partitions import partition_of
from gmsa_doctor.report.findings import SharedFinding, all_findings, detail_lines, gaps, worst_first
from gmsa_doctor.report.fingerprint import FINGERPRINT, file_and_line, fingerprint, path

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_ROOT = "%SRCROOT%"
_VERSION = re.compile(r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?", re.ASCII)


def render(report: Report, checks: Mapping[str, Check]) -> str:
    """The report as a SARIF log with one run. ``checks`` are those of the run, by their ids."""
    report = printable(report)
    problems = worst_first(report)
    all_ids = dict.fromkeys([*checks, *(problem.finding.check for problem in problems)])
    ids = {id: index for index, id in enumerate(all_ids)}
    driver: dict[str, object] = {"name": "gmsa-doctor", "version": report.version}
    if _VERSION.fullmatch(report.version):
        driver["semanticVersion"] = report.version
    driver["rules"] = [_rule(id, checks.get(id)) for id in ids]
    run = {
        "tool": {"driver": driver},
        "invocations": [_invocation(report)],
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The directory that gmsa-doctor ran in."}}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(problem, ids) for problem in problems],
    }
    return json_document({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}) + "\n"


# Rules -----------------------------------------------------------------------------------------------


def _rule(id: str, check: Check | None) -> dict[str, object]:
    if check is None:  # raised under the id of a check that is not in this run
        return {"id": id}
    explanation = check.explanation
    what, why, fix = map(_text, (explanation.what, explanation.why, explanation.fix))
    return {
        "id": id,
        "shortDescription": {"text": _text(check.title)},
        "fullDescription": {"text": what or _text(check.title)},
        "help": {
            "text": f"{what}\n\nWhy: {why}\n\nFix: {fix}\n\nSee {check.docs}",
            "markdown": f"{what}\n\n**Why:** {why}\n\n**Fix:** {fix}\n\n[Documentation]({check.docs})",
        },
        "helpUri": check.docs,
        "properties": {
            "tags": sorted({check.area, *([str(check.cause)] if check.cause else [])}),
            "origin": check.origin,
        },
    }


def _text(prose: str) -> str:
    """Paragraphs, each on one line."""
    return "\n\n".join(printable(" ".join(paragraph.split())) for paragraph in prose.split("\n\n"))


# Results ---------------------------------------------------------------------------------------------


def _result(problem: SharedFinding, ids: Mapping[str, int]) -> dict[str, object]:
    finding, subject = problem.finding, problem.subjects[0]
    prints = {FINGERPRINT: fingerprint(subject.name, finding)}
    if finding.location is None:
        # GitHub's upload makes this one from the line of a file, and warns of any other; here there is no file
        prints["primaryLocationLineHash"] = prints[FINGERPRINT]
    return {
        "ruleId": finding.check,
        "ruleIndex": ids[finding.check],
        "level": "error" if finding.is_failure or finding.status is Status.ERROR else "warning",
        "message": {"text": _message(finding, subject)},
        "locations": [_location(subject, finding)],
        "partialFingerprints": prints,
        **_fixes(finding),
        "properties": {
            "status": finding.status,
            "subject": subject.name,
            "rootCause": finding.root,
            "owner": finding.owner,
        },
    }


def _fixes(finding: Finding) -> dict[str, object]:
    """The edits that fix it, for viewers that apply them; nothing for a change of the encoding alone."""
    change = finding.fix.change if finding.fix else None
    if not (finding.fix and finding.location and change and change.edits) or change.is_encoding:
        return {}
    replacements = [
        {
            "deletedRegion": {
                "startLine": edit.line,
                "startColumn": edit.column,
                "endLine": edit.end_line,
                "endColumn": edit.end_column,
            },
            "insertedContent": {"text": edit.text},
        }
        for edit in change.edits
    ]
    changes = [{"artifactLocation": _artifact(path(finding.location.file)), "replacements": replacements}]
    return {"fixes": [{"description": {"text": finding.fix.text}, "artifactChanges": changes}]}


def _message(finding: Finding, subject: SubjectReport) -> str:
    """What viewers show first is the first sentence. Brackets would make a link: names must not.

    Braces stay single, against the specification's letter (3.11.5): without arguments nothing is put in their place,
    and GitHub shows them as they are.
    """
    lines = (finding.summary, f"of: {subject.name}", *detail_lines(finding))
    return "\n".join(lines).replace("](", "] (")


def _location(subject: SubjectReport, finding: Finding) -> dict[str, object]:
    file, line = file_and_line(subject.name, finding)
    column = finding.location.column if finding.location else None
    return {
        "physicalLocation": _physical(Location(file, line, column)),
        "logicalLocations": [
            {"name": subject.name, "fullyQualifiedName": _resource(subject) or subject.name, "kind": "resource"}
        ],
    }


def _physical(location: Location) -> dict[str, object]:
    places = {"startLine": location.line, "startColumn": location.column if location.line else None}
    region = {name: number for name, number in places.items() if number}
    return {"artifactLocation": _artifact(path(location.file)), **({"region": region} if region else {})}


def _artifact(file: str) -> dict[str, str]:
    """A path as a URI: relative to the sources, or absolute as it was given."""
    if file.startswith("/"):
        return {"uri": f"file://{quote(file)}"}
    return {"uri": quote(file), "uriBaseId": _ROOT}


def _resource(subject: SubjectReport) -> str | None:
    """The task definition's ARN, as far as the report has its parts."""
    facts = dict(subject.facts)
    name = facts.get("task_definition", "")
    if name.startswith("arn:"):
        return name
    region, account = facts.get("region", ""), facts.get("account")
    if not (region and account and re.fullmatch(r"[\w-]+:\d+", name, re.ASCII)):
        return None
    return f"arn:{partition_of(region).name}:ecs:{region}:{account}:task-definition/{name}"


# The invocation --------------------------------------------------------------------------------------


def _invocation(report: Report) -> dict[str, object]:
    """Whether the run came to its end: a finding that is a failure does not make it unsuccessful, a gap does."""
    notes: list[dict[str, object]] = [
        {
            "level": "error",
            "message": {"text": f"{unread.location.file} could not be read: {unread.text}"},
            "locations": [{"physicalLocation": _physical(unread.location)}],
        }
        for unread in report.unread
    ]
    notes += [{"level": "error", "message": {"text": reason}} for reason in gaps(report)]
    crashed = any(finding.status is Status.ERROR for finding in all_findings(report.subjects))
    invocation: dict[str, object] = {"executionSuccessful": not (notes or crashed), "exitCode": report.exit_code}
    if report.command:
        invocation["commandLine"] = report.command
    if report.started:
        invocation["startTimeUtc"] = report.started.replace("+00:00", "Z")
    if notes:
        invocation["toolExecutionNotifications"] = notes
    return invocation
