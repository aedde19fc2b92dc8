"""Line numbers of tables and keys in a TOML text; Python's parser does not report them."""

from __future__ import annotations

import re
from collections.abc import Iterable

_HEADER = re.compile(r"\s*\[(\[?)([^\[\]]*)\]?\]\s*(#.*)?$")
_KEY = re.compile(r"""\s*((?:[\w-]+|"[^"\\]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"\\]*"|'[^']*'))*)\s*=""", re.ASCII)
_PART = re.compile(r"""[\w-]+|"[^"\\]*"|'[^']*'""", re.ASCII)

Parts = tuple[str, ...]


class Lines:
    """Finds tables and keys that have a line of their own, as is usual; None for others."""

    def __init__(self, text: str, prefix: Parts = ()) -> None:
        self._prefix = prefix
        self._headers: list[tuple[int, Parts]] = []
        self._keys: list[tuple[int, int, Parts]] = []
        """Line, number of tables before it, and full path of each key."""
        table: Parts = ()
        for number, line in enumerate(text.split("\n"), 1):
            if header := _HEADER.match(line):
                table = _parts(header[2])
                self._headers.append((number, table))
            elif key := _KEY.match(line):
                self._keys.append((number, len(self._headers), (*table, *_parts(key[1]))))

    def find(self, table: str, key: str | None = None, number: int | None = None) -> int | None:
        """The line of a table or of a key in it; the line of the table if the key is not found.

        ``number`` (from 0) selects one of several tables of that name. ``key`` may hold dots, quoted or not.
        """
        path = (*self._prefix, *(table.split(".") if table else ()))
        headers = [(line, index) for index, (line, name) in enumerate(self._headers, 1) if name == path]
        nth = headers[number or 0] if len(headers) > (number or 0) else None
        if key is not None:
            wanted = ".".join((*path, key))
            within = nth[1] if nth and number is not None else None
            keys = [(line, ".".join(name)) for line, index, name in self._keys if within in (None, index)]
            line = (
                _first(line for line, name in keys if name == wanted)
                or _first(line for line, name in self._headers if number is None and _is_below((*path, key), name))
                or _first(line for line, name in keys if name.startswith(f"{wanted}."))
            )
            if line:
                return line
        if nth:
            return nth[0]
        return _first(line for line, _, name in self._keys if path and _is_below(path, name))  # an inline table


def _is_below(path: Parts, name: Parts) -> bool:
    return name[: len(path)] == path


def _first(lines: Iterable[int]) -> int | None:
    return next(iter(lines), None)


def _parts(text: str) -> Parts:
    return tuple(part.strip("\"'") for part in _PART.findall(text))
