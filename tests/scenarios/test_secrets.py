"""No secret in any output: in each format, at -v, when something is wrong with the secret, and on a crash."""

import base64
import json
import os
import re
import socket
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from queue import Queue
from threading import Thread

import pytest

from tests.command import COMMAND, Ended, doctor
from tests.lab import accounts, ad
from tests.lab.ad import DomainController
from tests.lab.aws import EmbeddedAws
from tests.lab.creation import create
from tests.lab.environment import Environment, healthy
from tests.lab.loopback import fresh_address
from tests.scenarios import changes
from tests.scenarios.lab import Change, Lab

CANARY = "Canary-Pässwort-7319"
OTHER = "canary-of-another-key-5520"
FORMATS = (["--format", "json"], ["-v", "--color", "always"])


def traces(secret: str) -> set[str]:
    """The secret as it might stand in an output: plain, escaped, and in the encodings in use."""
    raw = secret.encode()
    plain = {secret, json.dumps(secret)[1:-1], repr(secret)[1:-1], repr(raw)[2:-1], raw.hex(), secret[:12], secret[-8:]}
    return {*plain, base64.b64encode(raw).decode().rstrip("=")[:-2], repr(secret.encode("utf-16-le"))[2:-1]}


def assert_silent(ended: Ended, *more: str) -> None:
    for secret in (CANARY, OTHER, *more):
        for trace in traces(secret):
            assert trace not in ended.out + ended.err


def outputs(environment: Environment, aws: EmbeddedAws, tmp_path: Path) -> Iterator[Ended]:
    """What the command prints in each format, and what it writes to a file."""
    for options in FORMATS:
        yield doctor(*environment.command_with(*options), env=aws.environ())
    file, archive = tmp_path / "report", tmp_path / "case.zip"
    options = ["--output", str(file), "--bundle", str(archive)]
    ended = doctor(*environment.command, *options, env=aws.environ())
    with zipfile.ZipFile(archive) as opened:
        content = b"".join(opened.read(name) for name in opened.namelist()).decode()
    yield Ended(ended.code, ended.out + file.read_text() + content, ended.err)


MALFORMED = {
    "a wrong password": changes.secret(password=CANARY),
    "another key": changes.secret(note=OTHER, password=CANARY, nested={"deep": [OTHER]}),
    "not JSON": changes.secret_is(f"{CANARY} {OTHER}"),
    "broken JSON": changes.secret_is('{"username": "gmsa-reader", "password": "' + CANARY),
    "a value where a key should be": changes.secret_is(json.dumps({CANARY: OTHER})),
    "an unknown escape": changes.secret_is('{"password": "' + CANARY + '\\q"}'),
    "a list": changes.secret_is(json.dumps([CANARY, OTHER])),
    "a text": changes.secret_is(json.dumps(CANARY)),
    "the password as a list": changes.secret(password=[CANARY]),
    "the key in another case": changes.secret(password=None, Password=CANARY),
    "both spellings": changes.secret(password=CANARY, passwordOfStandardUserAccount=OTHER),
    "too long": changes.secret(password=CANARY * 8),
    "binary": changes.secret_is(CANARY.encode()),
    "the password after the user name": changes.secret(username=f"gmsa-reader:{CANARY}", password=CANARY),
    "the password after a domain": changes.secret(username=f"CORP\\{CANARY}", password=CANARY),
    "swapped fields": changes.secret(username=CANARY, password="gmsa-reader"),
    "swapped fields without a special character": changes.secret(username=OTHER, password="gmsa-reader"),
    "the password as domainName": changes.secret(domainName=CANARY, password="corp.example"),
    "the password as distinguishedName": changes.secret(distinguishedName=CANARY),
    "an unknown user": changes.secret(username="nobody-here", password=CANARY),
}


@pytest.mark.parametrize("change", MALFORMED.values(), ids=MALFORMED)
def test_what_is_wrong_with_a_secret_is_told_without_it(
    change: Change, dc: DomainController, aws: EmbeddedAws, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        environment = healthy(dc)
        change(environment, Lab(dc, aws, stack))
        create(environment, aws)
        environment.arguments += ["--live", "never"] if "password" not in str(environment.secret) else []
        for ended in outputs(environment, aws, tmp_path):
            assert ended.code in (0, 1)
            assert_silent(ended)
    ad.reset_bad_password_count(dc, accounts.READER)


def test_a_run_that_passes_says_no_password(dc: DomainController, aws: EmbeddedAws, tmp_path: Path) -> None:
    environment = healthy(dc)
    changes.user(accounts.SPECIAL)(environment, Lab(dc, aws, ExitStack()))
    create(environment, aws)
    for ended in outputs(environment, aws, tmp_path):
        assert ended.code == 0
        assert_silent(ended, accounts.SPECIAL_PASSWORD)
        assert not re.search(r"msDS-ManagedPassword.{0,3}:", ended.out + ended.err)


CRASH = """
from importlib import import_module
from gmsa_doctor.authoring import Cause, Finding, check, passed
from gmsa_doctor.given.subject import Subject

def burst(*arguments, **named):
    values = [*arguments, *named.values()]
    secrets = [value.reveal() for value in values if hasattr(value, "reveal")]
    raise ValueError(secrets or values)

place = import_module("{module}")
*parents, last = "{name}".split(".")
for parent in parents:
    place = getattr(place, parent)
setattr(place, last, burst)

@check("crash.none", title="Nothing", docs="https://acme.example")
def nothing(subject: Subject) -> Finding:
    \"\"\"Looks at nothing.

    Why: a plug-in needs a check.

    Fix: none.
    \"\"\"
    return passed("nothing")
"""


@pytest.mark.parametrize(
    ("module", "name", "check"),
    [
        ("gmsa_doctor_checks.credspec.secret", "read_secret", "secret.value"),
        ("gmsa_doctor_checks.credspec.secret", "Account", "secret.fields"),
        ("gmsa_doctor.clients.kerberos.client", "Kerberos.user_ticket", "kerberos.user-ticket"),
        ("gmsa_doctor.clients.kerberos.client", "Kerberos.account_ticket", "kerberos.gmsa-ticket"),
        ("gmsa_doctor.formats.ad.managed_password", "parse", "directory.managed-password"),
    ],
)
def test_a_crash_says_where_and_nothing_else(
    module: str, name: str, check: str, dc: DomainController, aws: EmbeddedAws, tmp_path: Path
) -> None:
    """A plug-in breaks one function, which then raises the secrets that it was given."""
    metadata = tmp_path / "crash-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: crash\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text("[gmsa_doctor.checks]\ncrash = crash\n")
    (tmp_path / "crash.py").write_text(CRASH.format(module=module, name=name))
    environment = healthy(dc)
    create(environment, aws)
    for options in FORMATS:
        ended = doctor(*environment.command_with(*options), env={**aws.environ(), "PYTHONPATH": str(tmp_path)})
        assert ended.code == 3, ended.out + ended.err
        assert "crashed with ValueError" in " ".join(ended.out.split())
        assert check in ended.out
        assert_silent(ended, accounts.PASSWORD)


# In no file and no entry of /proc --------------------------------------------------------------------------


def test_while_it_runs_no_file_and_no_entry_of_proc_holds_a_secret(
    dc: DomainController, aws: EmbeddedAws, tmp_path: Path
) -> None:
    """Looks at each connection to LDAP. Before the last one, the secret was read and the logon has succeeded."""
    started: Queue[subprocess.Popen[bytes]] = Queue()
    seen: dict[str, bytes] = {}

    def look() -> None:
        process = started.get(timeout=60)
        started.put(process)
        seen.update(entries_of(process.pid))
        seen.update({str(path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()})

    with ExitStack() as stack:
        environment = healthy(dc)
        changes.ldap_at(lambda lab: listening(lab, look))(environment, Lab(dc, aws, stack))
        create(environment, aws)
        env = {**aws.environ(), "HOME": str(tmp_path), "TMPDIR": str(tmp_path), "PWD": str(tmp_path)}
        command = [COMMAND, *environment.command, "--format", "json"]
        with subprocess.Popen(
            command, env=env, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            started.put(process)
            out, err = process.communicate(timeout=90)
    ended = Ended(process.returncode, out.decode(), err.decode())
    assert ended.statuses()["kerberos.user-ticket"] == "pass"
    assert {name.rpartition("/")[2] for name in seen} >= {"cmdline", "environ", "maps"}
    assert_silent(ended, accounts.PASSWORD)
    for name, content in seen.items():
        assert not [trace for trace in traces(accounts.PASSWORD) if trace.encode() in content], name
    assert list(tmp_path.iterdir()) == []


def entries_of(pid: int) -> dict[str, bytes]:
    """What /proc shows of a process, and its files without a name."""
    entries = Path(f"/proc/{pid}")
    found = {str(entries / name): (entries / name).read_bytes() for name in ("cmdline", "environ", "maps", "comm")}
    for file in (entries / "fd").iterdir():
        with suppress(OSError):
            target = os.readlink(file)
            found[str(file)] = target.encode() + (file.read_bytes() if "memfd" in target else b"")
    return found


def listening(lab: Lab, look: Callable[[], None]) -> str:
    """An LDAP server that closes each connection when ``look`` has ended."""
    address = fresh_address()
    server = lab.stack.enter_context(socket.create_server((address, 389)))

    def serve() -> None:
        with suppress(OSError):
            while True:
                with server.accept()[0]:
                    look()

    Thread(target=serve, daemon=True).start()
    return address
