import json
import re
import subprocess
import time
from pathlib import Path

import pytest

from gmsa_doctor import __version__
from tests.image import engine
from tests.lab import accounts
from tests.lab.ad import DomainController
from tests.lab.aws import EmbeddedAws
from tests.lab.creation import create
from tests.lab.demo import SPN, break_secret
from tests.lab.environment import healthy

ROOT = Path(__file__).parents[2]

COMPILED = """
import importlib.util, json, pathlib, sys
found = {"compiled": [], "not compiled": [], "others": []}
for directory in sys.path[1:]:
    for file in pathlib.Path(directory).rglob("*.py"):
        pyc = pathlib.Path(importlib.util.cache_from_source(file))
        head = pyc.read_bytes()[:8] if pyc.exists() else b""
        kind = "compiled" if head[:4] == importlib.util.MAGIC_NUMBER else "not compiled"
        if kind == "compiled" and "site-packages" in file.parts and head[4] != 1:
            kind = "others"
        found[kind].append(str(file))
print(json.dumps(found))
"""
"""Sorts the modules that the image's Python can import. Byte 4: 1 is unchecked-hash (PEP 552)."""


def test_the_healthy_service_passes_with_the_live_flow_without_any_privilege(
    dc: DomainController, aws: EmbeddedAws
) -> None:
    environment = healthy(dc)
    create(environment, aws)
    ended = engine.run(*environment.command, "--spn", SPN, "--format=json", variables=aws.variables())
    assert ended.code == 0, ended.err or ended.out
    assert ended.document["verdict"] == "pass"
    statuses = ended.statuses()
    for step in (
        "kerberos.user-ticket",
        "directory.managed-password",
        "kerberos.gmsa-ticket",
        "kerberos.service-ticket",
    ):
        assert statuses[step] == "pass"


def test_the_broken_service_fails_with_its_root_cause(dc: DomainController, aws: EmbeddedAws) -> None:
    environment = break_secret(healthy(dc))
    create(environment, aws)
    ended = engine.run(*environment.command, "--format=json", variables=aws.variables())
    assert ended.code == 1, ended.err or ended.out
    assert ended.finding("directory.managed-password")["status"] == "fail"
    assert accounts.PASSWORDS[accounts.OUTSIDER] not in ended.out + ended.err


def test_a_task_that_is_stopped_ends_at_once_with_a_whole_report(dc: DomainController, aws: EmbeddedAws) -> None:
    environment = healthy(dc)
    create(environment, aws)
    aws.hang("secretsmanager", "GetSecretValue")
    name = f"gmsa-doctor-{dc.ip}"
    options = (*engine.LOCKED_DOWN, f"--name={name}")
    variables = aws.variables()
    command = engine.command(*environment.command, "--format=json", options=options, variables=tuple(variables))
    with subprocess.Popen(command, env=engine.environ(variables), stdout=subprocess.PIPE) as process:
        while ("secretsmanager", "GetSecretValue") not in aws.calls:
            assert process.poll() is None
            time.sleep(0.05)
        subprocess.run(["podman", "stop", name], env=engine.environ(), check=True, capture_output=True, timeout=60)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 130  # 137: it had to be killed
    assert json.loads(out)["verdict"] == "incomplete"


def test_it_is_of_this_version() -> None:
    ended = engine.run("--version")
    assert (ended.code, ended.out) == (0, f"gmsa-doctor {__version__}\n")


def test_it_runs_as_nobody_in_particular() -> None:
    assert engine.run_program("id", "-u") == "10001\n"
    assert engine.run_program("id", "-g") == "10001\n"
    status = engine.run_program("cat", "/proc/self/status")
    assert re.findall(r"^Cap(?:Prm|Eff|Bnd):\t(\w+)$", status, re.MULTILINE) == ["0" * 16] * 3
    assert "NoNewPrivs:\t1" in status


def test_nothing_of_it_can_be_written_to() -> None:
    shell = (
        "for d in / /tmp /run /var/tmp /opt/gmsa-doctor $HOME; do touch $d/x 2>/dev/null && echo $d; done; echo done"
    )
    assert engine.run_program("sh", "-c", shell) == "done\n"
    assert engine.run_program("find", "/opt/gmsa-doctor", "-writable", "!", "-type", "l") == ""


def test_a_ticket_cache_of_roots_is_read_by_root_only(tmp_path: Path) -> None:
    cache = tmp_path / "krb5cc"
    cache.write_text("a ticket")
    cache.chmod(0o600)
    volume = f"--volume={cache}:/krb5cc:ro"
    with pytest.raises(AssertionError, match="Permission denied"):
        engine.run_program("cat", "/krb5cc", options=(volume,))
    assert engine.run_program("cat", "/krb5cc", options=(volume, "--user=0")) == "a ticket"
    assert engine.run("list", options=(*engine.LOCKED_DOWN, "--user=0")).code == 0


def test_every_module_is_compiled_and_taken_as_it_is() -> None:
    found = json.loads(engine.run_program("python3", "-c", COMPILED))
    assert any(file.endswith("/gmsa_doctor/core/engine.py") for file in found["compiled"])
    assert any(file.endswith("/gmsa_doctor_checks/domain_controllers/dns.py") for file in found["compiled"])
    assert any(file == "/usr/lib/python3.11/json/decoder.py" for file in found["compiled"])
    assert found["not compiled"] == []
    assert found["others"] == []


def test_it_holds_what_constraints_txt_pins_and_nothing_of_development() -> None:
    script = "from importlib.metadata import *; print(*(f'{d.name}=={d.version}' for d in distributions()), sep='\\n')"
    there = {normal(line) for line in engine.run_program("python3", "-c", script).split()}
    pinned = set(re.findall(r"^[a-z0-9-]+==[^ ]+", (ROOT / "constraints.txt").read_text(), re.MULTILINE))
    assert there - pinned == {f"gmsa-doctor=={__version__}"}
    names = {one.partition("==")[0] for one in there}
    assert {"botocore", "dnspython", "gssapi", "ldap3", "tabulate", "typer"} < names
    assert not names & {"cython", "hatchling", "moto", "pip", "pytest", "ruff", "setuptools"}


def normal(pin: str) -> str:
    """A pin with its name as constraints.txt writes it."""
    name, _, version = pin.partition("==")
    return f"{re.sub('[-_.]+', '-', name).lower()}=={version}"


def test_it_holds_no_compiler_no_headers_and_no_caches() -> None:
    with engine.mounted() as root:
        files = {f"/{file.relative_to(root)}" for file in root.rglob("*")}
    assert "/usr/bin/python3" in files
    compilers = re.compile(
        r"/(usr/)?(local/)?s?bin/(.*-)?(gcc|g\+\+|cc|c\+\+|cpp|ld|as|make|clang|tcc|pip3?)(-?[\d.]+)?"
    )
    headers = re.compile(r".*\.(h|hpp|a|pxd)")
    caches = re.compile(
        r"/(root|home)/.+|.*/\.cache/.*|/var/lib/apt/lists/.+|/var/cache/apt/.+|/(src|build|wheels)(/.*)?|/tmp/.+"
    )
    dotfiles = {"/root/.bashrc", "/root/.profile"}
    assert [file for file in files if compilers.fullmatch(file)] == []
    assert [file for file in files if headers.fullmatch(file) and "/site-packages/gssapi/" not in file] == []
    assert [file for file in files if caches.fullmatch(file) and file not in dotfiles] == []


def test_it_is_described_as_it_should_be() -> None:
    config = engine.configuration()
    assert config["Entrypoint"] == ["gmsa-doctor"]
    assert not config["Cmd"]
    assert config["User"] == "10001:10001"
    assert config["Healthcheck"] == {"Test": ["NONE"]}
    labels = engine.labels()
    assert labels["title"] == "gmsa-doctor"
    assert labels["version"] == __version__
    assert labels["licenses"] == "Apache-2.0"
    assert f'description = "{labels["description"]}"' in (ROOT / "pyproject.toml").read_text()


def test_the_base_with_its_digest_and_the_source_are_arguments(tmp_path: Path) -> None:
    """Built of the Dockerfile without the instructions that take time."""
    instructions = re.findall(r"(?:.*\\\n)*.*\n", (ROOT / "Dockerfile").read_text())
    file = tmp_path / "Dockerfile"
    file.write_text("".join(one for one in instructions if not one.startswith(("RUN", "COPY"))))
    base = f"localhost/debian@{engine.digest('localhost/debian:bookworm-slim')}"
    source = "https://git.example/gmsa-doctor"
    arguments = (f"--file={file}", "--layers=false", f"--build-arg=BASE={base}", f"--build-arg=SOURCE={source}")
    engine.build(*arguments, tag="localhost/gmsa-doctor:arguments")
    labels = engine.labels("localhost/gmsa-doctor:arguments")
    assert (labels["base.name"], labels["source"]) == (base, source)


def test_it_is_below_250_megabytes(capsys: pytest.CaptureFixture[str]) -> None:
    size = engine.size() / 1_000_000
    report = f"{size:.0f} MB"
    for argument in ("--version", "--help", "list"):
        began = time.monotonic()
        assert engine.run(argument).code == 0
        report += f", {argument} in {time.monotonic() - began:.2f} s"
    with capsys.disabled():
        print(f"\nthe image: {report} (podman's own part included)")  # noqa: T201
    assert size < 250
