"""The report as JUnit XML: a test suite a subject, a test case a check.

There is no one standard. This keeps to the grammar that Jenkins' xUnit plug-in validates against (``junit-10.xsd``),
the strictest in use, and to what GitLab and GitHub's publishers read of it. What becomes of a finding:

- ``pass``, and a warning that does not fail the run: passed, the warning in the case's output.
- ``fail``, and a warning that does fail the run: ``failure``.
- ``unknown`` and ``error``: ``error``, for the case came to no result. All these systems count it as not passed, and
  the run itself ends with an exit code of its own (3); as skipped it would look like a pass.
- ``skipped`` and ``waived``: ``skipped``, but ``error`` where ``--require`` had asked for what was skipped.

An interrupted run, and each file that could not be read, is an ``error`` in a suite of its own.

``file`` and ``line`` of a test case are no part of that grammar, so the place stands in the text.
Sources: jenkinsci/xunit-plugin, ``junit-10.xsd``; https://docs.gitlab.com/ci/testing/unit_test_reports/ (which takes
the first of equal names only, shows the text within the elements and not their ``message``).
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence

from gmsa_doctor.core.model import Finding, Report, Status, SubjectReport, UnreadFile
from gmsa_doctor.core.printable import printable
from gmsa_doctor.report.findings import INTERRUPTION, detail_lines
from gmsa_doctor.report.fingerprint import place

UNREAD = "files that could not be read"
RUN = "the run"
_NO_RESULT = (Status.UNKNOWN, Status.ERROR)


def render(report: Report) -> str:
    """The report as an XML document. Equal reports give equal documents but for the durations."""
    report = printable(report)
    root = ET.Element("testsuites", name="gmsa-doctor", time=_seconds(report.duration_ms))
    suites = [_suite(subject, report.missing) for subject in report.subjects]
    if report.interrupted:
        suites.append(_interrupted())
    if report.unread:
        suites.append(_unread(report.unread))
    root.extend(suites)
    for name in ("tests", "failures", "errors"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in suites)))
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _suite(subject: SubjectReport, missing: Sequence[str]) -> ET.Element:
    cases = [_case(subject, finding, missing) for finding in subject.findings]
    suite = _suite_of(subject.name, cases, sum(finding.duration_ms for finding in subject.findings))
    properties = ET.Element("properties")
    for name, value in subject.facts:
        ET.SubElement(properties, "property", name=name, value=value)
    suite.insert(0, properties)
    return suite


def _suite_of(name: str, cases: Sequence[ET.Element], duration_ms: int) -> ET.Element:
    suite = ET.Element("testsuite", name=name, tests=str(len(cases)))
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(attribute, str(sum(case.find(tag) is not None for case in cases)))
    suite.set("time", _seconds(duration_ms))
    suite.extend(cases)
    return suite


def _case(subject: SubjectReport, finding: Finding, missing: Sequence[str]) -> ET.Element:
    case = ET.Element("testcase", classname=subject.name, name=finding.check, time=_seconds(finding.duration_ms))
    text = "\n".join((finding.summary, *detail_lines(finding)))
    if finding.is_failure:
        _result(case, "failure", finding.status, finding.summary, text)
    elif finding.status in _NO_RESULT:
        _result(case, "error", finding.status, finding.summary, text)
    elif finding.status is Status.SKIPPED and finding.check in missing:
        _result(case, "error", finding.status, finding.summary, text, "required, and skipped: ")
    elif finding.status is Status.SKIPPED:
        _result(case, "skipped", finding.status, finding.summary, finding.summary)
    elif finding.status is Status.WAIVED:
        _result(case, "skipped", finding.status, finding.summary, text, "waived: ")
    elif finding.status is Status.WARN:
        ET.SubElement(case, "system-out").text = f"warning: {text}"
    return case


def _result(case: ET.Element, tag: str, type: str, summary: str, text: str, prefix: str = "") -> None:
    ET.SubElement(case, tag, type=type, message=f"{prefix}{summary}").text = f"{prefix}{text}"


def _unread(unread: Sequence[UnreadFile]) -> ET.Element:
    cases = []
    for file in unread:
        case = ET.Element("testcase", classname=UNREAD, name=file.location.file, time=_seconds(0))
        _result(case, "error", "unread", file.reason, f"{place(file.location)}: {file.reason}")
        cases.append(case)
    return _suite_of(UNREAD, cases, 0)


def _interrupted() -> ET.Element:
    """What had not ended is unknown, and what had not begun is not in the report: a suite that cannot pass."""
    case = ET.Element("testcase", classname=RUN, name="interrupted", time=_seconds(0))
    _result(case, "error", "interrupted", INTERRUPTION, INTERRUPTION)
    return _suite_of(RUN, [case], 0)


def _seconds(duration_ms: int) -> str:
    return f"{duration_ms / 1000:.3f}"
