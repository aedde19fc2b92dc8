"""Whether one more failed logon would lock the secret's user, as an administrator sees it in the AD."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from gmsa_doctor.authoring import Finding, Fix, Owner, unknown
from gmsa_doctor.clients.ldap.client import Directory, Entry
from gmsa_doctor.core.errors import ClientError
from gmsa_doctor.formats.ad import filetime
from gmsa_doctor.formats.ad.user_account_control import Control
from gmsa_doctor_checks.active_directory.user_entry import UserEntry, utc
from gmsa_doctor_checks.commands import STOP_SERVICE, powershell

_OF_THE_DOMAIN = ("lockoutThreshold", "lockOutObservationWindow")
_OF_A_POLICY = ("msDS-LockoutThreshold", "msDS-LockoutObservationWindow")


@dataclass(frozen=True)
class LockoutPolicy:
    """Failed logons that lock an account, and how long after the last one the count begins again.

    Source: MS-SAMR 3.1.5.14.6.
    """

    threshold: int
    window: timedelta

    def counted(self, user: UserEntry, now: datetime) -> int:
        """The failed logons that count now; ``badPwdCount`` stays in the entry after the window."""
        last = user.last_bad_password
        return user.bad_passwords if last and now - last < self.window else 0


def read(directory: Directory, base_dn: str, user_dn: str) -> LockoutPolicy | None:
    """The policy that applies to the user: the fine-grained one, or the domain's. ``None`` if it cannot be read."""
    try:
        own = directory.search(user_dn, "(objectClass=*)", ("msDS-ResultantPSO",), "base")
        policy = next((dn for entry in own if (dn := entry.text("msDS-ResultantPSO"))), None)
        names = _OF_A_POLICY if policy else _OF_THE_DOMAIN
        entries = directory.search(policy or base_dn, "(objectClass=*)", names, "base")
    except ClientError:
        return None
    return _policy(entries[0], names) if entries else None


def _policy(entry: Entry, names: tuple[str, str]) -> LockoutPolicy | None:
    threshold, ticks = (filetime.number(entry.text(name)) for name in names)
    if threshold is None or ticks is None:
        return None
    return LockoutPolicy(threshold, timedelta(microseconds=abs(ticks) // 10))


def last_attempt(user: UserEntry, policy: LockoutPolicy | None, principal: str, now: datetime) -> Finding | None:
    """The finding instead of a logon, if a wrong password would lock the user; None if a logon may be tried.

    Other clients count too: a second run, or tasks with a stale secret.
    """
    if policy is None or policy.threshold == 0 or user.flags & Control.LOCKOUT:
        return None
    counted = policy.counted(user, now)
    if counted == 0 or counted + 1 < policy.threshold:
        return None
    again = user.last_bad_password + policy.window if user.last_bad_password else now
    return unknown(
        f"no logon was tried: badPwdCount of {user.name} is {counted} of {policy.threshold}, and one more wrong "
        "password would lock it",
        observed=f"{principal} sees: badPwdCount {counted}, the last on {utc(user.last_bad_password)}; "
        f"the account is locked at {policy.threshold}",
        expected=f"fewer than {policy.threshold - 1} failed logons",
        fix=Fix(
            "1. Developer: note the desired count of the services that use this secret, then set it to 0 (command "
            "1): each start with a stale secret is a failed logon. 2. AD administrator: find the client that logs on "
            f"with a wrong password (event 4771 on the domain controllers). 3. Run this again after {utc(again)}, "
            "when the count begins again, or reset the count (command 2).",
            (STOP_SERVICE, f"Unlock-ADAccount -Identity {powershell(user.name)}"),
            owner=Owner.AD,
        ),
    )
