import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.lab import demo
from tests.lab.ad import DomainController
from tests.lab.aws import EmbeddedAws
from tests.lab.demo import Laboratory, Service
from tests.lab.environment import healthy

ROOT = Path(__file__).parents[2]


@pytest.fixture
def lab(dc: DomainController, aws: EmbeddedAws) -> Laboratory:
    good = healthy(dc)
    services = (Service(good, exit_code=0), Service(demo.break_secret(good), exit_code=1))
    return Laboratory(dc, aws, services)


def stand_in(directory: Path, script: str) -> Path:
    """Create a fake gmsa-doctor."""
    program = directory / "gmsa-doctor"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


def test_it_wants_the_healthy_service_to_pass_and_the_broken_one_to_fail(
    lab: Laboratory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "COMMAND", stand_in(tmp_path, 'case "$*" in *broken*) exit 1;; esac'))
    assert demo.check_all(lab) == 0
    assert "$ gmsa-doctor check --cluster demo --service healthy --dns-server" in capfd.readouterr().out


def test_it_says_which_service_was_judged_wrongly(
    lab: Laboratory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "COMMAND", stand_in(tmp_path, "exit 0"))
    assert demo.check_all(lab) == 1
    assert "demo: exit code 0 for the service broken, not 1" in capfd.readouterr().out


def test_only_the_secret_of_the_broken_service_differs(dc: DomainController) -> None:
    good = healthy(dc)
    broken = demo.break_secret(good)
    assert good.secret == healthy(dc).secret
    assert broken.secret != good.secret
    assert broken.credspec == good.credspec
    assert broken.container == good.container


def refuses(ip: str) -> bool:
    try:
        socket.create_connection((ip, 389), 1).close()
    except ConnectionRefusedError:
        return True
    return False


@pytest.mark.usefixtures("dc")  # no domain controller here, no demo
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_the_domain_controller_never_outlives_the_demo(number: signal.Signals) -> None:
    command = [sys.executable, "-m", "tests.lab.demo", "--shell"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        (line,) = [
            line for line in iter(process.stdout.readline, "# Ctrl-C ends the laboratory.\n") if "dc.log" in line
        ]
        ip, state = line.split()[6].rstrip(";"), Path(line.split()[-1]).parent
        assert not refuses(ip)
        process.send_signal(number)
    deadline = time.monotonic() + 5
    while not refuses(ip):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert state.exists() == (number is signal.SIGKILL)  # nobody was left to remove it
    shutil.rmtree(state.parent, ignore_errors=True)
