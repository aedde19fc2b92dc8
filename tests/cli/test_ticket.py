"""The real `gmsa-doctor ticket`: one line of JSON, and an exit code for a health check."""

import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gmsa_doctor.cli import ticket
from gmsa_doctor.cli.ticket import ExpectedPrincipal, judge
from gmsa_doctor.clients.kerberos.ticket_cache import CacheFile, Owner
from tests.ccaches import CACHE, GMSA, NOON, TGT, build, fresh, store_gmsa_ticket
from tests.command import COMMAND, Ended, doctor, environ
from tests.lab import ad
from tests.test_startup import HEAVY, loaded

KEYS = ["ok", "reason", "message", "cache", "principal", "expires", "minutes_left", "renewable_until", "enctype"]
KEYS += ["user", "owner", "group", "mode"]


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return environ(tmp_path)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A good cache."""
    path = tmp_path / "krb5cc"
    path.write_bytes(build(fresh()))
    path.chmod(0o600)
    return path


def answer(ended: Ended) -> dict[str, Any]:
    """The one line, and nothing but it."""
    assert ended.out.endswith("\n")
    assert ended.out.count("\n") == 1
    assert ended.err == ""
    found: dict[str, Any] = json.loads(ended.out)
    assert list(found) == KEYS
    assert found["ok"] is (ended.code == 0)
    return found


def test_a_good_ticket_is_told_whole(file: Path, env: dict[str, str]) -> None:
    ended = doctor("ticket", "--principal", "webapp01$@CORP.EXAMPLE", env={**env, "KRB5CCNAME": f"FILE:{file}"})
    assert ended.code == 0
    found = answer(ended)
    tgt = fresh().credentials[0]
    assert found["reason"] == "good"
    assert (found["cache"], found["principal"]) == (str(file), "webapp01$@CORP.EXAMPLE")
    assert datetime.fromisoformat(found["expires"]).tzinfo == UTC
    assert 590 <= found["minutes_left"] <= 600
    assert datetime.fromisoformat(found["renewable_until"]) > datetime.fromisoformat(found["expires"])
    assert found["enctype"] == tgt.enctype_name
    assert (found["user"], found["owner"], found["group"], found["mode"]) == (
        os.geteuid(),
        os.getuid(),
        os.getgid(),
        "0600",
    )


def test_the_real_gmsas_ticket_is_good(dc: ad.DomainController, env: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "krb5cc"
    store_gmsa_ticket(dc, "webapp01", file)
    found = answer(doctor("ticket", "--cache", str(file), "--principal", f"webapp01$@{dc.realm}", env=env))
    assert (found["reason"], found["principal"]) == ("good", f"webapp01$@{dc.realm}")
    assert found["enctype"].startswith("aes")


@pytest.mark.parametrize(
    "principal", ["webapp01$", "webapp01", "WebApp01$@corp.example", "webapp01@CORP.EXAMPLE", "WEBAPP01$@Corp.Example"]
)
def test_case_does_not_matter_and_the_dollar_may_be_missing(principal: str, file: Path, env: dict[str, str]) -> None:
    assert doctor("ticket", "--principal", principal, "--cache", str(file), env=env).code == 0


@pytest.mark.parametrize("principal", ["webapp02$", "webapp01$@OTHER.EXAMPLE", "webapp01CORP.EXAMPLE"])
def test_another_principal_is_not_good(principal: str, file: Path, env: dict[str, str]) -> None:
    ended = doctor("ticket", "--principal", principal, "--cache", str(file), env=env)
    found = answer(ended)
    assert (ended.code, found["reason"]) == (1, "wrong-principal")
    assert "webapp01$@CORP.EXAMPLE" in found["message"]


FILE = CacheFile("/krb5cc", 0, Owner(0, 0, 0o600), CACHE)
"""Its ticket ends ten hours after NOON."""


@pytest.mark.parametrize(
    ("now", "minutes", "reason", "left"),
    [
        (NOON, 15, "good", 600),
        (NOON, 600, "good", 600),
        (NOON + timedelta(seconds=1), 600, "expires-soon", 599),
        (NOON + timedelta(hours=9, minutes=45), 15, "good", 15),
        (NOON + timedelta(hours=9, minutes=46), 15, "expires-soon", 14),
        (NOON + timedelta(hours=9, minutes=59, seconds=59), 0, "good", 0),
        (NOON + timedelta(hours=10), 0, "expired", 0),
        (NOON + timedelta(hours=11), 15, "expired", -60),
    ],
)
def test_a_ticket_must_be_good_for_a_while(now: datetime, minutes: int, reason: str, left: int) -> None:
    found = judge(FILE, None, minutes, now)
    assert (found.reason, found.minutes_left, found.ok) == (reason, left, reason == "good")
    assert found.expires == "2026-03-01T22:00:00Z"


def test_the_kdcs_clock_counts_as_it_does_for_libkrb5() -> None:
    ahead = replace(FILE, content=replace(CACHE, clock_offset=timedelta(hours=10)))
    assert judge(ahead, None, 15, NOON).reason == "expired"
    behind = replace(FILE, content=replace(CACHE, clock_offset=timedelta(hours=-2)))
    assert judge(behind, None, 15, NOON + timedelta(hours=11)).reason == "good"


def test_a_cache_without_a_tgt_is_not_good() -> None:
    found = judge(replace(FILE, content=replace(CACHE, credentials=())), None, 15, NOON)
    assert (found.reason, found.principal, found.expires) == ("no-tgt", "webapp01$@CORP.EXAMPLE", None)


def test_a_ticket_that_cannot_be_renewed_says_so() -> None:
    plain = replace(FILE, content=replace(CACHE, credentials=(replace(TGT, renew_till=None),)))
    assert judge(plain, ExpectedPrincipal("webapp01$"), 15, NOON).renewable_until is None


def test_no_cache_is_not_good(env: dict[str, str], tmp_path: Path) -> None:
    ended = doctor("ticket", env={**env, "KRB5CCNAME": str(tmp_path / "none")})
    found = answer(ended)
    assert (ended.code, found["reason"], found["principal"], found["mode"]) == (1, "no-cache", None, None)
    assert "Credentials Fetcher's would be /var/credentials-fetcher/krbdir/krb5cc" in found["message"]


def test_what_is_no_cache_is_not_good(file: Path, env: dict[str, str]) -> None:
    file.write_text("canary: not a cache")
    ended = doctor("ticket", "--cache", str(file), env=env)
    found = answer(ended)
    assert (ended.code, found["reason"], found["mode"]) == (1, "broken-cache", "0600")
    assert "canary" not in ended.out


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="needs root and setpriv")
def test_a_cache_that_this_user_may_not_read_says_whose_it_is(file: Path, env: dict[str, str]) -> None:
    os.chown(file, 1654, 1654)
    powerless = ["setpriv", "--inh-caps=-all", "--bounding-set=-all", COMMAND, "ticket", "--cache", str(file)]
    done = subprocess.run(powerless, env=env, capture_output=True, text=True)
    found = answer(Ended(done.returncode, done.stdout, done.stderr))
    assert (done.returncode, found["reason"]) == (1, "unreadable")
    assert (found["user"], found["owner"], found["group"], found["mode"]) == (0, 1654, 1654, "0600")
    assert "run the container as root" in found["message"]


def test_a_hostile_principal_stays_one_line_of_json(file: Path, env: dict[str, str]) -> None:
    hostile = replace(GMSA, components=('x\n{"ok": true}\x1b[2J',))
    file.write_bytes(build(fresh(hostile)))
    found = answer(doctor("ticket", "--cache", str(file), env=env))
    assert found["principal"] == 'x\n{"ok": true}\x1b[2J@CORP.EXAMPLE'


@pytest.mark.parametrize(
    ("arguments", "variable", "words"),
    [
        (["--principal", ""], "", ["--principal", "'webapp01$@CORP.EXAMPLE'"]),
        (["--principal", "$"], "", ["--principal"]),
        (["--principal", "CORP\\webapp01$"], "", ["--principal"]),
        (["--principal", "webapp01$@"], "", ["--principal"]),
        (["--principal", "a@b@c"], "", ["--principal"]),
        (["--principal", "web app$"], "", ["--principal"]),
        (["--cache", ""], "", ["--cache"]),
        (["--cache", "KEYRING:x"], "", ["--cache KEYRING:x", "FILE:/path"]),
        ([], "MEMORY:x", ["KRB5CCNAME MEMORY:x", "FILE:/path"]),
        (["--minutes", "soon"], "", ["--minutes"]),
        (["--minutes", "-1"], "", ["--minutes"]),
        (["--wait", "inf"], "", ["--wait"]),
        (["--wait", "nan"], "", ["--wait"]),
        (["webapp01$"], "", ["webapp01$"]),
    ],
)
def test_bad_input_ends_with_one_message(
    arguments: list[str], variable: str, words: list[str], env: dict[str, str]
) -> None:
    ended = doctor("ticket", *arguments, env={**env, "KRB5CCNAME": variable})
    assert (ended.code, ended.out) == (2, "")
    assert "Traceback" not in ended.err
    assert all(word in ended.err for word in words), ended.err


def test_it_waits_for_a_ticket_that_comes(file: Path, env: dict[str, str]) -> None:
    content = file.read_bytes()
    file.unlink()

    def come() -> None:
        time.sleep(1.5)
        file.write_bytes(content)

    writer = threading.Thread(target=come)
    writer.start()
    ended = doctor("ticket", "--wait", "60", "--cache", str(file), env=env)
    writer.join()
    assert answer(ended)["reason"] == "good"


def test_in_the_end_it_tells_the_last_state() -> None:
    bad = judge(replace(FILE, content=replace(CACHE, credentials=())), None, 15, NOON)
    later = judge(FILE, None, 15, NOON + timedelta(hours=11))
    states = iter([bad, later, later, later])
    assert ticket._waited(lambda: next(states), 0.01) is later
    assert ticket._waited(lambda: bad, 0) is bad


def catches(process: int, number: signal.Signals) -> bool:
    """Whether the process has a handler for the signal: SigCgt of proc(5)."""
    (mask,) = re.findall(r"^SigCgt:\s*(\w+)$", Path(f"/proc/{process}/status").read_text(), re.MULTILINE)
    return bool(int(mask, 16) & 1 << (number - 1))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_while_it_waits_it_can_be_interrupted(number: signal.Signals, env: dict[str, str], tmp_path: Path) -> None:
    cache = tmp_path / "none" / "krb5cc"
    process = subprocess.Popen(
        [COMMAND, "ticket", "--wait", "600", "--cache", str(cache)],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not catches(process.pid, signal.SIGTERM):
        time.sleep(0.02)
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, "", "gmsa-doctor: interrupted\n")


def test_it_loads_nothing_heavy_and_no_check(file: Path, tmp_path: Path) -> None:
    modules = loaded(tmp_path, "ticket", "--cache", str(file))
    assert not modules & HEAVY
    assert "gmsa_doctor_checks" not in modules


def test_the_help_shows_a_health_check_that_works(env: dict[str, str], file: Path) -> None:
    shown = doctor("ticket", "--help", env=env).out
    start, end = shown.index('"healthCheck": '), shown.rindex("}") + 1
    health_check = json.loads(f"{{{shown[start:end]}}}")["healthCheck"]
    how, command, *arguments = health_check["command"]
    assert (how, command) == ("CMD", "gmsa-doctor")
    assert doctor(*arguments, env={**env, "KRB5CCNAME": str(file)}).code == 0
