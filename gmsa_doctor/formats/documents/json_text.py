"""A strict JSON parser (RFC 8259) from bytes to a value, with the defects of documents that are not JSON.

Credentials Fetcher 1.3 is more lenient than 2.x: each defect names the generations that accept it (measured with 1.3.6
against a real AD; 2.x by Go's encoding/json).
"""

from __future__ import annotations

import json
import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, BOM_UTF32_BE, BOM_UTF32_LE
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NoReturn, TypeAlias, Union

from gmsa_doctor.formats.fetcher import Fetcher

Json: TypeAlias = Union["dict[str, Json]", "list[Json]", str, int, float, bool, None]
"""A JSON value."""

DEPTH_LIMIT = 500
"""Maximum number of nested levels. Go reads 10,000; a real document has five."""

_NONE: frozenset[Fetcher] = frozenset()
_ONLY_1_3 = frozenset({Fetcher.V1_3})
_ONLY_2 = frozenset({Fetcher.V2})


# Encoding -------------------------------------------------------------------------------------------


class Encoding(StrEnum):
    """The likely encoding of bytes that are not UTF-8."""

    UTF_16_LE = "UTF-16 LE"
    UTF_16_BE = "UTF-16 BE"
    UTF_32_LE = "UTF-32 LE"
    UTF_32_BE = "UTF-32 BE"
    UNKNOWN = "not UTF-8"
    """Probably an older code page, such as Windows-1252."""


@dataclass(frozen=True)
class Text:
    """A document's text, without its byte-order mark; ``bom``: whether it had one.

    2.x removes the mark, 1.3 accepts it, the ECS agent of an EC2 host may not.
    """

    text: str = field(repr=False)
    bom: bool = False


@dataclass(frozen=True)
class EncodingDefect:
    """The bytes are not UTF-8.

    ``offset`` is the first invalid byte, from 0. ``replaced`` is the text with U+FFFD for each invalid byte, which Go
    reads if all of them are in strings; None for UTF-16 and UTF-32, which neither generation reads. 1.3 was measured
    only with UTF-16.
    """

    encoding: Encoding
    bom: bool
    offset: int
    replaced: str | None = field(default=None, repr=False)
    accepted_by: frozenset[Fetcher] = _NONE


_WIDE = (
    (BOM_UTF32_LE, Encoding.UTF_32_LE),  # before UTF-16 LE, whose mark it starts with
    (BOM_UTF32_BE, Encoding.UTF_32_BE),
    (BOM_UTF16_LE, Encoding.UTF_16_LE),
    (BOM_UTF16_BE, Encoding.UTF_16_BE),
)

_PATTERNS: dict[tuple[bool, ...], Encoding] = {
    (False, True, True, True): Encoding.UTF_32_LE,
    (True, True, True, False): Encoding.UTF_32_BE,
    (False, True, False, True): Encoding.UTF_16_LE,
    (True, False, True, False): Encoding.UTF_16_BE,
}
"""Which of the first four bytes are zero in a document that starts with ASCII (RFC 4627, section 3)."""


def decode(body: bytes) -> Text | EncodingDefect:
    """The text of a document, without a UTF-8 byte-order mark."""
    for mark, encoding in _WIDE:
        if body.startswith(mark):
            return EncodingDefect(encoding, True, 0)
    wide = _PATTERNS.get(tuple(byte == 0 for byte in body[:4]))
    if wide:
        return EncodingDefect(wide, False, body.index(0))
    bom = body.startswith(BOM_UTF8)
    try:
        return Text(body.removeprefix(BOM_UTF8).decode("utf-8"), bom)
    except UnicodeDecodeError as error:
        offset = error.start + (len(BOM_UTF8) if bom else 0)
    replaced = body.removeprefix(BOM_UTF8).decode("utf-8", "replace")
    accepted = _ONLY_2 if isinstance(parse(replaced), Document) else _NONE
    return EncodingDefect(Encoding.UNKNOWN, bom, offset, replaced, accepted)


# JSON -----------------------------------------------------------------------------------------------


class JsonDefectKind(StrEnum):
    """The likely reason why a document is not JSON, with its message."""

    EMPTY = "the document is empty"
    BYTE_ORDER_MARK = "a byte-order mark before the JSON value"
    COMMENT = "a comment, which JSON does not allow"
    TRAILING_COMMA = "a comma after the last entry"
    MISSING_COMMA = "a comma is missing"
    SINGLE_QUOTES = "single quotes instead of double quotes"
    TYPOGRAPHIC_QUOTES = "typographic quotes instead of plain double quotes"
    PYTHON = "this is a Python value, not JSON"
    UNQUOTED = "a key or value without double quotes"
    YAML = "this looks like YAML, not JSON"
    MARKUP = "this is HTML or XML, not JSON"
    TRUNCATED = "the document ends before its value is complete"
    TRAILING_GARBAGE = "there is more text after the end of the JSON value"
    ESCAPE = "a backslash that is not doubled"
    """As in a pasted Windows path or ``DOMAIN\\user``."""
    CONTROL_CHARACTER = "a line break or tab in a string"
    NOT_A_NUMBER = "NaN and Infinity are not JSON"
    TOO_DEEP = f"nested deeper than {DEPTH_LIMIT} levels"
    """A daemon may still read it."""
    SYNTAX = "this is not JSON"


_ACCEPTED_BY_1_3 = frozenset(
    {JsonDefectKind.BYTE_ORDER_MARK, JsonDefectKind.COMMENT, JsonDefectKind.TRAILING_COMMA}
    | {JsonDefectKind.TRAILING_GARBAGE, JsonDefectKind.TRUNCATED}
)


@dataclass(frozen=True)
class JsonDefect:
    """The text is not JSON. ``line`` and ``column`` count characters from 1. ``message`` does not repeat the text."""

    kind: JsonDefectKind
    line: int
    column: int
    message: str

    @property
    def accepted_by(self) -> frozenset[Fetcher]:
        """The generations of Credentials Fetcher that are known to read the document anyway."""
        return _ONLY_1_3 if self.kind in _ACCEPTED_BY_1_3 else _NONE


@dataclass(frozen=True)
class Document:
    """A JSON value; ``duplicates`` are paths of keys that occur twice in their object: the last one wins.

    The value is as Go reads it: an unpaired surrogate is U+FFFD.
    """

    value: Json = field(repr=False, hash=False)
    duplicates: tuple[str, ...] = ()


def parse(text: str) -> Document | JsonDefect:
    """The JSON value of a text. Raises nothing, for any depth or length."""
    early = _defect_at_first_sight(text)
    if early:
        return early
    # an unpaired surrogate becomes U+FFFD, in an escape of equal length
    if "\\ud" in text or "\\uD" in text:
        text = _ESCAPE.sub(lambda escape: "\\ufffd" if len(escape[0]) == 6 else escape[0], text)
    text = text if text.isascii() else _LONE_SURROGATE.sub("\ufffd", text)
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        return explained(text, error.msg, error.pos)
    except _Constant as error:
        matches = _STRING_OR_CONSTANT.finditer(text)
        return _defect(
            JsonDefectKind.NOT_A_NUMBER, text, next((match.start() for match in matches if match[0] == error.name), 0)
        )
    except RecursionError:
        return _defect(JsonDefectKind.TOO_DEEP, text, 0)
    return Document(value, tuple(_duplicates(value)))


def type_name(value: object) -> str:
    """The JSON name of a value's type, with its article."""
    if value is None:
        return "null"
    names = ((bool, "a boolean"), (str, "a string"), (dict, "an object"), (list, "an array"))
    return next((name for kind, name in names if isinstance(value, kind)), "a number")


def nearest_key(value: dict[str, Json], key: str) -> str | None:
    """The key that differs from ``key`` only in case and surrounding white space; None if there is none."""
    wanted = key.casefold()
    return next((name for name in value if name != key and name.strip().casefold() == wanted), None)


_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[dD][89a-fA-F][0-9a-fA-F]{2}|.)", re.DOTALL
)
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[{\]}]', re.DOTALL)
_STRING_OR_CONSTANT = re.compile(r'"(?:[^"\\]|\\.)*"?|-?(?:NaN|Infinity)', re.DOTALL)
_YAML = re.compile(r"(?:---\s|[\w-]+:(?:\s|$)|-\s)")
_PYTHON = re.compile(r"(?:True|False|None)\b")
_WHITE = " \t\r\n"


class _JsonObject(dict[str, Json]):
    """An object from the parser, with its duplicate keys."""

    twice: tuple[str, ...] = ()


class _Constant(Exception):
    def __init__(self, name: str) -> None:
        self.name = name


def _object(pairs: list[tuple[str, Json]]) -> _JsonObject:
    result = _JsonObject(pairs)
    if len(result) < len(pairs):
        counts = Counter(key for key, _ in pairs)
        result.twice = tuple(key for key, count in counts.items() if count > 1)
    return result


def _constant(name: str) -> NoReturn:
    raise _Constant(name)


def _integer(digits: str) -> int | float:
    """Go reads each number as a float; so does this for numbers that Python does not convert (4300 digits)."""
    return int(digits) if len(digits) <= 20 else float(digits)


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant, parse_int=_integer)


def _duplicates(root: Json) -> Iterator[str]:
    """The paths of duplicate keys, in the order of the document. Not recursive, so that any depth works."""
    todo: list[tuple[str, Json]] = [("", root)]
    while todo:
        path, value = todo.pop()
        if isinstance(value, _JsonObject):
            yield from (f"{path}.{key}".lstrip(".") for key in value.twice)
        if isinstance(value, dict):
            todo += reversed([(f"{path}.{key}" if path else key, child) for key, child in value.items()])
        elif isinstance(value, list):
            todo += reversed([(f"{path}[{index}]", child) for index, child in enumerate(value)])


# Reasons --------------------------------------------------------------------------------------


def _defect_at_first_sight(text: str) -> JsonDefect | None:
    bare = text.lstrip(_WHITE)
    start = len(text) - len(bare)
    if text.startswith("\ufeff"):
        return _defect(JsonDefectKind.BYTE_ORDER_MARK, text, 0)
    if not bare:
        return _defect(JsonDefectKind.EMPTY, text, 0)
    if bare.startswith("<"):
        return _defect(JsonDefectKind.MARKUP, text, start)
    depth = 0
    for token in _STRING_OR_BRACKET.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token[0], 0)
        if depth > DEPTH_LIMIT:
            return _defect(JsonDefectKind.TOO_DEEP, text, token.start())
    return None


def explained(text: str, message: str, position: int) -> JsonDefect:
    """The defect for an error of Python's parser at ``position``."""
    if message.startswith(("Expecting", "Extra data")):  # white space may precede the defect
        position += text.startswith(",", position) and message.startswith("Expecting property name")
        position += len(text[position:]) - len(text[position:].lstrip(_WHITE))
    elif message.startswith("Invalid \\"):
        position = text.rfind("\\", 0, position + 1)
    kind = _kind_by_message(text, message, position)
    comma = None if kind else _comma_before_bracket(text, position)
    if comma is not None:
        kind, position = JsonDefectKind.TRAILING_COMMA, comma
    # Python's own words for what it expected do not repeat the text
    expected = message[:1].lower() + message[1:].rstrip(": ") if message.startswith("Expecting") else ""
    return _defect(kind or _kind_by_text(text, message, position), text, position, expected)


def _kind_by_message(text: str, message: str, position: int) -> JsonDefectKind | None:
    if message.startswith("Unterminated string"):
        return JsonDefectKind.TRUNCATED
    if message.startswith("Invalid control character"):
        return JsonDefectKind.CONTROL_CHARACTER
    if message.startswith("Invalid \\"):
        cut = len(text) - position < 6 and '"' not in text[position:]
        return JsonDefectKind.TRUNCATED if cut else JsonDefectKind.ESCAPE
    if not message.startswith("Extra data"):
        return None
    if text.startswith(("//", "/*"), position):
        return JsonDefectKind.COMMENT
    return JsonDefectKind.YAML if _YAML.match(text.lstrip(_WHITE)) else JsonDefectKind.TRAILING_GARBAGE


def _comma_before_bracket(text: str, position: int) -> int | None:
    """The position of a comma before the closing bracket at ``position``."""
    if text[position : position + 1] not in ("}", "]"):
        return None
    before = text[:position].rstrip(_WHITE)
    entry = before.removesuffix(",").rstrip(_WHITE)
    return len(before) - 1 if before.endswith(",") and not entry.endswith((",", "[", "{")) else None


def _kind_by_text(text: str, message: str, position: int) -> JsonDefectKind:
    if position >= len(text):
        return JsonDefectKind.TRUNCATED
    here = text[position]
    if text.startswith(("//", "/*"), position):
        return JsonDefectKind.COMMENT
    if here == "'":
        return JsonDefectKind.SINGLE_QUOTES
    if here in "“”„‟«»":
        return JsonDefectKind.TYPOGRAPHIC_QUOTES
    if not text[:position].strip(_WHITE) and _YAML.match(text, position):
        return JsonDefectKind.YAML
    if here == "#":
        return JsonDefectKind.SYNTAX
    if _PYTHON.match(text, position):
        return JsonDefectKind.PYTHON
    if "',' delimiter" in message and here in '"{[':
        return JsonDefectKind.MISSING_COMMA
    if "delimiter" not in message and (here.isalpha() or here in "_$"):
        return JsonDefectKind.UNQUOTED
    return JsonDefectKind.SYNTAX


def _defect(kind: JsonDefectKind, text: str, position: int, expected: str = "") -> JsonDefect:
    line, column = text.count("\n", 0, position) + 1, position - text.rfind("\n", 0, position)
    return JsonDefect(kind, line, column, (expected if kind is JsonDefectKind.SYNTAX else "") or kind.value)
