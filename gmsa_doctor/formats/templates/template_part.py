"""Parts of a CloudFormation template whose functions are resolved, as far as they can be."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import zip_longest

from gmsa_doctor.formats.documents.located import Open, Path


@dataclass(frozen=True)
class Part:
    """A part of a template, and its path there: of an ``Fn::If``, that of the branch.

    ``value`` is a dict or list of parts, or a scalar.
    """

    value: object
    path: Path


_DYNAMIC = re.compile(r"\{\{(resolve:[^{}]*)\}\}")


def opened(label: str) -> Open:
    """A text of which nothing is known but where it comes from."""
    return Open("${" + re.sub(r"[^\w:./ -]", "", label)[:200] + "}")


def without_dynamic(text: str) -> str:
    """The text with ``{{resolve:…}}`` open. Source: "Get values stored in other services using dynamic references"."""
    if "{{resolve:" not in text:
        return text
    found, count = _DYNAMIC.subn(lambda match: opened(match[1]), text)
    return Open(found) if count or isinstance(text, Open) else text


def as_text(value: object) -> str | None:
    """A scalar as CloudFormation writes it where a text is asked for."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value) if isinstance(value, int | float) else None


def either(one: Part | None, other: Part | None, label: Open) -> Part | None:
    """What two branches share of which nobody knows which it will be; the rest is ``label``.

    An object that may be missing counts as there, so that it is looked at; a text that may be missing is open.
    """
    if not one or not other:
        return _perhaps(one or other, label)
    if isinstance(one.value, dict) and isinstance(other.value, dict):
        keys = dict.fromkeys([*one.value, *other.value])
        entries = {key: either(one.value.get(key), other.value.get(key), label) for key in keys}
        return Part(entries, one.path)
    if isinstance(one.value, list) and isinstance(other.value, list):
        alike = _objects(one.value) and _objects(other.value)
        if alike or len(one.value) == len(other.value):
            return Part([either(*pair, label) for pair in zip_longest(one.value, other.value)], one.path)
        return Part([Part(label, one.path)], one.path)
    same = as_text(one.value) is not None and one.value == other.value
    return one if same else Part(label, one.path)


def _perhaps(part: Part | None, label: Open) -> Part | None:
    if not part or isinstance(part.value, dict):
        return part
    if isinstance(part.value, list) and _objects(part.value):
        return part
    return Part([Part(label, part.path)] if isinstance(part.value, list) else label, part.path)


def _objects(items: list[Part]) -> bool:
    return bool(items) and all(isinstance(one.value, dict) for one in items)
