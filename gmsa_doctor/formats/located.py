"""JSON and YAML with the place of each part: what a finding in a file points to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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
    """A document (or a part that was made of it): plain data, and where each part stands, by its path in ``value``."""

    value: object
    positions: Mapping[Path, Position]

    def at(self, path: Path) -> Position | None:
        """Where a part stands: its own place, else that of the nearest part around it."""
        for end in range(len(path), -1, -1):
            if path[:end] in self.positions:
                return self.positions[path[:end]]
        return None


@dataclass(frozen=True)
class Definition:
    """A task definition found in a file: in the keys of RegisterTaskDefinition (``containerDefinitions`` …).

    Texts that are not known before deployment are :class:`Open`; ``name`` is what the file calls it (a logical id, a
    Terraform address, a Compose service). ``launch`` is FARGATE or EC2 where the file's service tells it.
    """

    name: str
    located: Located
    launch: str | None = None
