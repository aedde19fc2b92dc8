"""The configuration: `gmsa-doctor.toml`, or `[tool.gmsa-doctor]` in `pyproject.toml`.

It holds values only. It cannot name a command, a module or a plug-in, and no default answers the confirmation that a
command asks for before it creates resources.
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
"""Bytes to read at most: the file may be a device that never ends."""

GENERAL = ("check", "run")
"""The commands that have the defaults of no command in particular: they are about a service, and not about all."""
COMMANDS = (*GENERAL, "fleet")
"""The commands that can have their own table of defaults."""

WAIVERS_CHECK = CheckId("config.waivers")

_TABLES = ("defaults", "checks", "waivers")
_KEYS = ("check", "subject", "reason", "expires")

Scalar = str | int | float | bool


@dataclass(frozen=True)
class Default:
    """A default value of an option, for one ``command`` or for those of ``GENERAL``, and its position."""

    option: str
    value: Scalar | tuple[Scalar, ...]
    location: Location
    command: str | None = None

    def applies_to(self, command: str | None) -> bool:
        """Whether the command has it."""
        return command == self.command or (self.command is None and command in GENERAL)


@dataclass(frozen=True)
class SeverityChange:
    """The severity of a check or an area, and its position."""

    check: str
    severity: Severity
    location: Location


@dataclass(frozen=True)
class Config:
    """The content of the configuration; empty without one.

    ``file`` and ``directory`` are relative to the working directory, since subjects are named by them.
    """

    file: str = ""
    directory: Path = field(default_factory=Path)
    defaults: tuple[Default, ...] = ()
    severities: tuple[SeverityChange, ...] = ()
    waivers: tuple[Waiver, ...] = ()

    def severity_of(self, registry: Registry) -> Mapping[str, Severity]:
        """Severities by check id. A check's own entry overrides that of its area."""
        found: dict[str, Severity] = {}
        for change in sorted(self.severities, key=lambda change: "." in change.check):
            found |= dict.fromkeys(_ids(registry, change.check, change.location), change.severity)
        return found

    def off(self, registry: Registry, only: Iterable[str] = ()) -> tuple[str, ...]:
        """Ids of disabled checks, without those that `--only` names: the command line overrides the file."""
        severities = self.severity_of(registry)
        return tuple(id for id, severity in severities.items() if severity is Severity.OFF and id not in set(only))

    def require_known(self, registry: Registry) -> None:
        """Raises UsageError, with the position, for a check or an area that does not exist."""
        self.severity_of(registry)
        for waiver in self.waivers:
            if waiver.names(WAIVERS_CHECK):
                raise wrong(waiver.location, f"{waiver.check} cannot be waived: renew the expired waiver instead")
            _ids(registry, waiver.check, waiver.location)
        for default in self.defaults:
            if default.option in ("only", "skip", "require"):
                for name in _names(default.value):
                    _ids(registry, name, default.location)


def wrong(location: Location, text: str) -> UsageError:
    """The error for this position. Keys in a file may hold control characters, which must not reach a terminal."""
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
    """The named configuration, otherwise the nearest one, otherwise an empty one. Raises UsageError."""
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
    """From here to the root of the Git repository. Outside a repository only this one: parents may be anybody's."""
    directories = [start, *start.parents]
    root = next((index for index, directory in enumerate(directories) if os.path.lexists(directory / ".git")), 0)
    return directories[: root + 1]


def _is_ours(path: Path) -> bool:
    """Whether a pyproject.toml has a table for gmsa-doctor, or may have one but is not valid TOML."""
    try:
        body = _body(path)
    except OSError:
        return False
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
        reason = error.strerror if isinstance(error, OSError) else "this is not a valid file name"
        raise UsageError(f"the configuration {shown} cannot be read: {reason}") from error
    if len(body) > LIMIT:
        raise UsageError(f"the configuration {shown} is larger than 1 MiB; not read")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"the configuration {shown} is not valid UTF-8, as TOML requires") from error


# Parsing --------------------------------------------------------------------------------------------


def parse(text: str, file: str, directory: Path | None = None) -> Config:
    """The configuration in a text; ``file`` is its name. Raises UsageError only."""
    try:
        document: Any = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, tomllib.TOMLDecodeError) else "nested too deep, or a number too long"
        raise UsageError(printable(f"{file} is not valid TOML: {reason[:1].lower()}{reason[1:]}")) from error
    prefix = ("tool", "gmsa-doctor") if os.path.basename(file) == PYPROJECT else ()
    for key in prefix:
        document = document.get(key, {}) if isinstance(document, dict) else {}
    return _ConfigReader(file, Lines(text, prefix)).config(document, directory or Path())


class _ConfigReader:
    """Knows the file and its lines, for the position of an error."""

    def __init__(self, file: str, lines: Lines) -> None:
        self.file = file
        self.lines = lines

    def at(self, table: str, key: str | None = None, number: int | None = None) -> Location:
        return Location(self.file, self.lines.find(table, key, number))

    def config(self, document: object, directory: Path) -> Config:
        root = self.table(document, Location(self.file), "the configuration")
        for key in root:
            if key not in _TABLES:
                raise wrong(self.at("", key), f"unknown key {key!r}; valid here: {in_words(_TABLES)}")
        return Config(
            self.file,
            directory,
            tuple(self.defaults(root.get("defaults", {}))),
            tuple(self.severities(root.get("checks", {}))),
            tuple(self.waivers(root.get("waivers", []))),
        )

    def table(self, value: object, location: Location, name: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise wrong(location, f"{name} must be a table, not {_kind(value)}")
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
                raise wrong(location, f"{key} must be a value or a list of values, not {_kind(default)}")

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
            found = repr(value) if isinstance(value, str) else _kind(value)
            raise wrong(location, f'{check} must be "off", "fail" or "warn", not {found}')
        return SeverityChange(check, Severity(value), location)

    def waivers(self, value: object) -> Iterable[Waiver]:
        if not isinstance(value, list):
            raise wrong(self.at("waivers"), "waivers must be written as [[waivers]] tables")
        for number, entry in enumerate(value):
            yield self.waiver(self.table(entry, self.at("waivers", None, number), "a waiver"), number)

    def waiver(self, waiver: dict[str, Any], number: int) -> Waiver:
        here = self.at("waivers", None, number)
        for key in waiver:
            if key not in _KEYS:
                location = self.at("waivers", key, number)
                raise wrong(location, f"unknown key {key!r} in a waiver; valid keys: {in_words(_KEYS)}")
        missing = [key for key in _KEYS if key not in waiver]
        if missing:
            raise wrong(here, f"this waiver has no {in_words(missing)}; required keys: {in_words(_KEYS)}")
        check, subject, reason = (self.text(waiver, key, number) for key in _KEYS[:3])
        expires = waiver["expires"]
        if not isinstance(expires, date) or isinstance(expires, datetime):
            location = self.at("waivers", "expires", number)
            raise wrong(location, "expires must be a date without quotes, such as 2026-12-31")
        return Waiver(check, subject, reason, expires, here)

    def text(self, waiver: dict[str, Any], key: str, number: int) -> str:
        value = waiver[key]
        if not isinstance(value, str) or not value.strip():
            raise wrong(self.at("waivers", key, number), f"{key} must be a non-empty string")
        return value.strip()


_KINDS = {bool: "true or false", str: "a string", int: "a number", float: "a number", list: "a list", dict: "a table"}


def _kind(value: object) -> str:
    return _KINDS.get(type(value), "a date or a time")
