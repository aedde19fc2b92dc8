"""The hook for pre-commit, run by pre-commit itself in a repository of somebody else's."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.ci import ordinary
from tests.ci.actions import REPOSITORY
from tests.ci.fakes import FakeDoctor
from tests.command import COMMAND, a_task_definition, environ, file_with, quick_command

HOOKS = REPOSITORY / ".pre-commit-hooks.yaml"
PRE_COMMIT = str(Path(sys.executable).with_name("pre-commit"))


def hook() -> Any:
    (only,) = yaml.safe_load(HOOKS.read_text(encoding="utf-8"))
    return only


@pytest.mark.parametrize(
    "name",
    [
        "taskdef.json", "deploy/web.task-definition.json", "TaskDefinition.json", "task_def.json",
        "credspec.json", "a b/web-cred-spec.json", "template.yaml", "x/web.template.json", "sam-template.yml",
        "container-definitions.json", "web.taskdef.yaml",
        "docker-compose.yml", "compose.prod.yaml", "cdk.out/Web.template.json", "tfplan.json", "prod.tfplan.json",
    ],
)  # fmt: skip
def test_files_with_usual_names_are_checked(name: str) -> None:
    assert re.search(hook()["files"], name)


@pytest.mark.parametrize("name", ["package.json", "tsconfig.json", "values.yaml", "compose.py", "docs/taskdef.md"])
def test_other_files_are_left_alone(name: str) -> None:
    assert not re.search(hook()["files"], name)


def test_the_hook_is_valid_and_installs_itself() -> None:
    assert run([PRE_COMMIT, "validate-manifest", str(HOOKS)], REPOSITORY, dict(os.environ)).returncode == 0
    assert hook()["language"] == "python"
    assert hook()["entry"].split() == ["gmsa-doctor", "check", "--offline", "--pass-over"]


def test_it_gets_the_files_in_one_call(tmp_path: Path) -> None:
    fake = FakeDoctor(tmp_path / "bin")
    names = ["taskdef.json", "my template.yaml", "sub/credspec.json", "package.json"]
    ended = try_hook(tmp_path, dict.fromkeys(names, "{}\n"), fake.directory)
    assert ended.returncode == 0, ended.stdout
    assert fake.arguments is not None
    assert fake.arguments[:3] == ["check", "--offline", "--pass-over"]
    assert sorted(fake.arguments[3:]) == sorted(names[:-1])


def test_its_exit_code_stops_the_commit(tmp_path: Path) -> None:
    fake = FakeDoctor(tmp_path / "bin", code=1, message="the root cause")
    ended = try_hook(tmp_path, {"taskdef.json": "{}\n"}, fake.directory)
    assert ended.returncode == 1
    assert "the root cause" in ended.stdout


def test_the_real_command_checks_several_files(tmp_path: Path) -> None:
    broken = a_task_definition(container={"credentialSpecs": ["credentialspec:arn:aws:s3:::credspecs/web.json"]})
    files = {"fine.taskdef.json": a_task_definition(), "broken taskdef.json": broken}
    ended = try_hook(tmp_path, files, Path(COMMAND).parent)
    assert ended.returncode == 1, ended.stdout
    assert "broken taskdef.json" in ended.stdout
    assert "exit code: 1" in ended.stdout


def test_ordinary_files_do_not_fail_the_commit(tmp_path: Path) -> None:
    assert len(ordinary.FILES) >= 60
    assert all(re.search(hook()["files"], name) for name in ordinary.FILES)
    ended = try_hook(tmp_path, ordinary.FILES, Path(quick_command()).parent)
    assert ended.returncode == 0, ended.stdout
    assert "UNPROVEN: no failure found" in ended.stdout


def run(command: list[str], directory: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=directory, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120
    )


def try_hook(tmp_path: Path, files: dict[str, Any], path: Path) -> subprocess.CompletedProcess[str]:
    """Run the hook over the files of a repository. As `language: system`: to install it would need an index."""
    home = tmp_path / "home"
    home.mkdir()
    env = environ(
        home,
        PATH=f"{path}{os.pathsep}{os.environ['PATH']}",
        PRE_COMMIT_HOME=str(home / "pre-commit"),
        GIT_CONFIG_GLOBAL=os.devnull,
        GIT_CONFIG_NOSYSTEM="1",
        **{
            f"GIT_{who}_{what}": f"{what}@corp.example" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
        },
    )
    hooks, repository = tmp_path / "hooks", tmp_path / "repository"
    as_system = {**hook(), "language": "system"}
    as_system.pop("language_version")
    (hooks).mkdir()
    file_with(hooks, yaml.safe_dump([as_system]), ".pre-commit-hooks.yaml")
    for name, content in files.items():
        (repository / name).parent.mkdir(parents=True, exist_ok=True)
        file_with(repository, content, name)
    for directory in (hooks, repository):
        for command in (["init", "-q"], ["add", "--all"], ["commit", "-q", "--no-verify", "-m", "all"]):
            made = run(["git", *command], directory, env)
            assert made.returncode == 0, made.stdout
    command = [PRE_COMMIT, "try-repo", str(hooks), "gmsa-doctor-files", "--all-files", "--verbose"]
    return run(command, repository, env)
