"""A service that takes Kerberos tickets: Debian's PostgreSQL 15, as an account of the lab's AD.

Source: https://www.postgresql.org/docs/15/gssapi-auth.html
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.lab import ad
from tests.lab.ad import DomainController, LabUnavailableError
from tests.lab.loopback import fresh_address

PROGRAMS = Path("/usr/lib/postgresql/15/bin")
USER = "postgres"
"""Debian's account for it: PostgreSQL refuses to run as root."""
ACCOUNT = "svc-postgres"
_PASSWORD = "Passw0rd-Postgres!"
_START_LIMIT = 30.0

_CONFIGURATION = """
listen_addresses = '{ip}'
port = 5432
unix_socket_directories = ''
krb_server_keyfile = 'FILE:{keytab}'
fsync = off
log_connections = on
"""
_KRB5_CONF = """[libdefaults]
 default_realm = {realm}
 dns_lookup_realm = false
 dns_lookup_kdc = false
 dns_canonicalize_hostname = false
 rdns = false
[realms]
 {realm} = {{
  kdc = {kdc}
 }}
"""


@dataclass(frozen=True)
class Postgres:
    """A running PostgreSQL server, known to the AD as ``postgres/<host>``."""

    ip: str
    host: str
    directory: Path

    @property
    def log(self) -> str:
        """The contents of its log."""
        return (self.directory / "log").read_text(errors="replace")

    def query(self, sql: str, role: str, cache: Path, **settings: str) -> subprocess.CompletedProcess[str]:
        """Query as this role, with only the ticket in the cache."""
        environ = {
            "PATH": os.environ["PATH"],
            "KRB5_CONFIG": str(self.directory / "krb5.conf"),
            "KRB5CCNAME": f"FILE:{cache}",
            "PGCONNECT_TIMEOUT": "10",
        }
        place = {"host": self.host, "hostaddr": self.ip, "port": "5432", "dbname": "postgres", "user": role}
        words = " ".join(f"{name}='{value}'" for name, value in {**place, **settings}.items())
        command = [str(PROGRAMS / "psql"), "--no-psqlrc", "--no-password", "-At", "-c", sql, words]
        return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=30)


@contextmanager
def postgres(dc: DomainController, *roles: str) -> Iterator[Postgres]:
    """Run PostgreSQL with these roles on a fresh address, with an account in the AD; remove both at the end.

    Raises LabUnavailableError if it is not installed.
    """
    if not (PROGRAMS / "postgres").exists():
        raise LabUnavailableError("PostgreSQL 15 is not installed")
    directory = Path(tempfile.mkdtemp(prefix="gmsa-postgres-"))
    server = Postgres(fresh_address(), f"pg.{dc.domain}", directory)
    try:
        with _account(dc, f"postgres/{server.host}") as version:
            _prepare(server, dc, version, roles)
            with _running(server):
                yield server
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def _account(dc: DomainController, spn: str) -> Iterator[int]:
    """Make the account that the service runs as; give the version of its key."""
    dn = f"CN={ACCOUNT},CN=Users,{dc.base}"
    attributes = {
        "sAMAccountName": ACCOUNT,
        "servicePrincipalName": spn,
        "userAccountControl": "512",
        "msDS-SupportedEncryptionTypes": "24",
        "unicodePwd": f'"{_PASSWORD}"'.encode("utf-16-le"),
    }
    with ad.administrator(dc) as connection:
        connection.add(dn, ["user"], attributes)  # type: ignore[no-untyped-call]
    try:
        yield int(ad.read(dc, ACCOUNT, "msDS-KeyVersionNumber")[1]["msDS-KeyVersionNumber"][0])
    finally:
        with ad.administrator(dc) as connection:
            connection.delete(dn)  # type: ignore[no-untyped-call]


def _prepare(server: Postgres, dc: DomainController, version: int, roles: tuple[str, ...]) -> None:
    directory, data, keytab = server.directory, server.directory / "data", server.directory / "keytab"
    (directory / "krb5.conf").write_text(_KRB5_CONF.format(realm=dc.realm, kdc=dc.ip))
    _write_keytab(keytab, f"postgres/{server.host}@{dc.realm}", f"{dc.realm}{ACCOUNT}", version)
    for path in (directory, keytab):
        shutil.chown(path, USER, USER)
    directory.chmod(0o711)  # the client's configuration is in there too
    _as_user("initdb", "--no-sync", "--no-instructions", "--encoding=UTF8", "--locale=C", "--pgdata", str(data))
    (data / "postgresql.auto.conf").write_text(_CONFIGURATION.format(ip=server.ip, keytab=keytab))
    (data / "pg_hba.conf").write_text(f"host all all 127.0.0.0/8 gss include_realm=0 krb_realm={dc.realm}\n")
    statements = "".join(f'CREATE ROLE "{role}" LOGIN;\n' for role in roles)
    _as_user("postgres", "--single", "-D", str(data), "postgres", stdin=statements)


def _write_keytab(file: Path, principal: str, salt: str, version: int) -> None:
    """The key of an AD user is made of its password and of realm and name (MS-KILE 3.1.1.2)."""
    entry = f"addent -password -p {principal} -k {version} -e aes256-cts-hmac-sha1-96 -s {salt}"
    commands = f"{entry}\n{_PASSWORD}\nwkt {file}\nquit\n"
    subprocess.run(["ktutil"], input=commands, check=True, capture_output=True, text=True, timeout=30)
    file.chmod(0o600)


def _as_user(program: str, *arguments: str, stdin: str = "") -> None:
    command = [str(PROGRAMS / program), *arguments]
    ended = subprocess.run(
        command, input=stdin, user=USER, group=USER, cwd="/", capture_output=True, text=True, timeout=60
    )
    if ended.returncode or "ERROR" in ended.stderr:
        raise LabUnavailableError(f"{program} failed ({ended.returncode}): {ended.stderr[-2000:]}")


@contextmanager
def _running(server: Postgres) -> Iterator[None]:
    environ = {
        "PATH": os.environ["PATH"],
        "KRB5_CONFIG": str(server.directory / "krb5.conf"),
        "KRB5RCACHENAME": "none:",
    }
    with (server.directory / "log").open("w") as log:
        process = subprocess.Popen(
            [str(PROGRAMS / "postgres"), "-D", str(server.directory / "data")],
            user=USER, group=USER, cwd="/", env=environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True,  # Ctrl-C is for pytest
        )  # fmt: skip
    try:
        _wait_until_up(server, process)
        yield
    finally:
        process.terminate()  # sessions end first
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_up(server: Postgres, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_LIMIT
    while "ready to accept connections" not in server.log:
        if process.poll() is not None or time.monotonic() > deadline:
            raise LabUnavailableError(f"PostgreSQL did not start on {server.ip}: {server.log[-2000:]}")
        time.sleep(0.02)
