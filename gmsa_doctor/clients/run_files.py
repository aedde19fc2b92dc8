"""Where the files of a fleet's run are kept: a directory, or a prefix of a bucket."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gmsa_doctor.clients.aws.fleet import RunBucket
from gmsa_doctor.clients.aws.session import Aws
from gmsa_doctor.core.errors import ClientError, UsageError

_S3 = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(?P<prefix>.*))?")
_MOST_BYTES = 512 * 1_048_576
"""Of one file. A report of tens of thousands of services is far below."""


class RunFiles(Protocol):
    """Files by their names, which may have slashes."""

    def read(self, name: str) -> bytes | None:
        """The content; None if there is no such file. Raises UsageError if it cannot be read."""

    def write(self, name: str, content: bytes) -> None:
        """Write a file as a whole. Raises UsageError if it cannot be written."""

    def create(self, name: str, content: bytes) -> bool:
        """Write a file unless there is one with this name; whether it was written. Raises UsageError."""

    def names(self, folder: str = "") -> tuple[str, ...]:
        """The names of all files, or of those in a folder. Raises UsageError if they cannot be listed."""


@dataclass(frozen=True)
class Folder:
    """A directory. A file is never seen half written."""

    path: Path

    def read(self, name: str) -> bytes | None:
        """The content; None if there is no such file."""
        file = self.path / name
        try:
            if file.stat().st_size > _MOST_BYTES:
                raise UsageError(f"{file} is longer than {_MOST_BYTES} bytes: too large for a report")
            return file.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UsageError(f"{file} cannot be read: {error.strerror}") from error

    def write(self, name: str, content: bytes) -> None:
        """Write a file as a whole."""
        file = self.path / name
        part = file.with_name(f".{file.name}.{os.getpid()}")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(content)
            part.replace(file)
        except OSError as error:
            raise UsageError(f"{file} cannot be written: {error.strerror}") from error

    def create(self, name: str, content: bytes) -> bool:
        """Write a file unless there is one. Another process may see it empty for a moment."""
        file = self.path / name
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("xb") as opened:
                opened.write(content)
        except FileExistsError:
            return False
        except OSError as error:
            raise UsageError(f"{file} cannot be written: {error.strerror}") from error
        return True

    def names(self, folder: str = "") -> tuple[str, ...]:
        """The names of all files, or of those in a folder."""
        files = (file for file in (self.path / folder).rglob("*.json") if not file.name.startswith("."))
        return tuple(sorted(file.relative_to(self.path).as_posix() for file in files))


@dataclass(frozen=True)
class BucketPrefix:
    """A prefix of a bucket, which ends with a slash or is empty."""

    client: RunBucket
    bucket: str
    prefix: str

    def read(self, name: str) -> bytes | None:
        """The content; None if there is no such object."""
        try:
            return self.client.get(self.bucket, self.prefix + name)
        except ClientError as error:
            raise self._error(name, "read", error) from error

    def write(self, name: str, content: bytes) -> None:
        """Write an object."""
        try:
            self.client.put(self.bucket, self.prefix + name, content)
        except ClientError as error:
            raise self._error(name, "written", error) from error

    def create(self, name: str, content: bytes) -> bool:
        """Write an object unless there is one."""
        try:
            return self.client.create(self.bucket, self.prefix + name, content)
        except ClientError as error:
            raise self._error(name, "written", error) from error

    def names(self, folder: str = "") -> tuple[str, ...]:
        """The names of all objects, or of those in a folder."""
        prefix = self.prefix + (f"{folder}/" if folder else "")
        try:
            return tuple(key.removeprefix(self.prefix) for key in self.client.keys(self.bucket, prefix))
        except ClientError as error:
            raise self._error("", "listed", error) from error

    def _error(self, name: str, verb: str, error: ClientError) -> UsageError:
        fix = f". {error.fix.text}" if error.fix else ""
        return UsageError(f"s3://{self.bucket}/{self.prefix}{name} cannot be {verb}: {error.text}{fix}")


def is_bucket(location: str) -> bool:
    """Whether it is S3, and no directory. Raises UsageError for an address of S3 that is not valid."""
    if not location.startswith("s3:"):
        return False
    if not _S3.fullmatch(location):
        raise UsageError(f"{location}: give a directory, or s3://BUCKET/PREFIX")
    return True


def files_of(location: str, aws: Aws | None, run: str = "") -> RunFiles:
    """The files of a run, which is a folder of the location; without ``run`` the location itself.

    ``aws`` is the session for a bucket. Raises UsageError.
    """
    match = _S3.fullmatch(location) if is_bucket(location) else None
    if match is None or aws is None:
        return Folder(Path(location) / run)
    prefix = "/".join(part for part in ((match["prefix"] or "").strip("/"), run) if part)
    return BucketPrefix(RunBucket(aws), match["bucket"], f"{prefix}/" if prefix else "")
