"""The templates of GitLab and CodeBuild, and the workflows of ci/README.md: valid, and their scripts run."""

import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.ci.actions import REPOSITORY, definition, run_action
from tests.ci.fakes import FakeDoctor
from tests.ci.schemas import assert_valid
from tests.command import COMMAND, a_task_definition, environ, file_with

GITLAB = REPOSITORY / "ci" / "gitlab" / "gmsa-doctor.yml"
CODEBUILD = REPOSITORY / "ci" / "codebuild" / "buildspec.yml"
README = REPOSITORY / "ci" / "README.md"
FILES = "deploy/**/*.json\na file.yaml\n$(touch made)\n"


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def job() -> Any:
    return load(GITLAB)["gmsa-doctor"]


def gitlab_script() -> tuple[list[str], dict[str, str]]:
    """The job's commands, and its variables with their defaults."""
    return job()["script"], job()["variables"]


def codebuild_script() -> tuple[list[str], dict[str, str]]:
    """The build phase's commands, and the variables with their defaults."""
    buildspec = load(CODEBUILD)
    return buildspec["phases"]["build"]["commands"], buildspec["env"]["variables"]


BOTH = pytest.mark.parametrize("template", [gitlab_script, codebuild_script])


def run(
    commands: Sequence[str], variables: dict[str, str], path: Path, workspace: Path, shell: str = "bash"
) -> tuple[int, str]:
    """The commands in one shell, which a failure ends, with a `gmsa-doctor` of this directory."""
    workspace.mkdir()
    ended = subprocess.run(
        [shell, "-e", "-c", "\n".join(commands)],
        env=environ(workspace, PATH=f"{path}{os.pathsep}{os.environ['PATH']}", **variables),
        cwd=workspace,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
    )
    return ended.returncode, ended.stdout


# GitLab and CodeBuild ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "shell"), [(gitlab_script, "bash"), (gitlab_script, "sh"), (codebuild_script, "bash")]
)
def test_variables_become_arguments_line_by_line(template: Any, shell: str, tmp_path: Path) -> None:
    fake = FakeDoctor(tmp_path / "bin")
    commands, variables = template()
    given = {"GMSA_DOCTOR_FILES": FILES, "GMSA_DOCTOR_ARGUMENTS": "--skip=dns\n--config=my config.toml"}
    code, log = run(commands, {**variables, **given}, fake.directory, tmp_path / "workspace", shell)
    assert code == 0, log
    assert fake.arguments is not None
    assert fake.arguments[:3] == ["check", "--offline", "--fail-on=fail"]
    assert {"--skip=dns", "--config=my config.toml"} < set(fake.arguments)
    assert fake.arguments[fake.arguments.index("--") :] == ["--", *FILES.splitlines()]
    assert not list(tmp_path.rglob("made"))


@BOTH
def test_all_files_are_checked_without_a_word(template: Any, tmp_path: Path) -> None:
    fake = FakeDoctor(tmp_path / "bin")
    commands, variables = template()
    run(commands, variables, fake.directory, tmp_path / "workspace")
    assert fake.arguments is not None
    assert fake.arguments[-2:] == ["--", "."]


@BOTH
@pytest.mark.parametrize("code", [0, 1, 2, 3])
def test_the_exit_code_decides(template: Any, code: int, tmp_path: Path) -> None:
    fake = FakeDoctor(tmp_path / "bin", code=code)
    commands, variables = template()
    assert run(commands, variables, fake.directory, tmp_path / "workspace")[0] == code


def test_gitlab_finds_the_reports_that_the_job_makes(tmp_path: Path) -> None:
    fake, workspace = FakeDoctor(tmp_path / "bin"), tmp_path / "workspace"
    run(*gitlab_script(), fake.directory, workspace)
    artifacts = job()["artifacts"]
    for path in (*artifacts["reports"].values(), *artifacts["paths"]):
        assert (workspace / path).exists()
    assert artifacts["when"] == "always"
    assert set(artifacts["reports"]) == {"junit", "codequality"}


def test_codebuild_finds_the_report_that_the_build_makes(tmp_path: Path) -> None:
    fake, workspace = FakeDoctor(tmp_path / "bin"), tmp_path / "workspace"
    run(*codebuild_script(), fake.directory, workspace)
    (group,) = load(CODEBUILD)["reports"].values()
    assert all((workspace / group["base-directory"] / file).exists() for file in group["files"])
    assert group["file-format"] == "JUNITXML"


def test_the_gitlab_job_is_valid_and_of_merge_requests() -> None:
    assert_valid(GITLAB, "gitlab-ci")
    assert {"if": '$CI_PIPELINE_SOURCE == "merge_request_event"'} in job()["rules"]
    assert job()["cache"]["paths"] == [".cache/pip"]


def test_the_buildspec_has_only_keys_that_aws_documents() -> None:
    """Source: https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html"""
    buildspec = load(CODEBUILD)
    assert buildspec["version"] == 0.2
    assert set(buildspec) <= {"version", "run-as", "env", "proxy", "batch", "phases", "reports", "artifacts", "cache"}
    assert set(buildspec["phases"]) <= {"install", "pre_build", "build", "post_build"}
    assert set(buildspec["env"]) <= {
        "shell", "variables", "parameter-store", "exported-variables", "secrets-manager", "git-credential-helper"
    }  # fmt: skip
    for name, phase in buildspec["phases"].items():
        keys = {"run-as", "on-failure", "commands", "finally", *(["runtime-versions"] if name == "install" else [])}
        assert set(phase) <= keys
        assert all(isinstance(command, str) for command in phase["commands"])
    for group in buildspec["reports"].values():
        assert set(group) <= {"files", "base-directory", "discard-paths", "file-format"}
    assert set(buildspec["artifacts"]) <= {
        "files", "name", "discard-paths", "base-directory", "exclude-paths", "enable-symlinks", "s3-prefix",
        "secondary-artifacts",
    }  # fmt: skip
    assert set(buildspec["cache"]) <= {"key", "fallback-keys", "action", "paths"}


@pytest.mark.parametrize("commands", [job()["before_script"], load(CODEBUILD)["phases"]["install"]["commands"]])
def test_pip_gets_one_argument_and_the_environment_that_the_script_uses(commands: list[str], tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    (venv / "bin").mkdir(parents=True)
    pip = venv / "bin" / "pip"
    pip.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$@\" > {tmp_path}/pip\n")
    pip.chmod(0o755)
    python = tmp_path / "python3"
    python.write_text(f"#!/bin/sh\n[ \"$*\" = '-m venv {venv}' ]\n")
    python.chmod(0o755)
    assert all("/tmp/gmsa-doctor" in one for one in commands)
    commands = [one.replace("/tmp/gmsa-doctor", str(venv)) for one in commands]
    code, log = run(commands, {"GMSA_DOCTOR_REQUIREMENTS": "$(touch made) x"}, tmp_path, tmp_path / "workspace")
    assert code == 0, log
    assert (tmp_path / "pip").read_text().splitlines()[2:] == [
        "install", "--require-hashes", "--only-binary", ":all:", "-r", "$(touch made) x"
    ]  # fmt: skip
    assert not list(tmp_path.rglob("made"))


@BOTH
def test_the_real_command_makes_the_reports(template: Any, tmp_path: Path) -> None:
    commands, variables = template()
    file_with(tmp_path, a_task_definition(container={"credentialSpecs": []}))
    workspace = tmp_path / "workspace"
    code, log = run(commands, {**variables, "GMSA_DOCTOR_FILES": "../td.json"}, Path(COMMAND).parent, workspace)
    assert code == 1, log
    reports = workspace / "gmsa-doctor-reports"
    assert "<testsuite" in (reports / "junit.xml").read_text()
    assert "<html" in (reports / "report.html").read_text()


# GitHub: the action's definition, and the workflows of the page ----------------------------------------------


def blocks() -> list[str]:
    """The YAML of ci/README.md."""
    return re.findall(r"```yaml\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


def workflows() -> list[str]:
    return [one for one in blocks() if "runs-on" in one]


def test_the_action_is_valid() -> None:
    assert_valid(REPOSITORY / "action.yml", "github-actions")


@pytest.mark.parametrize("text", workflows())
def test_a_workflow_of_the_page_is_valid_and_fits_the_action(text: str, tmp_path: Path) -> None:
    (tmp_path / "workflow.yml").write_text(text)
    assert_valid(tmp_path / "workflow.yml", "github-workflows")
    for step in yaml.safe_load(text)["jobs"]["gmsa"]["steps"]:
        if "gmsa-doctor" in step["uses"]:
            assert set(step["with"]) <= set(definition()["inputs"])
    outputs = re.findall(r"steps\.gmsa\.outputs\.([\w-]+)", text)
    assert set(outputs) <= set(definition()["outputs"])


def test_every_action_and_image_is_pinned_by_its_digest() -> None:
    workflows = (REPOSITORY / ".github" / "workflows").glob("*.yml")
    files = [REPOSITORY / "action.yml", GITLAB, CODEBUILD, README, *workflows, *(REPOSITORY / "docs").rglob("*.md")]
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    actions = re.findall(r"^[\s-]*uses: (\S+)", text, re.MULTILINE)
    assert len(actions) >= 5
    assert [one for one in actions if not re.search(r"@([0-9a-f]{40}|COMMIT)$", one)] == []
    assert re.fullmatch(r"[\w.:/-]+@sha256:[0-9a-f]{64}", job()["image"])
    assert re.findall(r"^\s*rev: (\S+)", text, re.MULTILINE) == ["COMMIT"]


def test_the_first_workflow_has_less_than_15_lines_and_works(tmp_path: Path) -> None:
    text = workflows()[0]
    assert len(text.splitlines()) < 15
    step = yaml.safe_load(text)["jobs"]["gmsa"]["steps"][-1]
    fake, workspace = FakeDoctor(tmp_path / "bin"), tmp_path / "workspace"
    workspace.mkdir()
    env = environ(workspace, PATH=f"{fake.directory}{os.pathsep}{os.environ['PATH']}")
    ended = run_action({**step["with"], "install": "false"}, env, workspace, tmp_path / "runner")
    assert ended.code == 0, ended.log
    assert fake.arguments is not None
    assert fake.arguments[-3:] == ["--", "deploy/**/*.json", "template.yaml"]
