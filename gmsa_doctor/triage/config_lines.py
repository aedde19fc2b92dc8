"""On which line of a TOML text something stands, which Python's parser does not tell."""

from __future__ import annotations

import re
from collections.abc import Iterable

_HEADER = re.compile(r"\s*\[(\[?)([^\[\]]*)\]?\]\s*(#.*)?$")
_KEY = re.compile(r"""\s*((?:[\w-]+|"[^"\\]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"\\]*"|'[^']*'))*)\s*=""", re.ASCII)
_PART = re.compile(r"""[\w-]+|"[^"\\]*"|'[^']*'""", re.ASCII)

Parts = tuple[str, ...]


class Lines:
    """Looks for tables and keys as they are mostly written, each on a line of its own; what is not found is None."""

    def __init__(self, text: str, prefix: Parts = ()) -> None:
        self._prefix = prefix
        self._headers: list[tuple[int, Parts]] = []
        self._keys: list[tuple[int, int, Parts]] = []
        """Lines of keys, with the number of tables that began before, and all parts of the key with its table's."""
        table: Parts = ()
        for number, line in enumerate(text.split("\n"), 1):
            if header := _HEADER.match(line):
                table = _parts(header[2])
                self._headers.append((number, table))
            elif key := _KEY.match(line):
                self._keys.append((number, len(self._headers), (*table, *_parts(key[1]))))

    def find(self, table: str, key: str | None = None, number: int | None = None) -> int | None:
        """The line of a table or of a key in it; ``number`` (from 0) is which of the tables of that name.

        Of a key that is not found, the line of its table. ``key`` may hold dots, quoted or not.
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
                or (self._of_table((*path, key)) if number is None else None)
                or _first(line for line, name in keys if name.startswith(f"{wanted}."))
            )
            if line:
                return line
        return nth[0] if nth else self._of_key(path)

    def _of_table(self, path: Parts) -> int | None:
        return _first(line for line, name in self._headers if name[: len(path)] == path)

    def _of_key(self, path: Parts) -> int | None:
        """Where the table is written inline."""
        return _first(line for line, _, name in self._keys if path and name[: len(path)] == path)


def _first(lines: Iterable[int]) -> int | None:
    return next(iter(lines), None)


def _parts(text: str) -> Parts:
    return tuple(part.strip("\"'") for part in _PART.findall(text))
