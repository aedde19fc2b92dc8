"""What the account that `--as` names sees in the AD."""

from __future__ import annotations

from dataclasses import dataclass

from gmsa_doctor.clients.ldap.client import Directory
from gmsa_doctor_checks.active_directory.lockout import LockoutPolicy
from gmsa_doctor_checks.active_directory.user_entry import UserEntry


@dataclass(frozen=True)
class Administrator:
    """A sealed session as the account that `--as` names, and the user's entry as this account sees it."""

    principal: str
    directory: Directory
    entry: UserEntry | None
    """``None``: the AD has no such user."""
    similar: tuple[str, ...] = ()
    """Without an entry: users whose UPN, display name, CN or mail is that name, each with its sAMAccountName."""
    lockout: LockoutPolicy | None = None
    """The policy of that user; ``None`` if it is unknown."""
