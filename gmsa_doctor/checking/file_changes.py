"""The changes of the files that were given, which fix findings mechanically."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from gmsa_doctor.clients.files.file_bytes import STANDARD_INPUT, read_bytes
from gmsa_doctor.core.changes import Edit
from gmsa_doctor.core.model import Finding, Report, Status
from gmsa_doctor.formats.documents import text_edits


def with_edits(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings, with the edits of each change as far as they are found in its file.

    A warning has none: the file may be right. An encoding is the exception: saving it as UTF-8 is never wrong.
    """
    bodies: dict[str, bytes | str] = {}
    return tuple(_with_edits(finding, bodies) for finding in findings)


def _with_edits(finding: Finding, bodies: dict[str, bytes | str]) -> Finding:
    fix, place = finding.fix, finding.location
    if not (fix and fix.change and place) or place.file == STANDARD_INPUT:
        return finding
    if finding.status is not Status.FAIL and not (finding.status is Status.WARN and fix.change.is_encoding):
        return finding
    body = bodies[place.file] = bodies.get(place.file) or read_bytes(place.file)
    edits = None if isinstance(body, str) else text_edits.located(body, fix.change, place.line, place.column)
    return replace(finding, fix=replace(fix, change=replace(fix.change, edits=edits)))


def changed_files(report: Report) -> dict[str, tuple[bytes, bytes]]:
    """The content of each file that the findings' changes would alter, before and after."""
    edits: dict[str, list[Edit]] = {}
    for subject in report.subjects:
        for finding in subject.findings:
            change = finding.fix.change if finding.fix else None
            if change and change.edits and finding.location:
                edits.setdefault(finding.location.file, []).extend(change.edits)
    changed = {}
    for file, of_file in edits.items():
        body = read_bytes(file)
        after = None if isinstance(body, str) else text_edits.applied(body, of_file)
        if isinstance(body, bytes) and after is not None and after != body:
            changed[file] = (body, after)
    return changed
