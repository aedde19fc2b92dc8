"""The account that the AD is asked as, beside the secret's user: ``--as``."""

from __future__ import annotations

from dataclasses import dataclass, field

from gmsa_doctor.core.hidden import Hidden


@dataclass(frozen=True)
class AdminAccount:
    """An account of the secret's domain, by its sAMAccountName, with its password or a keytab."""

    user: str
    password: Hidden[str] = field(default_factory=lambda: Hidden(""))
    keytab: Hidden[bytes] | None = None
    """The content of the keytab."""
