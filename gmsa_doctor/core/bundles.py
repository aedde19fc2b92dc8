"""Bundles: values that travel together, as one parameter of a check.

A bundle is a frozen dataclass whose fields have the types that a check's parameters may have, bundles included. A check
that takes one depends on each of its fields; the bundle itself is made for the call and adds no check and no finding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, is_dataclass
from functools import cache, wraps
from typing import Any, TypeVar, get_type_hints

B = TypeVar("B", bound=type)
_MARK = "__gmsa_doctor_bundle__"


def bundle(kind: B) -> B:
    """Mark a frozen dataclass as a bundle."""
    setattr(kind, _MARK, True)
    return kind


def is_bundle(hint: object) -> bool:
    """Whether the type of a parameter is a bundle."""
    return isinstance(hint, type) and is_dataclass(hint) and _MARK in vars(hint)


def flat(parameters: Sequence[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Names and types of parameters, with the fields of each bundle in its place."""
    for name, hint in parameters:
        if is_bundle(hint):
            yield from flat([(f"{name}.{field}", inner) for field, inner in _fields(hint)])
        else:
            yield name, hint


@cache
def _fields(kind: type) -> list[tuple[str, Any]]:
    """Names and types of a bundle's fields."""
    hints = get_type_hints(kind)
    return [(field.name, hints[field.name]) for field in fields(kind)]


def composing(function: Callable[..., Any], hints: Sequence[Any]) -> Callable[..., Any]:
    """The function for a call with flat arguments; ``hints`` are the types of its own parameters."""
    if not any(map(is_bundle, hints)):
        return function

    @wraps(function)
    def compose(*arguments: Any) -> Any:
        rest = iter(arguments)
        return function(*(_made(hint, rest) for hint in hints))

    return compose


def _made(hint: Any, rest: Iterator[Any]) -> Any:
    """The next argument; for a bundle, the bundle of the next arguments."""
    return hint(*(_made(inner, rest) for _, inner in _fields(hint))) if is_bundle(hint) else next(rest)
