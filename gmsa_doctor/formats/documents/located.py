"""Documents with the position of each part, for findings in files, and the reader for JSON.

The position of an entry is that of its key in an object, and its start in a list: the line that a person would edit.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from gmsa_doctor.formats.documents.json_text import Document, parse

TEXT_LIMIT = 4 * 1024 * 1024
"""Maximum characters of JSON or YAML. A template has at most a million bytes; for a longer plan see ``json_stream``."""

DEPTH_LIMIT = 100
"""Maximum nested levels. A real document has twenty."""

Path = tuple[str | int, ...]
"""Keys and indexes from the document's root."""


@dataclass(frozen=True, slots=True)
class Position:
    """Line and column, from 1."""

    line: int
    column: int


class Open(str):
    """A text that is unknown before deployment, with ``${…}`` for its unresolved parts. A plain ``str`` is fully known.

    ``Open("credentialspecdomainless:arn:aws:s3:::${CredSpecBucket}/web.json")``.
    """

    __slots__ = ()


class Placeholder(Open):
    """A text with a placeholder that neither the format nor AWS replaces: ``<bucket>``, ``{{ bucket }}``."""

    __slots__ = ()


class LocatedError(ValueError):
    """The text is not such a document. ``position`` is where, if known."""

    def __init__(self, reason: str, position: Position | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.position = position


@dataclass(frozen=True)
class Located:
    """A document, or data derived from a part of one, with the position of each part by its path in ``value``."""

    value: object
    positions: Mapping[Path, Position]

    def at(self, path: Path) -> Position | None:
        """The position of a part, otherwise of the nearest part that contains it."""
        parts = (path[:end] for end in range(len(path), -1, -1))
        return next((self.positions[part] for part in parts if part in self.positions), None)


@dataclass(frozen=True)
class NearKey:
    """A key that was meant as ``right``, a container's list of CredSpecs.

    ``inside``: it is in the list of containers, in the container with the index ``container``. ``is_list``: its value
    may be a list. ``texts`` are its entries.
    """

    key: str
    right: str
    inside: bool
    is_list: bool
    container: int | None
    texts: tuple[str, ...]
    position: Position | None


@dataclass(frozen=True)
class Definition:
    """A task definition in a file, with the keys of RegisterTaskDefinition (``containerDefinitions`` …).

    Texts that are unknown before deployment are :class:`Open`. ``name`` is its name in the file (a logical id, a
    Terraform address, a Compose service). ``launch`` is FARGATE or EC2 if the file's service specifies it.
    """

    name: str
    located: Located
    launch: str | None = None
    near: tuple[NearKey, ...] = ()
    """Keys that were meant as ``credentialSpecs``, as written in the file."""


def read_json(text: str, *, lenient: bool = False) -> Located:
    """A JSON document. Raises only LocatedError, for any text; its message does not repeat the text.

    ``lenient``: a key may occur twice in its object; the last one counts, as for Credentials Fetcher.
    """
    if len(text) > TEXT_LIMIT:
        raise LocatedError(f"the text is longer than {TEXT_LIMIT} characters")
    document = parse(text)
    if not isinstance(document, Document):
        raise LocatedError(document.message, Position(document.line, document.column))
    return Located(document.value, _JsonPlaces(lenient=lenient).of(text))


# A string, a bracket or comma, a line end, or any other word, separated by white space and colons.
_JSON_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],\n]|[^\s{}\[\],:"]+')


class _JsonPlaces:
    """Walks through the tokens of a text that is valid JSON. ``lenient``: a key may occur twice."""

    def __init__(self, *, lenient: bool) -> None:
        self.lenient = lenient
        self.positions: dict[Path, Position] = {}
        self.around: list[tuple[Path, int | None]] = []
        self.base: Path = ()
        self.index: int | None = None
        """The index in the current list; None in an object."""
        self.next: Path | None = ()
        """The path of the next value; None if a key comes next."""

    def of(self, text: str) -> dict[Path, Position]:
        line, line_start = 1, 0
        for match in _JSON_TOKEN.finditer(text):
            token = match[0]
            if token == "\n":
                line, line_start = line + 1, match.end()
            elif token == ",":
                self.index = None if self.index is None else self.index + 1
                self.next = None if self.index is None else (*self.base, self.index)
            elif token in ("}", "]"):
                self.base, self.index = self.around.pop()
            elif self.next is None:
                self.next = (*self.base, json.loads(token) if "\\" in token else token[1:-1])
                position = Position(line, match.start() - line_start + 1)
                if self.lenient:
                    self.positions[self.next] = position
                elif self.positions.setdefault(self.next, position) is not position:
                    raise LocatedError("the key occurs twice in its object", position)
            else:
                position = Position(line, match.start() - line_start + 1)
                self.positions.setdefault(self.next, position)
                if token in ("{", "["):
                    self._open(token, position)
        return self.positions

    def _open(self, token: str, position: Position) -> None:
        if len(self.around) == DEPTH_LIMIT:
            raise LocatedError(f"this is nested deeper than {DEPTH_LIMIT} levels", position)
        self.around.append((self.base, self.index))
        self.base = self.next or ()
        self.index = 0 if token == "[" else None
        self.next = (*self.base, 0) if token == "[" else None
