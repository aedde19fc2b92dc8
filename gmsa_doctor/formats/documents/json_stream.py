"""JSON of any length, read part by part: the parts that are wanted, each with its position, in bounded memory.

The reader walks into the objects and lists that lead to these parts. It passes over all other values: json's C scanner
parses each of them, as far as it fits into the text that is held, and the result is dropped at once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NoReturn

from gmsa_doctor.formats.documents.json_text import explained
from gmsa_doctor.formats.documents.located import DEPTH_LIMIT, Located, LocatedError, Path, Position, read_json

PART_LIMIT = 1024 * 1024
"""Characters of a part to keep, at most. A longer one is passed over."""

_HELD_BEFORE = 64
"""Characters before the current position that are held all the same: they explain an error."""
_CUT = 64 * 1024
_NEAR = 12
"""An error this near to the end of the held text may only mean that the text goes on: an escape has 12 characters."""
_WHITE = re.compile(r"[ \t\r\n]*")
_STRING_PART = re.compile(r'[^"\\]*(?:\\.[^"\\]*)*', re.DOTALL)
_DECODER = json.JSONDecoder(parse_int=float)  # int refuses more than 4300 digits


@dataclass(frozen=True)
class Wanted:
    """The parts of a document that are needed.

    ``walks_into``: whether the object or list at a path leads to some. ``keeps``: whether an entry is one, by its path
    and value. ``depth``: the number of levels inside of a part of which the positions are kept. A part without any is
    as json reads it, with all numbers as floats; others are as :func:`read_json` reads them.
    """

    walks_into: Callable[[Path], bool]
    keeps: Callable[[Path, object], bool]
    depth: Callable[[Path], int]


def read_parts(chunks: Iterator[str], wanted: Wanted, *, is_alone: bool = True) -> Located:
    """The wanted parts of a JSON document, and None in place of the others. Raises LocatedError.

    ``is_alone``: nothing may follow the document.
    """
    reader = _PartReader(_Window(chunks), wanted)
    value = reader.value(())
    if is_alone and reader.window.peek():
        reader.fail("Extra data")
    return Located(value, reader.positions)


class _Window:
    """The part of the text that is held: from the current position on, and a little before."""

    def __init__(self, chunks: Iterator[str]) -> None:
        self.chunks = chunks
        self.text, self.at, self.ended = "", 0, False
        self.first = Position(1, 1)
        """The position of the first character that is held."""

    def more(self) -> bool:
        """Hold up to twice as much text from the current position on; False at the end of the text."""
        self._forget()
        parts, size = [self.text], 0
        while not self.ended and size <= len(self.text):
            part = next(self.chunks, None)
            self.ended = part is None
            parts.append(part or "")
            size += len(parts[-1])
        self.text = "".join(parts)
        return size > 0

    def peek(self) -> str:
        """The next character that is not white space, at the current position from now on; empty at the end."""
        while True:
            match = _WHITE.match(self.text, self.at)
            self.at = match.end() if match else self.at
            if self.at > _CUT:
                self._forget()
            if self.at < len(self.text):
                return self.text[self.at]
            if not self.more():
                return ""

    def _forget(self) -> None:
        cut = max(0, self.at - _HELD_BEFORE)
        self.first = self.place(cut)
        self.text, self.at = self.text[cut:], self.at - cut

    def place(self, at: int) -> Position:
        """The position of a held character in the whole text."""
        line, column = self.text.count("\n", 0, at) + 1, at - self.text.rfind("\n", 0, at)
        return moved(Position(line, column), self.first)


def moved(position: Position, first: Position) -> Position:
    """A position in a part of the text as one in the whole text; ``first``: where the part begins."""
    column = position.column + (first.column - 1 if position.line == 1 else 0)
    return Position(first.line + position.line - 1, column)


class _PartReader:
    def __init__(self, window: _Window, wanted: Wanted) -> None:
        self.window, self.wanted = window, wanted
        self.positions: dict[Path, Position] = {}

    def value(self, path: Path) -> object:
        """The value at the current position; None if it is no part that is wanted, and leads to none."""
        character = self.window.peek()
        if character in ("{", "[") and self.wanted.walks_into(path):
            if len(path) >= DEPTH_LIMIT:
                raise self._too_deep()
            self.positions.setdefault(path, self.window.place(self.window.at))
            return self._entries(path, character, self.value)
        parsed = self._parsed()
        if parsed is None:
            self._pass_over(0)
        elif self.wanted.keeps(path, parsed[0]):
            return self._kept(path, *parsed)
        return None

    def _kept(self, path: Path, value: object, start: int) -> object:
        """The entry that ends at the current position, with its positions, as if it were a document of its own."""
        first, depth = self.window.place(start), self.wanted.depth(path)
        self.positions.setdefault(path, first)
        if not depth:
            return value
        try:
            located = read_json(self.window.text[start : self.window.at])
        except LocatedError as error:
            raise LocatedError(error.reason, error.position and moved(error.position, first)) from None
        for inner, position in located.positions.items():
            if len(inner) <= depth:
                self.positions.setdefault((*path, *inner), moved(position, first))
        return located.value

    def _parsed(self) -> tuple[object, int] | None:
        """The value at the current position, and where it began; None if it is too long."""
        window = self.window
        while True:
            try:
                value, end = _DECODER.raw_decode(window.text, window.at)
            except json.JSONDecodeError as error:
                goes_on = error.msg.startswith("Unterminated string") or error.pos >= len(window.text) - _NEAR
                if window.ended or not goes_on:
                    self.fail(error.msg, error.pos)
            except RecursionError:
                raise self._too_deep() from None
            else:
                if window.ended or end < len(window.text):  # otherwise a number may go on
                    start, window.at = window.at, end
                    return value, start
            if len(window.text) - window.at > PART_LIMIT:
                return None
            window.more()

    def _pass_over(self, depth: int) -> None:
        """Pass over a value that is too long to be held."""
        opening = self.window.peek()
        if depth > DEPTH_LIMIT:
            raise self._too_deep()
        if opening == '"':
            self._pass_over_string()
        elif opening in ("{", "["):
            self._entries(None, opening, lambda _path: self._pass_over_entry(depth + 1))
        else:
            self.fail("Expecting value")

    def _pass_over_entry(self, depth: int) -> None:
        if self._parsed() is None:
            self._pass_over(depth)

    def _pass_over_string(self) -> None:
        window = self.window
        window.at += 1
        while True:
            match = _STRING_PART.match(window.text, window.at)
            window.at = match.end() if match else window.at
            if window.text.startswith('"', window.at):
                window.at += 1
                return
            if not window.more():
                self.fail("Unterminated string")

    def _entries(self, path: Path | None, opening: str, read: Callable[[Path], object]) -> object:
        """The object or list that begins at the current position; ``read`` reads each entry.

        Without a ``path``, it is passed over.
        """
        window, closing = self.window, "}" if opening == "{" else "]"
        entries: dict[str, object] = {}
        entry_list: list[object] = []
        window.at += 1
        is_empty = window.peek() == closing
        while not is_empty:
            key = self._key(path) if opening == "{" else len(entry_list)
            window.peek()
            entry = read(() if path is None else (*path, key))
            if path is not None and isinstance(key, str):
                entries[key] = entry
            elif path is not None:
                entry_list.append(entry)
            character = window.peek()
            if character == closing:
                break
            if character != ",":
                self.fail("Expecting ',' delimiter")
            window.at += 1
        window.at += 1
        return entries if opening == "{" else entry_list

    def _key(self, path: Path | None) -> str:
        window = self.window
        if window.peek() != '"':
            self.fail("Expecting property name enclosed in double quotes")
        parsed = self._parsed()
        if parsed is None:
            raise LocatedError("the key is too long", window.place(window.at))
        key, position = str(parsed[0]), window.place(parsed[1])
        if path is not None and self.positions.setdefault((*path, key), position) is not position:
            raise LocatedError("the key occurs twice in its object", position)
        if window.peek() != ":":
            self.fail("Expecting ':' delimiter")
        window.at += 1
        return key

    def _too_deep(self) -> LocatedError:
        return LocatedError(f"this is nested deeper than {DEPTH_LIMIT} levels", self.window.place(self.window.at))

    def fail(self, message: str, at: int | None = None) -> NoReturn:
        """Raise LocatedError for what json's parser reports at a held character."""
        window = self.window
        defect = explained(window.text, message, window.at if at is None else at)
        raise LocatedError(defect.message, moved(Position(defect.line, defect.column), window.first))
