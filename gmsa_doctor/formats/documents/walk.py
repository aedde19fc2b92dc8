"""What is where in plain data that may be anything."""

from __future__ import annotations

from collections.abc import Collection, Mapping


def child(value: object, *keys: str) -> object:
    """What is under keys of mappings that are nested; None where there is no such."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def items(value: object) -> list[object]:
    """The items of a list; none of another value."""
    return value if isinstance(value, list) else []


def entries(value: object) -> dict[str, object]:
    """The entries of an object; none of another value."""
    return value if isinstance(value, dict) else {}


def launch_type(providers: Collection[object]) -> str | None:
    """FARGATE or EC2, where a service's capacity providers are all of one kind."""
    kinds = {"FARGATE" if provider in ("FARGATE", "FARGATE_SPOT") else "EC2" for provider in providers}
    return kinds.pop() if len(kinds) == 1 else None
