"""The files of the archive for a support case, and the archive: equal contents give equal bytes."""

from __future__ import annotations

import html as html_text
import io
import json as json_text
import re
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from urllib.parse import quote, quote_plus

from gmsa_doctor.core.hidden import Hidden
from gmsa_doctor.core.model import Check, Report
from gmsa_doctor.core.printable import json_document
from gmsa_doctor.formats.documents.json_text import Document, parse
from gmsa_doctor.formats.symptoms.reading import HIDDEN, redacted
from gmsa_doctor.report import html, json
from gmsa_doctor.report.support_case import allowed, case_text
from gmsa_doctor.report.support_case.material import Material
from gmsa_doctor.report.support_case.timeline import timeline

_FIXED = (1980, 1, 1, 0, 0, 0)
"""The time of each file in the archive: the earliest that the format has."""
_ONLY_THE_OWNER = 0o100600 << 16


@dataclass(frozen=True)
class CaseFile:
    """A file of the archive, with a sentence on what it contains."""

    name: str
    contains: str
    text: str = field(repr=False)

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.text.encode("utf-8", "backslashreplace"))


def case_files(
    report: Report, material: Material, versions: Mapping[str, str], checks: Mapping[str, Check] | None = None
) -> tuple[CaseFile, ...]:
    """All files, the text of the case first."""
    files = [
        CaseFile("report.json", "the report, for programs", json.render(report)),
        CaseFile("report.html", "the report, as a page", html.render(report, checks)),
        CaseFile("timeline.txt", "what ECS recorded, what was changed, and this run", timeline(report, material)),
        *_documents(material),
        CaseFile("calls.json", "the requests to AWS, without arguments and answers", _calls(material)),
        CaseFile("versions.json", "gmsa-doctor, its libraries, Python, the system, libkrb5", json_document(versions)),
    ]
    text = case_text.render(report, {file.name: file.contains for file in files})
    files.insert(0, CaseFile("case.md", "the text of the case: what was verified, and what was ruled out", text))
    return tuple(CaseFile(file.name, file.contains, _without(material.secrets, file.text, file.name)) for file in files)


def _documents(material: Material) -> Iterable[CaseFile]:
    hides = "values of variables, commands, labels and options are hidden"
    definitions = [allowed.kept(document, allowed.TASK_DEFINITION) for document in material.task_definitions]
    yield from _numbered("task-definition", f"the task definition: {hides}", definitions)
    yield from _numbered("credspec", "the CredSpec", [_credspec(*credspec) for credspec in material.credspecs])
    services = [allowed.kept(document, allowed.SERVICE) for document in material.services]
    yield from _numbered("service", "the service, with its deployments and events", services)
    if material.tasks:
        tasks = allowed.kept(material.tasks, allowed.TASK)
        yield CaseFile(
            "tasks.json", "the tasks that were read, with the reasons why they stopped", json_document(tasks)
        )
    if material.records:
        records = [
            {
                "source": record.source,
                "by": record.by,
                "time": record.time.isoformat(timespec="seconds"),
                "task": record.task,
                "lines": [redacted(line) for line in record.lines],
            }
            for record in material.records
        ]
        yield CaseFile("known-lines.json", "the lines with a known error text, no others", json_document(records))


def _numbered(name: str, contains: str, documents: list[object]) -> Iterable[CaseFile]:
    for number, document in enumerate(documents, 1):
        suffix = f"-{number}" if len(documents) > 1 else ""
        yield CaseFile(f"{name}{suffix}.json", contains, json_document(document))


def _credspec(location: str, body: bytes) -> object:
    """A CredSpec that is not JSON is not shown: it may be any file."""
    document = parse(body.decode("utf-8-sig", "replace"))
    shown = {"location": location, "bytes": len(body)}
    if not isinstance(document, Document):
        return {**shown, "content": "not shown: not JSON"}
    return {**shown, "content": allowed.kept(document.value, allowed.CREDSPEC)}


def _calls(material: Material) -> str:
    calls = sorted(material.calls, key=lambda call: (call.started, call.service, call.operation))
    return json_document(
        [{**asdict(call), "started": call.started.isoformat(timespec="milliseconds")} for call in calls]
    )


def _without(secrets: Iterable[Hidden[str]], text: str, file: str) -> str:
    """The text, as a reader's file, without values that are known to be secret, however they got into it."""
    marker = html_text.escape(HIDDEN) if file.endswith(".html") else HIDDEN
    for form in sorted({form for hidden in secrets for form in _forms(hidden.reveal())}, key=len, reverse=True):
        text = text.replace(form, marker)
    return text if text.endswith("\n") else f"{text}\n"


def _forms(secret: str) -> set[str]:
    """The secret as it is, percent-encoded, in JSON (also in JSON inside of JSON), and in HTML."""
    encoded = {quote(secret, safe=""), quote(secret), quote_plus(secret)}
    forms = {secret, *encoded, *(re.sub("%..", lambda code: code[0].lower(), form) for form in encoded)}
    for _ in range(3):
        forms |= {
            json_text.dumps(form, ensure_ascii=ascii_only)[1:-1] for form in forms for ascii_only in (True, False)
        }
    return forms | set(map(html_text.escape, forms))


def archive(files: Iterable[CaseFile]) -> bytes:
    """The files as a zip archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as made:
        for file in files:
            entry = zipfile.ZipInfo(f"gmsa-doctor-case/{file.name}", _FIXED)
            entry.compress_type, entry.external_attr, entry.create_system = zipfile.ZIP_DEFLATED, _ONLY_THE_OWNER, 3
            made.writestr(entry, file.text.encode("utf-8", "backslashreplace"))
    return buffer.getvalue()
