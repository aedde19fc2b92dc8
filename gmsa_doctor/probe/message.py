"""What a probe sends back: the findings of its checks, by subject."""

from __future__ import annotations

import json
from dataclasses import dataclass

from gmsa_doctor.core.model import Finding, Status
from gmsa_doctor.probe.codec import CodecError, decode, encode

USER_LOGON = "kerberos.user-ticket"
"""The check that logs on to AD as the secret's user."""
LOGONS = (USER_LOGON, "kerberos.gmsa-ticket")
"""The checks that may fail a logon."""
_SPENT = (Status.FAIL, Status.UNKNOWN, Status.ERROR)


@dataclass(frozen=True)
class ProbeVantage:
    """The findings for one subject."""

    name: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Message:
    """The report of a probe. ``interrupted``: it was ended before all checks had."""

    run: str
    subjects: tuple[ProbeVantage, ...]
    interrupted: bool = False


def write_message(message: Message) -> bytes:
    """For the envelope."""
    return json.dumps(encode(message), separators=(",", ":")).encode()


def read_message(body: bytes) -> Message | None:
    """None for what no probe of this version has written."""
    try:
        return decode(Message, json.loads(body))
    except (CodecError, ValueError, RecursionError):
        return None


def logon_of(message: Message) -> bool | None:
    """Whether the logons to AD succeeded, those of every subject; None where one was not tried, and none failed."""
    found = [one for each in message.subjects for one in each.findings if one.check in LOGONS]
    if any(one.status in _SPENT for one in found):
        return False
    users = [one.status for one in found if one.check == USER_LOGON]
    return True if users and Status.SKIPPED not in users else None
