"""A repository of 2,000 files with 200 task definitions, checked offline, against `git status`."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.command import a_task_definition

FILES = 2_000
DEFINITIONS = 200
STATUS_RUNS = 3
MORE_SECONDS = 1.0


def make(directory: Path) -> None:
    """Make it, committed: sources, configuration and documents, and a task definition in every tenth directory."""
    for number in range(FILES):
        folder = directory / f"team-{number % 20}" / f"service-{number % 200}"
        folder.mkdir(parents=True, exist_ok=True)
        name, text = _file(number)
        (folder / name).write_text(text)
    git = ["git", "-C", str(directory), "-c", "user.name=bench", "-c", "user.email=bench@example"]
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "all"]):
        subprocess.run([*git, *arguments], check=True)


def _file(number: int) -> tuple[str, str]:
    if number < DEFINITIONS:
        definition: dict[str, Any] = a_task_definition(family=f"service-{number}")
        return f"task-{number}.json", json.dumps(definition, indent=2)
    kinds = (
        ("main.py", "import os\n\n\ndef main() -> None:\n    print(os.environ)\n" * 20),
        ("values.yaml", "replicas: 3\nimage:\n  name: web\n  tag: latest\n" * 20),
        (
            "package.json",
            json.dumps({"name": "web", "dependencies": {str(one): "1.0.0" for one in range(40)}}, indent=2),
        ),
        ("README.md", "# A service\n\nIt serves.\n" * 30),
    )
    name, text = kinds[number % len(kinds)]
    return f"{number}-{name}", text


def have_git() -> bool:
    """Whether git is here."""
    return shutil.which("git") is not None
