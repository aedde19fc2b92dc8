"""A real Active Directory on a loopback address: Samba's domain controller with the lab's accounts."""

import json
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import ldap3
from ldap3.core.exceptions import LDAPException
from ldap3.utils.conv import escape_filter_chars

from gmsa_doctor.formats.ad import sid
from tests.lab import accounts
from tests.lab.loopback import fresh_address

SCRIPTS = Path(__file__).parent / "scripts"
LAB = Path(os.environ.get("LAB") or Path(tempfile.gettempdir()) / "gmsa-lab")
"""Where Samba is unpacked and the bare domain is kept, from one test run to the next."""
START_LIMIT = 180.0
"""Seconds within which a domain controller must answer on all its ports."""
PORTS = (389, 636, 88, 53, 464)


class LabUnavailableError(Exception):
    """No domain controller can run on this machine; the text has the reason."""


@dataclass(frozen=True)
class DomainController:
    """A running domain controller."""

    ip: str
    state: Path
    """Its directory: etc/smb.conf, private/, dc.log."""
    domain: str = accounts.DOMAIN
    realm: str = accounts.REALM
    netbios_name: str = accounts.NETBIOS_NAME
    host: str = f"{accounts.DC_NAME}.{accounts.DOMAIN}"
    base: str = ",".join(f"DC={label}" for label in accounts.DOMAIN.split("."))
    besides: ExitStack = field(default_factory=ExitStack, compare=False, repr=False)
    """What was started with it, and ends with it."""
    copies: "list[DomainController]" = field(default_factory=list, compare=False, repr=False)
    others: "list[DomainController]" = field(default_factory=list, compare=False, repr=False)

    @property
    def ca(self) -> Path:
        """The CA certificate that signed the certificate of the LDAPS server."""
        return self.state / "private/tls/ca.pem"


def required() -> bool:
    """Return whether a missing lab is a failure (`GMSA_LAB=required`), and not a reason to skip."""
    return os.environ.get("GMSA_LAB") == "required"


@contextmanager
def domain_controller() -> Iterator[DomainController]:
    """Make a new domain, run its domain controller on a fresh address, and remove both at the end.

    Raises LabUnavailableError if Samba is not available or does not start.
    """
    if os.geteuid() != 0:
        raise LabUnavailableError("needs root, for ports below 1024 and a mount namespace")
    _script("bootstrap")
    directory = Path(tempfile.mkdtemp(prefix="gmsa-dc-"))
    try:
        dc = DomainController(ip=fresh_address(), state=directory / "state")
        _script("provision", str(dc.state), dc.ip)
        with _running(dc), dc.besides:
            yield dc
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def bare_domain() -> Iterator[DomainController]:
    """Run the domain controller of a new domain with nothing in it: no gMSA, no user, no KDS root key."""
    directory = Path(tempfile.mkdtemp(prefix="gmsa-dc-"))
    try:
        dc = DomainController(ip=fresh_address(), state=directory / "state")
        _script("provision", str(dc.state), dc.ip, OBJECTS="lab_bare.py")
        with _running(dc):
            yield dc
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def carry_out(dc: DomainController, steps: list[dict[str, Any]], passwords: Mapping[str, str]) -> None:
    """Carry out the AD's parts of a plan, given as their kinds and fields, with Samba's tools."""
    given = json.dumps({"steps": steps, "passwords": dict(passwords)})
    _script("in-root", "/usr/bin/python3", "-B", str(SCRIPTS / "lab_steps.py"), str(dc.state), stdin=given)


def lagging_copy(dc: DomainController) -> DomainController:
    """Give a second domain controller, `dc2`, whose copy of the directory differs as `lab_lag.py` says.

    It has the same keys and SPNs, and does not replicate. It starts on first use (2 s), and ends with `dc`.
    """
    if not dc.copies:
        state = dc.state.parent / "copy"
        # Nobody writes to the databases now: this process makes all requests.
        shutil.copytree(dc.state, state, symlinks=True, ignore=_running_files)
        copy = replace(dc, ip=fresh_address(), state=state, host=f"{accounts.COPY_NAME}.{dc.domain}")
        conf = state / "etc/smb.conf"
        conf.write_text(conf.read_text().replace(str(dc.state), str(state)).replace(dc.ip, copy.ip))
        for name in ("run", "msg.lock", "msg.sock"):
            (state / name).mkdir(mode=0o700, exist_ok=True)
        _script("in-root", "/usr/bin/python3", "-B", str(SCRIPTS / "lab_lag.py"), str(state))
        dc.besides.enter_context(_running(copy))
        dc.copies.append(copy)
    return dc.copies[0]


def other_domain(dc: DomainController) -> DomainController:
    """Give the domain controller of a second domain: another forest, with a trust in both directions.

    It starts on first use (3 s), and ends with `dc`.
    """
    if not dc.others:
        with administrator(dc) as connection:
            connection.search(dc.base, "(objectClass=*)", "BASE", attributes=["objectSid"])
            (found,) = (one["raw_attributes"]["objectSid"][0] for one in connection.response or [])
        other = DomainController(
            ip=fresh_address(),
            state=dc.state.parent / "other",
            domain=accounts.OTHER_DOMAIN,
            realm=accounts.OTHER_REALM,
            netbios_name=accounts.OTHER_NETBIOS_NAME,
            host=f"{accounts.DC_NAME}.{accounts.OTHER_DOMAIN}",
            base=",".join(f"DC={label}" for label in accounts.OTHER_DOMAIN.split(".")),
        )
        name = accounts.OTHER_DOMAIN.partition(".")[0]
        _script("provision", str(other.state), other.ip, name, accounts.OTHER_SID, sid.parse(found))
        dc.besides.enter_context(_running(other))
        dc.others.append(other)
    return dc.others[0]


def _running_files(directory: str, names: list[str]) -> list[str]:
    """Sockets, locks and PIDs of the server that runs."""
    return [name for name in names if not (Path(directory) / name).is_file() and not (Path(directory) / name).is_dir()]


def _script(name: str, *arguments: str, stdin: str = "", **variables: str) -> None:
    command, env = [str(SCRIPTS / name), *arguments], {**_environ(), **variables}
    try:
        subprocess.run(command, env=env, input=stdin, check=True, timeout=600, capture_output=True, text=True)
    except subprocess.CalledProcessError as error:
        output = f"{error.stdout}\n{error.stderr}".strip()
        raise LabUnavailableError(f"{name} failed ({error.returncode}): {output[-2000:]}") from None
    except subprocess.TimeoutExpired:
        raise LabUnavailableError(f"{name} did not end within 600 s") from None


def _environ() -> dict[str, str]:
    return {**os.environ, "LAB": str(LAB)}


@contextmanager
def _running(dc: DomainController) -> Iterator[None]:
    """Run the domain controller. It ends when its stdin is closed, so it never outlives this process."""
    command = [str(SCRIPTS / "run-dc"), str(dc.state)]
    # A session of its own: Ctrl-C is for pytest, which then stops the server in good order.
    process = subprocess.Popen(command, env=_environ(), stdin=subprocess.PIPE, start_new_session=True)
    try:
        _wait_until_up(dc, process)
        yield
    finally:
        _stop(process)


def _wait_until_up(dc: DomainController, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_LIMIT
    waiting = list(PORTS)
    while waiting:
        if process.poll() is not None or time.monotonic() > deadline:
            log = dc.state / "dc.log"
            text = log.read_text(errors="replace")[-2000:] if log.exists() else ""
            raise LabUnavailableError(f"Samba did not start on {dc.ip}, ports {waiting}: {text}")
        with suppress(OSError), socket.create_connection((dc.ip, waiting[0]), 1):
            waiting.pop(0)
            continue
        time.sleep(0.02)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def bound(dc: DomainController, account: str, password: str) -> Iterator[ldap3.Connection]:
    """Give an LDAPS connection bound with name and password.

    Raises ldap3's LDAPInvalidCredentialsResult when the domain controller refuses them.
    """
    tls = ldap3.Tls(validate=ssl.CERT_NONE)
    server = ldap3.Server(dc.ip, port=636, use_ssl=True, tls=tls, get_info=ldap3.NONE, connect_timeout=30)
    user = f"{account}@{dc.domain}"
    connection = ldap3.Connection(server, user, password, auto_bind=True, raise_exceptions=True, receive_timeout=60)
    try:
        yield connection
    finally:
        connection.unbind()


def administrator(dc: DomainController) -> AbstractContextManager[ldap3.Connection]:
    """Give an LDAPS connection as the domain's administrator, to look at the directory or to change it."""
    return bound(dc, accounts.ADMINISTRATOR, accounts.ADMINISTRATOR_PASSWORD)


def read(dc: DomainController, account: str, *attributes: str) -> tuple[str, dict[str, Any]]:
    """Give the DN and the attributes of the account with this sAMAccountName.

    Raises KeyError when there is none.
    """
    with administrator(dc) as connection:
        found = f"(sAMAccountName={escape_filter_chars(account)})"
        connection.search(dc.base, found, attributes=list(attributes) or None)
        for entry in connection.response or []:
            if entry["type"] == "searchResEntry":
                return str(entry["dn"]), dict(entry["raw_attributes"])
    raise KeyError(account)


def modify(dc: DomainController, account: str, **attributes: str | bytes | list[bytes]) -> None:
    """Replace attributes of the account with this sAMAccountName; `_` in their names stands for `-`."""
    dn, _ = read(dc, account)
    changes = {
        name.replace("_", "-"): [(ldap3.MODIFY_REPLACE, value if isinstance(value, list) else [value])]
        for name, value in attributes.items()
    }
    with administrator(dc) as connection:
        connection.modify(dn, changes)  # type: ignore[no-untyped-call]


def bad_password_count(dc: DomainController, user: str) -> int:
    """Give how many failed logons the domain controller counts for the user."""
    _, attributes = read(dc, user, "badPwdCount")
    return int((attributes.get("badPwdCount") or [b"0"])[0])


_kept: dict[str, ldap3.Connection] = {}
"""Connections as administrator by the address of the domain controller, with which they end."""


def bad_password_counts(dc: DomainController, names: Iterable[str]) -> dict[str, int]:
    """Give the failed logons of these accounts, over a connection that is kept: a millisecond."""
    query = "".join(f"(sAMAccountName={escape_filter_chars(name)})" for name in names)
    for _ in range(2):  # the domain controller closes a connection that is idle
        connection = _kept.get(dc.ip) or dc.besides.enter_context(administrator(dc))
        try:
            connection.search(dc.base, f"(|{query})", attributes=["sAMAccountName", "badPwdCount"])
        except LDAPException:
            _kept.pop(dc.ip, None)
            continue
        _kept[dc.ip] = connection
        entries = [entry["raw_attributes"] for entry in connection.response or [] if entry["type"] == "searchResEntry"]
        return {entry["sAMAccountName"][0].decode(): int((entry["badPwdCount"] or [b"0"])[0]) for entry in entries}
    raise AssertionError("the domain controller closes each connection")


def reset_bad_password_count(dc: DomainController, user: str) -> None:
    """Set the user's count of failed logons to 0 (and unlock the user), as an administrator does it."""
    modify(dc, user, lockoutTime="0")
