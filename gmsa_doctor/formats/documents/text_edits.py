"""Finds where a change belongs in a file's text, and makes it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from gmsa_doctor.core.changes import Change, Edit
from gmsa_doctor.formats.documents.json_text import Document, Encoding, Text, decode, parse
from gmsa_doctor.formats.documents.located import LocatedError, Path, Position, read_json

_NEAR = 600
"""The old text starts within so many characters after the finding's place: an entry may be composed over some lines."""


def text_of(body: bytes) -> str | None:
    """The text in UTF-8 or UTF-16, without a byte-order mark; None for other encodings."""
    decoded = decode(body)
    if isinstance(decoded, Text):
        return decoded.text
    encodings = {Encoding.UTF_16_LE: "utf-16-le", Encoding.UTF_16_BE: "utf-16-be"}
    try:
        return body.decode(encodings[decoded.encoding]).removeprefix("\ufeff")
    except (KeyError, UnicodeDecodeError):
        return None


def located(body: bytes, change: Change, line: int | None, column: int | None) -> tuple[Edit, ...] | None:
    """The edits of a change for a finding at ``line`` and ``column``; None if the old text is not there."""
    text = text_of(body)
    if text is None:
        return None
    if change.is_encoding:
        return (Edit(1, 1, 1, 1, ""),)
    start = _offset(text, line or 1, column or 1)
    found = text.find(change.old, start, start + len(change.old) + _NEAR)
    if not change.old or found < 0:
        return None
    if change.into is not None:
        return _moved(text, change, found)
    return (_edit(text, found, found + len(change.old), change.new),)


def applied(body: bytes, edits: Iterable[Edit]) -> bytes | None:
    """The file as UTF-8 after the edits; those that overlap an earlier one are left out. None if it cannot be read."""
    text = text_of(body)
    if text is None:
        return None
    ranges = {
        (_offset(text, edit.line, edit.column), _offset(text, edit.end_line, edit.end_column), edit.text)
        for edit in edits
    }
    pieces, end = [], 0
    for start, stop, new in sorted(ranges):
        if start >= end:
            pieces += [text[end:start], new]
            end = stop
    return "".join([*pieces, text[end:]]).encode()


def _moved(text: str, change: Change, start: int) -> tuple[Edit, ...] | None:
    """Cuts a key with its value out of a JSON object, and puts it first into a container."""
    try:
        places = read_json(text).positions
    except LocatedError:
        return None
    root: Path = ("taskDefinition",) if ("taskDefinition", "containerDefinitions") in places else ()
    container = places.get((*root, "containerDefinitions", change.into or 0))
    colon = re.compile(r'"\s*:\s*').match(text, start + len(change.old))
    if container is None or colon is None:
        return None
    try:
        parsed, end = json.JSONDecoder().raw_decode(text, colon.end())
    except ValueError:
        return None
    value = json.dumps(parsed, ensure_ascii=False)
    key = start - 1
    after = re.compile(r"\s*,").match(text, end)
    before = re.search(r",\s*\Z", text[:key])
    if after:
        end, key = after.end(), key - len(text[:key]) + len(text[:key].rstrip())
    elif before:
        key = before.start()
    inside = _offset(text, container.line, container.column) + 1
    indent = re.compile(r"\s*").match(text, inside)
    entry = f"{indent[0] if indent else ''}{json.dumps(change.new)}: {value},"
    edits = (_edit(text, inside, inside, entry), _edit(text, key, end, ""))
    return edits if _is_json(applied(text.encode(), edits)) else None


def _is_json(body: bytes | None) -> bool:
    return body is not None and isinstance(parse(body.decode()), Document)


def _offset(text: str, line: int, column: int) -> int:
    start = 0
    for _ in range(line - 1):
        start = text.find("\n", start) + 1
    return start + column - 1


def _edit(text: str, start: int, end: int, new: str) -> Edit:
    first, last = _position(text, start), _position(text, end)
    return Edit(first.line, first.column, last.line, last.column, new)


def _position(text: str, offset: int) -> Position:
    return Position(text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset))
