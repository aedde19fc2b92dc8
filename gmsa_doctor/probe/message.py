"""What a probe sends back: the findings of its checks, by subject."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from gmsa_doctor.model import Finding, Status
from gmsa_doctor.probe.codec import CodecError, decode, encode

LOGON = "kerberos.user-ticket"
"""The check that logs on to AD as the secret's user."""
_SPENT = (Status.FAIL, Status.UNKNOWN, Status.ERROR)


@dataclass(frozen=True)
class Seen:
    """The findings for one subject."""

    name: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Message:
    """The report of a probe. ``interrupted``: it was ended before all checks had."""

    run: str
    subjects: tuple[Seen, ...]
    interrupted: bool = False


def write_message(message: Message) -> bytes:
    """For the envelope."""
    return json.dumps(encode(message), separators=(",", ":")).encode()


def read_message(body: bytes) -> Message | None:
    """None for what no probe of this version has written."""
    try:
        return decode(Message, json.loads(body))
    except (CodecError, ValueError):
        return None


def logon_of(message: Message) -> bool | None:
    """Whether the logon to AD succeeded, for every account that was tried; None if none was tried."""
    return _all(one.status for each in message.subjects for one in each.findings if one.check == LOGON)


def _all(statuses: Iterable[Status]) -> bool | None:
    known = [one for one in statuses if one is not Status.SKIPPED]
    if any(one in _SPENT for one in known):
        return False
    return True if known else None
