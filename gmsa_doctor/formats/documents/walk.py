"""Access to parts of plain data of any shape."""

from __future__ import annotations

from collections.abc import Collection, Mapping


def child(value: object, *keys: str) -> object:
    """The value at nested keys; None if a key is missing."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def items(value: object) -> list[object]:
    """The items of a list; empty for any other value."""
    return value if isinstance(value, list) else []


def entries(value: object) -> dict[str, object]:
    """The entries of an object; empty for any other value."""
    return value if isinstance(value, dict) else {}


def launch_type(providers: Collection[object]) -> str | None:
    """FARGATE or EC2, if all capacity providers of a service are of that kind."""
    kinds = {"FARGATE" if provider in ("FARGATE", "FARGATE_SPOT") else "EC2" for provider in providers}
    return kinds.pop() if len(kinds) == 1 else None
