"""The JSON schemas of others, from a package that carries them."""

import subprocess
import sys
from pathlib import Path


def assert_valid(file: Path, schema: str) -> None:
    """Fails where the schema (`github-actions`, `github-workflows`, `gitlab-ci`) refuses the file."""
    command = Path(sys.executable).with_name("check-jsonschema")
    assert command.exists(), "check-jsonschema is required: pip install check-jsonschema"
    ended = subprocess.run(
        [command, "--builtin-schema", f"vendor.{schema}", file], capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
