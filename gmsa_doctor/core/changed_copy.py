"""Copies of frozen data with other values, where there are ten thousands of them."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")


def changed_copy(value: T, **values: object) -> T:
    """As ``dataclasses.replace``, at a tenth of its cost; for a dataclass without slots and ``__post_init__``."""
    copy = object.__new__(type(value))
    copy.__dict__.update(value.__dict__, **values)
    return copy
