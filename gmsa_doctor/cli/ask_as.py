"""``--as``: the account to query the AD as, and the prompt for its password."""

from __future__ import annotations

import getpass
import re
from pathlib import Path

from gmsa_doctor.core.errors import UsageError
from gmsa_doctor.core.hidden import Hidden
from gmsa_doctor.given.request import AdminAccount, Live, Request

_MOST_BYTES = 1024 * 1024
_TERMINAL = "/dev/tty"


def account(user: str | None, keytab: Path | None, request: Request, option: str = "--as") -> AdminAccount | None:
    """The account of ``--as``, or another ``option``; None without it, or where nothing is sent to the AD.

    Raises UsageError where there is neither a keytab nor a terminal.
    """
    if user is None or request.offline or request.live is Live.NEVER:
        return None
    if not re.fullmatch(r"[^\\/@:\s]+", user):
        raise UsageError(f"{option} {user}: give the sAMAccountName only; the domain is that of the secret")
    if keytab is not None:
        return AdminAccount(user, keytab=Hidden(_content(keytab)))
    return AdminAccount(user, password=Hidden(_password(user, option)))


def _content(keytab: Path) -> bytes:
    try:
        with keytab.open("rb") as file:
            content = file.read(_MOST_BYTES)
    except OSError as error:
        raise UsageError(f"--as-keytab {keytab}: {error.strerror or 'cannot be read'}") from error
    if not content.startswith(b"\5"):  # its version: 5, then 1 or 2
        raise UsageError(f"--as-keytab {keytab}: not a keytab")
    return content


def _password(user: str, option: str) -> str:
    """Read from the terminal itself, never from a pipe."""
    try:
        with open(_TERMINAL, "r+b", buffering=0):
            pass
    except OSError as error:
        raise UsageError(
            f"{option} {user} prompts for a password, and there is no terminal: give --as-keytab"
        ) from error
    try:
        password = getpass.getpass(f"Password of {user} ({option}): ")
    except EOFError as error:
        raise UsageError(f"{option} {user}: no password entered") from error
    if not password:
        raise UsageError(f"{option} {user}: no password entered")
    return password
