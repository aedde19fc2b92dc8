"""The real `gmsa-doctor` in a process of its own, and what it is given there."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from tests.forked import Forked

COMMAND = str(Path(sys.executable).with_name("gmsa-doctor"))
PACE = 0.1
"""What the command makes of its pauses in tests: nobody waits for nothing."""
DNS_SECONDS = 30.0
"""How long scenarios wait for DNS: it answers in all of them, but late on a machine with much to do."""
DNS_PATIENCE = "GMSA_LAB_DNS_SECONDS"
"""The variable by which a run in a process of its own gets that limit (tests/forked.py)."""
_FOREIGN = ("AWS_", "KRB5", "GMSA_", "LC_", "LANG", "PYTHON", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "TERM", "ECS_")


@dataclass(frozen=True)
class Ended:
    """What a process left: its exit code, standard output and standard error."""

    code: int
    out: str
    err: str

    @cached_property
    def document(self) -> dict[str, Any]:
        """The JSON report."""
        document: dict[str, Any] = json.loads(self.out)
        return document

    @property
    def roots(self) -> list[str]:
        """The checks of the JSON report's root causes, each once."""
        return list(dict.fromkeys(cause["check"] for cause in self.document["root_causes"]))

    @property
    def without_duration(self) -> str:
        """Standard output, in which the verdict line says "in 0.0 s", however long the run took."""
        return re.sub(r"\bin \d+\.\d s\b", "in 0.0 s", self.out)

    def statuses(self, subject: int = 0) -> dict[str, str]:
        """The status of each check, from the JSON report."""
        return {one["check"]: one["status"] for one in self.document["subjects"][subject]["findings"]}

    def finding(self, check: str, subject: int = 0) -> dict[str, Any]:
        """One finding of the JSON report."""
        findings: list[dict[str, Any]] = self.document["subjects"][subject]["findings"]
        return next(one for one in findings if one["check"] == check)


def environ(home: Path, **more: str) -> dict[str, str]:
    """An environment without any AWS configuration, in which HOME is an empty directory."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    return {
        **kept,
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "AWS_EC2_METADATA_DISABLED": "true",
        "no_proxy": "127.0.0.1",
        **more,
    }


def doctor(
    *arguments: str, env: Mapping[str, str], stdin: str | bytes = b"", cwd: Path | None = None, seconds: float = 90
) -> Ended:
    """Run `gmsa-doctor` with these arguments, its output to no terminal."""
    given = stdin.encode() if isinstance(stdin, str) else stdin
    if not any(map(_READ_AT_IMPORT.match, env)):
        code, out, err = _forked().run([*arguments], env, given, str(cwd or Path.cwd()), seconds)
        return Ended(code, out.decode(errors="replace"), err.decode(errors="replace"))
    process = subprocess.run(
        [COMMAND, *arguments], env=dict(env), input=given, capture_output=True, cwd=cwd, timeout=seconds
    )
    return Ended(process.returncode, process.stdout.decode(errors="replace"), process.stderr.decode(errors="replace"))


_READ_AT_IMPORT = re.compile(
    "PYTHON(?!DONTWRITEBYTECODE|UNBUFFERED)|LC_|FORCE_COLOR|NO_COLOR|PY_COLORS|TERMINAL_WIDTH|GITHUB_ACTIONS"
)
"""Variables that the interpreter or a library reads once, as it begins: with these the command starts from nothing."""


def quick_command() -> str:
    """The path of a program that behaves as COMMAND and starts faster, for tests that are not about the start."""
    return _forked().command


def quick_aws() -> str:
    """The path of a program that behaves as `aws`, the AWS CLI, and starts faster."""
    return _forked("aws").command


@cache
def _forked(program: str = "gmsa-doctor") -> Forked:
    kept = {name: value for name, value in os.environ.items() if not name.startswith((*_FOREIGN, "GITHUB_"))}
    return Forked({**kept, "LANG": "C.UTF-8", "GMSA_DOCTOR_LAB_PACE": str(PACE)}, program)


def a_task_definition(**changes: Any) -> dict[str, Any]:
    """The smallest task definition in which nothing is wrong; `container` changes its container."""
    container = {
        "name": "web",
        "image": "registry.example/web:1",
        "credentialSpecs": ["credentialspecdomainless:arn:aws:s3:::credspecs/web.json"],
        **changes.pop("container", {}),
    }
    return {
        "family": "webapp",
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "executionRoleArn": "arn:aws:iam::123456789012:role/ecsTaskExecutionRole",
        "containerDefinitions": [container],
        **changes,
    }


def file_with(directory: Path, content: object, name: str = "td.json") -> str:
    """Write a file (bytes and text as they are, else JSON) and give its path."""
    path = directory / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return str(path)
