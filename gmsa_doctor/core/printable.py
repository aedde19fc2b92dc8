"""What a terminal or a CI log must not be sent: names come from AWS, AD and files, and may contain anything."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any, TypeVar

from gmsa_doctor.core.model import Cause, Finding, Fix, Owner, Status, Step

T = TypeVar("T")

_BLANKS = str.maketrans("\t\r\n", "   ")
_LOG_COMMAND = re.compile(r"(?<!\S):(?=:[a-z][\w-]*(?: |::))|#(?=#\w*\[)", re.ASCII | re.IGNORECASE)
"""The first character of what a CI system executes when it appears in a job's log.

``::error::`` counts at the beginning of a line, and any word may begin a wrapped line; ``##[error]``, ``##vso[`` and
``##teamcity[`` count anywhere. Sources: actions/runner, ``src/Runner.Common/ActionCommand.cs``;
https://learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands.
"""


def printable(value: T) -> T:
    r"""The same report (or a part of it) in which each unprintable character stands as its escape, ``\x1b``.

    A line break in prose becomes a space; in a command it is escaped, so that what is pasted stays one line. The first
    character of a CI system's command is escaped too.
    """
    return _printable(value, {})


def _printable(value: T, known: dict[int, Any]) -> T:
    """The same; ``known`` has the findings that many subjects share, by id."""
    result: Any = value
    if isinstance(value, Enum):
        return value
    if isinstance(value, Finding):
        if id(value) not in known:
            changed = _changed(value, known)
            known[id(value)] = replace(value, **changed) if changed else value
        result = known[id(value)]
    elif isinstance(value, str):
        result = one_line(value if value.isprintable() else value.translate(_BLANKS))
    elif isinstance(value, Fix):
        text, commands = _printable(value.text, known), tuple(map(one_line, value.commands))
        is_plain = (text, commands) == (value.text, value.commands)
        result = value if is_plain else replace(value, text=text, commands=commands)
    elif isinstance(value, tuple):
        parts = tuple(_printable(part, known) for part in value)
        result = parts if any(new is not old for new, old in zip(parts, value, strict=True)) else value
    elif is_dataclass(value) and not isinstance(value, type):
        changed = _changed(value, known)
        result = replace(value, **changed) if changed else value
    return result  # type: ignore[no-any-return]


def _changed(value: Any, known: dict[int, Any]) -> dict[str, Any]:
    """The fields in which something is escaped: hardly ever any, and a report has very many."""
    found = {}
    for name in _names(type(value)):
        old = getattr(value, name)
        if type(old) in _PLAIN or old == () or (type(old) is str and _is_plain(old)):
            continue  # most of them: nothing to look into
        new = _printable(old, known)
        if new is not old:
            found[name] = new
    return found


_PLAIN = frozenset({type(None), bool, int, Status, Cause, Owner, Step})
_NAMES: dict[type, tuple[str, ...]] = {}


def _names(kind: type) -> tuple[str, ...]:
    """The fields of a dataclass, looked up once."""
    if kind not in _NAMES:
        _NAMES[kind] = tuple(field.name for field in fields(kind))
    return _NAMES[kind]


def one_line(text: str) -> str:
    """Escapes controls, line breaks, invisible and bidirectional marks, surrogates, and commands to a CI system."""
    if _is_plain(text):
        return text
    if not text.isprintable():
        text = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
    return _LOG_COMMAND.sub(lambda match: f"\\x{ord(match[0]):x}", text)


def _is_plain(text: str) -> bool:
    return text.isprintable() and "::" not in text and "##" not in text


def json_document(
    document: object,
    *,
    indent: int | None = 2,
    ascii: bool = False,
    default: Callable[[Any], str] | None = None,
    separators: tuple[str, str] | None = None,
) -> str:
    r"""The document as JSON, in which what a terminal or a CI log would obey is escaped (``\u202e``): equal values."""
    text = json.dumps(document, indent=indent, ensure_ascii=ascii, default=default, separators=separators)
    if not text.replace("\n", "").isprintable():
        text = "".join(char if char.isprintable() or char == "\n" else json.dumps(char)[1:-1] for char in text)
        text = text.replace("\x7f", r"\u007f")
    return _LOG_COMMAND.sub(lambda match: f"\\u{ord(match[0]):04x}", text) if "##" in text else text
