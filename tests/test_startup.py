"""What only says what the program is loads nothing heavy (promise 8)."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command import environ

HEAVY = {"boto3", "botocore", "ldap3", "gssapi", "dns", "tabulate"}
DUMP = """
import json, os, sys
def dump(code=0):
    names = sorted({name.partition('.')[0] for name in sys.modules})
    open(os.environ['MODULES'], 'w').write(json.dumps(names))
    sys.stdout.flush()
    leave(code)
leave, os._exit = os._exit, dump
from gmsa_doctor.__main__ import main
sys.argv[0] = 'gmsa-doctor'
try:
    main()
finally:
    dump()
"""


def loaded(tmp_path: Path, *arguments: str) -> set[str]:
    """The top-level modules that a command has loaded when it ends."""
    file = tmp_path / "modules.json"
    env = environ(tmp_path, MODULES=str(file))
    ended = subprocess.run([sys.executable, "-c", DUMP, *arguments], env=env, capture_output=True, text=True)
    assert ended.stdout, ended.stderr
    return set(json.loads(file.read_text()))


@pytest.mark.parametrize(
    "arguments", [["--version"], ["--help"], ["-h"], ["check", "--help"], ["list", "-h"], ["schema"]]
)
def test_it_loads_nothing_heavy(arguments: list[str], tmp_path: Path) -> None:
    modules = loaded(tmp_path, *arguments)
    assert "gmsa_doctor" in modules
    assert not modules & HEAVY
    assert "gmsa_doctor_checks" not in modules


def test_version_alone_loads_not_even_typer(tmp_path: Path) -> None:
    assert "typer" not in loaded(tmp_path, "--version")
    assert "typer" in loaded(tmp_path, "--help")


def test_list_and_explain_load_no_client_library(tmp_path: Path) -> None:
    listed = loaded(tmp_path, "list")
    assert "gmsa_doctor_checks" in listed
    assert not listed & (HEAVY - {"tabulate"})
    assert not loaded(tmp_path, "explain", "credspec.object") & HEAVY


def test_a_check_of_files_alone_loads_no_client_library_and_no_pydantic(tmp_path: Path) -> None:
    (tmp_path / "td.json").write_text('{"family": "f", "containerDefinitions": [{"name": "c"}]}')
    assert not loaded(tmp_path, "check", "--offline", str(tmp_path)) & (HEAVY - {"tabulate"} | {"pydantic"})


def test_the_dump_sees_what_is_loaded(tmp_path: Path) -> None:
    file = tmp_path / "td.json"
    file.write_text('{"family": "f", "containerDefinitions": [{"name": "c"}]}')
    modules = loaded(tmp_path, "check", "--live", "never", "--task-definition-file", str(file))
    assert "botocore" in modules
    assert not modules & {"boto3", "pydantic"}


CTRL_C = """
import sys
from gmsa_doctor.__main__ import main
class Interrupting:
    def find_spec(self, name, *_):
        if name == 'gmsa_doctor.cli.app':
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupting())
sys.argv[1:] = ['check', '--cluster', 'demo', '--service', 'web']
main()
"""


def test_ctrl_c_while_it_starts_shows_no_traceback(tmp_path: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", CTRL_C], env=environ(tmp_path), capture_output=True, text=True)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "gmsa-doctor: interrupted\n")
