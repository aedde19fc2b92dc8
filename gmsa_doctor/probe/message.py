"""The message that a probe sends back: the findings of its checks, by subject."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from gmsa_doctor.core.check_id import CheckId
from gmsa_doctor.core.model import Finding, Status
from gmsa_doctor.probe.codec import CodecError, decode, encode

USER_LOGON = CheckId("kerberos.user-ticket")
"""The check that logs on to AD as the secret's user."""
LOGONS = (USER_LOGON, CheckId("kerberos.gmsa-ticket"))
"""The checks that may fail a logon."""
_SPENT = (Status.FAIL, Status.UNKNOWN, Status.ERROR)


@dataclass(frozen=True)
class SubjectFindings:
    """The findings for a subject, by its name."""

    name: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class ProbeMessage:
    """The report of a probe. ``interrupted``: it ended before all checks had finished.

    ``failed_logons``: the accounts of which a logon failed, or may have failed.
    """

    run: str
    subjects: tuple[SubjectFindings, ...]
    interrupted: bool = False
    failed_logons: tuple[str, ...] = ()

    @property
    def findings(self) -> list[Finding]:
        """The findings of all subjects."""
        return [finding for subject in self.subjects for finding in subject.findings]

    def for_all(self, same: Mapping[str, Iterable[str]]) -> ProbeMessage:
        """The message in which other subjects have the findings of one; ``same`` has their names by its name."""
        subjects = (
            SubjectFindings(name, subject.findings)
            for subject in self.subjects
            for name in same.get(subject.name, (subject.name,))
        )
        return replace(self, subjects=tuple(subjects))

    @property
    def logged_on(self) -> bool | None:
        """Whether the AD logons of all subjects succeeded; None if none failed but some were not tried."""
        logons = [finding for finding in self.findings if finding.check in LOGONS]
        if any(finding.status in _SPENT for finding in logons):
            return False
        users = [finding.status for finding in logons if finding.check == USER_LOGON]
        return True if users and Status.SKIPPED not in users else None


@dataclass(frozen=True)
class OwedReport:
    """What the report of a task must hold: the ids of the checks, by the name of the subject."""

    run: str
    checks: Mapping[str, frozenset[str]]

    def is_for(self, message: ProbeMessage) -> bool:
        """Whether the message is about this run, and about no other subject."""
        return message.run == self.run and all(subject.name in self.checks for subject in message.subjects)

    def missing(self, message: ProbeMessage) -> tuple[str, ...]:
        """The checks of which a finding is missing."""
        found = {(subject.name, finding.check) for subject in message.subjects for finding in subject.findings}
        owed = ((id, name) for name, ids in self.checks.items() for id in ids)
        return tuple(sorted({id for id, name in owed if (name, id) not in found}))


def write_message(message: ProbeMessage) -> bytes:
    """The message as bytes for the envelope."""
    return json.dumps(encode(message), separators=(",", ":")).encode()


def read_message(body: bytes) -> ProbeMessage | None:
    """The message; None if no probe of this version wrote it."""
    try:
        return decode(ProbeMessage, json.loads(body))
    except (CodecError, ValueError, RecursionError):
        return None
