"""A check that is written from checks/README.md alone, in a copy of the repository, works without another edit."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command import Ended, environ

REPOSITORY = Path(__file__).parents[2]
_BLOCK = re.compile(r"`((?:checks|tests)/[\w/.]+\.py)`.*?```python\n(.*?)```", re.DOTALL)

CREDSPEC = {
    "CmsPlugins": ["ActiveDirectory"],
    "DomainJoinConfig": {"DnsName": "corp.example", "MachineAccountName": "webapp01"},
    "ActiveDirectoryConfig": {
        "GroupManagedServiceAccounts": [{"Name": "webapp01", "Scope": "corp.example"}],
        "HostAccountConfig": {
            "PluginInput": {"CredentialArn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:web-AbCdEf"}
        },
    },
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tracked files, and the two modules that the README shows."""
    root = tmp_path_factory.mktemp("copy")
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    for name in filter(None, tracked.stdout.split("\0")):
        if (REPOSITORY / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, root / name)
    readme = (root / "checks/README.md").read_text(encoding="utf-8")
    modules = _BLOCK.findall(readme)
    assert [name for name, _ in modules] == ["checks/gmsa_doctor_checks/acme.py", "tests/checks/test_acme.py"]
    for name, code in modules:
        (root / name).write_text(code, encoding="utf-8")
    return root


def python(copy: Path, *arguments: str, home: Path) -> Ended:
    """Run the interpreter on the copy."""
    env = environ(home, PYTHONPATH=f"{copy}:{copy / 'checks'}")
    process = subprocess.run(
        [sys.executable, *arguments], cwd=copy, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    return Ended(process.returncode, process.stdout, process.stderr)


def test_it_is_listed_and_explained(copy: Path, tmp_path: Path) -> None:
    listed = python(copy, "-m", "gmsa_doctor", "list", home=tmp_path)
    assert "acme.file-server" in listed.out, listed.err
    explained = python(copy, "-m", "gmsa_doctor", "explain", "acme.file-server", home=tmp_path)
    assert "Source: gmsa_doctor_checks/acme.py:17\n" in explained.out


def test_it_runs(copy: Path, tmp_path: Path) -> None:
    """Nothing listens at the DNS server, so the check was run if its answer is unknown, and not skipped."""
    (tmp_path / "web.json").write_text(json.dumps(CREDSPEC))
    arguments = ("--only", "acme", "--dns-server", "127.0.0.199", "--format", "json")
    ended = python(copy, "-m", "gmsa_doctor", "check", str(tmp_path / "web.json"), *arguments, home=tmp_path)
    assert ended.statuses()["acme.file-server"] == "unknown", json.dumps(ended.document, indent=2)


def test_its_page_is_generated(copy: Path, tmp_path: Path) -> None:
    assert python(copy, "docs/generate.py", home=tmp_path).code == 0
    page = (copy / "docs/checks/acme.file-server.md").read_text(encoding="utf-8")
    assert "**Fix:** register the host in DNS." in page
    assert "acme.file-server" in (copy / "docs/checks/README.md").read_text(encoding="utf-8")


def test_its_own_test_passes(copy: Path, tmp_path: Path) -> None:
    ended = python(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/checks/test_acme.py", home=tmp_path)
    assert (ended.code, "2 passed" in ended.out) == (0, True), ended.out
