from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from gmsa_doctor.checking.check import report_of
from gmsa_doctor.clients.files.source_files import Sources
from gmsa_doctor.core.exit_code import ExitCode
from gmsa_doctor.core.limits import RunLimit
from gmsa_doctor.core.model import Verdict
from gmsa_doctor.given.request import Request
from gmsa_doctor.given.subject import AwsPlace
from gmsa_doctor.subjects.files import find
from gmsa_doctor.subjects.source import NotChecked
from tests.clients.files.test_source_files import Clock
from tests.command import a_task_definition

HERE = AwsPlace("eu-west-1", None)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    for number in range(5):
        (tmp_path / f"web-{number}.json").write_text(json.dumps(a_task_definition(family=f"web-{number}")))
    return tmp_path


def only_reason(files: NotChecked) -> str:
    (unread,) = files.unread
    assert unread.is_late
    report = report_of((), frozenset(), False, time.monotonic(), files)
    assert (report.verdict, report.exit_code) == (Verdict.INCOMPLETE, ExitCode.INCOMPLETE)
    return f"{Path(unread.location.file).name}: {unread.reason}"


def test_files_that_are_not_read_in_time_are_reported_as_one(directory: Path) -> None:
    subjects, files = find(Request(files=(str(directory),), offline=True), HERE, RunLimit(8, Clock()))
    assert [Path(found.subject.file or "").name for found in subjects] == ["web-0.json", "web-1.json"]
    assert only_reason(files) == (
        "web-2.json: the time for the whole run was over (--timeout); 2 more files were not read either"
    )


def test_a_directory_that_is_not_searched_in_time_is_reported(directory: Path) -> None:
    subjects, files = find(Request(files=(str(directory),), offline=True), HERE, RunLimit(3, Clock()))
    assert not subjects
    assert "more files were not read either" in only_reason(files)


def test_ctrl_c_leaves_the_files_after_it_unread(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = Sources.read

    def interrupted(self: Sources, file: object) -> object:
        if "web-3" in str(file):
            raise KeyboardInterrupt
        return read(self, file)  # type: ignore[arg-type]

    monkeypatch.setattr(Sources, "read", interrupted)
    limit = RunLimit()
    subjects, files = find(Request(files=(str(directory),), offline=True), HERE, limit)
    assert len(subjects) == 3
    assert limit.interrupted
    assert only_reason(files) == "web-3.json: the run was interrupted; 1 more file was not read either"
