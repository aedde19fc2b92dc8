"""``--as``: the account that the AD is asked as, and its password, which is asked for at the terminal."""

from __future__ import annotations

import getpass
import re
from pathlib import Path

from gmsa_doctor.core.errors import UsageError
from gmsa_doctor.core.hidden import Hidden
from gmsa_doctor.given.request import AdminAccount, Live, Request

_MOST_BYTES = 1024 * 1024
_TERMINAL = "/dev/tty"


def account(user: str | None, keytab: Path | None, request: Request) -> AdminAccount | None:
    """The account of ``--as``, or ``None``. Raises UsageError where there is neither a keytab nor a terminal."""
    if user is None:
        if keytab is not None:
            raise UsageError("--as-keytab is the keytab of the account that --as names: give --as")
        return None
    if request.offline or request.live is Live.NEVER:
        raise UsageError("--as asks the AD, which --offline and --live never rule out: leave one of the two out")
    if not re.fullmatch(r"[^\\/@:\s]+", user):
        raise UsageError(f"--as {user}: give the sAMAccountName alone; the domain is the secret's")
    if keytab is not None:
        return AdminAccount(user, keytab=Hidden(_content(keytab)))
    return AdminAccount(user, password=Hidden(_password(user)))


def _content(keytab: Path) -> bytes:
    try:
        with keytab.open("rb") as file:
            content = file.read(_MOST_BYTES)
    except OSError as error:
        raise UsageError(f"--as-keytab {keytab}: {error.strerror or 'it cannot be read'}") from error
    if not content.startswith(b"\5"):  # its version: 5, then 1 or 2
        raise UsageError(f"--as-keytab {keytab}: that is no keytab")
    return content


def _password(user: str) -> str:
    """Asked for at the terminal itself, wherever standard input comes from; never read from a pipe."""
    try:
        with open(_TERMINAL, "r+b", buffering=0):
            pass
    except OSError as error:
        raise UsageError(
            f"--as {user} asks for the password at the terminal, and there is none: give --as-keytab"
        ) from error
    try:
        password = getpass.getpass(f"Password of {user} (--as): ")
    except EOFError as error:
        raise UsageError(f"--as {user}: no password was given") from error
    if not password:
        raise UsageError(f"--as {user}: no password was given")
    return password
