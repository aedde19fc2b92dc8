"""Finds the files to read: by name, in directories, and with globs."""

from __future__ import annotations

import fnmatch
import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from importlib.util import find_spec

from gmsa_doctor.clients.files.file_bytes import STANDARD_INPUT, cannot_be_read, read_bytes, text_of
from gmsa_doctor.core.limits import RunLimit
from gmsa_doctor.formats.documents.located import LocatedError, Position
from gmsa_doctor.formats.templates import cdk_out

SUFFIXES = (".json", ".yaml", ".yml", ".template", *((".tf",) if find_spec("hcl2") else ()))
"""Suffixes of the files to read in a directory; ``.tf`` with the extra ``hcl``."""

SKIPPED = frozenset(
    {".git", ".hg", ".svn", "node_modules", ".venv", ".tox", ".terraform", ".terragrunt-cache", ".aws-sam"}
    | {"venv", "__pycache__", ".cache"}
)
"""Directories to skip unless they are named: dependencies, caches and generated copies."""

_GLOB = re.compile(r"[*?\[]")

_CDK_MARKS = (b"aws:cloudformation:stack", b"cdk:")
"""A CDK manifest contains one of these; other applications have a manifest.json too."""


@dataclass(frozen=True)
class Candidate:
    """A file that may have gMSA configuration. ``named``: the user named it, so it must have some.

    ``parameters``: the CloudFormation parameters in CDK's manifest.
    """

    path: str
    named: bool = False
    parameters: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Broken:
    """A file (or a directory, or a pattern) that cannot be checked, with the reason in one line."""

    path: str
    reason: str
    position: Position | None = None
    has_sign: bool = True
    """Something in the file is about gMSA, or it could not be opened."""
    is_late: bool = False
    """It was not read because the run had to end."""

    def __str__(self) -> str:
        position = f":{self.position.line}:{self.position.column}" if self.position else ""
        return f"{self.path}{position}: {self.reason}"


def find(patterns: Iterable[str], root: str = ".", limit: RunLimit | None = None) -> tuple[Candidate | Broken, ...]:
    """The named files, the files below directories, and the matches of globs, each once.

    ``**`` matches any number of directories. Links to directories are followed only if the user names them.
    """
    found: dict[str, Candidate | Broken] = {}
    for pattern in patterns:
        for key, file in _expanded(pattern, root):
            if limit and limit.reason:
                found[""] = Broken(pattern, f"not searched to its end: {limit.reason}", is_late=True)
                return tuple(found.values())
            known = found.setdefault(key, file)
            if isinstance(known, Candidate) and isinstance(file, Candidate):
                parameters = known.parameters or file.parameters
                found[key] = replace(known, named=known.named or file.named, parameters=parameters)
    return tuple(found.values())


def _expanded(pattern: str, root: str) -> Iterator[tuple[str, Candidate | Broken]]:
    """The files of one pattern, each with a key that identifies the file."""
    if pattern == STANDARD_INPUT:
        yield pattern, Candidate(pattern, named=True)
        return
    path = os.path.join(root, pattern)
    try:
        is_directory = stat.S_ISDIR(os.stat(path).st_mode)
    except ValueError:
        yield pattern, Broken(pattern, "is not a valid file name: it contains a NUL")
    except OSError as error:
        if _GLOB.search(pattern):
            yield from _matching(pattern, root)
        else:
            yield pattern, Broken(pattern, cannot_be_read(error))
    else:
        if is_directory:
            yield from _below(os.path.normpath(pattern), root)
        else:
            yield os.path.realpath(path), Candidate(_without_dot(pattern), named=True)


def _without_dot(pattern: str) -> str:
    """Without ``./`` in front, but for a file that is named like standard input."""
    short = pattern.removeprefix("./")
    return pattern if short == STANDARD_INPUT else short


def _matching(pattern: str, root: str) -> Iterator[tuple[str, Candidate | Broken]]:
    """The files that a glob matches, and the files below the directories that it matches."""
    parts = [part for part in pattern.split("/") if part not in ("", ".")]
    if pattern.startswith("/"):
        parts.insert(0, "")
    parts = [part for part, before in zip(parts, [None, *parts], strict=False) if not part == before == "**"]
    fixed = next(index for index, part in enumerate(parts) if _GLOB.search(part))
    base = "/".join(parts[:fixed]) or ("/" if pattern.startswith("/") else ".")
    below = _below(base, root, parts)
    found = [(key, file) for key, file in below if isinstance(file, Broken) or _matches(file.path.split("/"), parts)]
    yield from found or [(pattern, Broken(pattern, "matches no file"))]


def _matches(names: list[str], parts: list[str], *, partial: bool = False) -> bool:
    """Whether a glob matches a path or one of its parent directories.

    ``partial``: also whether a path below this one may match.
    """
    if not parts:
        return True
    if not names:
        return partial
    if parts[0] == "**":
        return partial or any(_matches(names[start:], parts[1:]) for start in range(len(names)))
    return fnmatch.fnmatchcase(names[0], parts[0]) and _matches(names[1:], parts[1:], partial=partial)


def _below(directory: str, root: str, glob: list[str] | None = None) -> Iterator[tuple[str, Candidate | Broken]]:
    """The files in a directory tree, sorted by name; with ``glob``, only in directories that may have a match."""
    # a glob with a suffix (*.tpl, but not * or **) replaces our list of suffixes
    suffixes = ("",) if glob and re.search(r"\.\w+\Z", glob[-1]) else SUFFIXES
    skipped = SKIPPED.difference(glob or ())
    waiting = [(directory, os.path.realpath(os.path.join(root, directory)))]
    while waiting:
        path, real = waiting.pop()
        try:
            with os.scandir(real) as entries:
                listed = {entry.name: entry for entry in sorted(entries, key=lambda entry: entry.name)}
        except OSError as error:
            yield real, Broken(path, cannot_be_read(error))
            continue
        cdk = _cdk(real) if cdk_out.MANIFEST in listed else None
        if isinstance(cdk, Broken):
            yield os.path.join(real, cdk.path), replace(cdk, path=_joined(path, cdk.path))
        parameters = cdk if isinstance(cdk, dict) else {}
        inner = []
        for name, entry in listed.items():
            if entry.is_dir(follow_symlinks=False):
                if name not in skipped and not (cdk is not None and name.startswith("asset.")):
                    inner.append((_joined(path, name), entry.path))
            elif name.endswith(suffixes) and _is_file(entry):
                key = os.path.realpath(entry.path) if entry.is_symlink() else entry.path
                yield key, Candidate(_joined(path, name), parameters=parameters.get(name, ()))
        waiting += [pair for pair in reversed(inner) if not glob or _matches(pair[0].split("/"), glob, partial=True)]


def _joined(path: str, name: str) -> str:
    return name if path == "." else os.path.join(path, name)


def _cdk(directory: str) -> dict[str, tuple[tuple[str, str], ...]] | Broken | None:
    """The parameters of each stack's template, by its name, from CDK's manifest; None if it is not CDK's."""
    body = read_bytes(os.path.join(directory, cdk_out.MANIFEST))
    if isinstance(body, str):
        return Broken(cdk_out.MANIFEST, body)
    if not any(mark in body for mark in _CDK_MARKS):
        return None
    try:
        return {stack.template: stack.parameters for stack in cdk_out.read_manifest(text_of(body)).stacks}
    except LocatedError as error:
        return Broken(cdk_out.MANIFEST, error.reason, error.position)


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link to itself
        return False
