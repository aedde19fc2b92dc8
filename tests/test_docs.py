"""The generated pages are those that the code gives, and no check is missing in a page that is written by hand."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from gmsa_doctor.authoring import Owner
from gmsa_doctor_checks import OWNERS, STEPS

DOCS = Path(__file__).parent.parent / "docs"
GENERATE = DOCS / "generate.py"


@pytest.fixture
def generate(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """docs/generate.py, which is a script and in no package."""
    spec = importlib.util.spec_from_file_location("generate_docs", GENERATE)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(sys, "argv", ["generate.py", "--check"])
    return module


@pytest.fixture
def elsewhere(generate: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The pages, written afresh under another directory."""
    docs = tmp_path / "docs"
    docs.mkdir()
    monkeypatch.setattr(generate, "DOCS", docs)
    monkeypatch.setattr(sys, "argv", ["generate.py"])
    assert generate.main() == 0
    monkeypatch.setattr(sys, "argv", ["generate.py", "--check"])
    return docs


def test_the_pages_in_the_repository_are_up_to_date(generate: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert generate.main() == 0, capsys.readouterr().out


def test_a_changed_a_missing_and_a_left_over_page_are_named(
    generate: ModuleType, elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert generate.main() == 0
    (elsewhere / "checks" / "credspec.size.md").write_text("changed")
    (elsewhere / "checks" / "README.md").unlink()
    (elsewhere / "checks" / "gone.check.md").write_text("of a check that no longer exists")
    assert generate.main() == 1
    said = capsys.readouterr().out
    assert all(name in said for name in ("credspec.size.md", "README.md", "gone.check.md"))


def test_writing_mends_all_that_and_deletes_what_is_left_over(
    generate: ModuleType, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (elsewhere / "checks" / "gone.check.md").write_text("of a check that no longer exists")
    (elsewhere / "checks" / "credspec.size.md").write_text("changed")
    monkeypatch.setattr(sys, "argv", ["generate.py"])
    assert generate.main() == 0
    monkeypatch.setattr(sys, "argv", ["generate.py", "--check"])
    assert generate.main() == 0
    assert not (elsewhere / "checks" / "gone.check.md").exists()


def test_a_bar_in_a_text_does_not_end_its_cell(generate: ModuleType) -> None:
    assert generate._cell("a|b") == r"a\|b"


CONNECTS = ("network.kerberos", "network.ldap")
"""These connect to the lab's domain controller, and take nothing from AWS."""


def test_what_each_check_of_awss_side_takes_from_documentation_is_named() -> None:
    aws_areas = {area for area, owner in OWNERS.items() if owner in (Owner.AWS, Owner.DEVELOPER)} - {
        "config",
        "plug-ins",
    }
    ids = {str(id) for ids in STEPS.values() for id in ids if id.partition(".")[0] in aws_areas} - {*CONNECTS}
    named = set(re.findall(r"`([a-z0-9-]+\.[a-z0-9-]+)`", (DOCS / "not-proved-live.md").read_text()))
    assert not ids - named


def test_the_costs_of_the_fleet_are_those_that_the_script_computes() -> None:
    table = subprocess.run([sys.executable, DOCS / "fleet_costs.py"], capture_output=True, text=True, check=True).stdout
    assert table in (DOCS / "fleet.md").read_text(encoding="utf-8")
