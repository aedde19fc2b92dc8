"""Runs the steps of a composite action, as far as GitHub's runner does: bash, environment files, expressions."""

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).parent.parent.parent
BASH = ["bash", "--noprofile", "--norc", "-eo", "pipefail"]
"""As for `shell: bash`. Source: https://docs.github.com/en/actions/reference/workflow-syntax-for-github-actions"""
_EXPRESSION = re.compile(r"\$\{\{\s*([\w.-]+)\s*\}\}")


@dataclass
class Run:
    """What a run of the action left."""

    code: int = 0
    log: str = ""
    outputs: dict[str, str] = field(default_factory=dict)
    summary: str = ""


def definition() -> Any:
    """The action, as YAML has it."""
    return yaml.safe_load((REPOSITORY / "action.yml").read_text(encoding="utf-8"))


def run_action(inputs: Mapping[str, str], env: Mapping[str, str], workspace: Path, temporary: Path) -> Run:
    """Run the steps until one fails, with GitHub's environment files."""
    action = definition()
    unknown = set(inputs) - set(action["inputs"])
    assert not unknown, f"the action has no inputs {unknown}"
    values = {f"inputs.{name}": inputs.get(name, one["default"]) for name, one in action["inputs"].items()}
    run, files = Run(), temporary / "files"
    files.mkdir(parents=True)
    (temporary / "temp").mkdir()
    summary = files / "summary"
    summary.touch()
    for number, step in enumerate(action["runs"]["steps"]):
        if not _holds(step.get("if"), values):
            continue
        output = files / f"output-{number}"
        output.touch()
        script = files / f"step-{number}.sh"
        script.write_text(step["run"], encoding="utf-8")
        ended = subprocess.run(
            [*BASH, str(script)],
            env={
                **env,
                "CI": "true",
                "GITHUB_ACTIONS": "true",
                "GITHUB_ACTION_PATH": str(REPOSITORY),
                "GITHUB_ENV": str(files / "env"),
                "GITHUB_OUTPUT": str(output),
                "GITHUB_STEP_SUMMARY": str(summary),
                "GITHUB_WORKSPACE": str(workspace),
                "RUNNER_TEMP": str(temporary / "temp"),
                **{name: _filled(text, values) for name, text in step["env"].items()},
            },
            cwd=workspace,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=120,
        )
        run.log += ended.stdout.decode(errors="replace")
        for line in output.read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition("=")
            values[f"steps.{step['id']}.outputs.{name}"] = value
        if ended.returncode:
            run.code = ended.returncode
            break
    run.summary = summary.read_text(encoding="utf-8")
    run.outputs = {name: _filled(one["value"], values) for name, one in action["outputs"].items()}
    return run


def _filled(text: str, values: Mapping[str, str]) -> str:
    return _EXPRESSION.sub(lambda match: values.get(match[1], ""), text)


def _holds(condition: str | None, values: Mapping[str, str]) -> bool:
    if condition is None:
        return True
    match = re.fullmatch(r"([\w.-]+) != '(\w*)'", condition)
    assert match, f"a condition that this runner does not know: {condition}"
    return values[match[1]] != match[2]
