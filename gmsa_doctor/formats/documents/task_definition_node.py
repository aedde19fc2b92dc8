"""A task definition's JSON, read part by part: values of the required types, or an error with its path."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from gmsa_doctor.formats.documents.json_text import type_name
from gmsa_doctor.formats.documents.located import Open

T = TypeVar("T")


class TaskDefinitionError(ValueError):
    """A value is not a task definition. ``path`` is where, as in ``containerDefinitions[0].name``.

    The message contains keys and types, never values.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path} {reason}" if path else reason)
        self.path = path
        self.reason = reason

    @property
    def keys(self) -> tuple[str | int, ...]:
        """The path as keys and indexes."""
        return tuple(int(part) if part.isdigit() else part for part in re.findall(r"[^.\[\]]+", self.path))


def mapping(path: str, value: object) -> Mapping[object, object]:
    """The value, if it is an object. Raises TaskDefinitionError."""
    if not isinstance(value, Mapping):
        raise TaskDefinitionError(path, _wrong_type(value, "an object", "" if path else "the document"))
    return value


def _wrong_type(value: object, wanted: str, subject: str = "") -> str:
    return f"{subject} is {type_name(value)}, not {wanted}".strip()


@dataclass(frozen=True)
class Node:
    """An object in the document, and its path. null counts as missing: None.

    A value of a wrong type raises TaskDefinitionError.
    """

    path: str
    value: Mapping[object, object]

    def at(self, key: str) -> str:
        """The path of an entry."""
        return f"{self.path}.{key}" if self.path else key

    def _get(self, key: str) -> object:
        if key in self.value:
            return self.value[key]
        wanted = key.casefold()
        near = next((name for name in self.value if isinstance(name, str) and name.casefold() == wanted), None)
        if near is not None:
            pascal = key[:1].upper() + key[1:]
            spelling = "CloudFormation's spelling" if near == pascal else "the wrong case"
            raise TaskDefinitionError(self.at(near), f"has {spelling}: the key is {key}")
        return None

    def child(self, key: str) -> Node | None:
        """The object at a key."""
        found = self._get(key)
        return None if found is None else Node(self.at(key), mapping(self.at(key), found))

    def objects(self, key: str) -> tuple[Node, ...] | None:
        """The objects of the array at a key."""
        items = self._list(key)
        if items is None:
            return None
        paths = [f"{self.at(key)}[{index}]" for index in range(len(items))]
        return tuple(Node(path, mapping(path, item)) for path, item in zip(paths, items, strict=True))

    def text(self, key: str) -> str | None:
        """The string at a key."""
        return self._typed(key, str, "a string")

    def texts(self, key: str) -> tuple[str, ...]:
        """The strings of the array at a key."""
        texts: list[str] = []
        for index, item in enumerate(self._list(key) or ()):
            if not isinstance(item, str):
                raise TaskDefinitionError(f"{self.at(key)}[{index}]", _wrong_type(item, "a string"))
            texts.append(item)
        return tuple(texts)

    def holds_any(self, key: str) -> bool:
        """Whether the array at a key has an item that is known before deployment."""
        return any(not isinstance(item, Open) for item in self._list(key) or ())

    def boolean(self, key: str) -> bool | None:
        """The boolean at a key."""
        return self._typed(key, bool, "a boolean")

    def number(self, key: str) -> int | None:
        """The integer at a key."""
        return self._typed(key, int, "a whole number")

    def _list(self, key: str) -> list[object] | None:
        return self._typed(key, list, "an array")

    def _typed(self, key: str, wanted: type[T], name: str) -> T | None:
        value = self._get(key)
        if value is None or (isinstance(value, wanted) and (wanted is bool or not isinstance(value, bool))):
            return value
        raise TaskDefinitionError(self.at(key), _wrong_type(value, name))
