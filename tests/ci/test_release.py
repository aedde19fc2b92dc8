"""The repository's workflows and forms are valid and pin their actions; a release's notes come from the changelog."""

import re
import subprocess
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import yaml

import gmsa_doctor
from tests.ci.actions import REPOSITORY
from tests.ci.schemas import assert_valid

GITHUB = REPOSITORY / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
FORMS = sorted(path for path in (GITHUB / "ISSUE_TEMPLATE").glob("*.yml") if path.name != "config.yml")


def name_of(path: Path) -> str:
    return path.name


@pytest.mark.parametrize("path", WORKFLOWS, ids=name_of)
def test_the_workflows_are_valid_and_each_job_has_a_time_limit(path: Path) -> None:
    assert_valid(path, "github-workflows")
    jobs = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]
    assert all("timeout-minutes" in job for job in jobs.values())


@pytest.mark.parametrize("path", WORKFLOWS, ids=name_of)
def test_every_action_is_pinned_by_its_commit_and_says_its_version(path: Path) -> None:
    uses = re.findall(r"uses: *(\S+)(.*)", path.read_text(encoding="utf-8"))
    assert uses
    for action, comment in uses:
        assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", action), action
        assert re.fullmatch(r" +# v\d+\.\d+\.\d+", comment), action


@pytest.mark.parametrize("path", WORKFLOWS, ids=name_of)
def test_no_workflow_puts_what_anybody_may_write_into_a_script(path: Path) -> None:
    def scripts(node: Any) -> list[str]:
        if isinstance(node, dict):
            own = [node["run"]] if isinstance(node.get("run"), str) else []
            return own + [script for value in node.values() for script in scripts(value)]
        return [script for item in node for script in scripts(item)] if isinstance(node, list) else []

    found = scripts(yaml.safe_load(path.read_text(encoding="utf-8")))
    assert found
    assert not [script for script in found if "${{" in script]


@pytest.mark.parametrize("path", FORMS, ids=name_of)
def test_the_issue_forms_are_valid(path: Path) -> None:
    assert_valid(path, "github-issue-forms")


def test_the_other_files_are_valid() -> None:
    assert_valid(GITHUB / "dependabot.yml", "dependabot")
    assert_valid(GITHUB / "ISSUE_TEMPLATE" / "config.yml", "github-issue-config")


def notes(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(REPOSITORY / ".ci" / "release-notes"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_the_notes_are_a_section_of_the_changelog() -> None:
    ended = notes("unreleased")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("### ")
    assert "\n## " not in ended.stdout


def test_a_tag_that_is_not_the_version_has_no_notes() -> None:
    ended = notes("v99.0.0")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert f"the package has the version {gmsa_doctor.__version__}" in ended.stderr


def formula(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(REPOSITORY / ".ci" / "homebrew-formula"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_the_formula_names_the_source_distribution_with_its_hash(tmp_path: Path) -> None:
    sdist = tmp_path / "gmsa_doctor-1.tar.gz"
    sdist.write_bytes(b"sdist")
    ended = formula(str(sdist), "https://code.example/gmsa_doctor-1.tar.gz", "https://code.example/gmsa-doctor")
    assert ended.returncode == 0, ended.stderr
    assert f'sha256 "{sha256(b"sdist").hexdigest()}"' in ended.stdout
    assert '  url "https://code.example/gmsa_doctor-1.tar.gz"' in ended.stdout
    assert "{{" not in ended.stdout


def test_a_formula_has_no_address_that_ruby_would_read_as_code(tmp_path: Path) -> None:
    ended = formula(__file__, 'https://code.example/"; system "x', "https://code.example")
    assert (ended.returncode, ended.stdout) == (1, "")


def test_the_distributions_are_built_after_the_image_and_name_its_digest() -> None:
    jobs = yaml.safe_load((GITHUB / "workflows" / "release.yml").read_text(encoding="utf-8"))["jobs"]
    assert (jobs["image"]["needs"], jobs["build"]["needs"], jobs["packages"]["needs"]) == (
        "rehearsal",
        "image",
        "build",
    )
    assert any("PUBLISHED_IMAGE=" in step.get("run", "") for step in jobs["build"]["steps"])
