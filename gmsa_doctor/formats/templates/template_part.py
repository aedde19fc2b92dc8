"""Parts of a CloudFormation template with resolved functions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import zip_longest

from gmsa_doctor.formats.documents.located import Open, Path


@dataclass(frozen=True)
class Part:
    """A part of a template, and its path (for ``Fn::If``, of the branch).

    ``value`` is a dict or list of parts, or a scalar.
    """

    value: object
    path: Path


_DYNAMIC = re.compile(r"\{\{(resolve:[^{}]*)\}\}")


def opened(label: str) -> Open:
    """A text of which only the origin is known."""
    return Open("${" + re.sub(r"[^\w:./ -]", "", label)[:200] + "}")


def without_dynamic(text: str) -> str:
    """The text with ``${…}`` for dynamic references, ``{{resolve:…}}``.

    Source: "Get values stored in other services using dynamic references".
    """
    if "{{resolve:" not in text:
        return text
    found, count = _DYNAMIC.subn(lambda match: opened(match[1]), text)
    return Open(found) if count or isinstance(text, Open) else text


def as_text(value: object) -> str | None:
    """A scalar as CloudFormation converts it to a text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value) if isinstance(value, int | float) else None


def either(first: Part | None, second: Part | None, label: Open) -> Part | None:
    """The common parts of two possible branches; other values are ``label``.

    An object that may be missing is included, so that it is checked; a text that may be missing is open.
    """
    if not first or not second:
        part = first or second
        if not part or isinstance(part.value, dict) or (isinstance(part.value, list) and _objects(part.value)):
            return part
        return Part([Part(label, part.path)] if isinstance(part.value, list) else label, part.path)
    if isinstance(first.value, dict) and isinstance(second.value, dict):
        keys = dict.fromkeys([*first.value, *second.value])
        entries = {key: either(first.value.get(key), second.value.get(key), label) for key in keys}
        return Part(entries, first.path)
    if isinstance(first.value, list) and isinstance(second.value, list):
        alike = _objects(first.value) and _objects(second.value)
        if alike or len(first.value) == len(second.value):
            return Part([either(*pair, label) for pair in zip_longest(first.value, second.value)], first.path)
        return Part([Part(label, first.path)], first.path)
    same = as_text(first.value) is not None and first.value == second.value
    return first if same else Part(label, first.path)


def _objects(items: list[Part]) -> bool:
    return bool(items) and all(isinstance(item.value, dict) for item in items)
