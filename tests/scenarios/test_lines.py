"""Each finding in a file points to the line of the fault."""

from pathlib import Path

import pytest

from tests.offline import offline, problems
from tests.scenarios.mutants import BASES, mutants

ACCURATE = 58
"""Of each 60 mutants, so many must point to the right line."""


def test_the_files_that_the_mutants_are_made_of_are_correct(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("hcl2")
    monkeypatch.chdir(tmp_path)
    for name, (text, suffix) in BASES.items():
        Path(f"{name}.{suffix}").write_text(text)
    report = offline(*(f"{name}.{suffix}" for name, (_, suffix) in BASES.items()))
    assert (problems(report), report.unread) == ([], ())


def test_a_fault_is_reported_at_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("hcl2")
    monkeypatch.chdir(tmp_path)
    wanted = mutants()
    for name, (text, _) in wanted.items():
        Path(name).write_text(text)
    report = offline(*wanted)
    places = [unread.location for unread in report.unread]
    places += [finding.location for finding in problems(report) if finding.location]
    found = {name: {place.line for place in places if place.file == name} for name in wanted}
    wrong = {name: lines for name, lines in found.items() if lines != {wanted[name][1]}}
    assert len(wanted) >= 60
    assert len(wrong) * 60 <= len(wanted) * (60 - ACCURATE), wrong
