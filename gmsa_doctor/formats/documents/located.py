"""Documents with the position of each part, for findings in files; also the reader of JSON.

The entry of an object stands where its key does, that of a list where it begins: the line that a person would edit.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from gmsa_doctor.formats.documents.json_text import Document, parse

JSON_LIMIT = 16 * 1024 * 1024
"""Characters of JSON that we read: Terraform's plans are long."""

YAML_LIMIT = 4 * 1024 * 1024
"""Characters of YAML that we read. A template has at most a million bytes."""

DEPTH_LIMIT = 100
"""Levels of nesting that we read. A real document has twenty."""

Path = tuple[str | int, ...]
"""Keys and indexes from the document's root."""


@dataclass(frozen=True)
class Position:
    """Line and column, from 1."""

    line: int
    column: int


class Open(str):
    """A text that is not known before it is deployed: its unresolved parts stand in it as ``${…}``.

    ``Open("credentialspecdomainless:arn:aws:s3:::${CredSpecBucket}/web.json")``. A plain ``str`` is known to the end.
    """

    __slots__ = ()


class LocatedError(ValueError):
    """The text is no such document. ``position`` is where, as far as known."""

    def __init__(self, reason: str, position: Position | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.position = position


@dataclass(frozen=True)
class Located:
    """A document (or what was made of a part): plain data, and the position of each part by its path in ``value``."""

    value: object
    positions: Mapping[Path, Position]

    def at(self, path: Path) -> Position | None:
        """The position of a part, otherwise that of the nearest part around it."""
        parts = (path[:end] for end in range(len(path), -1, -1))
        return next((self.positions[part] for part in parts if part in self.positions), None)


@dataclass(frozen=True)
class Definition:
    """A task definition found in a file: in the keys of RegisterTaskDefinition (``containerDefinitions`` …).

    Texts that are not known before deployment are :class:`Open`; ``name`` is what the file calls it (a logical id, a
    Terraform address, a Compose service). ``launch`` is FARGATE or EC2 where the file's service tells it.
    """

    name: str
    located: Located
    launch: str | None = None


def read_json(text: str) -> Located:
    """A JSON document. Raises LocatedError, whatever the text is; its words repeat nothing of the text."""
    if len(text) > JSON_LIMIT:
        raise LocatedError(f"the text is longer than {JSON_LIMIT} characters")
    document = parse(text)
    if not isinstance(document, Document):
        raise LocatedError(document.message, Position(document.line, document.column))
    return Located(document.value, _JsonPlaces().of(text))


# A string, a bracket or comma, a line's end, or any other word; white space and colons lie between.
_JSON_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],\n]|[^\s{}\[\],:"]+')


class _JsonPlaces:
    """Walks through the tokens of a text that is known to be JSON."""

    def __init__(self) -> None:
        self.positions: dict[Path, Position] = {}
        self.around: list[tuple[Path, int | None]] = []
        self.base: Path = ()
        self.index: int | None = None
        """Of the list that we are in; None in an object."""
        self.next: Path | None = ()
        """Where the next value belongs; None where a key comes next."""

    def of(self, text: str) -> dict[Path, Position]:
        line, line_start = 1, 0
        for match in _JSON_TOKEN.finditer(text):
            token = match[0]
            if token == "\n":
                line, line_start = line + 1, match.end()
            elif token == ",":
                self._comma()
            elif token in ("}", "]"):
                self.base, self.index = self.around.pop()
            else:
                self._key_or_value(token, Position(line, match.start() - line_start + 1))
        return self.positions

    def _key_or_value(self, token: str, position: Position) -> None:
        if self.next is None:
            self._key(token, position)
            return
        self.positions.setdefault(self.next, position)
        if token in ("{", "["):
            self._open(token, position)

    def _key(self, token: str, position: Position) -> None:
        key = json.loads(token) if "\\" in token else token[1:-1]
        self.next = (*self.base, key)
        if self.next in self.positions:
            raise LocatedError("the key occurs twice in its object", position)
        self.positions[self.next] = position

    def _open(self, token: str, position: Position) -> None:
        if len(self.around) == DEPTH_LIMIT:
            raise LocatedError(f"this is nested deeper than {DEPTH_LIMIT} levels", position)
        self.around.append((self.base, self.index))
        self.base = self.next or ()
        self.index = 0 if token == "[" else None
        self.next = (*self.base, 0) if token == "[" else None

    def _comma(self) -> None:
        if self.index is None:
            self.next = None
        else:
            self.index += 1
            self.next = (*self.base, self.index)
