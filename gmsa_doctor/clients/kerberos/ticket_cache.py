"""The ticket cache that Credentials Fetcher writes for a container: its path, owner and content."""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gmsa_doctor.core.errors import ClientError, NotFound
from gmsa_doctor.formats.ad.ccache import Ccache, CcacheError, parse

VARIABLE = "KRB5CCNAME"

DEFAULT = "/var/credentials-fetcher/krbdir/krb5cc"
"""The path at which Credentials Fetcher writes the cache.

Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-linux-gmsa.html
"""

SIZE_LIMIT = 4 * 1024 * 1024
"""Bytes to read at most: a cache with only a TGT has 1 to 2 KB, and each service adds about as much."""

_RETRY_SECONDS = (0.1, 0.2, 0.4)
"""kinit, which Credentials Fetcher calls at each renewal, removes the file, creates a new one, then writes the ticket:
for a moment the cache is missing, empty or truncated. Source: cc_file.c of MIT Kerberos."""


class UnsupportedCache(ClientError):
    """The cache is not a single file: ``KEYRING:``, ``MEMORY:``, ``DIR:`` or ``KCM:``."""


class NoCache(NotFound):
    """The file does not exist. ``default_exists``: but there is a cache at Credentials Fetcher's own path."""

    def __init__(self, path: str, *, directory_exists: bool, default_exists: bool) -> None:
        missing = "" if directory_exists else f": the directory {Path(path).parent} does not exist"
        super().__init__(f"there is no ticket cache at {path}{missing}")
        self.path = path
        self.directory_exists = directory_exists
        self.default_exists = default_exists


class UnreadableCache(ClientError):
    """The current ``user`` (a uid) cannot read it. ``owner`` is None if a parent directory is not accessible."""

    def __init__(self, path: str, user: int, owner: Owner | None) -> None:
        reason = f"it belongs to {owner}" if owner else "a parent directory is not accessible"
        super().__init__(f"uid {user} cannot read {path}: {reason}")
        self.path = path
        self.user = user
        self.owner = owner


class BrokenCache(ClientError):
    """The file is not a ticket cache. ``owner`` is None if the file could not be read."""

    def __init__(self, path: str, reason: str, owner: Owner | None) -> None:
        super().__init__(f"{path} is not a ticket cache: {reason}")
        self.path = path
        self.why = reason
        self.owner = owner


@dataclass(frozen=True)
class Owner:
    """The owner of a file, and its permission bits."""

    user: int
    group: int
    mode: int

    @property
    def mode_text(self) -> str:
        """The mode as for chmod: ``0600``."""
        return f"{self.mode:04o}"

    def __str__(self) -> str:
        return f"uid {self.user} (gid {self.group}), mode {self.mode_text}"


@dataclass(frozen=True)
class CacheFile:
    """A ticket cache that this user (``user``, a uid) can read."""

    path: str
    user: int
    owner: Owner
    content: Ccache


class TicketCache:
    """Reads one ticket cache: ``name``, otherwise KRB5CCNAME, otherwise the path of Credentials Fetcher.

    A name is a path, with or without ``FILE:``, as for libkrb5. The file is opened for reading and never locked.
    """

    def __init__(self, name: str | None = None, environ: Mapping[str, str] = os.environ) -> None:
        self.name = name or environ.get(VARIABLE) or DEFAULT

    @property
    def path(self) -> str:
        """The path of the file. Raises UnsupportedCache for another type of cache."""
        kind, colon, rest = self.name.partition(":")
        if not colon:
            return self.name
        if kind != "FILE":  # for libkrb5 all before the first colon is the type, in upper case
            shown = f"{kind}:" if re.fullmatch(r"[A-Za-z0-9]+", kind) else repr(self.name)
            raise UnsupportedCache(f"the ticket cache type {shown} is not supported; use FILE:/path")
        if not rest:
            raise UnsupportedCache("FILE: has no path; use FILE:/path")
        return rest

    def read(self) -> CacheFile:
        """The cache. Retries for a moment if the file seems to be rewritten just now.

        Raises UnsupportedCache, NoCache, UnreadableCache or BrokenCache.
        """
        path = self.path
        for seconds in _RETRY_SECONDS:
            try:
                found = _read(path)
            except (NoCache, BrokenCache):
                pass
            else:
                if found.content.credentials:
                    return found
            time.sleep(seconds)
        return _read(path)


def _read(path: str) -> CacheFile:
    owner = None
    try:
        # A symbolic link is followed, as the application's library does. The type is checked before opening: opening
        # a pipe blocks, and opening a device may have an effect.
        found = os.stat(path)
        owner = _owner(found)
        if not stat.S_ISREG(found.st_mode):
            raise BrokenCache(path, "it is not a regular file", owner)
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        with os.fdopen(descriptor, "rb") as file:
            owner = _owner(os.fstat(descriptor))
            body = file.read(SIZE_LIMIT + 1)
    except PermissionError:
        raise UnreadableCache(path, os.geteuid(), owner) from None
    except (FileNotFoundError, NotADirectoryError):
        default_exists = os.path.exists(DEFAULT) and path != DEFAULT
        directory_exists = Path(path).parent.is_dir()
        raise NoCache(path, directory_exists=directory_exists, default_exists=default_exists) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise BrokenCache(path, getattr(error, "strerror", None) or "not a path", owner) from None
    if len(body) > SIZE_LIMIT:
        raise BrokenCache(path, f"it is larger than {SIZE_LIMIT} bytes", owner)
    try:
        return CacheFile(path, os.geteuid(), owner, parse(body))
    except CcacheError as error:
        raise BrokenCache(path, str(error), owner) from None


def _owner(found: os.stat_result) -> Owner:
    return Owner(found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode))
