"""JSON as Credentials Fetcher 1.3 reads it: with the defects that its parser (jsoncpp) passes over.

Measured with 1.3.6: comments, a comma after the last entry, text after the value, and a document that ends too early.
"""

from __future__ import annotations

import re

from gmsa_doctor.formats.documents.json_text import Document, Json, JsonDefect, parse

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|//[^\n]*|/\*.*?\*/|.', re.DOTALL)
_CLOSING = {"{": "}", "[": "]"}


def read_by_1_3(text: str) -> Json | None:
    """The value that 1.3 reads; None if it reads none, or if that was not measured."""
    document = parse(text)
    if isinstance(document, JsonDefect):
        document = parse(_repaired(text.removeprefix("\ufeff")))
    return document.value if isinstance(document, Document) else None


def _repaired(text: str) -> str:
    """The text without comments, trailing commas and what follows the value; closed where it ends too early."""
    kept: list[str] = []
    open_brackets: list[str] = []
    for token in (match[0] for match in _TOKEN.finditer(text)):
        if token.startswith(("//", "/*")) or token.isspace():
            continue
        if token in _CLOSING:
            open_brackets.append(_CLOSING[token])
        elif open_brackets and token == open_brackets[-1]:
            open_brackets.pop()
            _drop_comma(kept)
        kept.append(token)
        if not open_brackets:
            break
    _drop_comma(kept)
    return "".join((*kept, *reversed(open_brackets)))


def _drop_comma(kept: list[str]) -> None:
    if kept[-1:] == [","]:
        kept.pop()
