"""What a terminal must not be sent: names come from AWS, AD and files, and may hold anything."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any, TypeVar

from gmsa_doctor.core.model import Cause, Fix, Owner, Status, Step

T = TypeVar("T")

_BLANKS = str.maketrans("\t\r\n", "   ")


def printable(value: T) -> T:
    r"""The same report (or a part of it) in which each unprintable character stands as its escape, ``\x1b``.

    A line break in prose becomes a space; in a command it is escaped, so that what is pasted stays one line.
    """
    result: Any = value
    if isinstance(value, Enum):
        return value
    if isinstance(value, str):
        result = value if value.isprintable() else _escaped(value.translate(_BLANKS))
    elif isinstance(value, Fix):
        result = replace(value, text=printable(value.text), commands=tuple(map(_escaped, value.commands)))
    elif isinstance(value, tuple):
        parts = tuple(map(printable, value))
        result = parts if any(new is not old for new, old in zip(parts, value, strict=True)) else value
    elif is_dataclass(value) and not isinstance(value, type):
        changed = _changed(value)
        result = replace(value, **changed) if changed else value
    return result  # type: ignore[no-any-return]


def _changed(value: Any) -> dict[str, Any]:
    """The fields in which something is escaped: hardly ever any, and a report has very many."""
    found = {}
    for name in _names(type(value)):
        old = getattr(value, name)
        if type(old) in _PLAIN or old == () or (type(old) is str and old.isprintable()):
            continue  # most of them: nothing to look into
        new = printable(old)
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


def _escaped(text: str) -> str:
    """Escapes controls, invisible and bidirectional marks, surrogates, and blanks other than the space."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
