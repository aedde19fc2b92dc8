"""The account of ``--as``: LDAP queries run as this account too, in addition to the secret's user."""

from __future__ import annotations

from dataclasses import dataclass, field

from gmsa_doctor.core.hidden import Hidden


@dataclass(frozen=True)
class AdminAccount:
    """An account in the secret's domain, by sAMAccountName, with its password or the content of a keytab."""

    user: str
    password: Hidden[str] = field(default_factory=lambda: Hidden(""))
    keytab: Hidden[bytes] | None = None
