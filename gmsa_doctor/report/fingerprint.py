"""What makes a finding the same one in two reports, and the file that it belongs to."""

from __future__ import annotations

import hashlib
import posixpath
from dataclasses import replace

from gmsa_doctor.core.model import Finding, Location

FINGERPRINT = "gmsaDoctor/v1"
"""Under this name the fingerprint stands where it needs one; another way to make it takes another version."""


def fingerprint(subject: str, finding: Finding) -> str:
    """32 hexadecimal digits of the subject, the check and the file: not of lines and words, which vary."""
    file = path(finding.location.file) if finding.location else ""
    key = "\0".join((subject, finding.check, file))
    return hashlib.sha256(key.encode("utf-8", "backslashreplace")).hexdigest()[:32]


def path(file: str) -> str:
    """The file as CI systems name it: without ``./`` and what goes back and forth."""
    return posixpath.normpath(file)


def place(location: Location) -> str:
    """File, line and column as people read them, the file as CI systems name it."""
    return str(replace(location, file=path(location.file)))


def placeholder(subject: str) -> str:
    """The file that stands for a subject which no file describes, for systems that show nothing without one."""
    parts = ("_" if part in ("", ".", "..") else part for part in subject.split("/"))
    return "/".join((".gmsa-doctor", *parts))


def file_and_line(subject: str, finding: Finding) -> tuple[str, int]:
    """Where it stands, for systems that show nothing without a file and a line."""
    if finding.location:
        return path(finding.location.file), finding.location.line or 1
    return placeholder(subject), 1
