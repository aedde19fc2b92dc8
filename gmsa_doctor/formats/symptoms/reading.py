"""What a user pastes or saves, as lines: a text, a log, or the JSON of AWS, journald and Docker."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

LONGEST = 10_000_000
"""Bytes of input that are read at most."""
_LINE = 20_000
_DEPTH = 40
_COLORS = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_QUOTES = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "\u00a0": " "})
_TIMES = ("timestamp", "createdAt", "stoppedAt")


def lines_of(text: str) -> list[str]:
    """The lines, oldest first; of JSON, its strings."""
    document = _parsed(text)
    pieces = _strings(document) if document is not None else _of_log(text)
    return [part for piece in pieces for part in _cut(piece)]


def _of_log(text: str) -> Iterator[str]:
    """Lines of a log, of which each may be a JSON document."""
    for line in text.splitlines():
        document = _parsed(line) if line.lstrip().startswith("{") else None
        if document is None:
            yield line
        else:
            yield from _strings(document)


def _parsed(text: str) -> Any:
    if not text.lstrip()[:1] in ("{", "["):
        return None
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, (dict, list)) else None


def _strings(value: Any, depth: int = 0) -> Iterator[str]:
    """The strings in a document, in its order; lists of what has a time by their times."""
    if isinstance(value, str):
        yield from value.splitlines()
    elif depth < _DEPTH and isinstance(value, dict):
        for item in value.values():
            yield from _strings(item, depth + 1)
    elif depth < _DEPTH and isinstance(value, list):
        for item in _by_time(value):
            yield from _strings(item, depth + 1)


def _by_time(items: list[Any]) -> list[Any]:
    for key in _TIMES:
        times = [item.get(key) if isinstance(item, dict) else None for item in items]
        if items and (all(isinstance(t, str) for t in times) or all(isinstance(t, (int, float)) for t in times)):
            order = sorted(range(len(items)), key=lambda place: times[place])
            return [items[place] for place in order]
    return items


def _cut(piece: str) -> Iterator[str]:
    line = _COLORS.sub("", piece).translate(_QUOTES)
    line = line.replace("\\n", " ").replace("\\t", " ").replace('\\"', '"')
    for start in range(0, len(line), _LINE):
        yield " ".join(line[start : start + _LINE].split())


_SECRETS = re.compile(
    r"""
    (?P<name>["']?[\w.-]*(?:password|passwd|\bpwd|passphrase|secret(?:access)?_?key|secretaccesskey|session_?token
      |securitytoken|sessiontoken|api_?key|access_?token|client_?secret|private_?key)["']?\s*(?:=|:(?!\s*:))\s*)
    (?P<value>"(?:[^"\\]|\\.)*"|'[^']*'|\{[^}]*\}|(?!\s)[^;,\s"']+)
    |(?P<header>\b(?:proxy-)?authorization["']?\s*[:=]\s*["']?(?:[a-z0-9-]+\s+)?)[^"']+
    |(?P<bearer>\bbearer\s+)[a-z0-9._~+/=-]{8,}
    |(?P<url>\b[a-z][a-z0-9+.-]*://[^/\s:@]*:)[^/\s@]+(?=@)
    |(?P<query>[?&](?:x-amz-(?:signature|security-token|credential)|sig|token|code)=)[^&\s"']+
    |(?P<jwt>\beyj[a-z0-9_-]{6,}\.[a-z0-9_-]{4,}(?:\.[a-z0-9_-]*)?)
    |(?P<key>\b(?:akia|asia|aroa|aida)[a-z0-9]{16}\b)
    |(?P<long>(?<![\w/+=-])(?=[\w/+=]*\d)(?=[\w/+=]*[a-z])[a-z0-9/+]{40,}={0,2}(?![\w/+=-]))
    """,
    re.IGNORECASE | re.VERBOSE,
)
HIDDEN = "<hidden>"


def redacted(line: str) -> str:
    """The line without passwords, keys, tokens and credentials in URLs."""
    return _SECRETS.sub(_hidden, line)


def _hidden(match: re.Match[str]) -> str:
    kept = next((match[name] for name in ("name", "header", "bearer", "url", "query") if match[name]), "")
    return f"{kept}{HIDDEN}"
