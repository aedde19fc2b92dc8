"""The configuration: `gmsa-doctor.toml`, or `[tool.gmsa-doctor]` in `pyproject.toml`.

It holds values only: nothing in it names a command, a module or a plug-in, and no default answers a question that a
command asks before it makes something.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gmsa_doctor.core.check_id import CheckId
from gmsa_doctor.core.errors import UsageError
from gmsa_doctor.core.model import Location
from gmsa_doctor.core.printable import printable
from gmsa_doctor.core.severity import in_words
from gmsa_doctor.triage.config_lines import Lines
from gmsa_doctor.triage.waivers import Severity, Waiver

if TYPE_CHECKING:
    from gmsa_doctor.core.registry import Registry

OWN_FILE = "gmsa-doctor.toml"
PYPROJECT = "pyproject.toml"
LIMIT = 1_048_576
"""Bytes. A configuration is not longer; a device that never ends is."""

COMMANDS = ("check", "run")
"""What has tables of its own within the defaults."""

WAIVERS_CHECK = CheckId("config.waivers")

_TABLES = ("defaults", "checks", "waivers")
_KEYS = ("check", "subject", "reason", "expires")

Scalar = str | int | float | bool


@dataclass(frozen=True)
class Default:
    """A default of an option, as it was written, and where. ``command`` is the one it is for; else it is for all."""

    option: str
    value: Scalar | tuple[Scalar, ...]
    location: Location
    command: str | None = None


@dataclass(frozen=True)
class SeverityChange:
    """What a check (or an area) counts as, and where that is said."""

    check: str
    severity: Severity
    location: Location


@dataclass(frozen=True)
class Config:
    """What a configuration says; empty where there is none.

    ``file`` and ``directory`` are named from the working directory, as a user would: subjects get their names of them.
    """

    file: str = ""
    directory: Path = field(default_factory=Path)
    defaults: tuple[Default, ...] = ()
    severities: tuple[SeverityChange, ...] = ()
    waivers: tuple[Waiver, ...] = ()

    def severity_of(self, registry: Registry) -> Mapping[str, Severity]:
        """By id. What is said of a check outweighs what is said of its area."""
        found: dict[str, Severity] = {}
        for change in sorted(self.severities, key=lambda change: "." in change.check):
            found |= dict.fromkeys(_ids(registry, change.check, change.location), change.severity)
        return found

    def off(self, registry: Registry, only: Iterable[str] = ()) -> tuple[str, ...]:
        """Ids that are off, without those that `--only` names one by one: the command line outweighs the file."""
        severities = self.severity_of(registry)
        return tuple(id for id, severity in severities.items() if severity is Severity.OFF and id not in set(only))

    def require_known(self, registry: Registry) -> None:
        """Raises UsageError for a check or an area that there is not, with its place."""
        self.severity_of(registry)
        for waiver in self.waivers:
            if waiver.names(WAIVERS_CHECK):
                raise wrong(waiver.location, f"{waiver.check} cannot be waived: renew the waiver that expired")
            _ids(registry, waiver.check, waiver.location)
        for default in self.defaults:
            if default.option in ("only", "skip", "require"):
                for name in _names(default.value):
                    _ids(registry, name, default.location)


def wrong(location: Location, text: str) -> UsageError:
    """The error for what stands there. Keys of a file may hold anything, which a terminal is not to be sent."""
    return UsageError(printable(f"{location}: {text}"))


def _names(value: Scalar | tuple[Scalar, ...]) -> Iterable[str]:
    values = value if isinstance(value, tuple) else (value,)
    return [name.strip() for text in values for name in str(text).split(",") if name.strip()]


def _ids(registry: Registry, name: str, location: Location) -> frozenset[str]:
    try:
        return registry.select([name])
    except UsageError as error:
        raise wrong(location, str(error)) from error


# Finding and reading --------------------------------------------------------------------------------


def load(named: Path | None, start: Path | None = None) -> Config:
    """The configuration that was named, else the nearest one; an empty one without any. Raises UsageError."""
    if named is not None:
        return parse(_text(named, str(named)), str(named), named.parent)
    try:
        start = (start or Path.cwd()).absolute()
    except OSError:  # the working directory is gone
        return Config()
    for directory in _upwards(start):
        for name in (OWN_FILE, PYPROJECT):
            path = directory / name
            if os.path.isfile(path) and (name == OWN_FILE or _is_ours(path)):
                shown = os.path.relpath(path, start)
                return parse(_text(path, shown), shown, Path(os.path.relpath(directory, start)))
    return Config()


def _upwards(start: Path) -> Iterable[Path]:
    """To the root of the repository; outside of one the directory alone: what lies above may be anybody's."""
    directories = [start, *start.parents]
    root = next((place for place, directory in enumerate(directories) if os.path.lexists(directory / ".git")), 0)
    return directories[: root + 1]


def _is_ours(path: Path) -> bool:
    """Whether a pyproject.toml has our table. One that is no TOML, and may have it, is ours to complain about."""
    try:
        body = _body(path)
    except OSError:
        return False  # other tools will complain: nothing says that it is about us
    if b"gmsa-doctor" not in body:
        return False
    try:
        tools = tomllib.loads(body.decode("utf-8-sig")).get("tool")
    except (ValueError, RecursionError):
        return b"tool.gmsa-doctor" in body
    return isinstance(tools, dict) and "gmsa-doctor" in tools


def _body(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LIMIT + 1)


def _text(path: Path, shown: str) -> str:
    try:
        body = _body(path)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "no file can have this name"
        raise UsageError(f"the configuration {shown} cannot be read: {why}") from error
    if len(body) > LIMIT:
        raise UsageError(f"the configuration {shown} is longer than {LIMIT} bytes: that is none")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"the configuration {shown} is no UTF-8, which TOML is written in") from error


# Parsing --------------------------------------------------------------------------------------------


def parse(text: str, file: str, directory: Path | None = None) -> Config:
    """What the text of a configuration says; ``file`` names it. Raises UsageError, and nothing else."""
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, tomllib.TOMLDecodeError) else "nested too deep, or a number too long"
        raise UsageError(printable(f"{file} is no TOML: {reason[:1].lower()}{reason[1:]}")) from error
    prefix: tuple[str, ...] = ()
    if os.path.basename(file) == PYPROJECT:
        prefix = ("tool", "gmsa-doctor")
        tools = document.get("tool", {})
        document = tools.get("gmsa-doctor", {}) if isinstance(tools, dict) else {}
    return _ConfigReader(file, Lines(text, prefix)).config(document, directory or Path())


class _ConfigReader:
    """Knows the file, to say where something is wrong."""

    def __init__(self, file: str, lines: Lines) -> None:
        self.file = file
        self.lines = lines

    def at(self, table: str, key: str | None = None, number: int | None = None) -> Location:
        return Location(self.file, self.lines.find(table, key, number))

    def config(self, document: object, directory: Path) -> Config:
        root = self.table(document, Location(self.file), "the configuration")
        for key in root:
            if key not in _TABLES:
                raise wrong(self.at("", key), f"there is no {key!r} here; there are {in_words(_TABLES)}")
        return Config(
            self.file,
            directory,
            tuple(self.defaults(root.get("defaults", {}))),
            tuple(self.severities(root.get("checks", {}))),
            tuple(self.waivers(root.get("waivers", []))),
        )

    def table(self, value: object, location: Location, name: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise wrong(location, f"{name} is to be a table, not {_kind(value)}")
        return value

    def defaults(self, value: object, command: str | None = None) -> Iterable[Default]:
        name = f"defaults.{command}" if command else "defaults"
        for key, default in self.table(value, self.at(name), f"[{name}]").items():
            location = self.at(name, key)
            if key in COMMANDS and not command:
                yield from self.defaults(default, key)
            elif isinstance(default, list) and all(isinstance(part, Scalar) for part in default):
                yield Default(key, tuple(default), location, command)
            elif isinstance(default, Scalar):
                yield Default(key, default, location, command)
            else:
                raise wrong(location, f"{key} is to be a value or a list of values, not {_kind(default)}")

    def severities(self, value: object) -> Iterable[SeverityChange]:
        for key, entry in self.table(value, self.at("checks"), "[checks]").items():
            if isinstance(entry, dict):  # an id without quotes is a table in TOML
                for rest, severity in entry.items():
                    yield self.severity(f"{key}.{rest}", severity)
            else:
                yield self.severity(key, entry)

    def severity(self, check: str, value: object) -> SeverityChange:
        location = self.at("checks", check)
        if not isinstance(value, str) or value not in tuple(Severity):
            said = repr(value) if isinstance(value, str) else _kind(value)
            raise wrong(location, f'{check} is to be "off", "fail" or "warn", not {said}')
        return SeverityChange(check, Severity(value), location)

    def waivers(self, value: object) -> Iterable[Waiver]:
        if not isinstance(value, list):
            raise wrong(self.at("waivers"), "waivers are written as tables [[waivers]], each with its keys")
        for number, entry in enumerate(value):
            yield self.waiver(self.table(entry, self.at("waivers", None, number), "a waiver"), number)

    def waiver(self, waiver: dict[str, Any], number: int) -> Waiver:
        here = self.at("waivers", None, number)
        for key in waiver:
            if key not in _KEYS:
                where = self.at("waivers", key, number)
                raise wrong(where, f"a waiver has no {key!r}; it has {in_words(_KEYS)}")
        missing = [key for key in _KEYS if key not in waiver]
        if missing:
            raise wrong(here, f"this waiver has no {in_words(missing)}; each has {in_words(_KEYS)}")
        check, subject, reason = (self.words(waiver, key, number) for key in _KEYS[:3])
        expires = waiver["expires"]
        if not isinstance(expires, date) or isinstance(expires, datetime):
            where = self.at("waivers", "expires", number)
            raise wrong(where, "expires is to be a date, without quotes, such as 2026-12-31")
        return Waiver(check, subject, reason, expires, here)

    def words(self, waiver: dict[str, Any], key: str, number: int) -> str:
        value = waiver[key]
        if not isinstance(value, str) or not value.strip():
            said = "empty" if isinstance(value, str) else _kind(value)
            raise wrong(self.at("waivers", key, number), f"{key} is to be a text, and is {said}")
        return value.strip()


def _kind(value: object) -> str:
    names = ((bool, "true or false"), (str, "a text"), (int, "a number"), (float, "a number"), (list, "a list"))
    found = next((name for kind, name in names if isinstance(value, kind)), None)
    return found or ("a table" if isinstance(value, dict) else "a date or a time")
