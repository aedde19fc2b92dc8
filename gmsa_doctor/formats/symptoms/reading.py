"""What a user pastes or saves, as lines: a text, a log, or the JSON of AWS, journald and Docker."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

_LINE = 20_000
_DEPTH = 40
_COLORS = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_QUOTES = str.maketrans({"\u2019": "'", "\u2018": "'", "\u201c": '"', "\u201d": '"', "\u00a0": " "})
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
    if text.lstrip()[:1] not in ("{", "["):
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
    """Oldest first if each has a time of the same kind; otherwise as they are."""
    for key in _TIMES:
        times: list[Any] = [item.get(key) if isinstance(item, dict) else None for item in items]
        if items and any(all(isinstance(time, kind) for time in times) for kind in (str, (int, float))):
            return [items[place] for place in sorted(range(len(items)), key=times.__getitem__)]
    return items


def _cut(piece: str) -> Iterator[str]:
    line = _COLORS.sub("", piece).translate(_QUOTES)
    line = line.replace("\\n", " ").replace("\\t", " ").replace('\\"', '"')
    for start in range(0, len(line), _LINE):
        yield " ".join(line[start : start + _LINE].split())


_SECRETS = r"""
    (?P<name>["']?[\w.-]*(?:password|passwd|\bpwd|passphrase|secret_?(?:access_?)?key|(?:session|security)_?token
      |api_?key|access_?token|client_?secret|private_?key)["']?\s*(?:=|:(?!\s*:))\s*)
    (?P<value>"(?:[^"\\]|\\.)*"|'[^']*'|\{(?:[^}]|\}\})*\}|(?!\s)[^;,&"']+)
    |(?P<flag>(?<![\w-])--[\w-]*(?:password|passwd|pwd|passphrase|secret|token|api-?key)["']?\s*,?\s+["']?)[^\s"',]+
    |(?P<tool>\b(?:sqlcmd|osql|isql|bcp)\b[^|;&]*?\s(?-i:-P)\s*["']?)[^\s"']+
    |(?P<header>\b(?:proxy-)?authorization["']?\s*[:=]\s*["']?(?:[a-z0-9-]+\s+)?)[^"']+
    |(?P<bearer>\bbearer\s+)[a-z0-9._~+/=-]{8,}
    |(?P<url>\b[a-z][a-z0-9+.-]*://[^/\s:@]*:)(?:[^/\s"]+|[^/\s@]+)(?=@)
    |(?P<query>[?&](?:x-amz-(?:signature|security-token|credential)|sig|token|code)=)[^&\s"']+
    |(?P<jwt>\beyj[a-z0-9_-]{6,}\.[a-z0-9_-]{4,}(?:\.[a-z0-9_-]*)?)
    |(?P<key>\b(?:akia|asia|aroa|aida)[a-z0-9]{16}\b)
    |(?-i:(?<![\w/+=-])(?=[a-z0-9/+]*[A-Z])(?=[A-Z0-9/+]*[a-z])(?=[A-Za-z/+]*\d)[A-Za-z0-9/+]{40,}={0,2}(?![\w/+=-]))
    """
_KEPT = ("name", "flag", "tool", "header", "bearer", "url", "query")
"""The groups of what stands before a secret."""
_PATTERN = re.compile(_SECRETS, re.IGNORECASE | re.VERBOSE)
HIDDEN = "<hidden>"


def redacted(line: str) -> str:
    """The line without passwords, keys, tokens and credentials in URLs."""
    return _PATTERN.sub(lambda match: f"{_before(match)}{HIDDEN}", line)


def secrets_in(text: str) -> Iterator[tuple[str, str]]:
    """The passwords, keys and tokens of a text, without their quotes, each after what stands before it."""
    for match in _PATTERN.finditer(text):
        if before := _before(match):
            value = match[0].removeprefix(before).strip()
            yield before, value[1:-1] if value[:1] + value[-1:] in ('""', "''", "{}") else value


def _before(match: re.Match[str]) -> str:
    return next((match[name] for name in _KEPT if match[name]), "")
